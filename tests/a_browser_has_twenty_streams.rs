//! Over HTTP/2 a browser has as many streams as it likes: the example that speaks TLS, by itself and
//! behind a proxy that speaks HTTP/2 to the browser and TLS to the app.
//!
//! The example has its events in memory, so those that a kill takes are gone. What its page shows
//! is the newest event of each stream, and after a kill that of the new process.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use support::browser::Driver;
use support::example::Example;
use support::nginx::Nginx;
use support::served::eventually;

const PAGES: [&str; 2] = ["direct", "behind a proxy"];

#[test]
fn a_browser_has_twenty_streams() {
    let mut app = Example::with_settings("example-tls", &[]);
    let nginx = Nginx::before_over_tls(app.address());
    let mut driver = Driver::start();
    for (page, address) in PAGES.into_iter().zip([app.address(), nginx.address()]) {
        driver.open(page, &format!("https://{address}/"));
        assert_eq!(driver.text(page, "#protocol"), "h2", "{page}");
    }
    let before = every_stream_has_the_same_event(&mut driver);
    assert!(before > 0);
    for _ in 0..2 {
        let answered = driver.answers("behind a proxy");
        app.kill();
        driver.is_answered_again("behind a proxy", answered);
        for page in PAGES {
            eventually("every stream waits", || {
                driver.texts(page, "li").iter().all(|line| line == "waits")
            });
        }
        app.start_again();
        every_stream_has_the_same_event(&mut driver);
    }
}

/// On every page; the event's number on the last of them.
fn every_stream_has_the_same_event(driver: &mut Driver) -> u32 {
    let mut number = 0;
    for page in PAGES {
        eventually("every stream has the same event", || {
            let lines = driver.texts(page, "li");
            let tick = |line: &String| line.strip_prefix("tick ")?.parse().ok();
            number = lines.first().and_then(tick).unwrap_or(0);
            number > 0 && lines.len() == 20 && lines.iter().all(|line| *line == lines[0])
        });
    }
    number
}
