//! Log lines tell what went wrong, and never what was in an event.

use axum::response::IntoResponse;
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    CloseReason, DecodeError, EncodeError, EventType, Hub, RawEvent, Received, Snapshot, SseEvent,
    Start, Subscribe, Topic,
};
use std::error::Error;
use support::log_lines::Captured;

const SECRET: &str = "hunter2";

/// Written with one shape and read with another, as after a deployment that broke it; or not
/// written at all.
#[derive(Debug)]
struct Fickle {
    fails: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "fickle")]
struct Written {
    password: String,
}

impl SseEvent for Fickle {
    const TYPES: &'static [EventType] = Written::TYPES;

    fn event_type(&self) -> &'static EventType {
        &Self::TYPES[0]
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        Ok(None)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.fails {
            let source = <serde_json::Error as serde::ser::Error>::custom("a lock is poisoned");
            return Err(EncodeError::Json { name: "fickle", source });
        }
        Written { password: SECRET.into() }.encode(out)
    }

    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
        #[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
        #[sse(name = "fickle")]
        struct Read {
            password: u64,
        }
        Read::decode(event).map(|_| Fickle { fails: false })
    }
}

/// An event whose `Serialize` panics, if it is so asked, and whose `Deserialize` always does.
#[derive(JsonSchema, SseEvent)]
#[sse(name = "fickle")]
struct Panicky {
    unwritable: bool,
}

impl Serialize for Panicky {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(!self.unwritable, "{SECRET}");
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Panicky {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("{SECRET}")
    }
}

/// Everything that an error says, with its sources.
fn whole(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    sources.map(|error| format!("{error} {error:?}\n")).collect()
}

#[test]
fn log_lines_and_errors_tell_what_failed_but_no_payload() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_writer(captured.clone()).with_ansi(false);
    let subscriber = subscriber.with_max_level(tracing::Level::TRACE).finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let hub = Hub::<Fickle>::in_memory().unwrap();
            let error = hub.publish(Fickle { fails: true }).await.unwrap_err();
            let told = whole(&error);
            assert!(told.contains("a lock is poisoned") && !told.contains(SECRET), "{told}");

            let id = hub.publish(Fickle { fails: false }).await.unwrap();
            let all = hub.subscribe(Subscribe::default()).start(Start::Oldest);
            let mut all = all.everything();
            let Some(Received::Gap(gap)) = all.next().await else { panic!("it cannot be read") };
            assert_eq!(gap.resumed_after, id);
            assert!(captured.text().contains(&id.to_string()), "{}", captured.text());

            let hub = Hub::<Written>::in_memory().unwrap();
            hub.publish(Written { password: SECRET.into() }).await.unwrap();
            let all = hub.subscribe(Subscribe::default()).start(Start::Oldest);
            let mut all = all.filter(|event: &Written| panic!("{event:?}")).everything();
            let end = all.next().await;
            assert!(matches!(end, Some(Received::Closed(CloseReason::Failed))), "{end:?}");

            let hub = Hub::<Panicky>::in_memory().unwrap();
            hub.publish(Panicky { unwritable: false }).await.unwrap();
            let all = hub.subscribe(Subscribe::default()).start(Start::Oldest);
            let next = all.everything().next().await;
            assert!(matches!(next, Some(Received::Gap(_))), "it cannot be read");
            for made in [true, false] {
                let state = async move |_| {
                    assert!(made, "{SECRET}");
                    Ok(Snapshot::from(vec![Panicky { unwritable: true }]))
                };
                let new = hub.subscribe(Subscribe::default()).everything().snapshot(state);
                let body = new.into_response().into_body().collect().await.unwrap().to_bytes();
                assert!(String::from_utf8_lossy(&body).contains("sse-close"), "{body:?}");
            }
        });
    });
    let lines = captured.text();
    assert!(lines.contains("records cannot be read as events"), "{lines}");
    assert!(lines.contains("ERROR") && lines.contains("a filter panicked"), "{lines}");
    assert!(lines.contains("the app's code for the record panicked"), "{lines}");
    assert_eq!(lines.matches("a snapshot could not be had").count(), 2, "{lines}");
    assert!(!lines.contains(SECRET), "{lines}");
}
