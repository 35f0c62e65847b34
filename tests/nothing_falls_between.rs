//! Where a stream changes its state, nothing is lost, told twice, or left out of a gap.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails that way")]

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    Batch, CloseReason, EventId, EventLog, GapReason, Hub, LogError, MemoryLog, NewRecord, Read,
    Received, RecordRef, Retention, Snapshot, SseEvent, Start, Subscribe, Subscription,
    TopicFilter, TopicSelection,
};
use std::ops::ControlFlow;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::client::Client;
use support::log::{Hooked, Hooks};
use support::served::{Served, Server, in_time};

support::by_every_server!(
    a_stream_that_becomes_a_response_goes_on_after_what_was_yielded,
    who_comes_after_a_shutdown_is_told_of_no_loss,
    a_snapshot_whose_position_is_not_known_ends_with_the_gap,
    knobs_have_no_value_that_breaks_a_stream,
);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
}

fn counts(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Count> {
    numbers.into_iter().map(|n| Count { n })
}

async fn next(subscription: &mut Subscription<Count>) -> Received<Count> {
    in_time("something", subscription.next()).await.expect("the stream has not ended")
}

async fn number(subscription: &mut Subscription<Count>) -> u64 {
    match next(subscription).await {
        Received::Event(delivered) => delivered.event.n,
        other => panic!("{other:?} in place of an event"),
    }
}

fn a_stream_that_becomes_a_response_goes_on_after_what_was_yielded(server: Server) {
    let handler = async |State(hub): State<Hub<Count>>| {
        let mut subscription =
            hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
        assert_eq!(number(&mut subscription).await, 1);
        subscription
    };
    let (served, ()) = Served::new(server, async || {
        let hub = Hub::<Count>::in_memory().unwrap();
        hub.publish_all(counts(1..=5)).await.unwrap();
        (Router::new().route("/", get(handler)).with_state(hub), ())
    });
    let client = Client::connect(served.address(), "/", "");
    assert_eq!(client.data(4), (2..=5).map(|n| format!(r#"{{"n":{n}}}"#)).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_acknowledged_before_a_shutdown_is_still_yielded() {
    let hub = Hub::<Count>::in_memory().unwrap();
    let mut subscription = hub.subscribe(Subscribe::default()).everything();
    hub.publish_all(counts(1..=3)).await.unwrap();
    hub.shutdown().await.unwrap();
    for n in 1..=3 {
        assert_eq!(number(&mut subscription).await, n);
    }
    assert_eq!(next(&mut subscription).await, Received::Closed(CloseReason::Drain));
    assert_eq!(subscription.next().await, None);
}

fn who_comes_after_a_shutdown_is_told_of_no_loss(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::<Count>::in_memory().unwrap();
        (Router::new().route("/", hub.endpoint()), hub)
    });
    let client = Client::connect(served.address(), "/", "");
    served.block_on(hub.publish(Count { n: 1 })).unwrap();
    client.data(1);
    served.block_on(hub.shutdown()).unwrap();
    let id = client.ended().last_event_id;
    let seen = Client::connect(served.address(), "/", &id).ended();
    assert_eq!(seen.events.last().unwrap().name, "sse-close");
    assert!(seen.named("sse-gap").is_empty());
    assert_eq!(seen.last_event_id, id);
}

fn a_snapshot_whose_position_is_not_known_ends_with_the_gap(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::<Count>::in_memory().unwrap();
        let other = Hub::<Count>::in_memory().unwrap().last_event_id();
        let handler = async move |State(hub): State<Hub<Count>>, request: Subscribe| {
            let snapshot = Snapshot::from(vec![Count { n: 1 }]).at(other);
            hub.subscribe(request).everything().snapshot(async |_| Ok(snapshot))
        };
        (Router::new().route("/", get(handler)).with_state(hub.clone()), hub)
    });
    let client = Client::connect(served.address(), "/", "");
    let seen = client.wait("the gap", |seen| !seen.named("sse-gap").is_empty());
    let ids: Vec<&str> = seen.events.iter().map(|event| event.id.as_str()).collect();
    let here = hub.last_event_id().to_string();
    assert_eq!(ids, ["", "", &here], "nothing moves the client before the gap");
}

fn knobs_have_no_value_that_breaks_a_stream(server: Server) {
    for extreme in [Duration::ZERO, Duration::MAX] {
        let (served, hub) = Served::new(server, async || {
            let hub = Hub::<Count>::builder(MemoryLog::new()).heartbeat(extreme).retry(extreme);
            let hub = hub.coalesce(extreme).start().await.unwrap();
            (Router::new().route("/", hub.endpoint()), hub)
        });
        for _ in 0..20 {
            let client = Client::connect(served.address(), "/", "");
            client.wait("sse-open", |seen| !seen.events.is_empty());
            hub.disconnect_all();
            assert_eq!(client.ended().events.last().unwrap().name, "sse-close");
        }
    }
}

#[tokio::test]
async fn the_app_decides_whether_everything_may_be_asked_for() {
    let hub = Hub::<Count>::in_memory().unwrap();
    hub.publish(Count { n: 1 }).await.unwrap();
    let asked = || hub.subscribe(Subscribe::default().after("earliest"));
    assert_eq!(number(&mut asked().everything()).await, 1);
    let refused = next(&mut asked().history(false).everything()).await;
    assert!(matches!(refused, Received::Gap(gap) if gap.reason == GapReason::NotAllowed));
}

