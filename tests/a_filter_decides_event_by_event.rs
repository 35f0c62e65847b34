//! A filter of the app's own, event by event: it holds for what comes, what was and the state, and
//! when it fails it shows nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    CloseReason, DecodeError, EncodeError, EventType, Gap, GapReason, Hub, MemoryLog, RawEvent,
    Received, Snapshot, SseEvent, Start, Subscribe, Subscription, Topic,
};
use support::client::{Client, End};
use support::parser::Event;
use support::served::{Served, Server, eventually, in_time};

support::by_every_server!(
    a_filter_holds_for_what_comes_what_was_and_the_state,
    what_is_filtered_out_is_not_sent_again,
    a_filter_that_panics_ends_its_stream_and_no_other,
    what_cannot_be_read_is_told_and_not_shown,
    what_panics_when_it_is_read_is_told_and_the_stream_goes_on,
    a_filter_never_runs_on_the_thread_that_writes_for_all,
);

/// A document, and how secret it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "documents/{title}")]
struct Filed {
    title: String,
    secrecy: u32,
}

/// As it may have been written long ago: without an age, nobody knows what it says.
const UNREADABLE: u32 = u32::MAX;

/// The same, for a `Deserialize` that panics.
const PANICS: u32 = u32::MAX - 1;

/// The same events, of which some cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Document(Filed);

impl SseEvent for Document {
    const TYPES: &'static [EventType] = Filed::TYPES;

    fn event_type(&self) -> &'static EventType {
        self.0.event_type()
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        self.0.topic()
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.encode(out)
    }

    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
        match Filed::decode(event)? {
            Filed { secrecy: UNREADABLE, .. } => {
                let name = "as a test asked for".to_owned();
                Err(DecodeError::Version { name, found: 0, known: 1 })
            }
            Filed { secrecy: PANICS, .. } => panic!("as a test asked for"),
            filed => Ok(Document(filed)),
        }
    }
}

fn document(title: &str, secrecy: u32) -> Document {
    Document(Filed { title: title.to_owned(), secrecy })
}

// ANCHOR: filter
/// Whoever is cleared for a level sees what is no more secret than that.
async fn documents(
    State(hub): State<Hub<Document>>,
    Path(clearance): Path<u32>,
    request: Subscribe,
) -> impl IntoResponse {
    hub.subscribe(request).filter(move |document| document.0.secrecy <= clearance).everything()
}
// ANCHOR_END: filter

async fn state(
    State(hub): State<Hub<Document>>,
    Path(clearance): Path<u32>,
    request: Subscribe,
) -> Subscription<Document> {
    let state = ["a", "b"].into_iter().flat_map(|title| (0..4).map(|n| document(title, n)));
    let state: Vec<_> = state.collect();
    hub.subscribe(request)
        .filter(move |document: &Document| document.0.secrecy <= clearance)
        .topics(["documents/a".parse().unwrap()])
        .snapshot(async |_| Ok(Snapshot::from(state)))
}

async fn panics(State(hub): State<Hub<Document>>, request: Subscribe) -> Subscription<Document> {
    hub.subscribe(request)
        .filter(|document: &Document| {
            assert_ne!(document.0.secrecy, 13, "as a test asked for");
            true
        })
        .everything()
}

/// With so small a tail, who begins late reads the log.
fn serve(server: Server, tail: usize) -> (Served, Hub<Document>) {
    Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).tail_events(tail).start().await.unwrap();
        let router = Router::new()
            .route("/documents/{clearance}", get(documents))
            .route("/state/{clearance}", get(state))
            .route("/panics", get(panics))
            .route("/public", hub.endpoint())
            .with_state(hub.clone());
        (router, hub)
    })
}

fn publish(served: &Served, hub: &Hub<Document>, title: &str, secrecy: u32) -> String {
    served.block_on(hub.publish(document(title, secrecy))).unwrap().to_string()
}

fn secrecy(event: &Event) -> u32 {
    serde_json::from_str::<Filed>(&event.data).unwrap().secrecy
}

