//! T12: behind nginx, with its buffering on, a stream is what it is without: every event at once, in
//! order and once, also when the app is killed; and who has gone is noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use serde_json::json;
use std::path::Path;
use std::time::Duration;
use support::browser::Driver;
use support::client::{Client, Seen};
use support::example::{Example, post};
use support::http::{Connection, Request};
use support::load::{self, Publisher};
use support::nginx::Nginx;
use support::served::{Server, eventually};
use support::server;

support::by_every_server!(
    events_come_at_once_although_the_proxy_buffers,
    a_crowd_behind_one_proxy_is_served_and_its_going_is_noticed,
    a_killed_server_is_away_and_comes_back,
);

fn start(by: Server, directory: &Path) -> (server::Server, Nginx) {
    let data = directory.join("data");
    let server = load::start(by, &["--data", data.to_str().unwrap()], &directory.join("log"));
    let nginx = Nginx::before(server.address());
    (server, nginx)
}

fn events_come_at_once_although_the_proxy_buffers(by: Server) {
    let directory = tempfile::tempdir().unwrap();
    let (server, nginx) = start(by, directory.path());
    let proxy = nginx.address();
    // Not even the head of its answer comes.
    let held = std::thread::spawn(move || Client::connect(proxy, "/held/events", "").data(1));
    eventually("the proxy has passed it on", || !server.queued().is_empty());
    let clients =
        ["/events", "/plain/events"].map(|path| Client::connect(nginx.address(), path, ""));
    let mut publisher = Publisher::new(nginx.address(), 100);
    for n in 1..=20 {
        publisher.publish(1);
        for client in &clients {
            client.wait("the event", |seen| seen.ordinary().count() == n);
        }
    }
    // The header does it: without it some kilobytes wait in the proxy for more.
    assert!(!held.is_finished(), "the proxy buffers");
    eventually("the proxy has enough", || {
        publisher.publish(10);
        held.is_finished()
    });
    held.join().unwrap();
}

fn a_crowd_behind_one_proxy_is_served_and_its_going_is_noticed(by: Server) {
    let directory = tempfile::tempdir().unwrap();
    let (server, nginx) = start(by, directory.path());
    let idle = server.descriptors();
    let crowd: Vec<Client> =
        (0..300).map(|_| Client::connect(nginx.address(), "/events", "")).collect();
    assert!(server.descriptors() >= idle + 290, "each is one, but for those that are just ending");
    let mut publisher = Publisher::new(nginx.address(), 100);
    publisher.publish(100);
    for client in &crowd {
        let seen = client.wait("all events", |seen| seen.ordinary().count() >= 100);
        assert_eq!(numbers(&seen), (1..=100).collect::<Vec<u64>>());
    }
    drop(crowd);
    // A few are kept open by the proxy, for its next requests.
    eventually("the connections are gone", || server.descriptors() < idle + 30);
}

fn numbers(seen: &Seen) -> Vec<u64> {
    let number = |data: &str| {
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        data["n"].as_u64().unwrap()
    };
    seen.ordinary().map(|event| number(&event.data)).collect()
}

fn a_killed_server_is_away_and_comes_back(by: Server) {
    let directory = tempfile::tempdir().unwrap();
    let (server, nginx) = start(by, directory.path());
    let address = server.address();
    let client = Client::connect(nginx.address(), "/events", "");
    let mut publisher = Publisher::new(nginx.address(), 100);
    publisher.publish(10);
    client.wait("all events", |seen| seen.ordinary().count() == 10);
    server.kill();
    let seen = client.ended();

    let away = Client::connect(nginx.address(), "/events", &seen.last_event_id);
    assert_eq!(away.head.header("content-type"), Some("text/event-stream"));
    let told = away.ended();
    assert_eq!((&*told.events[0].name, told.retry), ("sse-close", Some(2000)));
    assert_eq!(told.last_event_id, seen.last_event_id, "it goes on where it was");
    // What is no stream says that the app is not there.
    let page =
        Connection::open(nginx.address()).unwrap().send(&Request::new("POST", "/publish").body(""));
    assert_eq!(page.unwrap().head.status, 502);

    let data = directory.path().join("data");
    let options = ["--data", data.to_str().unwrap(), "--server", by.name()];
    let log = directory.path().join("log");
    let mut server = server::Server::spawn_at(address, server::loadtarget(), &options, &log);
    server.answers(Duration::from_secs(60)).unwrap();
    let back = Client::connect(nginx.address(), "/events", &told.last_event_id);
    publisher = Publisher::new(nginx.address(), 100);
    publisher.publish(5);
    let seen = back.wait("new events", |seen| seen.ordinary().count() == 5);
    assert_eq!(numbers(&seen), [1, 2, 3, 4, 5]);
    assert!(seen.named("sse-gap").is_empty());
}

/// The quick start's page, in a browser, through the proxy: it shows everything once, however often
/// the app is killed, and never gives up.
#[test]
fn a_page_behind_a_proxy_outlives_the_app() {
    let mut app = Example::with_settings("example-quickstart", &[]);
    let nginx = Nginx::before(app.address());
    let mut driver = Driver::start();
    driver.open("page", &format!("http://{}/", nginx.address()));
    let mut orders = 0;
    for _ in 0..3 {
        for _ in 0..5 {
            orders += 1;
            let order = json!({ "item": format!("cup {orders}"), "quantity": 1 }).to_string();
            let (status, _) = post(nginx.address(), "/orders", &order).unwrap();
            assert_eq!(status, 200);
        }
        wait(&mut driver, 2 * orders);
        let answered = driver.answers("page");
        app.kill();
        // The browser has come back while nobody was there.
        driver.is_answered_again("page", answered);
        assert_ne!(look(&mut driver)["state"], "closed");
        app.start_again();
    }
    orders += 1;
    eventually("an order is placed", || {
        let order = json!({ "item": "last", "quantity": 1 }).to_string();
        post(nginx.address(), "/orders", &order).is_ok_and(|(status, _)| status == 200)
    });
    wait(&mut driver, 2 * orders);
    let lines: Vec<serde_json::Value> = driver.ask(json!({ "command": "lines", "name": "page" }));
    assert_eq!(lines.len(), 2 * orders);
    assert!(lines.iter().all(|line| line["name"] != "sse-gap"));
}

fn look(driver: &mut Driver) -> serde_json::Value {
    driver.ask(json!({ "command": "look", "name": "page" }))
}

#[track_caller]
fn wait(driver: &mut Driver, count: usize) {
    eventually("the page has all", || {
        let look = look(driver);
        look["state"] == "live" && look["count"] == count
    });
}
