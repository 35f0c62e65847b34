//! The same history as clients of a hub read it.

use super::{CLIENTS, HUNDRED, ROUNDS, place};
use axum::response::IntoResponse;
use futures_core::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SledLog, SseEvent, Subscribe};
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::time::Instant;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "load")]
struct Load {
    n: u64,
}

/// All clients come at once, and each takes at least a hundred events.
pub(crate) fn many(path: &Path, events: u64) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let hub = Hub::<Load>::builder(SledLog::new(path)).start().await.unwrap();
        let newest = hub.last_event_id();
        assert_eq!(newest.seq(), events);
        let oldest = events.min(100_000);
        let anywhere = |n| events - oldest + place(n, oldest);
        let behind = |_| events - HUNDRED as u64;
        all_at_once(&hub, "100 events behind, and read them", behind).await;
        all_at_once(&hub, "anywhere, and read a page of 128 KiB", anywhere).await;
        hub.shutdown().await.unwrap();
    });
}

async fn all_at_once(hub: &Hub<Load>, what: &str, after: impl Fn(u64) -> u64) {
    let epoch = hub.last_event_id().epoch();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let after = (0..CLIENTS).map(|n| format!("{epoch}-{}", after(n)));
        let clients: Vec<_> = after.map(|id| tokio::spawn(client(hub.clone(), id))).collect();
        for client in clients {
            client.await.unwrap();
        }
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("{CLIENTS} clients of a hub are {what}: {:.1?}", times[ROUNDS / 2]);
}

async fn client(hub: Hub<Load>, after: String) {
    let response = hub.subscribe(Subscribe::default().after(after)).everything().into_response();
    let mut body = pin!(response.into_body().into_data_stream());
    let mut bytes = 0;
    while bytes < HUNDRED * 200 {
        let chunk = poll_fn(|cx| body.as_mut().poll_next(cx)).await;
        bytes += chunk.unwrap().unwrap().len();
    }
}