#[test]
fn reading_the_log_needs_no_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(0);
    let hub = runtime.block_on(hub.start()).unwrap();
    runtime.block_on(hub.publish_all(counts(1..=2)).into_future()).unwrap();
    runtime.block_on(hub.publish(Count { n: 3 }).into_future()).unwrap();
    drop(runtime);
    let mut subscription = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for n in 1..=3 {
        let next = std::pin::pin!(subscription.next());
        let polled = next.poll(&mut Context::from_waker(Waker::noop()));
        assert!(
            matches!(polled, Poll::Ready(Some(Received::Event(ref e))) if e.event.n == n),
            "{polled:?}"
        );
    }
}

/// What happens during a read of the log.
#[derive(Clone, Copy)]
enum DuringARead {
    /// One more record is appended before the read is over, which moves the retention's floor.
    Append,
    /// The record of this seq is damaged.
    Damage(u64),
    /// It tells of this seq, of which there is no record.
    Nonsense(Told, u64),
}

#[derive(Clone, Copy, Debug)]
enum Told {
    Read,
    Lost,
    Damaged,
    Record,
}

fn damaged(seq: u64) -> LogError {
    let (path, reason) = ("a test".into(), "it was asked for".into());
    LogError::Damaged { path, first: seq, last: seq, reason }
}

impl Hooks for DuringARead {
    fn read(
        &self,
        log: &dyn EventLog,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        match *self {
            DuringARead::Append => {
                let read = log.read(after, until, topics, visit);
                let record = NewRecord::new(None, "x", 1, b"1".into());
                log.append(&[Batch::new(vec![record], None)]).unwrap();
                read
            }
            DuringARead::Damage(seq) if (after + 1..=until).contains(&seq) => {
                log.read(after, seq - 1, topics, visit)?;
                Err(damaged(seq))
            }
            DuringARead::Damage(_) => log.read(after, until, topics, visit),
            DuringARead::Nonsense(Told::Read, seq) => Ok(Read::new(seq, seq)),
            DuringARead::Nonsense(Told::Lost, seq) => Err(LogError::Lost { first: seq, last: seq }),
            DuringARead::Nonsense(Told::Damaged, seq) => Err(damaged(seq)),
            DuringARead::Nonsense(Told::Record, seq) => {
                let id = EventId::new(log.history().id(1).epoch(), seq);
                for name in ["count", "unknown"] {
                    let record = RecordRef::new(id, 0, None, name, 1, br#"{"n":0}"#);
                    if visit(record).is_break() {
                        break;
                    }
                }
                log.read(after, until, topics, visit)
            }
        }
    }
}

#[tokio::test]
async fn a_replay_at_the_edge_of_what_is_kept_is_not_thrown_away() {
    let retention = Retention::forever().events(200);
    let hub =
        Hub::<Count>::builder(Hooked(DuringARead::Append)).retention(retention).tail_events(0);
    let hub = hub.start().await.unwrap();
    for n in 1..=200 {
        let topic = if n % 2 == 0 { "quiet" } else { "loud" };
        hub.publish(Count { n }).topic(topic).await.unwrap();
    }
    let quiet = [TopicFilter::under(["quiet"])];
    let mut subscription = hub.subscribe(Subscribe::default().after("earliest")).topics(quiet);
    for n in (2..=200).step_by(2) {
        assert_eq!(number(&mut subscription).await, n);
    }
}

#[tokio::test]
async fn damage_is_told_and_everything_around_it_is_shown() {
    let hub = Hub::<Count>::builder(Hooked(DuringARead::Damage(50)))
        .tail_events(0)
        .start()
        .await
        .unwrap();
    for n in 1..=60 {
        hub.publish(Count { n }).await.unwrap();
    }
    let mut subscription = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for n in 1..=49 {
        assert_eq!(number(&mut subscription).await, n);
    }
    let Received::Gap(gap) = next(&mut subscription).await else { panic!("no gap") };
    assert_eq!((gap.reason, gap.resumed_after.seq()), (GapReason::Unreadable, 50));
    for n in 51..=60 {
        assert_eq!(number(&mut subscription).await, n);
    }
}

#[tokio::test]
async fn a_log_that_tells_nonsense_ends_no_stream() {
    let all = [Told::Read, Told::Lost, Told::Damaged, Told::Record];
    let high = all.iter().flat_map(|told| [u64::MAX - 1, u64::MAX].map(|seq| (*told, seq)));
    for (told, seq) in high.chain([(Told::Record, 0)]) {
        let log = Hooked(DuringARead::Nonsense(told, seq));
        let hub = Hub::<Count>::builder(log).tail_events(0).start().await.unwrap();
        for n in 1..=2 {
            hub.publish(Count { n }).await.unwrap();
        }
        let begin = |start| hub.subscribe(Subscribe::default()).start(start);
        let filtered = begin(Start::Oldest).filter(|_| true);
        let since = begin(Start::Since(std::time::UNIX_EPOCH));
        let streams = [begin(Start::Oldest), filtered, since].map(|it| it.everything());
        for (n, mut stream) in (3..).zip(streams) {
            while stream.position() != hub.last_event_id() {
                next(&mut stream).await;
                assert!(stream.position().seq() < n, "{told:?} {seq}");
            }
            hub.publish(Count { n }).await.unwrap();
            assert_eq!(number(&mut stream).await, n, "{told:?} {seq}");
        }
    }
}
