//! Whatever shape an event has and whatever values are in it: the frame that the hub makes of it
//! carries its name and its payload's JSON, is as its schema says, and is read back as the same value.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

mod expected;
mod shapes;
mod values;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use expected::expected;
use http_body_util::BodyExt;
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use schemars::generate::Contract;
use serde_json::Value;
use shapes::All;
use sse_framework::{EventType, Hub, RawEvent, SseEvent};
use std::collections::HashMap;
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
    /// By the event type's name, of what is written and of what can be read.
    schemas: HashMap<&'static str, [Validator; 2]>,
}

impl App {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let hub = Hub::in_memory().unwrap();
        let router = Router::new().route("/events", hub.endpoint());
        let schemas = All::TYPES.iter().map(|it| (it.name(), validators(it))).collect();
        App { runtime, hub, router, schemas }
    }

    fn check(&self, events: &[All]) -> Result<(), TestCaseError> {
        let seen = self.runtime.block_on(self.publish(events.to_vec()));
        prop_assert_eq!(seen.len(), events.len());
        for (event, seen) in events.iter().zip(&seen) {
            let (name, payload) = expected(event);
            prop_assert_eq!(&seen.name, name);
            let read: Value = serde_json::from_str(&seen.data).unwrap();
            prop_assert_eq!(&read, &payload, "{:?}", event);
            for schema in &self.schemas[name] {
                prop_assert!(
                    schema.is_valid(&read),
                    "{} is not as its schema says: {}",
                    name,
                    read
                );
            }
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

/// None is missing, and none lets everything through.
fn validators(event_type: &EventType) -> [Validator; 2] {
    [Contract::Serialize, Contract::Deserialize].map(|contract| {
        let name = event_type.name();
        let schema =
            event_type.schema_of(contract).unwrap_or_else(|| panic!("{name} has a schema"));
        let validator = jsonschema::draft202012::new(schema.as_value()).unwrap();
        let anything = [Value::Null, 1.into(), "a".into(), Value::Array(Vec::new())];
        assert!(!anything.iter().all(|value| validator.is_valid(value)), "{name} says nothing");
        validator
    })
}

fn decode(name: &str, data: &str) -> All {
    All::decode(RawEvent::new(name, 1, data.as_bytes())).unwrap()
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
