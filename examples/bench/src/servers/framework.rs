//! The framework, with its log on disk.

use super::{listen, the_end};
use crate::Failure;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Durability, Hub, SledLog, SseEvent};
use std::path::Path;

/// What the load generator sends.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) struct Load {
    pub(crate) n: u64,
    pub(crate) t: u64,
    pub(crate) p: String,
}

#[derive(Deserialize)]
struct Parameters {
    topic: Option<String>,
}

pub(super) async fn run(data: &Path, durability: Durability, axum: bool) -> Result<(), Failure> {
    let hub = Hub::<Load>::builder(SledLog::new(data).durability(durability)).start().await?;
    let app = Router::new()
        .route("/events", hub.endpoint())
        .route("/publish", post(publish))
        .with_state(hub.clone());
    let (listener, drained) = (listen()?, hub.drained_by(the_end()));
    if axum {
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        axum::serve(listener, app).with_graceful_shutdown(drained).await?;
    } else {
        sse_framework::serve(listener, app).with_graceful_shutdown(drained).await?;
    }
    Ok(hub.shutdown().await?)
}

/// Publishes one event for each line, and answers with their ids.
async fn publish(
    State(hub): State<Hub<Load>>,
    Query(Parameters { topic }): Query<Parameters>,
    body: String,
) -> Result<String, (StatusCode, String)> {
    let events: Vec<Load> =
        body.lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(refused)?;
    let publish = hub.publish_all(events);
    let ids = match topic {
        Some(topic) => publish.topic(topic).await,
        None => publish.await,
    };
    Ok(ids.map_err(refused)?.iter().map(|id| format!("{id}\n")).collect())
}

fn refused(error: impl std::error::Error) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, error.to_string())
}