/// What it has been shown when that many have come.
#[track_caller]
fn shown(client: &Client, count: usize) -> Vec<u32> {
    let seen = client.wait("documents", |seen| seen.ordinary().count() >= count);
    seen.ordinary().map(secrecy).collect()
}

fn a_filter_holds_for_what_comes_what_was_and_the_state(server: Server) {
    for tail in [1, 100] {
        let (served, hub) = serve(server, tail);
        let live = Client::connect(served.address(), "/documents/1", "");
        let mut typed = hub.subscribe(Subscribe::default());
        typed = typed.filter(|document| document.0.secrecy <= 1);
        let mut typed = typed.filter(|document| document.0.secrecy != 0).everything();
        let ids: Vec<_> = (0..40).map(|n| publish(&served, &hub, "a", n * 7 % 4)).collect();
        let expected: Vec<_> = (0..40).map(|n| n * 7 % 4).filter(|n| *n <= 1).collect();
        assert_eq!(shown(&live, expected.len()), expected, "live");

        let replay = Client::connect(served.address(), "/documents/1", "earliest");
        assert_eq!(shown(&replay, expected.len()), expected, "replay");
        let cursor = Client::connect(served.address(), "/documents/1", &ids[19]);
        assert_eq!(shown(&cursor, 10), expected[10..], "cursor");
        for (_, expected) in expected.iter().enumerate().filter(|(_, n)| **n != 0) {
            let next = served.block_on(in_time("a document", typed.next()));
            let next = next.and_then(Received::event).unwrap();
            assert_eq!(next, document("a", *expected), "in the process: both filters");
        }

        let client = Client::connect(served.address(), "/state/2", "");
        assert_eq!(shown(&client, 3), [0, 1, 2], "the state");
        publish(&served, &hub, "a", 3);
        publish(&served, &hub, "b", 1);
        publish(&served, &hub, "a", 2);
        assert_eq!(shown(&client, 4), [0, 1, 2, 2], "and what comes after it");
    }
}

/// Far more is hidden than one look takes.
fn what_is_filtered_out_is_not_sent_again(server: Server) {
    let (served, hub) = serve(server, 100);
    let client = Client::connect(served.address(), "/documents/1", "");
    let first = publish(&served, &hub, "a", 0);
    let hidden = (0..3_000).map(|_| document("a", 2));
    served.block_on(hub.publish_all::<Document>(hidden)).unwrap();
    let last = publish(&served, &hub, "a", 1);
    let seen = client.wait("the last", |seen| seen.last_event_id == last);
    assert_eq!(seen.ordinary().map(secrecy).collect::<Vec<_>>(), [0, 1]);
    drop(client);

    // Frames are as those of a stream without a filter.
    let all = Client::connect(served.address(), "/public", &first);
    let all = all.wait("the last", |seen| seen.last_event_id == last);
    assert_eq!(all.ordinary().last(), seen.ordinary().last());

    let client = Client::connect(served.address(), "/documents/1", &last);
    publish(&served, &hub, "a", 2);
    publish(&served, &hub, "a", 0);
    assert_eq!(shown(&client, 1), [0], "nothing again, and no gap");
    assert!(client.seen().named("sse-gap").is_empty());
}

