//! A snapshot is sent to who is new or missed something, whole or again, and then every change.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    EventId, Hub, MemoryLog, OnGap, Retention, Snapshot, SseEvent, Start, Subscribe, TopicFilter,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::client::{Client, End, Seen};
use support::http::{self, Body, Connection, Request};
use support::parser;
use support::served::{Served, Server, eventually};
use tokio::sync::Notify;

support::by_every_server!(
    a_new_client_gets_the_state_and_then_every_change,
    who_is_cut_off_in_it_gets_it_anew_and_who_resumes_gets_none,
    who_missed_events_is_told_and_gets_the_state,
    a_snapshot_that_fails_ends_the_stream_and_the_client_may_try_again,
    a_snapshot_that_panics_fails,
    a_large_snapshot_comes_in_pieces_and_moves_the_client_once_it_is_whole,
    a_large_snapshot_ends_when_the_hub_ends_it,
    while_it_is_made_heartbeats_move_nobody,
    a_position_that_is_gone_when_the_snapshot_is_sent_is_a_gap,
    nothing_is_computed_for_who_gets_no_snapshot,
    who_asks_for_nothing_gets_the_state_wherever_the_app_lets_it_begin,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "stock/{item}")]
struct StockChanged {
    item: String,
    left: u32,
}

fn stock(item: &str, left: u32) -> StockChanged {
    StockChanged { item: item.to_owned(), left }
}

/// What the app knows: its stock, and the id of the event that changed it last.
type Warehouse = Arc<Mutex<(Vec<StockChanged>, Option<EventId>)>>;

#[derive(Clone)]
struct App {
    hub: Hub<StockChanged>,
    unwritable: Hub<Unwritable>,
    warehouse: Warehouse,
    /// How many snapshots were asked for.
    asked: Arc<AtomicUsize>,
    /// A snapshot that waits for this is made when it has come.
    ready: Arc<Notify>,
}

// ANCHOR: snapshot
async fn events(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    let cups = TopicFilter::under(["stock", "cup"]);
    app.hub.subscribe(request).topics([cups]).snapshot(async move |_| {
        let (events, id) = app.warehouse.lock().unwrap().clone();
        let snapshot = Snapshot::from(events);
        Ok(if let Some(id) = id { snapshot.at(id) } else { snapshot })
    })
}
// ANCHOR_END: snapshot

async fn cut_off(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    let hub = app.hub.clone();
    app.hub.subscribe(request).everything().snapshot(async move |_| {
        hub.disconnect_all();
        std::future::pending().await
    })
}

async fn broken(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    app.hub.subscribe(request).everything().snapshot(async |_| Err("no database".into()))
}

async fn panics(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    app.hub.subscribe(request).everything().snapshot(async |_| panic!("as a test asked for"))
}

/// An event whose `Serialize` panics.
#[derive(Deserialize, JsonSchema, SseEvent)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("as a test asked for")
    }
}

async fn unwritable(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    let state = async |_| Ok(Snapshot::from(vec![Unwritable]));
    app.unwritable.subscribe(request).everything().snapshot(state)
}

/// Some megabytes.
const LARGE: u32 = 80_000;

async fn large(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    app.hub.subscribe(request).everything().snapshot(async |_| {
        let name = "a cup with a long name, of which there are many".repeat(2);
        Ok(Snapshot::from((0..LARGE).map(|left| stock(&name, left)).collect::<Vec<_>>()))
    })
}

/// Computed by the call itself, not by what it returns.
async fn counted(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    app.hub.subscribe(request).on_gap(OnGap::Refuse).everything().snapshot(move |_| {
        app.asked.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(Snapshot::from(vec![stock("cup", 1)])))
    })
}

async fn slow(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    app.hub.subscribe(request).topics(["stock/cup".parse().unwrap()]).snapshot(async move |_| {
        app.asked.fetch_add(1, Ordering::Relaxed);
        app.ready.notified().await;
        Ok(Snapshot::from(vec![stock("cup", 1)]))
    })
}

