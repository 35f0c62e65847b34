//! Streams of events leave hyper, and the hub tells.

use axum::Router;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent};
use std::future::IntoFuture;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::util::BoxCloneService;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Tick {
    n: u64,
}

#[tokio::test]
async fn a_stream_is_taken_over_and_counted() {
    let hub = Hub::<Tick>::in_memory().unwrap();
    let app: Router = Router::new().route("/events", hub.endpoint());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(sse_framework::serve(listener, app).into_future());

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    eventually(|| hub.stats().streams_by_writer == 1).await;
    // ANCHOR: stats
    let stats = hub.stats();
    assert_eq!(stats.subscriptions, 1);
    assert_eq!((stats.streams_by_writer, stats.streams_by_body), (1, 0));
    // ANCHOR_END: stats

    let id = hub.publish(Tick { n: 7 }).await.unwrap().to_string();
    let mut read = String::new();
    while !read.contains(&id) {
        let mut buffer = [0; 1024];
        let count = client.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the stream goes on");
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    drop(client);
    eventually(|| hub.stats().subscriptions == 0).await;
    assert_eq!((hub.stats().streams_by_writer, hub.stats().streams_by_body), (0, 0));
}

/// What cannot be shared among threads can be cloned for each connection.
#[tokio::test]
async fn a_service_that_is_not_sync_is_served_and_its_address_is_told() {
    let hub = Hub::<Tick>::in_memory().unwrap();
    let app: Router = Router::new().route("/events", hub.endpoint());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = sse_framework::serve(listener, BoxCloneService::new(app));
    let address = server.local_addr().unwrap();
    let server = server.with_graceful_shutdown(std::future::pending());
    assert_eq!(server.local_addr().unwrap(), address);
    tokio::spawn(server.into_future());

    let mut clients = Vec::new();
    for count in 1..=3 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        eventually(|| hub.stats().streams_by_writer == count).await;
        clients.push(client);
    }
}

async fn eventually(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 10 s");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
