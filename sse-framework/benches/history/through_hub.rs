//! The same history as clients of a hub read it.

use super::{CLIENTS, HUNDRED, place};
use axum::response::IntoResponse;
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SledLog, SseEvent, Subscribe};
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::time::Instant;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "load")]
struct Load {
    n: u64,
}

/// All clients come at once, each to another place, and each takes a hundred events.
pub(crate) fn many(path: &Path, events: u64) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let hub = Hub::<Load>::builder(SledLog::new(path)).start().await.unwrap();
        let newest = hub.last_event_id();
        assert_eq!(newest.seq(), events);
        let oldest = events.min(100_000);
        for _ in 0..3 {
            let started = Instant::now();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|n| {
                    let after = events - oldest + place(n, oldest);
                    tokio::spawn(client(hub.clone(), format!("{}-{after}", newest.epoch())))
                })
                .collect();
            for client in clients {
                client.await.unwrap();
            }
            let took = started.elapsed();
            println!("{CLIENTS} clients of a hub at once, at least 100 events each: {took:.1?}");
        }
        hub.shutdown().await.unwrap();
    });
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
