//! Whatever shape an event has and whatever values are in it: the frame that the hub makes of it
//! carries its name and its payload's JSON, and is read back as the same value.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

mod expected;
mod shapes;
mod values;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use expected::expected;
use http_body_util::BodyExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::Value;
use shapes::All;
use sse_framework::{Hub, RawEvent, SseEvent};
use support::parser::{self, Event};
use support::random;
use support::served::in_time;
use tokio::runtime::Runtime;
use tower::ServiceExt;

#[test]
fn every_shape_reads_back() {
    let app = App::new();
    let seed = random::seed();
    let mut runner = TestRunner::new(Config {
        cases: random::cases(2_000),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    });
    let events = proptest::collection::vec(values::all(), 1..12);
    if let Err(error) = runner.run(&events, |events| app.check(&events)) {
        panic!("{error}\nto repeat: SSE_SEED={seed}");
    }
}

struct App {
    runtime: Runtime,
    hub: Hub<All>,
    router: Router,
}

impl App {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let hub = Hub::in_memory().unwrap();
        let router = Router::new().route("/events", hub.endpoint());
        App { runtime, hub, router }
    }

    fn check(&self, events: &[All]) -> Result<(), TestCaseError> {
        let seen = self.runtime.block_on(self.publish(events.to_vec()));
        prop_assert_eq!(seen.len(), events.len());
        for (event, seen) in events.iter().zip(&seen) {
            let (name, payload) = expected(event);
            prop_assert_eq!(&seen.name, name);
            let read: Value = serde_json::from_str(&seen.data).unwrap();
            prop_assert_eq!(&read, &payload, "{:?}", event);
            prop_assert_eq!(&decode(name, &seen.data), event);
            // Order and spacing of the JSON are the writer's choice, and alternative names the
            // reader's.
            prop_assert_eq!(&decode(name, &format!("{payload:#}")), event);
            let aliased = serde_json::to_string(&with_alias(payload)).unwrap();
            prop_assert_eq!(&decode(name, &aliased), event);
        }
        Ok(())
    }

    /// What a client is sent that is there when they are published.
    async fn publish(&self, events: Vec<All>) -> Vec<Event> {
        let request = Request::get("/events").body(Body::empty()).unwrap();
        let mut body = self.router.clone().oneshot(request).await.unwrap().into_body();
        let count = events.len();
        self.hub.publish_all(events).await.unwrap();
        let mut stream = Vec::new();
        loop {
            let seen = parser::read(&stream).events.into_iter();
            let seen: Vec<_> = seen.filter(|event| !event.name.starts_with("sse-")).collect();
            if seen.len() >= count {
                return seen;
            }
            let frame = in_time("a frame", body.frame()).await.unwrap().unwrap();
            stream.extend(frame.into_data().unwrap());
        }
    }
}

fn decode(name: &str, data: &str) -> All {
    All::decode(RawEvent { name, version: 1, data: data.as_bytes() }).unwrap()
}

/// The payload under the other name that one of the fields has for reading.
fn with_alias(mut payload: Value) -> Value {
    let fields = payload.as_object_mut();
    if let Some((fields, value)) = fields.and_then(|f| f.remove("newName").map(|value| (f, value)))
    {
        fields.insert("oldName".to_owned(), value);
    }
    payload
}
