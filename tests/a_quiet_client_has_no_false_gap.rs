//! Who sees little of a busy hub is moved forward, so that it has no gap when it comes back, although
//! what it saw last is long gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{EventId, Hub, HubBuilder, MemoryLog, Retention, SseEvent, Subscribe};
use std::time::{Duration, Instant};
use support::client::{Client, Seen};
use support::served::{Served, Server, eventually};

support::by_every_server!(
    who_reads_a_quiet_topic_has_no_gap,
    whose_filter_hides_everything_has_no_gap,
    a_long_replay_that_shows_nothing_leaves_no_gap,
    what_comes_behind_an_event_in_one_commit_counts,
    a_stream_with_nothing_new_has_plain_heartbeats,
    there_are_no_more_of_them_than_heartbeats,
);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "{of}")]
struct Count {
    of: String,
    n: u64,
}

fn count(of: &str, n: u64) -> Count {
    Count { of: of.to_owned(), n }
}

const HEARTBEAT: Duration = Duration::from_millis(50);

async fn filtered(State(hub): State<Hub<Count>>, request: Subscribe) -> impl IntoResponse {
    hub.subscribe(request).filter(|count: &Count| count.of == "quiet").everything()
}

fn serve(
    server: Server,
    set: impl FnOnce(HubBuilder<Count>) -> HubBuilder<Count>,
) -> (Served, Hub<Count>) {
    Served::new(server, async || {
        let builder = Hub::builder(MemoryLog::new()).heartbeat(HEARTBEAT);
        let hub = set(builder).start().await.unwrap();
        let router = Router::new()
            .route("/events", hub.endpoint())
            .route("/filtered", get(filtered))
            .with_state(hub.clone());
        (router, hub)
    })
}

fn publish(served: &Served, hub: &Hub<Count>, of: &str, times: u64) -> String {
    let events = (0..times).map(|n| count(of, n));
    let ids = served.block_on(hub.publish_all(events.collect::<Vec<_>>())).unwrap();
    ids.last().map(EventId::to_string).unwrap()
}

fn cursors(seen: &Seen) -> Vec<&str> {
    seen.named("sse-cursor").iter().map(|event| event.id.as_str()).collect()
}

/// The hub is busy, the client is told nothing, leaves, and comes back when all of that is gone.
fn comes_back_without_a_gap(server: Server, target: &str) {
    let (served, hub) = serve(server, |hub| hub.retention(Retention::forever().events(20)));
    let client = Client::connect(served.address(), target, "");
    let begun = client.wait("its beginning", |seen| !seen.events.is_empty()).last_event_id;
    for _ in 0..3 {
        let newest = publish(&served, &hub, "busy", 30);
        let seen = client.wait("a cursor", |seen| seen.last_event_id == newest);
        let told = seen.named("sse-cursor").pop().expect("an event of its own");
        assert_eq!(told.data, format!(r#"{{"cursor":"{newest}"}}"#));
        assert_eq!(seen.ordinary().count(), 0);
    }
    let id = client.leave().last_event_id;
    publish(&served, &hub, "busy", 10);
    publish(&served, &hub, "quiet", 1);
    let late = Client::connect(served.address(), target, &begun);
    let seen = late.wait("its event", |seen| seen.ordinary().count() == 1);
    assert_eq!(seen.named("sse-gap").len(), 1, "where it began is gone");

    let client = Client::connect(served.address(), target, &id);
    let seen = client.wait("its event", |seen| seen.ordinary().count() == 1);
    assert!(seen.named("sse-gap").is_empty(), "{:?}", seen.events);
    assert!(seen.events[0].data.contains(r#""resumed":true"#), "{:?}", seen.events);
}

fn who_reads_a_quiet_topic_has_no_gap(server: Server) {
    comes_back_without_a_gap(server, "/events?topic=quiet");
    comes_back_without_a_gap(server, "/events?topic=quiet/**");
}

fn whose_filter_hides_everything_has_no_gap(server: Server) {
    comes_back_without_a_gap(server, "/filtered");
}

fn a_long_replay_that_shows_nothing_leaves_no_gap(server: Server) {
    // With so small a tail, it is read from the log.
    let (served, hub) = serve(server, |hub| hub.tail_bytes(1 << 20).tail_events(10));
    let first = publish(&served, &hub, "quiet", 1);
    let newest = publish(&served, &hub, "busy", 50_000);
    for target in ["/events?topic=quiet", "/filtered"] {
        let client = Client::connect(served.address(), target, &first);
        let seen = client.wait("a cursor", |seen| seen.last_event_id == newest);
        assert_eq!(seen.ordinary().count(), 0);
        assert!(seen.named("sse-gap").is_empty());
    }
}

fn what_comes_behind_an_event_in_one_commit_counts(server: Server) {
    let (served, hub) = serve(server, |hub| hub);
    for target in ["/events?topic=quiet", "/filtered"] {
        let client = Client::connect(served.address(), target, "");
        client.wait("its beginning", |seen| !seen.events.is_empty());
        let batch = [count("quiet", 1), count("busy", 2)];
        let ids = served.block_on(hub.publish_all(batch)).unwrap();
        let seen = client.wait("a cursor", |seen| !cursors(seen).is_empty());
        let of_events = seen.ordinary().map(|event| event.id.clone());
        assert_eq!(of_events.collect::<Vec<_>>(), [ids[0].to_string()]);
        assert_eq!(cursors(&seen), [ids[1].to_string()]);
    }
}

fn a_stream_with_nothing_new_has_plain_heartbeats(server: Server) {
    let (served, hub) = serve(server, |hub| hub.tail_bytes(1 << 20).tail_events(10));
    publish(&served, &hub, "quiet", 1);
    let from = |target: &str| Client::connect(served.address(), target, "earliest");
    let all = ["/events", "/events?topic=quiet", "/filtered"].map(from);
    publish(&served, &hub, "quiet", 2);
    let newest = publish(&served, &hub, "quiet", 1);
    for client in &all {
        let seen = client.wait("heartbeats", |seen| {
            seen.last_event_id == newest && seen.comments >= 3 && seen.ordinary().count() == 4
        });
        assert_eq!(seen.named("sse-cursor"), Vec::<&support::parser::Event>::new());
    }
    let newest = publish(&served, &hub, "busy", 1);
    let [everything, quiet, filtered] = all;
    assert_eq!(cursors(&everything.wait("it", |seen| seen.last_event_id == newest)), [""; 0]);
    for client in [quiet, filtered] {
        let comments = client.wait("a cursor", |seen| seen.last_event_id == newest).comments;
        let seen = client.wait("plain heartbeats", |seen| seen.comments >= comments + 2);
        assert_eq!(cursors(&seen), [newest.as_str()]);
    }
}

fn there_are_no_more_of_them_than_heartbeats(server: Server) {
    let (served, hub) = serve(server, |hub| hub);
    let begun = Instant::now();
    let clients = ["/events?topic=quiet", "/filtered"]
        .map(|target| Client::connect(served.address(), target, ""));
    eventually("three cursors", || {
        publish(&served, &hub, "busy", 2);
        clients.iter().all(|client| cursors(&client.seen()).len() >= 3)
    });
    let seen = clients.map(|client| client.seen());
    let most = begun.elapsed().as_millis() / HEARTBEAT.as_millis() + 1;
    for seen in seen {
        let sent = cursors(&seen).len() + seen.comments;
        assert!(sent as u128 <= most, "{sent} in place of {most}");
    }
}