fn a_filter_that_panics_ends_its_stream_and_no_other(server: Server) {
    let (served, hub) = serve(server, 100);
    let doomed = Client::connect(served.address(), "/panics", "");
    let others =
        ["/documents/20", "/public"].map(|target| Client::connect(served.address(), target, ""));
    let batch = [1, 2, 13, 3].map(|secrecy| document("a", secrecy));
    let ids = served.block_on(hub.publish_all::<Document>(batch)).unwrap();
    let seen = doomed.ended();
    assert_eq!(seen.ordinary().map(secrecy).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(seen.events.last().unwrap().data, r#"{"reason":"failed"}"#);
    assert_eq!((seen.last_event_id, seen.end), (ids[1].to_string(), Some(End::Whole)));
    for other in others {
        assert_eq!(shown(&other, 4), [1, 2, 13, 3]);
        assert_eq!(other.seen().end, None);
    }

    let typed = hub.subscribe(Subscribe::default()).start(Start::Oldest);
    let mut typed = typed.filter(|document| {
        assert_ne!(document.0.secrecy, 13, "as a test asked for");
        true
    });
    typed = typed.filter(|document| document.0.secrecy > 1);
    let mut typed = typed.everything();
    let next = served.block_on(typed.next()).and_then(Received::event);
    assert_eq!(next, Some(document("a", 2)));
    assert_eq!(served.block_on(typed.next()), Some(Received::Closed(CloseReason::Failed)));
    assert_eq!(served.block_on(typed.next()), None);
}

/// What cannot be read may be anything: without a filter it goes out as it is, with one it does not.
fn what_cannot_be_read_is_told_and_not_shown(server: Server) {
    let (served, hub) = serve(server, 100);
    let client = Client::connect(served.address(), "/documents/1", "");
    publish(&served, &hub, "a", 0);
    let id = publish(&served, &hub, "a", UNREADABLE);
    publish(&served, &hub, "a", 1);
    assert_eq!(shown(&client, 2), [0, 1]);
    let seen = client.seen();
    let gaps = seen.named("sse-gap");
    assert_eq!((gaps.len(), &gaps[0].id), (1, &id));
    assert!(gaps[0].data.contains(r#""reason":"unreadable""#), "{}", gaps[0].data);

    let mut typed = hub.subscribe(Subscribe::default()).filter(|_| true).everything();
    publish(&served, &hub, "a", UNREADABLE);
    let next = served.block_on(typed.next());
    let told = matches!(next, Some(Received::Gap(Gap { reason: GapReason::Unreadable, .. })));
    assert!(told, "{next:?}");
}

fn what_panics_when_it_is_read_is_told_and_the_stream_goes_on(server: Server) {
    for tail in [1, 100] {
        let (served, hub) = serve(server, tail);
        let client = Client::connect(served.address(), "/documents/1", "");
        let mut typed = [
            hub.subscribe(Subscribe::default()).everything(),
            hub.subscribe(Subscribe::default()).filter(|_| true).everything(),
        ];
        let batch = [0, PANICS, UNREADABLE, 1].map(|secrecy| document("a", secrecy));
        let ids = served.block_on(hub.publish_all::<Document>(batch)).unwrap();
        let again = Client::connect(served.address(), "/documents/1", &ids[0].to_string());
        for (client, expected) in [(client, vec![0, 1]), (again, vec![1])] {
            assert_eq!(shown(&client, expected.len()), expected);
            let seen = client.seen();
            let gaps = seen.named("sse-gap");
            assert_eq!((gaps.len(), &gaps[0].id), (1, &ids[2].to_string()));
            assert!(gaps[0].data.contains(r#""reason":"unreadable""#), "{}", gaps[0].data);
            assert_eq!(seen.end, None);
        }
        for stream in &mut typed {
            let mut next = || served.block_on(in_time("the next", stream.next())).unwrap();
            assert_eq!(next().event(), Some(document("a", 0)));
            let Received::Gap(gap) = next() else { panic!("a gap") };
            assert_eq!((gap.reason, gap.resumed_after), (GapReason::Unreadable, ids[2]));
            assert_eq!(next().event(), Some(document("a", 1)));
        }
    }
}

fn a_filter_never_runs_on_the_thread_that_writes_for_all(server: Server) {
    let (served, hub) = serve(server, 100);
    let filtered = Client::connect(served.address(), "/documents/1", "");
    let public = Client::connect(served.address(), "/public", "");
    publish(&served, &hub, "a", 1);
    assert_eq!((shown(&filtered, 1), shown(&public, 1)), (vec![1], vec![1]));
    let by_writer = usize::from(server == Server::Framework);
    eventually("the public stream is taken over", || {
        let stats = hub.stats();
        (stats.streams_by_writer, stats.streams_by_body) == (by_writer, 2 - by_writer)
    });
}
