//! The example of the dashboard, in Chromium, behind a proxy: its page shows what the server has,
//! from the first moment on, whatever happens to the server, the proxy and the connection.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use support::browser::Driver;
use support::example::{Example, post};
use support::http::{self, Request};
use support::nginx::Nginx;
use support::random::{Random, seed};
use support::served::eventually;

const KEPT: usize = 50;

#[test]
fn a_dashboard_stays_right() {
    let mut random = Random::new(seed());
    let settings = [("KEEP_EVENTS", KEPT.to_string())];
    let mut server = Example::with_settings("example-dashboard", &settings);
    // While the server is away it answers 502, which to a browser is final.
    let bare = |text: &str| text.replace("error_page 502 504 = @away;", "");
    let mut nginx = Nginx::with(server.address(), bare);
    for item in ["cup", "pot", "tea / \u{2028}"] {
        change(server.address(), item, 7);
    }
    let mut pages = Pages { driver: Driver::start(), names: Vec::new() };
    pages.open("first", nginx.address(), None);
    // A second tab of the same browser, by the same connection.
    pages.open("beside", nginx.address(), Some("first"));
    pages.show_what_there_is(server.address());

    for _ in 0..3 {
        for _ in 0..10 {
            change(server.address(), &format!("item {}", random.below(5)), random.below(100));
        }
        server.kill();
        // The pages find nobody, and ask again.
        for page in ["first", "beside"] {
            eventually("the page has been refused", || pages.driver.text(page, "#state") == "away");
        }
        std::thread::sleep(Duration::from_millis(500));
        server.start_again();
        change(server.address(), "cup", random.below(100));
        pages.show_what_there_is(server.address());
    }
    for page in ["first", "beside"] {
        assert_eq!(pages.driver.text(page, "#snapshots"), "1", "it has gone on where it was");
    }
    pages.open("second", nginx.address(), None);
    pages.show_what_there_is(server.address());

    // Who is away for longer than the history lasts is told, and gets the state.
    nginx.end();
    for n in 0..2 * KEPT {
        change(server.address(), &format!("item {}", n % 7), random.below(100));
    }
    assert_eq!(pages.driver.text("first", "#missing"), "");
    nginx.start_again();
    pages.show_what_there_is(server.address());
    for page in ["first", "beside", "second"] {
        assert_eq!(pages.driver.text(page, "#missing"), "Changes were missed (trimmed).");
        assert!(pages.driver.texts(page, "svg line").len() >= 7, "it is seen where");
    }
    change(server.address(), "cup", 1);
    pages.show_what_there_is(server.address());
}

fn change(address: SocketAddr, item: &str, left: usize) {
    let path = format!(
        "/stock/{}",
        item.replace(' ', "%20").replace('/', "%2F").replace('\u{2028}', "%E2%80%A8")
    );
    let (status, text) = post(address, &path, &json!({ "left": left }).to_string()).unwrap();
    assert_eq!(status, 201, "{text}");
}

struct Pages {
    driver: Driver,
    names: Vec<&'static str>,
}

impl Pages {
    fn open(&mut self, name: &'static str, address: SocketAddr, beside: Option<&str>) {
        self.driver.open_beside(name, beside, &format!("http://{address}/"));
        self.names.push(name);
    }

    /// Every page shows what the server says.
    #[track_caller]
    fn show_what_there_is(&mut self, server: SocketAddr) {
        for name in self.names.clone() {
            eventually("the page shows what there is", || {
                let answer = http::send(server, &Request::new("GET", "/stock")).unwrap();
                let stock: Vec<Value> = serde_json::from_str(answer.text()).unwrap();
                let line = |change: &Value| {
                    format!("{}{}", change["item"].as_str().unwrap(), change["left"])
                };
                let mut expected: Vec<String> = stock.iter().map(line).collect();
                let mut shown = self.driver.texts(name, "tbody tr");
                expected.sort_unstable();
                shown.sort_unstable();
                shown == expected
            });
        }
    }
}
