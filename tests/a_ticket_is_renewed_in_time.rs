//! A page that watches with short-lived tickets misses nothing when they end: the example of tickets,
//! in a browser.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use serde_json::json;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::browser::Driver;
use support::http::{self, Request};
use support::served::eventually;
use support::server;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_ticket_is_renewed_in_time() {
    let data = tempfile::tempdir().unwrap();
    let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut command = Command::new(server::build("example-tickets"));
    command.env("PORT", address.port().to_string()).env("DATA", data.path().join("events"));
    command.env("TICKET_SECONDS", "3").stdout(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut urls = lines.map_while(Result::ok).filter_map(|line| {
        let place = line.find("http://")?;
        line[place..].contains('#').then(|| line[place..].to_owned())
    });
    let url = urls.next().expect("it prints where to look");
    let (_, token) = url.split_once('#').unwrap();

    let mut driver = Driver::start();
    driver.tell(json!({ "command": "open", "name": "page", "url": url }));
    let mut texts = |selector| -> Vec<String> {
        driver.ask(json!({ "command": "texts", "name": "page", "selector": selector }))
    };
    eventually("it watches", || texts("#state") == ["watched"]);
    let mut places = Vec::new();
    let mut go_on = || {
        let place = format!("place {}", places.len());
        let body = json!({ "parcel": "7", "place": place }).to_string();
        let request = Request::new("POST", "/moves")
            .header("Content-Type", "application/json")
            .header("Authorization", format!("Bearer {token}"));
        assert_eq!(http::send(address, &request.body(body)).unwrap().head.status, 201);
        places.push(place);
        std::thread::sleep(Duration::from_millis(50));
        places.clone()
    };
    eventually("the third ticket is in use", || {
        go_on();
        texts("#tickets")[0].parse::<u32>().unwrap() >= 3
    });
    let places = go_on();
    eventually("it shows every place", || texts("li").len() >= places.len());
    assert_eq!(texts("li"), places);
}
