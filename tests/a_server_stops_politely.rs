//! T14: a server that is asked to stop under load tells every client, spreads out when they come
//! back, keeps what it has acknowledged, and ends in time.
//!
//! `SSE_STOPS` says how often each server is stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use sse_framework::{CloseReason, Health, Hub, Received, SseEvent, Subscribe, Subscription};
use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use support::client::{Client, End, Seen};
use support::http::{self, Connection, Request};
use support::load;
use support::parser::Event;
use support::random::{Random, figure, seed};
use support::raw::Raw;
use support::served::{Served, Server, eventually};
use support::server;
use tokio::sync::oneshot;

support::by_every_server!(
    a_stop_under_load_is_polite,
    a_second_signal_does_not_wait,
    a_balancer_hears_of_it_while_there_is_still_an_answer,
);

const CLIENTS: usize = 500;
const PUBLISHERS: u64 = 3;

fn a_stop_under_load_is_polite(by: Server) {
    let mut random = Random::new(seed());
    let directory = tempfile::tempdir().unwrap();
    let mut stops = Vec::new();
    for number in 0..figure("SSE_STOPS", 5) {
        let data = directory.path().join(format!("data-{number}"));
        stops.push(stop_under_load(by, &data, &mut random));
    }
    println!("{}: {} stops with {CLIENTS} clients: {stops:?}", by.name(), stops.len());
}

fn start(by: Server, data: &Path) -> server::Server {
    let options = ["--data", data.to_str().unwrap()];
    load::start(by, &options, &data.with_extension("log"))
}

