//! How streams end.

use super::{Count, number, publish, serve};
use axum::Router;
use sse_framework::{CloseReason, Hub, MemoryLog, PublishError, Received, Start, Subscribe};
use std::collections::HashSet;
use std::time::Duration;
use support::client::Client;
use support::served::{Served, Server, in_time};
use tokio::sync::oneshot;

support::by_every_server!(
    disconnect_all_ends_every_stream_and_clients_come_back,
    after_shutdown_nothing_is_taken_and_streams_end,
    a_hub_that_is_dropped_ends_its_streams,
    a_graceful_shutdown_ends_in_time_with_streams_open,
);

fn disconnect_all_ends_every_stream_and_clients_come_back(server: Server) {
    let (served, hub) = serve(server, |hub| hub);
    let connect = |id: &str| Client::connect(served.address(), "/events", id);
    let clients: Vec<_> = (0..20).map(|_| connect("")).collect();
    publish(&served, &hub, 1);
    clients.iter().for_each(|client| drop(client.data(1)));
    hub.disconnect_all();
    let newcomer = connect("");
    publish(&served, &hub, 2);
    for client in clients {
        let seen = client.ended();
        seen.closed_for("disconnected");
        let before: Vec<_> = seen.ordinary().map(number).collect();
        let back = connect(&seen.last_event_id);
        let first = if before == [1] { 2 } else { 3 };
        publish(&served, &hub, 3);
        let seen = back.wait("the next event", |seen| seen.ordinary().count() > 0);
        assert_eq!(number(seen.ordinary().next().unwrap()), first);
        assert!(seen.named("sse-gap").is_empty());
    }
    assert_eq!(newcomer.data(1)[0], r#"{"n":2}"#);
    assert_eq!(newcomer.seen().end, None);
}

fn after_shutdown_nothing_is_taken_and_streams_end(server: Server) {
    let (served, hub) = serve(server, |hub| hub);
    let client = Client::connect(served.address(), "/events", "");
    let mut typed = hub.subscribe(Subscribe::default()).everything();
    let last = hub.try_publish(Count { n: 1 }).unwrap();
    served.block_on(hub.shutdown()).unwrap();
    assert_eq!(served.block_on(last).unwrap().seq(), 1, "what is queued is stored");

    client.ended().closed_for("drain");
    let typed = served.block_on(async {
        let mut all = Vec::new();
        while let Some(received) = typed.next().await {
            all.push(received);
        }
        all
    });
    assert_eq!(typed.last(), Some(&Received::Closed(CloseReason::Drain)));

    let error = served.block_on(hub.publish(Count { n: 2 })).unwrap_err();
    assert!(matches!(error, PublishError::Closed), "{error:?}");
    let refused = hub.try_publish(Count { n: 3 }).unwrap_err();
    assert!(matches!(refused.error, PublishError::Closed));
    assert_eq!(refused.event, Count { n: 3 });
    served.block_on(hub.shutdown()).unwrap();
}

fn a_hub_that_is_dropped_ends_its_streams(server: Server) {
    let (served, hub) = serve(server, |hub| hub);
    let mut typed = hub.subscribe(Subscribe::default()).everything();
    // The router holds a handle, too.
    drop((served, hub));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let next = runtime.block_on(in_time("the end", typed.next()));
    assert_eq!(next, Some(Received::Closed(CloseReason::Drain)));
}

fn a_graceful_shutdown_ends_in_time_with_streams_open(server: Server) {
    let (stop, stopped) = oneshot::channel();
    let (mut served, hub) = Served::until(server, async || {
        let hub = Hub::<Count>::builder(MemoryLog::new()).retry(Duration::from_secs(4));
        let hub = hub.start().await.unwrap();
        let app = Router::new().route("/events", hub.endpoint());
        (app, hub.drained_by(stopped), hub)
    });
    let topics = ["", "?topic=a", "?topic=a/*"];
    let connect = |n: usize| {
        Client::connect(served.address(), &format!("/events{}", topics[n % topics.len()]), "")
    };
    let clients: Vec<_> = (0..30).map(connect).collect();
    let id = publish(&served, &hub, 1);
    clients[0].wait("the event", |seen| seen.last_event_id == id);
    stop.send(()).unwrap();
    // What does not end by itself is cut off after ten seconds.
    assert!(served.stopped(Duration::from_secs(9)).is_some(), "the server ends");

    let mut retries = HashSet::new();
    for client in &clients {
        let seen = client.ended();
        seen.closed_for("drain");
        let retry = seen.retry.unwrap();
        assert!((2000..=6000).contains(&retry), "{retry} is half to one and a half of 4000");
        retries.insert(retry);
    }
    assert!(retries.len() > 15, "spread out, so that not all come back at once: {retries:?}");

    // Draining is for streams: what is published is still stored.
    publish(&served, &hub, 2);
    let mut late = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for n in [1, 2] {
        let told = served.block_on(late.next()).and_then(Received::event);
        assert_eq!(told, Some(Count { n }));
    }
    let told = served.block_on(late.next());
    assert_eq!(told, Some(Received::Closed(CloseReason::Drain)));
}
