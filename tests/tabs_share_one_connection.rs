//! The TypeScript client: tabs of one origin share a connection, and each has every event once and in order,
//! whichever of them is closed, crashes, hangs or sleeps.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_framework::{Hub, IdStyle, MemoryLog, Retention, SseEvent, Start, Subscribe, Topic};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::browser::Driver;
use support::random::{cases, seed};
use support::served::{Served, Server, eventually};
use support::typescript;

/// So long at least a leader may be silent before another takes the lead.
const UNHEARD: Duration = Duration::from_secs(12);

/// One after another.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "ticks")]
struct Tick {
    n: u64,
}

#[test]
fn in_every_order_of_things_each_tab_has_what_it_would_have_alone() {
    let directory = tempfile::tempdir().unwrap();
    let client = typescript::client(directory.path());
    let simulation = Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript/simulation.mjs");
    let (seed, runs) = (seed() % (1 << 50), cases(250));
    let mut command = Command::new("node");
    command.arg(simulation).arg(client).arg(seed.to_string()).arg(runs.to_string());
    let output = command.output().expect("node starts");
    let (out, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{error}");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["runs"], runs);
    assert!(told["handled"].as_u64().unwrap() > u64::from(runs) * 100, "{told}");
}

#[test]
fn two_tabs_have_one_connection_whichever_is_closed() {
    let mut app = App::start(IdStyle::Plain, 1_000_000);
    let mut ticking = app.tick(Duration::from_millis(2));
    app.follow("a");
    app.follow("b");
    app.share_one();
    assert!(app.leads("a"), "who comes first leads");
    app.publish(&mut ticking, 100);
    app.close("a");
    app.share_one();
    eventually("b leads", || app.leads("b"));
    app.follow("c");
    app.all_have_begun(&["c"]);
    app.share_one();
    app.publish(&mut ticking, 100);
    let end = ticking.stop();
    app.all_have_all(end);
    app.share_one();
}

#[test]
fn seven_tabs_have_one_connection_whatever_happens_to_the_leader() {
    // By opaque ids the same place has many names, so that tabs do not recognise it while nothing happens.
    let mut app = App::start(IdStyle::Opaque, 1_000_000);
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    for name in names {
        app.follow(name);
    }
    app.share_one();
    let mut ticking = app.tick(Duration::from_millis(5));
    app.publish(&mut ticking, 20);
    app.share_one();
    for how in ["close_tab", "crash", "freeze", "hang"] {
        let leader = app.leader();
        match how {
            "close_tab" => app.close(&leader),
            "crash" => {
                app.driver.tell(json!({ "command": "crash", "name": leader }));
                app.forget(&leader);
            }
            "freeze" => {
                app.driver.tell(json!({ "command": "freeze", "name": leader, "ms": 5_000 }));
            }
            _ => app.driver.tell(json!({ "command": "hang", "name": leader, "ms": 20_000 })),
        }
        let others: Vec<String> = app.tabs.iter().filter(|tab| **tab != leader).cloned().collect();
        let began = Instant::now();
        eventually(&format!("{how}: another leads"), || others.iter().any(|tab| app.leads(tab)));
        // Who hangs does not say so; the others find it out.
        assert!(how == "hang" || began.elapsed() < UNHEARD, "{how}: {:?}", began.elapsed());
        let seen = app.last_of(&others[0]);
        eventually(&format!("{how}: the others go on"), || {
            others.iter().all(|tab| app.last_of(tab) > seen + 50)
        });
        if how == "freeze" {
            assert!(app.last_of(&leader) > 0, "it is there again");
            app.share_one();
        }
    }
    app.publish(&mut ticking, 20);
    let end = ticking.stop();
    app.all_have_all(end);
    app.share_one();
}

#[test]
fn a_gap_is_told_to_every_tab_and_so_is_a_refusal() {
    let mut app = App::start(IdStyle::Plain, 50);
    let mut ticking = app.tick(Duration::from_millis(5));
    for tab in ["a", "b"] {
        app.follow(tab);
    }
    app.publish(&mut ticking, 20);
    app.all_have_begun(&["a", "b"]);
    app.share_one();
    // As a proxy answers whose app is away.
    app.away.store(true, Ordering::Relaxed);
    app.hub.disconnect_all();
    eventually("they are away", || ["a", "b"].iter().all(|tab| app.said(tab, "lost").len() == 1));
    for tab in ["a", "b"] {
        eventually("it is told how", || !app.said(tab, "refused").is_empty());
        assert_eq!(app.said(tab, "refused")[0], 502, "{tab}");
    }
    app.publish(&mut ticking, 200);
    app.away.store(false, Ordering::Relaxed);
    eventually("both are told", || ["a", "b"].iter().all(|tab| !app.said(tab, "gap").is_empty()));
    for tab in ["a", "b"] {
        let gaps = app.said(tab, "gap");
        assert_eq!((gaps.len(), &gaps[0]["reason"]), (1, &json!("trimmed")));
        let closes = app.said(tab, "close");
        assert_eq!(closes[0]["reason"], "disconnected");
    }
    let end = ticking.stop();
    eventually("they go on", || ["a", "b"].iter().all(|tab| app.last_of(tab) == end));
    app.share_one();
}

#[test]
fn a_tab_that_is_loaded_again_goes_on_if_it_wants_to() {
    let mut app = App::start(IdStyle::Plain, 1_000_000);
    app.options = json!({ "share": true, "resume": true });
    let mut ticking = app.tick(Duration::from_millis(5));
    for tab in ["a", "b"] {
        app.follow(tab);
    }
    for tab in ["b", "a", "a", "b"] {
        app.publish(&mut ticking, 20);
        eventually("it has heard some", || app.numbers(tab).len() >= 20);
        app.driver.tell(json!({ "command": "load", "name": tab }));
        eventually("it goes on", || app.numbers(tab).len() > 20);
        let before = app.heard(tab)["before"]["payload"]["n"].as_u64().unwrap();
        assert_eq!(app.numbers(tab)[0], before + 1);
        let opened = app.said(tab, "open");
        assert_eq!(opened[0]["resumed"], true);
    }
    app.share_one();
}

#[test]
fn what_is_complete_is_over_for_all_tabs() {
    let mut app = App::start(IdStyle::Plain, 1_000_000);
    app.options = json!({ "share": true, "resume": true });
    for tab in ["a", "b", "c"] {
        app.follow(tab);
    }
    let mut ticking = app.tick(Duration::from_millis(5));
    app.publish(&mut ticking, 20);
    let tabs = ["a", "b", "c"];
    app.all_have_begun(&tabs);
    app.share_one();
    let end = ticking.stop();
    let topic: Topic = "ticks".parse().unwrap();
    app.served.block_on(app.hub.close_topic(topic)).unwrap();
    for tab in tabs {
        eventually("it is told", || !app.said(tab, "close").is_empty());
        assert_eq!(app.said(tab, "close"), [json!({ "reason": "complete" })]);
    }
    app.all_have_all(end);
    eventually("nobody is connected", || app.hub.subscriber_count() == 0);
    // Who comes back is answered 204, which is no error to try again after.
    app.driver.tell(json!({ "command": "load", "name": "b" }));
    eventually("it is told", || !app.said("b", "close").is_empty());
    assert_eq!(app.said("b", "close"), [json!({ "reason": "refused" })]);
}

#[test]
fn a_tab_that_cannot_share_has_its_own_connection_and_one_that_ends_has_none() {
    let mut app = App::start(IdStyle::Plain, 1_000_000);
    app.without_locks = true;
    app.follow("a");
    app.follow("b");
    eventually("each has its own", || app.hub.subscriber_count() == 2);
    app.without_locks = false;
    app.follow("c");
    app.follow("d");
    eventually("these share", || app.hub.subscriber_count() == 3);
    for (tab, left) in [("a", 2), ("c", 2), ("b", 1), ("d", 0)] {
        app.driver.tell(json!({ "command": "end", "name": tab }));
        eventually("it has left", || app.hub.subscriber_count() == left);
        app.forget(tab);
    }
}

/// A client that asks for nothing, and that the app lets begin after some event.
#[test]
fn a_tab_comes_back_to_where_the_app_let_it_begin() {
    let mut app = App::start(IdStyle::Plain, 1_000_000);
    app.options = json!({});
    app.served.block_on(app.hub.publish(Tick { n: 1 })).unwrap();
    app.follow_at("a", "/begun");
    eventually("it has begun", || app.said("a", "open").len() == 1);
    assert_eq!(app.said("a", "open")[0]["resumed"], false, "it was nowhere");
    let cursor = app.heard("a")["last"].clone();
    assert_eq!(cursor, app.hub.last_event_id().to_string());
    // It is cut off before the first event, so that it needs a connection anew.
    app.away.store(true, Ordering::Relaxed);
    app.hub.disconnect_all();
    eventually("it is refused", || !app.said("a", "refused").is_empty());
    app.served.block_on(app.hub.publish(Tick { n: 2 })).unwrap();
    app.away.store(false, Ordering::Relaxed);
    eventually("it has heard of it", || app.numbers("a") == [2]);
}

/// A server, and a browser with tabs.
struct App {
    served: Served,
    hub: Hub<Tick>,
    driver: Driver,
    tabs: Vec<String>,
    options: Value,
    without_locks: bool,
    away: Arc<AtomicBool>,
    _directory: tempfile::TempDir,
}

/// Publishes ticks until it is stopped.
struct Ticking {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u64>,
    served: tokio::runtime::Handle,
}

impl Ticking {
    /// The last tick.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.served.block_on(self.task).unwrap()
    }
}

