//! Bodies that are not ready to be taken over yet, and bodies that come to grief.

use super::{Count, Leaves, app, count, hub, listener, nobody, number, open, publish, serve};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use bytes::Bytes;
use http_body::Frame;
use sse_framework::{Hub, Snapshot, Subscribe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use support::client::{self, Client, End};
use support::http;
use support::served::{Served, Server};
use tokio::sync::Notify;

support::by_every_server!(
    a_stream_is_taken_over_when_its_snapshot_has_been_sent,
    a_snapshot_that_never_comes_holds_up_nobody,
    a_body_that_comes_to_grief_ends_its_own_stream_only,
);

/// Serves an app whose snapshots wait until they are told to go on.
fn with_snapshots(server: Server) -> (Served, (Hub<Count>, Arc<Notify>)) {
    Served::new(server, async || {
        let (hub, gate) = (hub().await, Arc::new(Notify::new()));
        let state = (hub.clone(), gate.clone());
        let handler = async |State((hub, gate)): State<(Hub<Count>, Arc<Notify>)>,
                             request: Subscribe| {
            hub.subscribe(request).everything().snapshot(async move |_| {
                gate.notified().await;
                Ok(Snapshot::from(vec![count(100)]))
            })
        };
        let waiting = Router::new().route("/state", get(handler)).with_state(state);
        let router = app(&hub).merge(waiting);
        (router, (hub, gate))
    })
}

fn a_stream_is_taken_over_when_its_snapshot_has_been_sent(server: Server) {
    let (served, (hub, gate)) = with_snapshots(server);
    publish(&served, &hub, 1);
    let client = listener(&served, "/state");
    publish(&served, &hub, 2);
    // It must not be taken over while the app's own code runs in it.
    std::thread::sleep(std::time::Duration::from_millis(50));
    open(&hub, server, Leaves::Nothing, 1);
    gate.notify_one();
    client.data(2);
    open(&hub, server, Leaves::Hyper, 1);
    publish(&served, &hub, 3);
    client.data(3);
    let numbers: Vec<_> = client.seen().ordinary().map(number).collect();
    assert_eq!(numbers, [100, 2, 3]);
    drop(client);
    nobody(&hub);
}

fn a_snapshot_that_never_comes_holds_up_nobody(server: Server) {
    let (served, (hub, _gate)) = with_snapshots(server);
    let stuck: Vec<_> = (0..5).map(|_| listener(&served, "/state")).collect();
    let client = listener(&served, "/events");
    publish(&served, &hub, 1);
    assert_eq!(client.data(1), [r#"{"n":1}"#]);
    hub.disconnect_all();
    for client in stuck.iter().chain([&client]) {
        let seen = client.ended();
        assert_eq!(seen.events.last().unwrap().name, "sse-close");
        assert_eq!(seen.end, Some(End::Whole));
    }
    nobody(&hub);
}

#[derive(Clone, Copy)]
enum Grief {
    Error,
    Panic,
    /// An error, and a panic when it is dropped.
    LastWords,
}

/// A body that comes to grief in place of the event 2.
struct Doomed(Body, Grief);

impl Drop for Doomed {
    fn drop(&mut self) {
        assert!(!matches!(self.1, Grief::LastWords), "it was asked for");
    }
}

impl http_body::Body for Doomed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.0).poll_frame(cx);
        let Poll::Ready(Some(Ok(frame))) = &polled else { return polled };
        let text = std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        match self.1 {
            _ if !text.contains(r#"{"n":2}"#) => polled,
            Grief::Error | Grief::LastWords => {
                Poll::Ready(Some(Err(axum::Error::new("it was asked for"))))
            }
            Grief::Panic => panic!("it was asked for"),
        }
    }
}

fn a_body_that_comes_to_grief_ends_its_own_stream_only(server: Server) {
    let layer = from_fn(async |headers: HeaderMap, request: Request, next: Next| {
        let response = next.run(request).await;
        let grief = match headers.get("x-grief").map(|grief| grief.as_bytes()) {
            Some(b"error") => Grief::Error,
            Some(b"last words") => Grief::LastWords,
            Some(_) => Grief::Panic,
            None => return response,
        };
        response.map(|body| Body::new(Doomed(body, grief)))
    });
    let (served, hub) = serve(server, |app| app.layer(layer));
    let healthy = listener(&served, "/events");
    let doomed: Vec<Client> = ["error", "panic", "last words"]
        .map(|grief| {
            let request = http::Request::stream("/events", "").header("X-Grief", grief);
            client::open_with(served.address(), &request).unwrap().read()
        })
        .into();
    doomed.iter().for_each(|client| {
        client.wait("sse-open", |seen| !seen.events.is_empty());
    });
    open(&hub, server, Leaves::Hyper, 4);
    for n in 1..=3 {
        publish(&served, &hub, n);
        healthy.data(n as usize);
        doomed.iter().filter(|_| n == 1).for_each(|client| drop(client.data(1)));
    }
    for client in doomed {
        let seen = client.ended();
        assert_eq!(seen.end, Some(End::Broken), "it must not look like a proper end");
        assert_eq!(seen.ordinary().map(number).collect::<Vec<_>>(), [1]);
    }
    open(&hub, server, Leaves::Hyper, 1);
}
