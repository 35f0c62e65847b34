//! A page that watches with short-lived tickets misses nothing when they end, nor when the server is
//! killed: the example of tickets, in a browser, by itself and behind a proxy.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use serde_json::json;
use std::time::Duration;
use support::browser::Driver;
use support::example::Example;
use support::http::{self, Request};
use support::nginx::Nginx;
use support::served::eventually;

const PAGES: [&str; 2] = ["direct", "behind a proxy"];
const TICKET: Duration = Duration::from_secs(2);

#[test]
fn a_ticket_is_renewed_in_time() {
    let seconds = TICKET.as_secs().to_string();
    let mut app = Example::with_settings("example-tickets", &[("TICKET_SECONDS", seconds)]);
    let nginx = Nginx::before(app.address());
    let mut parcel = Parcel { token: token(&app), places: Vec::new() };
    let mut driver = Driver::start();
    for (page, address) in PAGES.into_iter().zip([app.address(), nginx.address()]) {
        driver.open(page, &format!("http://{address}/#{}", parcel.token));
        eventually("it watches", || driver.text(page, "#state") == "watched");
    }
    parcel.moves_until_tickets_are_renewed(&app, &mut driver, 2);

    // Once the server is back at once, once the ticket has ended meanwhile.
    for away in [Duration::ZERO, TICKET] {
        let answered = driver.answers("behind a proxy");
        app.kill();
        std::thread::sleep(away);
        if !away.is_zero() {
            driver.is_answered_again("behind a proxy", answered);
        }
        app.start_again();
        parcel.moves_until_tickets_are_renewed(&app, &mut driver, 1);
    }
}

/// A customer's, which is printed by the example.
fn token(app: &Example) -> String {
    let mut token = None;
    eventually("it prints where to look", || {
        let output = app.output();
        let line = output.split_once("/#").and_then(|(_, token)| token.split_once('\n'));
        token = line.map(|(token, _)| token.to_owned());
        token.is_some()
    });
    token.unwrap()
}

struct Parcel {
    token: String,
    places: Vec<String>,
}

impl Parcel {
    /// The parcel moves all the time until every page has got so many new tickets; then each shows
    /// every place where the parcel was, in order and once.
    #[track_caller]
    fn moves_until_tickets_are_renewed(&mut self, app: &Example, driver: &mut Driver, more: u32) {
        let mut tickets = |page| driver.text(page, "#tickets").parse::<u32>().unwrap();
        let enough = PAGES.map(|page| tickets(page) + more);
        for (page, enough) in PAGES.into_iter().zip(enough) {
            eventually("new tickets are in use", || {
                self.moves(app);
                tickets(page) >= enough
            });
        }
        self.moves(app);
        for page in PAGES {
            eventually("it shows every place", || {
                driver.texts(page, "li").len() >= self.places.len()
            });
            assert_eq!(driver.texts(page, "li"), self.places, "{page}");
        }
    }

    fn moves(&mut self, app: &Example) {
        let place = format!("place {}", self.places.len());
        let body = json!({ "parcel": "7", "place": place }).to_string();
        let request = Request::new("POST", "/moves")
            .header("Content-Type", "application/json")
            .header("Authorization", format!("Bearer {}", self.token));
        let answer = http::send(app.address(), &request.body(body)).unwrap();
        assert_eq!(answer.head.status, 201);
        self.places.push(place);
        std::thread::sleep(Duration::from_millis(50));
    }
}
