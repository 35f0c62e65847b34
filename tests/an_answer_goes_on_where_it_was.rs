//! A browser's page shows the whole of an answer, token by token, though it is reloaded and the
//! server is killed in the middle, by itself and behind a proxy; then the stream is over, and the
//! browser asks no more.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use support::browser::Driver;
use support::example::Example;
use support::nginx::Nginx;
use support::served::eventually;

/// What a page shows.
#[derive(Debug, Deserialize)]
struct Answer {
    state: String,
    text: String,
}

fn ask(driver: &mut Driver, page: &str, url: &str) {
    driver.open(page, url);
    driver.tell(json!({ "command": "ask", "name": page, "prompt": "Where was I?" }));
}

fn look(driver: &mut Driver, page: &str) -> Answer {
    driver.ask(json!({ "command": "answer", "name": page }))
}

#[track_caller]
fn wait(
    driver: &mut Driver,
    page: &str,
    what: &str,
    condition: impl Fn(&Answer) -> bool,
) -> Answer {
    let mut seen = look(driver, page);
    eventually(&format!("{page}: {what}"), || {
        seen = look(driver, page);
        condition(&seen)
    });
    seen
}

/// As the book says, for this example's streams, but not for `/answers` itself, which is no stream;
/// and browsers are back before the answer is over.
fn proxy(app: &Example) -> Nginx {
    let streams = "location ~ ^/answers/";
    Nginx::with(app.address(), |text| {
        text.replace("location /events", streams).replace("retry: 2000", "retry: 300")
    })
}

#[test]
fn an_answer_goes_on_where_it_was() {
    let mut server = Example::with_settings("example-tokens", &[]);
    let nginx = proxy(&server);
    let driver = &mut Driver::start();

    // Nobody disturbs this one.
    ask(driver, "calm", &server.url("/"));
    for some in [300, 600] {
        wait(driver, "calm", "it goes on", |now| now.text.len() > some);
    }
    let whole = wait(driver, "calm", "it is over", |now| now.state == "over");
    assert!(whole.text.split(' ').count() > 30, "{whole:?}");
    let streams = driver.streams("calm");
    assert_eq!(streams, [200, 204], "it asked once more, and was told that that was all");

    // The same question has the same answer.
    let pages = ["direct", "behind a proxy"];
    let addresses = [server.address(), nginx.address()];
    for (page, address) in pages.into_iter().zip(addresses) {
        ask(driver, page, &format!("http://{address}/"));
        let some = wait(driver, page, "some tokens are there", |now| now.text.len() > 30).text;
        driver.tell(json!({ "command": "reload", "name": page }));
        let goes_on = |now: &Answer| now.text.len() > some.len();
        let more = wait(driver, page, "it goes on after a reload", goes_on).text;
        assert!(more.starts_with(&some));
    }
    for _ in 0..3 {
        // What is nearly over may be over before the kill.
        for (page, address) in pages.into_iter().zip(addresses) {
            if look(driver, page).text.len() > whole.text.len() / 2 {
                ask(driver, page, &format!("http://{address}/"));
                wait(driver, page, "some tokens are there", |now| now.text.len() > 30);
            }
        }
        let before = pages.map(|page| look(driver, page).text);
        let answered = driver.answers("behind a proxy");
        server.kill();
        for page in pages {
            wait(driver, page, "it notices", |now| now.state == "reconnecting");
        }
        driver.is_answered_again("behind a proxy", answered);
        server.start_again();
        for (page, before) in pages.into_iter().zip(before) {
            let goes_on = |now: &Answer| now.text.len() > before.len();
            let after = wait(driver, page, "it goes on", goes_on).text;
            assert!(after.starts_with(&before) && whole.text.starts_with(&after), "{after}");
        }
    }
    for page in pages {
        let end = wait(driver, page, "it is over", |now| now.state == "over");
        assert_eq!(end.text, whole.text);
        assert_eq!(driver.streams(page).last(), Some(&204));
    }

    // Over is over, also for a server that was started again, and a reload shows all of it.
    server.kill();
    server.start_again();
    let again = pages.map(|page| {
        driver.tell(json!({ "command": "reload", "name": page }));
        let again = wait(driver, page, "it is over again", |now| now.state == "over");
        assert_eq!(again.text, whole.text);
        driver.streams(page)
    });
    std::thread::sleep(Duration::from_secs(2));
    for (page, streams) in pages.into_iter().zip(again) {
        assert_eq!(look(driver, page).state, "over");
        assert_eq!(driver.streams(page), streams, "it asks no more");
    }
}
