//! Publishing: order, batches, limits, cancelling, back-pressure, and that nothing is told before
//! it is true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    AppendError, Appended, Batch, EventId, EventLog, Hub, HubBuilder, PublishError, Received,
    SseEvent, Start, Subscribe, Subscription,
};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::gate::{Failure, Gate};
use support::log::{Hooked, Hooks};
use support::served::in_time;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Load {
    n: u64,
    padding: String,
}

fn load(n: u64) -> Load {
    Load { n, padding: "x".repeat(100) }
}

async fn start(gate: &Gate, set: impl FnOnce(HubBuilder<Load>) -> HubBuilder<Load>) -> Hub<Load> {
    set(Hub::builder(gate.log())).start().await.unwrap()
}

/// All that is in the log now, up to `last`, which must be there.
async fn stored(hub: &Hub<Load>, last: u64) -> Vec<u64> {
    let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    let mut stored = Vec::new();
    while stored.last() != Some(&last) {
        stored.push(next(&mut all).await.n);
    }
    stored
}

async fn next(subscription: &mut Subscription<Load>) -> Load {
    let next = in_time("an event", subscription.next()).await;
    next.and_then(Received::event).expect("an event")
}

fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn what_one_task_publishes_is_in_that_order() {
    let hub = start(&Gate::default(), |hub| hub).await;
    for n in 1..=100 {
        let id = hub.publish(load(n)).await.unwrap();
        assert_eq!((id.seq(), id), (n, hub.last_event_id()));
    }
    assert!(stored(&hub, 100).await.into_iter().eq(1..=100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_never_interleaved() {
    let hub = start(&Gate::default(), |hub| hub).await;
    let publishers: Vec<_> = (0..8)
        .map(|publisher: u64| {
            let hub = hub.clone();
            tokio::spawn(async move {
                for batch in 0..50 {
                    let numbers = (0..3).map(|n| load(publisher * 1000 + batch * 3 + n));
                    let ids = hub.publish_all(numbers).await.unwrap();
                    let seqs: Vec<_> = ids.iter().map(|id| id.seq()).collect();
                    assert_eq!(seqs, [seqs[0], seqs[0] + 1, seqs[0] + 2]);
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    hub.publish(load(9999)).await.unwrap();
    let stored = stored(&hub, 9999).await;
    assert_eq!(stored.len(), 8 * 50 * 3 + 1);
    assert!(stored.chunks_exact(3).all(|three| three[0] % 1000 % 3 == 0));
    assert!(stored.chunks_exact(3).all(|three| three[2] == three[0] + 2), "{stored:?}");
}

#[tokio::test]
async fn an_empty_batch_publishes_nothing() {
    let hub = start(&Gate::default(), |hub| hub).await;
    assert_eq!(hub.publish_all(Vec::<Load>::new()).await.unwrap(), []);
    assert_eq!(hub.publish_all(Vec::<Load>::new()).enqueue().unwrap().await.unwrap(), []);
    assert_eq!(hub.publish(load(1)).await.unwrap().seq(), 1);
}

#[tokio::test]
async fn a_full_queue_gives_the_event_back() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub.queue_bytes(300)).await;
    gate.shut();
    let queued = hub.try_publish(load(1)).unwrap();
    let refused = hub.try_publish(load(2)).unwrap_err();
    assert_eq!(refused.event, load(2));
    assert!(matches!(refused.error, PublishError::QueueFull));
    gate.open();
    assert_eq!(queued.await.unwrap().seq(), 1);
    // A publish that is stored has left room.
    while let Err(refused) = hub.try_publish(refused.event.clone()) {
        assert!(matches!(refused.error, PublishError::QueueFull));
        tokio::task::yield_now().await;
    }
    assert_eq!(stored(&hub, 2).await, [1, 2]);
}

#[tokio::test]
async fn a_full_queue_gives_a_batch_back() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub.queue_bytes(600)).await;
    gate.shut();
    let queued = hub.publish_all([load(1), load(2)]).topic("a").enqueue().unwrap();
    let refused = hub.publish_all([load(3), load(4)]).enqueue().unwrap_err();
    assert_eq!(refused.event, [load(3), load(4)]);
    assert!(matches!(refused.error, PublishError::QueueFull));
    gate.open();
    let ids = queued.await.unwrap();
    assert_eq!(ids.iter().map(|id| id.seq()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(ids[0].epoch(), ids[1].epoch());
    let of_a = hub.subscribe(Subscribe::default()).start(Start::Oldest);
    let mut of_a = of_a.topics(["a".parse().unwrap()]);
    assert_eq!([next(&mut of_a).await, next(&mut of_a).await], [load(1), load(2)]);
    // What was refused is not in the log, and its room was never taken.
    assert_eq!(hub.publish_all([load(3), load(4)]).await.unwrap()[0].seq(), 3);
    let large = vec![load(5), Load { n: 6, padding: "x".repeat(300 << 10) }];
    let refused = hub.publish_all(large.clone()).enqueue().unwrap_err();
    assert!(matches!(refused.error, PublishError::EventTooLarge { .. }));
    assert_eq!(refused.event, large);
    assert_eq!(hub.last_event_id().seq(), 4);
}

#[tokio::test]
async fn a_batch_that_is_queued_is_published_though_its_receipt_is_dropped() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub).await;
    gate.shut();
    drop(hub.publish_all([load(1), load(2)]).enqueue().unwrap());
    gate.open();
    hub.publish(load(3)).await.unwrap();
    assert_eq!(stored(&hub, 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_its_size() {
    let hub = start(&Gate::default(), |hub| hub.max_event_bytes(1000).queue_bytes(1500)).await;
    let large = Load { n: 1, padding: "x".repeat(1000) };
    let error = hub.publish(large.clone()).await.unwrap_err();
    let size = serde_json::to_vec(&large).unwrap().len();
    let told = |error: &PublishError| {
        matches!(error,
        PublishError::EventTooLarge { name: "load", bytes, limit: 1000 } if *bytes == size)
    };
    assert!(told(&error), "{error:?}");
    let refused = hub.try_publish(large.clone()).unwrap_err();
    assert!(told(&refused.error) && refused.event == large);
    let error = hub.publish_all([load(1), large]).await.unwrap_err();
    assert!(told(&error), "nothing of a batch is published if one event is too large");

    let error = hub.publish_all((0..20).map(load)).await.unwrap_err();
    assert!(matches!(error, PublishError::BatchTooLarge { limit: 1500, .. }), "{error:?}");
    let just = Load { n: 1, padding: "x".repeat(1000 - (size - 1000)) };
    assert_eq!(hub.publish(just).await.unwrap().seq(), 1);
}

#[tokio::test]
async fn an_event_that_is_larger_than_the_queue_has_it_alone() {
    for queue in [0, 1, 100, 300] {
        let gate = Gate::default();
        let hub = start(&gate, |hub| hub.max_event_bytes(1000).queue_bytes(queue)).await;
        gate.shut();
        let large = |n| Load { n, padding: "x".repeat(900) };
        let first = hub.try_publish(large(1)).unwrap();
        assert!(matches!(hub.try_publish(large(2)).unwrap_err().error, PublishError::QueueFull));
        let mut second = hub.publish(large(2)).into_future();
        assert!(poll_once(&mut second).is_pending(), "it waits for room");
        gate.open();
        assert_eq!(first.await.unwrap().seq(), 1);
        assert_eq!(second.await.unwrap().seq(), 2);
        assert_eq!(hub.publish_all([large(3)]).await.unwrap()[0].seq(), 3);
        let batch = hub.publish_all([large(4), large(5)]).await.unwrap_err();
        assert!(matches!(batch, PublishError::BatchTooLarge { .. }), "{batch:?}");
        assert_eq!(hub.close_topic("a").await.unwrap().seq(), 4);
        assert_eq!(hub.stats().publishes_too_large, 1);
    }
}

#[tokio::test]
async fn a_queue_may_be_as_large_as_can_be_said() {
    let hub = start(&Gate::default(), |hub| hub.queue_bytes(usize::MAX)).await;
    assert_eq!(hub.publish_all((0..20).map(load)).await.unwrap().len(), 20);
}

#[tokio::test]
async fn what_is_not_polled_is_not_published() {
    let hub = start(&Gate::default(), |hub| hub).await;
    drop(hub.publish(load(1)).into_future());
    drop(hub.publish_all([load(2), load(3)]).into_future());
    hub.publish(load(4)).await.unwrap();
    assert_eq!(stored(&hub, 4).await, [4]);
}

#[tokio::test]
async fn what_is_queued_is_published_though_its_future_is_dropped() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub).await;
    gate.shut();
    let mut first = hub.publish(load(1)).into_future();
    assert!(poll_once(&mut first).is_pending());
    let mut batch = hub.publish_all([load(2), load(3)]).into_future();
    assert!(poll_once(&mut batch).is_pending());
    drop((first, batch, hub.try_publish(load(4)).unwrap()));
    gate.open();
    hub.publish(load(5)).await.unwrap();
    assert_eq!(stored(&hub, 5).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn what_is_dropped_while_it_waits_for_room_is_not_published() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub.queue_bytes(300)).await;
    gate.shut();
    drop(hub.try_publish(load(1)).unwrap());
    let mut waiting = hub.publish(load(2)).into_future();
    assert!(poll_once(&mut waiting).is_pending());
    drop(waiting);
    gate.open();
    hub.publish(load(3)).await.unwrap();
    assert_eq!(stored(&hub, 3).await, [1, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_pressure_waits_and_never_drops() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub.queue_bytes(500)).await;
    gate.shut();
    let publishers: Vec<_> = (1..=200)
        .map(|n| {
            let hub = hub.clone();
            tokio::spawn(async move { hub.publish(load(n)).await.unwrap().seq() })
        })
        .collect();
    gate.wait();
    assert!(!publishers.iter().any(tokio::task::JoinHandle::is_finished));
    gate.open();
    let mut seqs = Vec::new();
    for publisher in publishers {
        seqs.push(publisher.await.unwrap());
    }
    let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for seq in 1..=200 {
        let n = next(&mut all).await.n;
        assert_eq!(seqs[n as usize - 1], seq, "event {n} has the id that its publisher was told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_before_it_is_in_the_log() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub).await;
    let mut subscription = hub.subscribe(Subscribe::default()).everything();
    gate.shut();
    let mut publish = hub.publish(load(1)).into_future();
    assert!(poll_once(&mut publish).is_pending());
    gate.wait();
    // The log holds the event in its hands. Whoever would be told too early has time to be.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(poll_once(&mut publish).is_pending(), "the publisher was told");
    assert!(poll_once(&mut Box::pin(subscription.next())).is_pending(), "a subscriber was told");
    assert_eq!(hub.last_event_id().seq(), 0);
    gate.open();
    assert_eq!(publish.await.unwrap().seq(), 1);
    assert_eq!(next(&mut subscription).await, load(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_queued_when_the_hub_shuts_down_is_stored() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub).await;
    gate.shut();
    let first = hub.try_publish(load(1)).unwrap();
    gate.wait();
    let second = hub.try_publish(load(2)).unwrap();
    let mut shutdown = Box::pin(hub.shutdown());
    assert!(poll_once(&mut shutdown).is_pending());
    assert!(matches!(hub.try_publish(load(3)).unwrap_err().error, PublishError::Closed));
    gate.open();
    in_time("the end", shutdown).await.unwrap();
    assert_eq!(in_time("the first id", first).await.unwrap().seq(), 1);
    assert_eq!(in_time("the second id", second).await.unwrap().seq(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_commit_wakes_the_readers_of_all_its_topics() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub).await;
    gate.shut();
    drop(hub.publish(load(1)).topic("first").enqueue().unwrap());
    gate.wait();
    // These two are queued behind the one in the gate, and go together.
    let topics = ["a", "b"];
    let mut readers: Vec<_> = topics
        .into_iter()
        .map(|topic| hub.subscribe(Subscribe::default()).topics([topic.parse().unwrap()]))
        .map(|mut reader| tokio::spawn(async move { next(&mut reader).await.n }))
        .collect();
    for (n, topic) in (2..).zip(topics) {
        drop(hub.publish(load(n)).topic(topic).enqueue().unwrap());
    }
    // Readers are asleep when the commit comes: they had nothing to read.
    tokio::time::sleep(Duration::from_millis(20)).await;
    gate.open();
    for (n, reader) in (2..).zip(readers.drain(..)) {
        assert_eq!(reader.await.unwrap(), n);
    }
}

#[tokio::test]
async fn what_the_log_does_not_take_is_shown_to_nobody() {
    for failure in [Failure::Refused, Failure::OutcomeUnknown] {
        let gate = Gate::default();
        let hub = start(&gate, |hub| hub).await;
        let mut subscription = hub.subscribe(Subscribe::default()).everything();
        gate.fail(failure);
        let error = hub.publish(load(1)).await.unwrap_err();
        assert_eq!(failure == Failure::Refused, matches!(error, PublishError::Refused(_)));
        let unknown = matches!(error, PublishError::OutcomeUnknown(_));
        assert_eq!(failure == Failure::OutcomeUnknown, unknown);
        assert!(poll_once(&mut Box::pin(subscription.next())).is_pending());
    }
}

#[tokio::test]
async fn a_log_that_panics_ends_the_hub_and_leaves_nobody_waiting() {
    let gate = Gate::default();
    let hub = start(&gate, |hub| hub).await;
    let mut subscription = hub.subscribe(Subscribe::default()).everything();
    gate.shut();
    gate.fail(Failure::Panic);
    let taken = hub.try_publish(load(1)).unwrap();
    gate.wait();
    let queued = hub.try_publish(load(2)).unwrap();
    gate.open();
    assert!(matches!(taken.await, Err(PublishError::OutcomeUnknown(_))));
    assert!(matches!(queued.await, Err(PublishError::Closed)));
    assert!(matches!(hub.publish(load(3)).await, Err(PublishError::Closed)));
    assert!(matches!(subscription.next().await, Some(Received::Closed(_))));
    assert!(hub.shutdown().await.is_err(), "whoever shuts it down learns why it had ended");
}

/// It tells another place of the third record than that where it stands.
struct LosesCount(u64);

impl Hooks for LosesCount {
    fn append(&self, log: &dyn EventLog, batches: &[Batch]) -> Result<Appended, AppendError> {
        let Appended { first, time_ms, .. } = log.append(batches)?;
        let seq = if first.seq() == 3 { self.0 } else { first.seq() };
        Ok(Appended::new(EventId::new(first.epoch(), seq), time_ms))
    }
}

#[tokio::test]
async fn a_log_that_loses_count_ends_the_hub() {
    for seq in [0, 1, 2, 4, u64::MAX] {
        let hub = Hub::<Load>::builder(Hooked(LosesCount(seq))).start().await.unwrap();
        let mut subscription = hub.subscribe(Subscribe::default()).everything();
        hub.publish_all([load(1), load(2)]).await.unwrap();
        for n in 1..=2 {
            assert_eq!(next(&mut subscription).await, load(n));
        }
        let Err(PublishError::OutcomeUnknown(told)) = hub.publish(load(3)).await else {
            panic!("{seq} for 3")
        };
        let ended = in_time("the end", subscription.next()).await;
        assert!(matches!(ended, Some(Received::Closed(_))), "nobody is shown it: {ended:?}");
        assert!(matches!(hub.publish(load(4)).await, Err(PublishError::Closed)));
        let failed = hub.shutdown().await.unwrap_err();
        for error in [&*told, &failed] {
            let reason = std::error::Error::source(error).unwrap().to_string();
            assert!(reason.contains("seq 3") && reason.contains(&seq.to_string()), "{reason}");
        }
    }
}
