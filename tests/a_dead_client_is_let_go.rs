//! T7: a client that has vanished, or takes nothing, is let go in time, whoever serves it: its
//! connection, its subscription and what waits for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::serve::ListenerExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use sse_framework::{Hub, SseEvent};
use std::future::IntoFuture;
use std::time::{Duration, Instant};
use support::raw::Raw;
use support::served::{Served, Server, eventually};

support::by_every_server!(who_has_vanished_is_let_go, who_takes_nothing_is_let_go);

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Blob {
    padding: String,
}

const PATIENCE: Duration = Duration::from_secs(1);

async fn hub() -> Hub<Blob> {
    let hub = Hub::builder(sse_framework::MemoryLog::new());
    hub.heartbeat(Duration::from_millis(200)).start().await.unwrap()
}

fn serve(by: Server) -> (Served, Hub<Blob>) {
    Served::by(async |listener| {
        let hub = hub().await;
        let app = Router::new().route("/events", hub.endpoint());
        let serving: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = match by {
            Server::Framework => {
                let serving = sse_framework::serve(listener, app).write_timeout(PATIENCE);
                serving.into_future()
            }
            Server::Axum => {
                // ANCHOR: options
                let patience = Duration::from_secs(60);
                // ANCHOR_END: options
                let patience = patience.min(PATIENCE);
                // ANCHOR: options
                let listener = listener.tap_io(move |connection| {
                    let socket = SockRef::from(&*connection);
                    if let Err(error) = socket.set_tcp_user_timeout(Some(patience)) {
                        tracing::debug!(%error, "a dead peer will be found later");
                    }
                });
                // ANCHOR_END: options
                Box::pin(axum::serve(listener, app).into_future())
            }
        };
        (serving, hub)
    })
}

/// Over HTTP/1.0 a stream stays with hyper.
const REQUESTS: [&str; 2] = ["HTTP/1.1\r\nHost: test", "HTTP/1.0"];

fn clients(served: &Served, hub: &Hub<Blob>) -> Vec<Raw> {
    let connect = |version: &str| {
        let mut client = Raw::open_narrow(served.address());
        client.send(format!("GET /events {version}\r\n\r\n"));
        client.until("sse-open");
        client
    };
    let clients = REQUESTS.into_iter().cycle().take(6).map(connect).collect();
    eventually("they are there", || hub.stats().subscriptions == 6);
    clients
}

/// They go neither at once nor much later than it is said.
fn go(hub: &Hub<Blob>, began: Instant) {
    eventually("they are let go", || hub.stats().subscriptions == 0);
    let took = began.elapsed();
    assert!(took > PATIENCE / 2 && took < 8 * PATIENCE, "{took:?}");
    let stats = hub.stats();
    assert_eq!((stats.streams_by_writer, stats.streams_by_body), (0, 0));
}

fn who_has_vanished_is_let_go(by: Server) {
    let (served, hub) = serve(by);
    let clients = clients(&served, &hub);
    let began = Instant::now();
    clients.iter().for_each(Raw::vanish);
    go(&hub, began);
}

fn who_takes_nothing_is_let_go(by: Server) {
    let (served, hub) = serve(by);
    let _clients = clients(&served, &hub);
    let began = Instant::now();
    for _ in 0..100 {
        served.block_on(hub.publish(Blob { padding: "x".repeat(100_000) })).unwrap();
    }
    go(&hub, began);
}
