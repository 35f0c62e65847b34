//! What small servers of this lineage have always done, each over a real socket: a retry interval,
//! a count of clients, closing them all, shutting down, ordered delivery, slow clients, heartbeats,
//! log lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod crowd;
mod ends;
mod logs;
mod starts;
mod streams;

use axum::Router;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, HubBuilder, MemoryLog, SseEvent};
use support::parser::Event;
use support::served::{Served, Server};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
}

/// Serves a hub at `/events`.
fn serve(
    server: Server,
    set: impl FnOnce(HubBuilder<Count>) -> HubBuilder<Count>,
) -> (Served, Hub<Count>) {
    Served::new(server, async || {
        let hub = set(Hub::builder(MemoryLog::new())).start().await.unwrap();
        (Router::new().route("/events", hub.endpoint()), hub)
    })
}

fn publish(served: &Served, hub: &Hub<Count>, n: u64) -> String {
    served.block_on(hub.publish(Count { n })).unwrap().to_string()
}

fn number(event: &Event) -> u64 {
    serde_json::from_str::<Count>(&event.data).unwrap().n
}
