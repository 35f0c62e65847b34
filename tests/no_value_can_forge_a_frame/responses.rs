//! The ways that need a hub: what a subscriber is sent in the body of a response.

use crate::values::Values;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::get;
use http_body_util::BodyExt;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, Snapshot, SseEvent, Subscribe};
use std::sync::{Arc, Mutex};
use support::parser::{self, Event};
use tokio::runtime::Runtime;
use tower::ServiceExt;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

/// An app that tells its subscribers what they asked for, what was published, and its state.
pub(crate) struct App {
    runtime: Runtime,
    hub: Hub<Note>,
    state: Arc<Mutex<String>>,
    router: Router,
}

impl App {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let hub = Hub::<Note>::in_memory().unwrap();
        let state = Arc::new(Mutex::new(String::new()));
        let told = state.clone();
        let with_state = async move |State(hub): State<Hub<Note>>, request: Subscribe| {
            let text = told.lock().unwrap().clone();
            let events = hub.subscribe(request).everything();
            events.snapshot(async move |_| Ok(Snapshot::from(vec![Note { text }])))
        };
        let router = Router::new()
            .route("/events", hub.endpoint())
            .route("/state", get(with_state))
            .with_state(hub.clone());
        App { runtime, hub, state, router }
    }

    /// Puts the values wherever a client or a publisher could, and has the judge read the streams.
    pub(crate) fn check(&self, values: &Values) -> Result<(), TestCaseError> {
        let text = values.payload();
        self.runtime.block_on(async {
            let mut stream = self.open("/events", text).await;
            let before = self.hub.last_event_id().to_string();
            prop_assert_eq!(read(&mut stream).await, opening(text, &before));

            let note = Note { text: text.to_owned() };
            let data = serde_json::to_string(&note).unwrap();
            let id = self.hub.publish(note).await.unwrap().to_string();
            let expected = [Event::new("note", &data, &id)];
            prop_assert_eq!(read(&mut stream).await, expected);

            *self.state.lock().unwrap() = text.to_owned();
            let mut stream = self.open("/state", "").await;
            read(&mut stream).await;
            let cursor = serde_json::json!({ "cursor": id }).to_string();
            let expected = [Event::new("note", data, ""), Event::new("sse-cursor", cursor, &id)];
            prop_assert_eq!(read(&mut stream).await, expected);
            Ok(())
        })
    }

    async fn open(&self, path: &str, last_event_id: &str) -> Body {
        let id: String = last_event_id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request = Request::get(format!("{path}?last_event_id={id}")).body(Body::empty());
        self.router.clone().oneshot(request.unwrap()).await.unwrap().into_body()
    }
}

/// The events of the next chunk.
async fn read(body: &mut Body) -> Vec<Event> {
    let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
    parser::read(&chunk).events
}

/// What a stream begins with for a client that asks for `asked`, which is no id.
fn opening(asked: &str, head: &str) -> Vec<Event> {
    let open = serde_json::json!({ "cursor": head, "resumed": false }).to_string();
    if asked.is_empty() {
        return vec![Event::new("sse-open", open, head)];
    }
    let asked: String = asked.chars().take(64).collect();
    let gap =
        serde_json::to_string(&Gap { reason: "unknown-id", asked: &asked, resumed_after: head });
    vec![Event::new("sse-open", open, ""), Event::new("sse-gap", gap.unwrap(), head)]
}

#[derive(Serialize)]
struct Gap<'a> {
    reason: &'a str,
    asked: &'a str,
    resumed_after: &'a str,
}