async fn app(
    ids: IdStyle,
    kept: u64,
    client: String,
    away: Arc<AtomicBool>,
) -> (Router, Hub<Tick>) {
    let hub = Hub::<Tick>::builder(MemoryLog::new()).ids(ids);
    let hub = hub.retention(Retention::forever().events(kept)).start().await.unwrap();
    let script = ([(header::CONTENT_TYPE, "text/javascript")], client);
    let route = |begun: bool| {
        let (hub, away) = (hub.clone(), away.clone());
        get(async move |request: Subscribe| {
            let start = if begun { Start::After(hub.last_event_id()) } else { Start::New };
            let ticks = hub.subscribe(request).start(start).topics(["ticks".parse().unwrap()]);
            match away.load(Ordering::Relaxed) {
                true => StatusCode::BAD_GATEWAY.into_response(),
                false => ticks.into_response(),
            }
        })
    };
    let app = Router::new()
        .route("/page", get(Html("<!doctype html><link rel=icon href=data:,>")))
        .route("/client.js", get(script))
        .route("/events", route(false))
        .route("/begun", route(true));
    (app, hub)
}

impl App {
    fn start(ids: IdStyle, kept: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let client = std::fs::read_to_string(typescript::client(directory.path())).unwrap();
        let away = Arc::new(AtomicBool::new(false));
        let (served, hub) =
            Served::new(Server::Framework, async || app(ids, kept, client, away.clone()).await);
        let (driver, options) = (Driver::start(), json!({ "share": true }));
        App {
            served,
            hub,
            driver,
            tabs: Vec::new(),
            options,
            without_locks: false,
            away,
            _directory: directory,
        }
    }

