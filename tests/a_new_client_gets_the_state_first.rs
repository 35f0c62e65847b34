//! A snapshot is sent to who is new or missed something, whole or again, and then every change.
#![allow(clippy::unwrap_used, reason = "that is how a test fails")]

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use sse_framework::testing::{TestClient, TestError, TestStream};
use sse_framework::{
    EventId, Hub, MemoryLog, Retention, Snapshot, SseEvent, Subscribe, TopicFilter,
};
use std::sync::{Arc, Mutex};

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

async fn broken(State(app): State<App>, request: Subscribe) -> impl IntoResponse {
    app.hub.subscribe(request).everything().snapshot(async |_| Err("no database".into()))
}

async fn app() -> (App, TestClient) {
    let retention = Retention::forever().events(3);
    let hub = Hub::builder(MemoryLog::new()).retention(retention).start().await.unwrap();
    let app = App { hub, warehouse: Warehouse::default() };
    let router = Router::new()
        .route("/events", get(events))
        .route("/broken", get(broken))
        .with_state(app.clone());
    (app, TestClient::new(router))
}

async fn snapshot_end(stream: &mut TestStream) -> Result<(), TestError> {
    stream.named("sse-cursor").await.map(drop)
}

#[tokio::test]
async fn a_new_client_gets_the_state_and_then_every_change() -> Result<(), TestError> {
    let (app, client) = app().await;
    let id = app.hub.publish(stock("cup", 5)).await.unwrap();
    // The state is older than the newest event: the stream goes on after what the state includes.
    *app.warehouse.lock().unwrap() = (vec![stock("cup", 5), stock("pan", 1)], Some(id));
    app.hub.publish(stock("cup", 4)).await.unwrap();

    let mut stream = client.subscribe("/events").await?;
    let state = stream.next().await?.unwrap();
    assert_eq!((state.name.as_str(), state.last_event_id.as_str()), ("stock-changed", ""));
    snapshot_end(&mut stream).await?;
    assert_eq!(stream.last_event_id(), id.to_string());
    assert_eq!(stream.event::<StockChanged>().await?, stock("cup", 4));

    app.hub.publish(stock("pan", 0)).await.unwrap();
    app.hub.publish(stock("cup", 3)).await.unwrap();
    assert_eq!(stream.event::<StockChanged>().await?, stock("cup", 3));
    Ok(())
}

#[tokio::test]
async fn who_is_cut_off_in_it_gets_it_anew_and_who_resumes_gets_none() -> Result<(), TestError> {
    let (app, client) = app().await;
    app.warehouse.lock().unwrap().0 = vec![stock("cup", 5), stock("cup", 4)];
    let mut stream = client.subscribe("/events").await?;
    stream.event::<StockChanged>().await?;
    let mut stream = stream.disconnect().resume().await?;
    assert_eq!(stream.event::<StockChanged>().await?, stock("cup", 5));
    assert_eq!(stream.event::<StockChanged>().await?, stock("cup", 4));
    snapshot_end(&mut stream).await?;

    let away = stream.disconnect();
    app.hub.publish(stock("cup", 3)).await.unwrap();
    let mut stream = away.resume().await?;
    assert_eq!(stream.event::<StockChanged>().await?, stock("cup", 3), "no snapshot again");
    Ok(())
}

#[tokio::test]
async fn who_missed_events_is_told_and_gets_the_state() -> Result<(), TestError> {
    let (app, client) = app().await;
    let mut stream = client.subscribe("/events").await?;
    snapshot_end(&mut stream).await?;
    let away = stream.disconnect();
    for left in (0..9).rev() {
        app.hub.publish(stock("cup", left)).await.unwrap();
    }
    app.warehouse.lock().unwrap().0 = vec![stock("cup", 0)];
    let mut stream = away.resume().await?;
    let gap = stream.named("sse-gap").await?;
    assert!(gap.data.contains("trimmed"), "{gap:?}");
    assert_eq!(stream.event::<StockChanged>().await?, stock("cup", 0));
    snapshot_end(&mut stream).await?;
    assert_eq!(stream.last_event_id(), app.hub.last_event_id().to_string());
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_fails_ends_the_stream_and_the_client_may_try_again() {
    let (_app, client) = app().await;
    let mut stream = client.subscribe("/broken").await.unwrap();
    let close = stream.named("sse-close").await.unwrap();
    assert_eq!(close.data, r#"{"reason":"failed"}"#);
    assert!(stream.next().await.unwrap().is_none());
    assert_eq!(stream.last_event_id(), "");
}
