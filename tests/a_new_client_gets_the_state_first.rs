//! A snapshot is sent to who is new or missed something, whole or again, and then every change.
#![allow(clippy::unwrap_used, reason = "that is how a test fails")]

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use sse_framework::{
    EventId, Hub, MemoryLog, Retention, Snapshot, SseEvent, Subscribe, TopicFilter,
};
use std::sync::{Arc, Mutex};
use support::client::{Client, End, Seen};
use support::served::{Served, Server};

support::by_every_server!(
    a_new_client_gets_the_state_and_then_every_change,
    who_is_cut_off_in_it_gets_it_anew_and_who_resumes_gets_none,
    who_missed_events_is_told_and_gets_the_state,
    a_snapshot_that_fails_ends_the_stream_and_the_client_may_try_again,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SseEvent)]
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
    warehouse: Warehouse,
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

fn serve(server: Server) -> (Served, App) {
    Served::new(server, async || {
        let retention = Retention::forever().events(3);
        let hub = Hub::builder(MemoryLog::new()).retention(retention).start().await.unwrap();
        let app = App { hub, warehouse: Warehouse::default() };
        let router = Router::new()
            .route("/events", get(events))
            .route("/cut-off", get(cut_off))
            .route("/broken", get(broken))
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
