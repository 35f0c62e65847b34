//! A stream that leaves hyper is like any other: the same bytes arrive, the same layers see them,
//! the same connection serves what comes after it, and it ends as any other does.
//!
//! What both servers promise runs by both of them. In either case the hub's figures must say that
//! the stream was served as it should be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod bodies;
mod bytes_on_the_wire;
mod clients;
mod layers;
mod protocols;
mod requests;
mod shutdown;

use axum::Router;
use axum::routing::{get, post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, HubBuilder, MemoryLog, SseEvent};
use std::time::Duration;
use support::client::Client;
use support::parser::Event;
use support::served::{Served, Server, eventually};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    padding: String,
}

fn count(n: u64) -> Count {
    Count { n, padding: String::new() }
}

fn number(event: &Event) -> u64 {
    serde_json::from_str::<Count>(&event.data).unwrap().n
}

/// A stream, and a page that is none.
fn app(hub: &Hub<Count>) -> Router {
    Router::new()
        .route("/events", hub.endpoint())
        .route("/page", get(|| async { "a page" }))
        .route("/echo", post(|body: String| async { body }))
}

/// Without heartbeats: one would serve a stream that was forgotten, and nobody would notice.
fn builder() -> HubBuilder<Count> {
    Hub::builder(MemoryLog::new()).heartbeat(Duration::from_secs(3600))
}

async fn hub() -> Hub<Count> {
    builder().start().await.unwrap()
}

/// Serves what `layered` makes of the app.
fn serve(server: Server, layered: impl FnOnce(Router) -> Router) -> (Served, Hub<Count>) {
    Served::new(server, async || {
        let hub = hub().await;
        (layered(app(&hub)), hub)
    })
}

fn publish(served: &Served, hub: &Hub<Count>, n: u64) {
    served.block_on(hub.publish(count(n))).unwrap();
}

/// A client that has read the opening of its stream.
fn listener(served: &Served, target: &str) -> Client {
    let client = Client::connect(served.address(), target, "");
    client.wait("sse-open", |seen| !seen.events.is_empty());
    client
}

/// Whether a stream leaves hyper under the server that may take it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    Hyper,
    Nothing,
}

/// Waits until so many streams are open, all served as they should be.
#[track_caller]
fn open(hub: &Hub<Count>, server: Server, leaves: Leaves, streams: usize) {
    let by_writer =
        if server == Server::Framework && leaves == Leaves::Hyper { streams } else { 0 };
    served_by(hub, by_writer, streams - by_writer);
}

/// Waits until so many streams are open, served by the writer and by bodies.
#[track_caller]
fn served_by(hub: &Hub<Count>, writer: usize, bodies: usize) {
    let expected = (writer, bodies, writer + bodies);
    eventually(&format!("streams by the writer, by bodies, and all: {expected:?}"), || {
        let stats = hub.stats();
        (stats.streams_by_writer, stats.streams_by_body, stats.subscriptions) == expected
    });
}

/// Waits until nobody is connected, and nothing is counted.
#[track_caller]
fn nobody(hub: &Hub<Count>) {
    eventually("the counts are 0 again", || {
        let stats = hub.stats();
        (stats.subscriptions, stats.streams_by_body, stats.streams_by_writer) == (0, 0, 0)
    });
}
