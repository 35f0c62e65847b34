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
        eventually("it is seen where", || pages.driver.texts(page, "svg line").len() >= 7);
    }
    change(server.address(), "cup", 1);
    pages.show_what_there_is(server.address());
}

/// As if a record could not be read, while the server tells a page what it has missed: no state follows.
#[test]
fn a_gap_amid_a_stream_brings_the_state_and_what_is_gone_is_not_sold() {
    let server = Example::with_settings("example-dashboard", &[]);
    let id = change(server.address(), "cup", 7);
    let stream = format!(
        "event: sse-open\nretry: 600000\ndata: {{\"cursor\":\"{id}\",\"resumed\":false}}\n\n\
         event: stock-changed\ndata: {{\"item\":\"cup\",\"left\":99}}\n\n\
         event: stock-changed\ndata: {{\"item\":\"gone\",\"left\":50}}\n\n\
         id: {id}\nevent: sse-cursor\ndata: {{\"cursor\":\"{id}\"}}\n\n\
         id: {id}\nevent: sse-gap\n\
         data: {{\"reason\":\"unreadable\",\"asked\":\"{id}\",\"resumed_after\":\"{id}\"}}\n\n"
    );
    let mut pages = Pages { driver: Driver::start(), names: vec!["page"] };
    pages.driver.tell(json!({
        "command": "open", "name": "page", "url": server.url("/"), "first": { "/events": stream },
    }));
    pages.show_what_there_is(server.address());
    assert_eq!(pages.driver.text("page", "#missing"), "Changes were missed (unreadable).");
    // Plots are drawn every half second.
    eventually("it is seen where", || pages.driver.texts("page", "svg line").len() >= 2);
    assert_eq!(pages.driver.text("page", "#snapshots"), "2");

    // Every half second about half of the items are sold.
    pages.driver.tell(json!({ "command": "click", "name": "page", "selector": "#sell" }));
    let cups = || stock(server.address())[0]["left"].clone();
    for _ in 0..5 {
        let before = cups();
        eventually("cups are sold", || cups() != before);
    }
    pages.driver.tell(json!({ "command": "click", "name": "page", "selector": "#sell" }));
    assert_eq!(stock(server.address()).len(), 1, "nobody sells what there is not");
}

#[test]
fn a_change_that_fails_is_told_and_says_nothing_of_the_connection() {
    let server = Example::with_settings("example-dashboard", &[]);
    let mut pages = Pages { driver: Driver::start(), names: Vec::new() };
    pages.open("page", server.address(), None);
    eventually("it is there", || pages.driver.text("page", "#state") == "live");
    pages.driver.tell(json!({
        "command": "answer_once", "name": "page", "path": "/stock/cup", "status": 503, "body": "The disk is full.",
    }));
    pages.driver.tell(json!({ "command": "click", "name": "page", "selector": "button" }));
    let text = "Not changed: 503 The disk is full.";
    eventually("it is told", || pages.driver.text("page", "#failed") == text);
    assert_eq!(pages.driver.text("page", "#state"), "live");
    assert_eq!(stock(server.address()), Vec::<Value>::new());
    pages.driver.tell(json!({ "command": "click", "name": "page", "selector": "button" }));
    pages.show_what_there_is(server.address());
    eventually("it is over", || pages.driver.text("page", "#failed").is_empty());
}

/// The id of the change.
fn change(address: SocketAddr, item: &str, left: usize) -> String {
    let path = format!(
        "/stock/{}",
        item.replace(' ', "%20").replace('/', "%2F").replace('\u{2028}', "%E2%80%A8")
    );
    let (status, text) = post(address, &path, &json!({ "left": left }).to_string()).unwrap();
    assert_eq!(status, 201, "{text}");
    text
}

/// What the server says that there is.
fn stock(address: SocketAddr) -> Vec<Value> {
    let answer = http::send(address, &Request::new("GET", "/stock")).unwrap();
    serde_json::from_str(answer.text()).unwrap()
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
                let line = |change: &Value| {
                    format!("{}{}", change["item"].as_str().unwrap(), change["left"])
                };
                let mut expected: Vec<String> = stock(server).iter().map(line).collect();
                let mut shown = self.driver.texts(name, "tbody tr:not([hidden])");
                expected.sort_unstable();
                shown.sort_unstable();
                shown == expected
            });
        }
    }
}