/// A new client's stream begins after an event of the app's choosing.
async fn begun(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    let at = app.warehouse.lock().unwrap().1;
    let start = at.map_or(Start::Oldest, Start::After);
    let state = async |_| Ok(Snapshot::from(vec![stock("cup", 1)]));
    app.hub.subscribe(request).start(start).everything().snapshot(state)
}

fn serve(server: Server) -> (Served, App) {
    Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).retention(Retention::forever().events(3));
        let hub = hub.heartbeat(Duration::from_millis(50)).start().await.unwrap();
        let (warehouse, asked, ready) = Default::default();
        let app = App { hub, unwritable: Hub::in_memory().unwrap(), warehouse, asked, ready };
        let router = Router::new()
            .route("/large", get(large))
            .route("/counted", get(counted))
            .route("/slow", get(slow))
            .route("/begun", get(begun))
            .route("/events", get(events))
            .route("/cut-off", get(cut_off))
            .route("/broken", get(broken))
            .route("/panics", get(panics))
            .route("/unwritable", get(unwritable))
            .with_state(app.clone());
        (router, app)
    })
}

fn publish(served: &Served, app: &App, event: StockChanged) -> EventId {
    served.block_on(app.hub.publish(event)).unwrap()
}

/// What the client has been told of the stock, once it is this much.
fn told(client: &Client, count: usize) -> (Seen, Vec<StockChanged>) {
    let seen = client.wait("the stock", |seen| seen.ordinary().count() >= count);
    let stock = seen.ordinary().map(|event| serde_json::from_str(&event.data).unwrap()).collect();
    (seen, stock)
}

/// The events by their names.
fn names(seen: &Seen) -> Vec<&str> {
    seen.events.iter().map(|event| event.name.as_str()).collect()
}

fn a_new_client_gets_the_state_and_then_every_change(server: Server) {
    let (served, app) = serve(server);
    let id = publish(&served, &app, stock("cup", 5));
    // The state is older than the newest event: the stream goes on after what the state includes.
    *app.warehouse.lock().unwrap() = (vec![stock("cup", 5), stock("pan", 1)], Some(id));
    publish(&served, &app, stock("cup", 4));

    let client = Client::connect(served.address(), "/events", "");
    let (seen, stocks) = told(&client, 2);
    assert_eq!(names(&seen), ["sse-open", "stock-changed", "sse-cursor", "stock-changed"]);
    assert_eq!(seen.events[1].id, "", "the state moves nobody");
    assert_eq!(seen.events[2].id, id.to_string());
    assert_eq!(stocks, [stock("cup", 5), stock("cup", 4)]);

    publish(&served, &app, stock("pan", 0));
    publish(&served, &app, stock("cup", 3));
    assert_eq!(told(&client, 3).1[2], stock("cup", 3));
}

fn who_is_cut_off_in_it_gets_it_anew_and_who_resumes_gets_none(server: Server) {
    let (served, app) = serve(server);
    app.warehouse.lock().unwrap().0 = vec![stock("cup", 5), stock("cup", 4)];
    let seen = Client::connect(served.address(), "/cut-off", "").ended();
    assert_eq!((names(&seen), seen.end), (vec!["sse-open", "sse-close"], Some(End::Whole)));

    let client = Client::connect(served.address(), "/events", &seen.last_event_id);
    assert_eq!(told(&client, 2).1, [stock("cup", 5), stock("cup", 4)]);
    let seen = client.wait("its end", |seen| !seen.named("sse-cursor").is_empty());
    drop(client);

    publish(&served, &app, stock("cup", 3));
    let client = Client::connect(served.address(), "/events", &seen.last_event_id);
    assert_eq!(told(&client, 1).1, [stock("cup", 3)], "no snapshot again");
}

fn who_missed_events_is_told_and_gets_the_state(server: Server) {
    let (served, app) = serve(server);
    let client = Client::connect(served.address(), "/events", "");
    client.wait("the state", |seen| !seen.named("sse-cursor").is_empty());
    let id = client.leave().last_event_id;
    for left in (0..9).rev() {
        publish(&served, &app, stock("cup", left));
    }
    app.warehouse.lock().unwrap().0 = vec![stock("cup", 0)];
    let client = Client::connect(served.address(), "/events", &id);
    let seen = client.wait("the state", |seen| !seen.named("sse-cursor").is_empty());
    assert_eq!(names(&seen), ["sse-open", "sse-gap", "stock-changed", "sse-cursor"]);
    assert!(seen.events[1].data.contains("trimmed"), "{:?}", seen.events);
    assert_eq!(told(&client, 1).1, [stock("cup", 0)]);
    assert_eq!(seen.last_event_id, app.hub.last_event_id().to_string());
}

