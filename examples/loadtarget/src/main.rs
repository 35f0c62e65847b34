//! The app that measurements and torture drive from outside.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::ListenerExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    Durability, Hub, HubBuilder, IdStyle, MemoryLog, PublishError, Retention, SledLog, SseEvent,
};
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: example-loadtarget --port PORT \
                     (--memory | --data DIR [--durability synced|buffered] \
                     [--segment-bytes N]) [--event-bytes N] [--keep-events N] [--tail-events N] \
                     [--send-buffer N] [--server framework|axum] [--ids plain|opaque]";

/// What the load generator sends: a number, a time, padding.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(deny_unknown_fields)]
struct Load {
    n: u64,
    t: u64,
    p: String,
}

#[derive(Default)]
struct Options {
    port: u16,
    data: Option<PathBuf>,
    durability: Durability,
    memory: bool,
    segment_bytes: Option<u64>,
    event_bytes: Option<usize>,
    keep_events: Option<u64>,
    tail_events: Option<usize>,
    ids: IdStyle,
    /// Of each connection, in bytes; the system doubles it.
    send_buffer: Option<u32>,
    /// Under `axum::serve`, not under that of the framework.
    axum: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let options = options()?;
    let hub = hub(&options)?.start().await?;
    let app = Router::new()
        .route("/events", hub.endpoint())
        .route("/publish", post(publish))
        .route("/close", post(close))
        .with_state(hub.clone());

    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    if let Some(bytes) = options.send_buffer {
        // Connections have it from their listener.
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(([127, 0, 0, 1], options.port).into())?;
    // Thousands connect at once.
    let listener = socket.listen(4096)?;
    let (mut first, mut second) =
        (signal(SignalKind::terminate())?, signal(SignalKind::terminate())?);
    let drained = hub.drained_by(async move { first.recv().await });
    let at_once = async move {
        second.recv().await;
        second.recv().await;
    };
    let serving = async {
        if options.axum {
            let listener = listener.tap_io(|connection| {
                let _ = connection.set_nodelay(true);
            });
            axum::serve(listener, app).with_graceful_shutdown(drained).await
        } else {
            sse_framework::serve(listener, app).with_graceful_shutdown(drained).await
        }
    };
    tokio::select! {
        served = serving => served?,
        () = at_once => {}
    }
    hub.shutdown().await?;
    Ok(())
}

/// Takes one event's JSON a line; all of them are stored, or none. Answers with their ids, one a line.
///
/// A request with the header `Idempotency-Key` can be sent again: a string in quotes, as the IETF's draft
/// has it, or without.
async fn publish(
    State(hub): State<Hub<Load>>,
    Query(Parameters { topic }): Query<Parameters>,
    headers: HeaderMap,
    body: String,
) -> Result<String, (StatusCode, String)> {
    let events: Vec<Load> = body
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    let mut publish = hub.publish_all(events);
    if let Some(topic) = topic {
        publish = publish.topic(topic);
    }
    if let Some(key) = headers.get("idempotency-key") {
        let key = String::from_utf8_lossy(key.as_bytes());
        publish = publish.idempotency_key(key.trim_matches('"'));
    }
    match publish.await {
        Ok(ids) => Ok(ids.into_iter().map(|id| hub.encode_id(id) + "\n").collect()),
        Err(
            error @ (PublishError::Topic(_)
            | PublishError::IdempotencyKey(_)
            | PublishError::EventTooLarge { .. }),
        ) => Err((StatusCode::BAD_REQUEST, error.to_string())),
        Err(error @ PublishError::Conflict { .. }) => {
            Err((StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
        }
        Err(error @ PublishError::TopicClosed { .. }) => {
            Err((StatusCode::CONFLICT, error.to_string()))
        }
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}

/// Closes a topic. Answers with the id of its close.
async fn close(
    State(hub): State<Hub<Load>>,
    Query(Parameters { topic }): Query<Parameters>,
) -> Result<String, (StatusCode, String)> {
    match hub.close_topic(topic.unwrap_or_default()).await {
        Ok(id) => Ok(hub.encode_id(id)),
        Err(error @ PublishError::Topic(_)) => Err((StatusCode::BAD_REQUEST, error.to_string())),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}

#[derive(Deserialize)]
struct Parameters {
    topic: Option<String>,
}

fn hub(options: &Options) -> Result<HubBuilder<Load>, Box<dyn Error>> {
    let hub = match &options.data {
        Some(data) => {
            let log = SledLog::new(data).durability(options.durability);
            Hub::builder(match options.segment_bytes {
                Some(bytes) => log.segment_bytes(bytes),
                None => log,
            })
        }
        None if options.memory => Hub::builder(MemoryLog::new()),
        None => return Err(USAGE.into()),
    };
    let hub = match options.keep_events {
        Some(events) => hub.retention(Retention::forever().events(events)),
        None => hub,
    };
    let hub = match options.event_bytes {
        Some(bytes) => hub.max_event_bytes(bytes),
        None => hub,
    };
    let hub = hub.ids(options.ids);
    Ok(match options.tail_events {
        Some(events) => hub.tail_events(events),
        None => hub,
    })
}

fn options() -> Result<Options, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut options = Options::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => options.port = arguments.value()?.parse()?,
            Long("data") => options.data = Some(arguments.value()?.into()),
            Long("memory") => options.memory = true,
            Long("segment-bytes") => options.segment_bytes = Some(arguments.value()?.parse()?),
            Long("event-bytes") => options.event_bytes = Some(arguments.value()?.parse()?),
            Long("keep-events") => options.keep_events = Some(arguments.value()?.parse()?),
            Long("tail-events") => options.tail_events = Some(arguments.value()?.parse()?),
            Long("send-buffer") => options.send_buffer = Some(arguments.value()?.parse()?),
            Long("server") => {
                options.axum = match arguments.value()?.string()?.as_str() {
                    "framework" => false,
                    "axum" => true,
                    _ => return Err(USAGE.into()),
                };
            }
            Long("ids") => {
                options.ids = match arguments.value()?.string()?.as_str() {
                    "plain" => IdStyle::Plain,
                    "opaque" => IdStyle::Opaque,
                    _ => return Err(USAGE.into()),
                };
            }
            Long("durability") => {
                options.durability = match arguments.value()?.string()?.as_str() {
                    "synced" => Durability::Synced,
                    "buffered" => Durability::Buffered { sync_every: Duration::from_millis(100) },
                    _ => return Err(USAGE.into()),
                };
            }
            other => return Err(format!("{}\n{USAGE}", other.unexpected()).into()),
        }
    }
    Ok(options)
}