/// How long it took.
fn stop_under_load(by: Server, data: &Path, random: &mut Random) -> Duration {
    let server = start(by, data);
    let address = server.address();
    let clients: Vec<Client> =
        (0..CLIENTS).map(|_| Client::connect(address, "/events", "")).collect();
    for client in &clients {
        client.wait("a stream", |seen| !seen.events.is_empty());
    }
    let count = Arc::new(AtomicUsize::new(0));
    let publisher = |_| {
        let count = count.clone();
        std::thread::spawn(move || publish(address, &count))
    };
    let publishers: Vec<_> = (0..PUBLISHERS).map(publisher).collect();
    eventually("they are at work", || count.load(Ordering::Relaxed) > 10);
    std::thread::sleep(Duration::from_millis(100 + random.below(500) as u64));

    let began = Instant::now();
    let status = server.terminate(Duration::from_secs(30)).expect("it ends in time");
    let took = began.elapsed();
    assert!(status.success(), "{status}");
    let acknowledged: BTreeSet<String> =
        publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect();

    // Nobody is cut off, and nobody comes back with the crowd.
    let seen: Vec<Seen> = clients.iter().map(Client::ended).collect();
    let mut retries = BTreeSet::new();
    for seen in &seen {
        assert_eq!(seen.end, Some(End::Whole));
        let last = seen.events.last().unwrap();
        assert_eq!((&*last.name, &*last.data), ("sse-close", r#"{"reason":"drain"}"#));
        let retry = seen.retry.unwrap();
        assert!((1000..=3000).contains(&retry), "{retry}");
        retries.insert(retry / 100);
    }
    assert!(retries.len() > 15, "tenths of seconds: {retries:?}");

    // All is there that was acknowledged, and everybody can go on.
    let server = start(by, data);
    let all = history(server.address(), "earliest");
    let kept: BTreeSet<String> = all.iter().map(|event| event.id.clone()).collect();
    assert!(kept.is_superset(&acknowledged), "{:?}", acknowledged.difference(&kept));
    for seen in seen.iter().step_by(25) {
        let before: Vec<&Event> = seen.ordinary().collect();
        let after = history(server.address(), &seen.last_event_id);
        assert!(before.into_iter().chain(&after).eq(&all));
    }
    took
}

/// Publishes one after the other until there is no answer; the ids of those that were acknowledged.
fn publish(address: SocketAddr, count: &AtomicUsize) -> Vec<String> {
    let mut connection = Connection::open(address).unwrap();
    let mut ids = Vec::new();
    let event = Request::new("POST", "/publish").body(r#"{"n":1,"t":1,"p":"x"}"#);
    while let Ok(answer) = connection.send(&event) {
        assert_eq!(answer.head.status, 200, "{}", answer.text());
        ids.push(answer.text().trim_end().to_owned());
        count.fetch_add(1, Ordering::Relaxed);
    }
    ids
}

/// What comes after an id, up to an event that is published to end it.
fn history(address: SocketAddr, after: &str) -> Vec<Event> {
    let client = Client::connect(address, "/events", after);
    let end = Request::new("POST", "/publish?topic=end").body(r#"{"n":0,"t":0,"p":""}"#);
    let mut connection = Connection::open(address).unwrap();
    let end = connection.send(&end).unwrap().text().trim_end().to_owned();
    let seen = client.wait("the end", |seen| seen.last_event_id == end);
    let is_event = |event: &&Event| !event.data.starts_with(r#"{"n":0,"#);
    seen.ordinary().filter(is_event).cloned().collect()
}

/// A client that takes nothing would hold a server up that waits for it.
fn a_second_signal_does_not_wait(by: Server) {
    let directory = tempfile::tempdir().unwrap();
    let server = start(by, &directory.path().join("data"));
    let mut stalled = Raw::open_narrow(server.address());
    stalled.get("/events");
    stalled.until("sse-open");
    let mut publisher = Connection::open(server.address()).unwrap();
    let padding = "x".repeat(100_000);
    let event =
        Request::new("POST", "/publish").body(format!(r#"{{"n":1,"t":1,"p":"{padding}"}}"#));
    for _ in 0..100 {
        assert_eq!(publisher.send(&event).unwrap().head.status, 200);
    }
    drop(publisher);
    server.ask_to_end();
    // Two signals that come at once are one.
    let is_refused = || TcpStream::connect(server.address()).is_err();
    eventually("it takes nobody new", is_refused);
    server.ask_to_end();
    let began = Instant::now();
    let status = server.ended(Duration::from_secs(60)).expect("it ends");
    assert!(status.success(), "{status}");
    // It would wait for ten seconds, or for ever.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let server = start(by, &directory.path().join("data"));
    assert_eq!(history(server.address(), "earliest").len(), 100);
}

fn a_balancer_hears_of_it_while_there_is_still_an_answer(by: Server) {
    let (signal, asked) = oneshot::channel();
    let (hears, heard) = oneshot::channel::<()>();
    let (mut served, hub) = Served::until(by, async || {
        let hub = Hub::<Tick>::in_memory().unwrap();
        let app = Router::new().route("/ready", get(ready_route)).with_state(hub.clone());
        let signal = async { drop(asked.await) };
        let pause = || async { drop(heard.await) };
        // ANCHOR: pause
        let drained = hub.drained_by(signal);
        let stop = async move {
            drained.await;
            pause().await;
        };
        // ANCHOR_END: pause
        (app, stop, hub)
    });
    let ask = || http::send(served.address(), &Request::new("GET", "/ready")).unwrap().head.status;
    assert_eq!(ask(), 200);
    signal.send(()).unwrap();
    eventually("the hub drains", || matches!(hub.health(), Health::Draining));
    assert_eq!(ask(), 503);
    hears.send(()).unwrap();
    assert!(served.stopped(Duration::from_secs(30)).is_some());
}

// ANCHOR: ready
async fn ready_route(State(hub): State<Hub<Tick>>) -> StatusCode {
    match hub.health() {
        Health::Ready => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
// ANCHOR_END: ready

#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema, SseEvent)]
struct Tick {
    n: u64,
}

/// Who is not in the first group still gets events when those have gone already.
#[tokio::test(start_paused = true)]
async fn a_crowd_ends_group_by_group_while_publishing_goes_on() {
    let hub = Hub::<Tick>::in_memory().unwrap();
    let subscribe = || hub.subscribe(Subscribe::default()).everything();
    let mut crowd: Vec<Subscription<Tick>> = (0..250).map(|_| subscribe()).collect();
    assert!(hub.health().is_ready());
    hub.drained_by(ready(())).await;
    assert!(matches!(hub.health(), Health::Draining));
    assert_eq!(received(&mut subscribe()), (0, true), "it comes too late");

    let mut events = 0;
    for group in [100, 100, 50] {
        tokio::task::yield_now().await;
        for (place, member) in crowd.iter_mut().enumerate() {
            assert_eq!(received(member), (events, place < group), "{place} of {group}");
            // A task may not take so many at once.
            tokio::task::yield_now().await;
        }
        crowd.drain(..group);
        publish_without_time_passing(&hub);
        events = 1;
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    assert!(crowd.is_empty());
}

/// How many events are there for it, and whether the stream is closed then.
fn received(subscription: &mut Subscription<Tick>) -> (usize, bool) {
    let mut events = 0;
    loop {
        let next = pin!(subscription.next());
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Received::Event(_))) => events += 1,
            Poll::Ready(Some(Received::Closed(CloseReason::Drain))) => return (events, true),
            Poll::Pending => return (events, false),
            other => panic!("{other:?}"),
        }
    }
}

/// To await it would make the paused clock go on.
fn publish_without_time_passing(hub: &Hub<Tick>) {
    let before = hub.last_event_id();
    hub.try_publish(Tick { n: 1 }).unwrap();
    eventually("it is published", || hub.last_event_id() != before);
}
