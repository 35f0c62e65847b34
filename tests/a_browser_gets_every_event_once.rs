//! A browser's page shows every acknowledged event once and in order, however often the server is
//! killed while events are published.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde::Deserialize;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::browser::Driver;
use support::example::{Example, post};
use support::random::{Random, seed};
use support::served::eventually;

const KILLS: usize = 12;

#[test]
fn a_browser_gets_every_event_once() {
    let mut random = Random::new(seed());
    let mut server = Example::with_settings("example-quickstart", &[]);
    let mut page = Page::open(Driver::start(), "page", &server.url("/"));
    let customers =
        ["Ana", "Bo 📦 \u{2028}\r\n"].map(|name| Customer::start(name, server.address()));
    let placed = || customers.iter().map(Customer::acknowledged).sum::<usize>();

    for round in 0..KILLS {
        // Half of the time the browser is back before the next kill, half of the time it may not be.
        if round % 2 == 0 {
            let seen = page.look().count;
            page.wait("it shows more, live", |now| now.state == "live" && now.count > seen);
        }
        let enough = placed() + 1 + random.below(30);
        eventually("orders are placed", || placed() >= enough);
        server.kill();
        if round == 0 {
            page.wait("it says so", |now| now.state == "reconnecting");
        }
        server.start_again();
    }
    // An order that is answered now comes after all those that were not.
    let enough = placed() + 1;
    eventually("a last order is placed", || placed() >= enough);
    let orders: Vec<Order> = customers.into_iter().flat_map(Customer::stop).collect();
    let last = orders.iter().filter_map(|order| order.ids.last()).max_by_key(|id| seq(id));
    let last = last.expect("an order is acknowledged");
    page.wait("it has it all", |now| now.state == "live" && seq(&now.last) >= seq(last));
    let history = page.lines();
    check(&orders, &history);

    // Who comes late says after which event, and gets the rest.
    let middle = &history[history.len() / 2];
    let late = server.url(&format!("/?last_event_id={}", middle.id));
    let mut late = Page::open(page.driver, "late", &late);
    let rest = &history[history.len() / 2 + 1..];
    late.wait("the rest is there", |now| now.count >= rest.len());
    assert_eq!(late.lines(), rest);

    // Who says nonsense is told that events are missing, and gets what comes from now on.
    let mut lost = Page::open(late.driver, "lost", &server.url("/?last_event_id=garbage"));
    lost.wait("it is live", |now| now.state == "live" && now.last != "none yet");
    lost.order("Moka pot <b>\"&", 7);
    lost.wait("the order is there", |now| now.count == 2);
    let lines = lost.lines();
    assert_eq!(lines[0].name, "sse-gap");
    assert_eq!(lines[0].id, history[history.len() - 1].id, "the gap ends where the history does");
    assert!(lines[0].text.contains("unknown-id"), "{}", lines[0].text);
    assert!(lines[1].text.starts_with("Order: 7 × Moka pot <b>\"&"), "{}", lines[1].text);
    assert!(lines[2].text.starts_with("Stock: 93 × Moka pot <b>\"& left"), "{}", lines[2].text);
    assert_eq!(lines.len(), 3);

    let mut page = Page { driver: lost.driver, name: "page" };
    page.wait("the first page has it, too", |now| now.count == history.len() + 2);
    assert_eq!(page.lines()[history.len()..], lines[1..]);
}

