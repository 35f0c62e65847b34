//! Who asks for what was published since a time gets all of that and nothing else, and is told if
//! some of it may be gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod endpoints;
mod lookups;
mod requests;
mod subscriptions;

use axum::routing::{MethodRouter, get};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, Received, SseEvent, Start, Subscribe, Subscription, SubscriptionBuilder};
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};
use support::client::{Client, Seen};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
}

const MOMENT: Duration = Duration::from_millis(1);

async fn publish(hub: &Hub<Count>, numbers: RangeInclusive<u64>) {
    hub.publish_all(numbers.map(|n| Count { n })).await.unwrap();
}

/// Publishes events in groups of three, of which each has a time of its own.
async fn groups(hub: &Hub<Count>, groups: RangeInclusive<u64>) {
    for group in groups {
        publish(hub, group * 3 - 2..=group * 3).await;
        tokio::time::sleep(3 * MOMENT).await;
    }
}

/// The times of all events, in order.
async fn times(hub: &Hub<Count>) -> Vec<SystemTime> {
    let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    let mut times = Vec::new();
    while all.position() != hub.last_event_id() {
        match all.next().await {
            Some(Received::Event(delivered)) => times.push(delivered.time),
            other => panic!("{other:?}"),
        }
    }
    times
}

fn text(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap()
}

fn since(time: SystemTime) -> String {
    format!("/events?since={}", text(time))
}

/// The number of the first event that was published then or later; if none was, of the next.
fn first_of(times: &[SystemTime], time: SystemTime) -> u64 {
    times.partition_point(|other| *other < time) as u64 + 1
}

fn numbers(seen: &Seen) -> Vec<u64> {
    seen.ordinary().map(|event| serde_json::from_str::<Count>(&event.data).unwrap().n).collect()
}

/// Waits until a client has been shown a number, and gives all that it has been shown.
#[track_caller]
fn until(client: &Client, last: u64) -> Seen {
    client.wait("the last", |seen| numbers(seen).contains(&last))
}

fn route<F>(hub: &Hub<Count>, choose: F) -> MethodRouter
where
    F: Fn(SubscriptionBuilder<Count>) -> Subscription<Count> + Clone + Send + Sync + 'static,
{
    let hub = hub.clone();
    get(async move |request: Subscribe| choose(hub.subscribe(request)))
}