    fn tick(&self, pause: Duration) -> Ticking {
        let stop = Arc::new(AtomicBool::new(false));
        let (hub, until) = (self.hub.clone(), stop.clone());
        let (task, served) = self.served.block_on(async move {
            let task = tokio::spawn(async move {
                let mut n = 0;
                while !until.load(Ordering::Relaxed) {
                    n += 1;
                    hub.publish(Tick { n }).await.unwrap();
                    tokio::time::sleep(pause).await;
                }
                n
            });
            (task, tokio::runtime::Handle::current())
        });
        Ticking { stop, task, served }
    }

    /// Waits for so many more ticks.
    fn publish(&self, _: &mut Ticking, count: u64) {
        let enough = self.hub.last_event_id().seq() + count;
        eventually("ticks are published", || self.hub.last_event_id().seq() >= enough);
    }

    fn follow(&mut self, name: &str) {
        self.follow_at(name, "/events");
    }

    fn follow_at(&mut self, name: &str, path: &str) {
        let url = format!("http://{}{path}", self.served.address());
        self.driver.tell(json!({
            "command": "follow", "profile": "one", "name": name, "url": url, "names": ["tick"],
            "options": self.options, "without_locks": self.without_locks,
        }));
        self.tabs.push(name.to_owned());
    }

    fn close(&mut self, name: &str) {
        self.driver.tell(json!({ "command": "close_tab", "name": name }));
        self.forget(name);
    }

    fn forget(&mut self, name: &str) {
        self.tabs.retain(|tab| tab != name);
    }

    fn leads(&mut self, name: &str) -> bool {
        self.driver.ask(json!({ "command": "leads", "name": name }))
    }

    fn leader(&mut self) -> String {
        let tabs = self.tabs.clone();
        let mut leader = None;
        eventually("one of them leads", || {
            leader = tabs.iter().find(|tab| self.leads(tab)).cloned();
            leader.is_some()
        });
        leader.unwrap()
    }

    /// A tab that has heard something has its connection, or knows who has.
    #[track_caller]
    fn all_have_begun(&mut self, tabs: &[&str]) {
        eventually("all have begun", || tabs.iter().all(|tab| self.last_of(tab) > 0));
    }

    #[track_caller]
    fn share_one(&mut self) {
        eventually("there is one connection", || self.hub.subscriber_count() == 1);
    }

    fn heard(&mut self, name: &str) -> Value {
        self.driver.ask(json!({ "command": "heard_in_tab", "name": name }))
    }

    fn numbers(&mut self, name: &str) -> Vec<u64> {
        let heard = self.heard(name);
        let heard = heard["heard"].as_array().unwrap();
        heard.iter().map(|tick| tick["payload"]["n"].as_u64().unwrap()).collect()
    }

    fn last_of(&mut self, name: &str) -> u64 {
        let last: Value = self.driver.ask(json!({ "command": "last_in_tab", "name": name }));
        last["payload"]["n"].as_u64().unwrap_or(0)
    }

    fn said(&mut self, name: &str, kind: &str) -> Vec<Value> {
        let heard = self.heard(name);
        let said = heard["said"].as_array().unwrap().iter();
        said.filter(|said| said["kind"] == kind).map(|said| said["payload"].clone()).collect()
    }

    #[track_caller]
    fn all_have_all(&mut self, end: u64) {
        for tab in self.tabs.clone() {
            eventually("the tab has the last tick", || self.last_of(&tab) == end);
            let numbers = self.numbers(&tab);
            let expected: Vec<u64> = (numbers[0]..=end).collect();
            assert_eq!(numbers, expected, "tab {tab}");
            let heard = self.heard(&tab);
            let ids = heard["heard"].as_array().unwrap().iter();
            let ids: BTreeSet<&str> = ids.map(|tick| tick["id"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), numbers.len(), "each has an id of its own");
        }
    }
}