/// What a page shows is every acknowledged order once, in the order of the ids, and of the others
/// all or nothing.
fn check(orders: &[Order], lines: &[Line]) {
    assert!(lines.iter().all(|line| line.name != "sse-gap"), "nothing is missing");
    for pair in lines.windows(2) {
        assert!(seq(&pair[0].id) < seq(&pair[1].id), "out of order: {pair:?}");
    }
    let mut expected: HashMap<String, &Order> = HashMap::new();
    for order in orders {
        assert!(expected.insert(order.data()[0].clone(), order).is_none(), "an order is unique");
    }
    let mut shown: HashSet<&str> = HashSet::new();
    for pair in lines.chunks(2) {
        let order = expected.remove(&pair[0].data);
        let order = order.unwrap_or_else(|| panic!("twice, or not sent: {pair:?}"));
        let [placed, stock] = pair else { panic!("half an order: {pair:?}") };
        assert_eq!([&placed.data, &stock.data], [&order.data()[0], &order.data()[1]]);
        assert_eq!([&*placed.name, &*stock.name], ["order-placed", "stock-changed"]);
        if !order.ids.is_empty() {
            assert_eq!(order.ids, [&*placed.id, &*stock.id], "another id than was acknowledged");
        }
        shown.extend([&*placed.id, &*stock.id]);
    }
    let missing: Vec<_> = expected.values().filter(|order| !order.ids.is_empty()).collect();
    assert!(missing.is_empty(), "acknowledged and not shown: {missing:?}");
    assert_eq!(shown.len(), lines.len(), "an id is shown twice");
    let unanswered = orders.iter().filter(|order| order.ids.is_empty()).count();
    println!("{} orders, {unanswered} unanswered, {KILLS} kills", orders.len());
}

/// The number of an event in the log.
fn seq(id: &str) -> u64 {
    id.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or(0)
}

#[derive(Debug)]
struct Order {
    item: String,
    quantity: u32,
    /// None if the answer did not come.
    ids: Vec<String>,
}

impl Order {
    /// The data of its two events.
    fn data(&self) -> [String; 2] {
        let Order { item, quantity, .. } = self;
        [
            json!({ "item": item, "quantity": quantity }).to_string(),
            json!({ "item": item, "left": 100 - quantity }).to_string(),
        ]
    }
}

/// Somebody who places one order after the other, and keeps the receipts.
struct Customer {
    orders: Arc<Mutex<Vec<Order>>>,
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Customer {
    fn start(name: &'static str, address: SocketAddr) -> Self {
        let orders = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let (kept, stop) = (Arc::clone(&orders), Arc::clone(&stopped));
        let thread = thread::spawn(move || {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                kept.lock().expect("no thread panics with it").push(place(name, n, address));
                // A page of some thousand lines is enough.
                thread::sleep(Duration::from_millis(10));
            }
        });
        Customer { orders, stopped, thread }
    }

    /// How many orders have been acknowledged.
    fn acknowledged(&self) -> usize {
        let orders = self.orders.lock().expect("no thread panics with it");
        orders.iter().filter(|order| !order.ids.is_empty()).count()
    }

    fn stop(self) -> Vec<Order> {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("every order is answered or cut off");
        std::mem::take(&mut *self.orders.lock().expect("no thread panics with it"))
    }
}

fn place(name: &str, n: u32, address: SocketAddr) -> Order {
    let mut order = Order { item: format!("{name} {n}"), quantity: 1 + n % 100, ids: Vec::new() };
    eventually("the server answers, or is killed", || {
        match post(address, "/orders", &order.data()[0]) {
            Ok((200, ids)) => order.ids = serde_json::from_str(&ids).expect("the ids are JSON"),
            Ok(other) => panic!("an order is refused: {other:?}"),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return false,
            Err(_) => {}
        }
        true
    });
    order
}

/// The quick start's page in a tab.
struct Page {
    driver: Driver,
    name: &'static str,
}

#[derive(Debug, Deserialize)]
struct Look {
    state: String,
    count: usize,
    last: String,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Line {
    name: String,
    id: String,
    data: String,
    text: String,
}

impl Page {
    fn open(mut driver: Driver, name: &'static str, url: &str) -> Self {
        driver.open(name, url);
        Page { driver, name }
    }

    fn look(&mut self) -> Look {
        self.driver.ask(json!({ "command": "look", "name": self.name }))
    }

    #[track_caller]
    fn wait(&mut self, what: &str, condition: impl Fn(&Look) -> bool) {
        eventually(what, || condition(&self.look()));
    }

    fn lines(&mut self) -> Vec<Line> {
        self.driver.ask(json!({ "command": "lines", "name": self.name }))
    }

    fn order(&mut self, item: &str, quantity: u32) {
        let name = self.name;
        self.driver
            .tell(json!({ "command": "order", "name": name, "item": item, "quantity": quantity }));
    }
}