fn a_snapshot_that_fails_ends_the_stream_and_the_client_may_try_again(server: Server) {
    let (served, _app) = serve(server);
    let seen = Client::connect(served.address(), "/broken", "").ended();
    assert_eq!((names(&seen), seen.end), (vec!["sse-open", "sse-close"], Some(End::Whole)));
    assert_eq!(seen.events[1].data, r#"{"reason":"failed"}"#);
    assert_eq!(seen.last_event_id, "");
}

/// When it is made, or when it is rendered.
fn a_snapshot_that_panics_fails(server: Server) {
    let (served, _app) = serve(server);
    for target in ["/panics", "/unwritable"] {
        let seen = Client::connect(served.address(), target, "").ended();
        assert_eq!((names(&seen), seen.end), (vec!["sse-open", "sse-close"], Some(End::Whole)));
        assert_eq!(seen.events[1].data, r#"{"reason":"failed"}"#, "{target}");
        assert_eq!(seen.last_event_id, "", "{target}");
    }
}

/// A stream that is read piece by piece.
fn large_stream(served: &Served, last_event_id: &str) -> Body {
    let connection = Connection::open(served.address()).unwrap();
    let (head, body) = connection.into_stream(&Request::stream("/large", last_event_id)).unwrap();
    assert_eq!(head.status, 200);
    body
}

fn a_large_snapshot_comes_in_pieces_and_moves_the_client_once_it_is_whole(server: Server) {
    let (served, app) = serve(server);
    publish(&served, &app, stock("cup", 5));
    // The first one is cut off in the middle.
    let mut cut_off = large_stream(&served, "");
    let mut bytes = Vec::new();
    while bytes.len() < 1 << 20 {
        bytes.extend(cut_off.piece().unwrap().unwrap());
    }
    drop(cut_off);
    assert_eq!(parser::read_after("", &bytes).last_event_id, "", "it would not get it anew");

    let mut body = large_stream(&served, "");
    let (mut bytes, mut longest) = (Vec::new(), 0);
    while !bytes.windows(10).rev().take(200).any(|end| end == b"sse-cursor") {
        let piece = body.piece().unwrap().unwrap();
        longest = longest.max(piece.len());
        bytes.extend(piece);
    }
    let seen = parser::read_after("", &bytes);
    let state = seen.events.iter().filter(|event| event.name == "stock-changed");
    let left = state.map(|event| serde_json::from_str::<StockChanged>(&event.data).unwrap().left);
    assert!(left.eq(0..LARGE));
    assert!(bytes.len() > 8_000_000 && longest < 256 << 10, "{} in {longest}", bytes.len());
    assert_eq!(seen.last_event_id, app.hub.last_event_id().to_string());

    publish(&served, &app, stock("cup", 4));
    let mut bytes = body.piece().unwrap().unwrap();
    while !String::from_utf8_lossy(&bytes).contains("stock-changed") {
        bytes.extend(body.piece().unwrap().unwrap());
    }
    drop(body);
    let after = Request::stream("/large", &seen.last_event_id);
    let (_, mut body) = Connection::open(served.address()).unwrap().into_stream(&after).unwrap();
    let mut bytes = body.piece().unwrap().unwrap();
    while !String::from_utf8_lossy(&bytes).contains("stock-changed") {
        bytes.extend(body.piece().unwrap().unwrap());
    }
    assert_eq!(parser::read_after("", &bytes).events[1].data, r#"{"item":"cup","left":4}"#);
}

/// The client takes nothing meanwhile, and no buffer takes so much, so that it is not over by itself.
fn a_large_snapshot_ends_when_the_hub_ends_it(server: Server) {
    let (served, app) = serve(server);
    let mut body = large_stream(&served, "");
    let mut bytes = [body.piece().unwrap().unwrap(), body.piece().unwrap().unwrap()].concat();
    app.hub.disconnect_all();
    while let Some(piece) = body.piece().unwrap() {
        bytes.extend(piece);
    }
    let seen = parser::read_after("", &bytes);
    let last = seen.events.last().unwrap();
    assert_eq!((&*last.name, &*last.data), ("sse-close", r#"{"reason":"disconnected"}"#));
    assert!(seen.events.len() < LARGE as usize, "{}", seen.events.len());
    assert_eq!(seen.last_event_id, "");
}

fn while_it_is_made_heartbeats_move_nobody(server: Server) {
    let (served, app) = serve(server);
    let client = Client::connect(served.address(), "/slow", "");
    eventually("it is asked", || app.asked.load(Ordering::Relaxed) == 1);
    publish(&served, &app, stock("pan", 1));
    let seen = client.wait("heartbeats", |seen| seen.comments >= 3);
    assert_eq!((names(&seen), seen.last_event_id.as_str()), (vec!["sse-open"], ""));
    app.ready.notify_one();
    let newest = app.hub.last_event_id().to_string();
    let seen = client.wait("what others were told", |seen| seen.last_event_id == newest);
    assert_eq!(names(&seen), ["sse-open", "stock-changed", "sse-cursor", "sse-cursor"]);
}

fn a_position_that_is_gone_when_the_snapshot_is_sent_is_a_gap(server: Server) {
    let (served, app) = serve(server);
    let client = Client::connect(served.address(), "/slow", "");
    eventually("it is asked", || app.asked.load(Ordering::Relaxed) == 1);
    for left in 0..9 {
        publish(&served, &app, stock("cup", left));
    }
    app.ready.notify_one();
    let (seen, stocks) = told(&client, 4);
    assert_eq!(names(&seen)[..3], ["sse-open", "stock-changed", "sse-gap"]);
    assert!(seen.events[2].data.contains("trimmed"), "{:?}", seen.events);
    assert_eq!(stocks[1..], [stock("cup", 6), stock("cup", 7), stock("cup", 8)]);
}

fn nothing_is_computed_for_who_gets_no_snapshot(server: Server) {
    let (served, app) = serve(server);
    let id = publish(&served, &app, stock("cup", 5)).to_string();
    let head = http::send(served.address(), &Request::new("HEAD", "/counted")).unwrap();
    assert_eq!(head.head.status, 200);
    let stranger = Request::stream("/counted", "0-17");
    assert_eq!(http::send(served.address(), &stranger).unwrap().head.status, 204);
    let client = Client::connect(served.address(), "/counted", &id);
    publish(&served, &app, stock("cup", 4));
    assert_eq!(told(&client, 1).1, [stock("cup", 4)]);
    assert_eq!(app.asked.load(Ordering::Relaxed), 0);
    let client = Client::connect(served.address(), "/counted", "");
    assert_eq!(told(&client, 1).1, [stock("cup", 1)]);
    assert_eq!(app.asked.load(Ordering::Relaxed), 1);
}

fn who_asks_for_nothing_gets_the_state_wherever_the_app_lets_it_begin(server: Server) {
    let (served, app) = serve(server);
    let id = publish(&served, &app, stock("cup", 2));
    publish(&served, &app, stock("cup", 1));
    for at in [None, Some(id)] {
        app.warehouse.lock().unwrap().1 = at;
        let client = Client::connect(served.address(), "/begun", "");
        let seen = client.wait("the state", |seen| !seen.named("sse-cursor").is_empty());
        assert_eq!(names(&seen), ["sse-open", "stock-changed", "sse-cursor"], "{at:?}");
        assert!(seen.events[0].data.contains(r#""resumed":false"#), "{at:?}: {:?}", seen.events);
        assert_eq!(seen.events[1].data, r#"{"item":"cup","left":1}"#, "{at:?}");
    }
    let client = Client::connect(served.address(), "/begun", &id.to_string());
    let (seen, _) = told(&client, 1);
    assert_eq!(names(&seen), ["sse-open", "stock-changed"], "it goes on where it was");
    assert!(seen.events[0].data.contains(r#""resumed":true"#), "{:?}", seen.events);
}
