//! A language model answers, word by word. Reload the page in the middle of an answer, or kill the
//! server and start it again: the text goes on where it was, and when the answer is over the stream
//! is, too.
//!
//! ```sh
//! cargo run -p example-tokens
//! ```

mod model;
#[cfg(test)]
mod tests;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    Hub, PublishError, Received, SledLog, SseEvent, Start, Subscribe, Topic, TopicError,
};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use tokio::net::TcpListener;

// ANCHOR: events
/// Somebody has asked something. The id of this event is the name of the answer.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "questions")]
struct Asked {
    prompt: String,
}

/// The next piece of an answer.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "answers/{answer}")]
struct Token {
    answer: String,
    text: String,
}

/// All that happens here.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum ModelEvent {
    Asked(Asked),
    Token(Token),
}
// ANCHOR_END: events

/// How long the model thinks about a token.
const PACE: Duration = Duration::from_millis(40);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let log = SledLog::new(setting("DATA", "data/tokens"));
    let hub = Hub::builder(log).retry(Duration::from_millis(500)).start().await?;
    for (answer, begun) in unfinished(&hub).await {
        tokio::spawn(write(hub.clone(), answer, begun, PACE));
    }
    let listener = TcpListener::bind(("127.0.0.1", setting("PORT", "3000").parse()?)).await?;
    println!("Open http://{} in a browser.", listener.local_addr()?);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    sse_framework::serve(listener, app(hub.clone(), PACE))
        .with_graceful_shutdown(hub.drained_by(stop))
        .await?;
    hub.shutdown().await?;
    Ok(())
}

/// What the handlers share.
#[derive(Clone)]
struct App {
    hub: Hub<ModelEvent>,
    pace: Duration,
}

/// The app, without a socket: tests call it as it is.
fn app(hub: Hub<ModelEvent>, pace: Duration) -> Router {
    Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/answers", post(ask))
        .route("/answers/{answer}", get(listen))
        .with_state(App { hub, pace })
}

// ANCHOR: ask
/// Answers at once, with the name of an answer that is yet to be written.
async fn ask(
    State(App { hub, pace }): State<App>,
    Json(asked): Json<Asked>,
) -> Result<Json<String>, NotPublished> {
    let begun = Begun { prompt: asked.prompt.clone(), tokens: 0 };
    let answer = hub.publish(asked).await?.to_string();
    tokio::spawn(write(hub, answer.clone(), begun, pace));
    Ok(Json(answer))
}
// ANCHOR_END: ask

// ANCHOR: write
/// An answer, as far as it has come.
struct Begun {
    prompt: String,
    tokens: usize,
}

/// Writes the rest of an answer, and closes its topic.
async fn write(
    hub: Hub<ModelEvent>,
    answer: String,
    begun: Begun,
    pace: Duration,
) -> Result<(), PublishError> {
    for text in model::tokens(&begun.prompt).skip(begun.tokens) {
        tokio::time::sleep(pace).await;
        hub.publish(Token { answer: answer.clone(), text }).await?;
    }
    hub.close_topic(topic(&answer)?).await?;
    Ok(())
}

fn topic(answer: &str) -> Result<Topic, TopicError> {
    Topic::from_segments(["answers", answer])
}
// ANCHOR_END: write

// ANCHOR: listen
/// An answer from its first token on, or from where the browser was, to its end.
async fn listen(
    State(App { hub, .. }): State<App>,
    Path(answer): Path<String>,
    request: Subscribe,
) -> Response {
    match topic(&answer) {
        Ok(topic) => {
            hub.subscribe(request).start(Start::Oldest).topics([topic.into()]).into_response()
        }
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}
// ANCHOR_END: listen

// ANCHOR: unfinished
/// The answers that had been begun and not ended when the server stopped. The log knows.
async fn unfinished(hub: &Hub<ModelEvent>) -> HashMap<String, Begun> {
    let (end, mut at) = (hub.last_event_id().seq(), 0);
    let mut history = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    let mut answers = HashMap::new();
    while at < end {
        let Some(received) = history.next().await else { break };
        at = received.id().map_or(end, |id| id.seq());
        match received {
            Received::Event(delivered) => match delivered.event {
                ModelEvent::Asked(Asked { prompt }) => {
                    answers.insert(delivered.id.to_string(), Begun { prompt, tokens: 0 });
                }
                ModelEvent::Token(Token { answer, .. }) => {
                    answers.entry(answer).and_modify(|begun| begun.tokens += 1);
                }
            },
            Received::TopicClosed { topic, .. } => {
                answers.retain(|answer, _| topic.as_str() != format!("answers/{answer}"));
            }
            _ => {}
        }
    }
    answers
}
// ANCHOR_END: unfinished

/// The answer to a question that was not asked.
struct NotPublished(PublishError);

impl From<PublishError> for NotPublished {
    fn from(error: PublishError) -> Self {
        NotPublished(error)
    }
}

impl IntoResponse for NotPublished {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, self.0.to_string()).into_response()
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
