//! A publish with an idempotency key can be tried again: it is stored once, and everybody gets its id.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::post;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    Durability, EventId, Hub, HubBuilder, IdStyle, IdempotencyKeyError, MemoryLog, Problem,
    PublishError, Received, Retention, SledLog, SseEvent, Start, Subscribe,
};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};
use support::gate::{Failure, Gate};
use support::http::{self, Request};
use support::served::{Served, eventually, in_time};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Event {
    Paid { order: u64 },
    Refunded { order: u64 },
}

use Event::{Paid, Refunded};

async fn in_memory() -> Hub<Event> {
    Hub::builder(MemoryLog::new()).start().await.unwrap()
}

fn on_disk(directory: &std::path::Path) -> HubBuilder<Event> {
    Hub::builder(SledLog::new(directory).segment_bytes(2048))
}

/// All that is in the log.
async fn stored(hub: &Hub<Event>) -> Vec<Event> {
    let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    hub.publish(Paid { order: u64::MAX }).await.unwrap();
    let mut stored = Vec::new();
    loop {
        let next = in_time("an event", all.next()).await;
        match next.and_then(Received::event).expect("an event") {
            Paid { order: u64::MAX } => return stored,
            event => stored.push(event),
        }
    }
}

async fn publish(hub: &Hub<Event>, event: Event, key: &str) -> Result<EventId, PublishError> {
    in_time("an answer", hub.publish(event).idempotency_key(key)).await
}

fn conflict(result: Result<EventId, PublishError>) -> EventId {
    match result {
        Err(PublishError::Conflict { id }) => id,
        other => panic!("{other:?}"),
    }
}

// ANCHOR: handler
/// Notes a payment. A client that gets no answer sends the same request again.
async fn pay(
    State(hub): State<Hub<Event>>,
    Path((user, order)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Result<String, Problem> {
    let publish = hub.publish(Paid { order });
    let publish = match headers.get("idempotency-key") {
        // Whose it is comes first, and in quotes, so that no user can meet with the key of another.
        Some(key) => publish.idempotency_key(format!("{user:?} {}", key.as_bytes().escape_ascii())),
        None => publish,
    };
    Ok(hub.encode_id(publish.await?))
}
// ANCHOR_END: handler

#[test]
fn a_handler_takes_the_key_from_a_header() {
    let (served, hub) = Served::new(support::served::Server::Framework, async || {
        let hub = in_memory().await;
        let app = Router::new().route("/{user}/pay/{order}", post(pay));
        (app.with_state(hub.clone()), hub)
    });
    let pay = |user: &str, order: u64, key: Option<&str>| {
        let request = Request::new("POST", &format!("/{user}/pay/{order}")).body("");
        let request = match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        };
        http::send(served.address(), &request).unwrap()
    };
    let first = pay("ann", 7, Some("\"8e03978e\""));
    assert_eq!(first.head.status, 200);
    assert_eq!(pay("ann", 7, Some("\"8e03978e\"")).text(), first.text());
    assert_eq!(hub.last_event_id().seq(), 1);
    let conflict = pay("ann", 8, Some("\"8e03978e\""));
    assert_eq!(conflict.head.status, 422);
    assert!(conflict.text().contains("make a new key"), "{}", conflict.text());
    assert_eq!(pay("ann", 7, Some(&"x".repeat(300))).head.status, 400);
    assert_ne!(pay("bob", 7, Some("\"8e03978e\"")).text(), first.text());
    assert_ne!(pay("ann", 7, None).text(), pay("ann", 7, None).text());
    assert_eq!(hub.last_event_id().seq(), 4);
    // Bytes that are no text are part of a key as well.
    let odd = pay("ann", 7, Some("\"cl\u{e9}\""));
    assert_eq!(pay("ann", 7, Some("\"cl\u{e9}\"")).text(), odd.text());
    assert_ne!(pay("ann", 7, Some("\"cl\u{ea}\"")).text(), odd.text());
    // Whatever users are called, none has another's keys.
    let long_name = pay("ann:%20bob", 7, Some("1"));
    assert_ne!(pay("ann", 7, Some("bob: 1")).text(), long_name.text());
    assert_ne!(pay("ann", 7, Some("ann: bob: 1")).text(), long_name.text());
}

#[tokio::test]
async fn it_gets_the_first_id_and_stores_nothing() {
    let hub = in_memory().await;
    let first = publish(&hub, Paid { order: 1 }, "a").await.unwrap();
    let other = publish(&hub, Paid { order: 1 }, "b").await.unwrap();
    assert_ne!(first, other, "the key counts, not what is published");
    assert_eq!(publish(&hub, Paid { order: 1 }, "a").await.unwrap(), first);
    let queued = hub.publish(Paid { order: 1 }).idempotency_key("b").enqueue().unwrap();
    assert_eq!(queued.await.unwrap(), other);
    assert_eq!(hub.last_event_id(), other);
    assert_eq!(hub.stats().idempotency_keys, 2);
    assert_eq!(stored(&hub).await, [Paid { order: 1 }, Paid { order: 1 }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_the_same_time_get_one_id() {
    let gate = Gate::default();
    let hub: Hub<Event> = Hub::builder(gate.log()).start().await.unwrap();
    for round in 0..20 {
        gate.shut();
        let key = format!("round {round}");
        let twins: Vec<_> = (0..100)
            .map(|_| {
                let (hub, key) = (hub.clone(), key.clone());
                tokio::spawn(async move { publish(&hub, Paid { order: round }, &key).await })
            })
            .collect();
        // Some are stored together, and some come when the first is stored.
        gate.wait();
        gate.open();
        let mut ids = BTreeSet::new();
        for twin in twins {
            ids.insert(twin.await.unwrap().unwrap().to_string());
        }
        assert_eq!(ids.len(), 1, "{ids:?}");
        assert_eq!(hub.last_event_id().seq(), round + 1);
    }
    assert!(stored(&hub).await.into_iter().eq((0..20).map(|order| Paid { order })));
}

#[tokio::test]
async fn a_key_for_something_else_is_a_conflict_that_names_the_first() {
    let hub = in_memory().await;
    let first = publish(&hub, Paid { order: 1 }, "a").await.unwrap();
    let others = [
        hub.publish(Paid { order: 2 }),
        hub.publish(Refunded { order: 1 }),
        hub.publish(Paid { order: 1 }).topic("orders"),
    ];
    for other in others {
        let refused = other.idempotency_key("a").await;
        let text = refused.as_ref().unwrap_err().to_string();
        assert!(text.contains(&first.to_string()) && text.contains("make a new key"), "{text}");
        assert_eq!(conflict(refused), first);
    }
    let refused = hub.publish(Paid { order: 2 }).idempotency_key("a").enqueue().unwrap().await;
    assert_eq!(conflict(refused), first);
    assert_eq!(publish(&hub, Paid { order: 1 }, "a").await.unwrap(), first, "it is still known");
    assert_eq!(stored(&hub).await, [Paid { order: 1 }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_together_is_decided_on_in_its_order() {
    let gate = Gate::default();
    let hub: Hub<Event> = Hub::builder(gate.log()).start().await.unwrap();
    gate.shut();
    let held = hub.try_publish(Paid { order: 0 }).unwrap();
    gate.wait();
    let queue = |order, key: &str| {
        hub.publish(Paid { order }).topic("orders").idempotency_key(key).enqueue().unwrap()
    };
    // These go together.
    let (first, twin, other) = (queue(1, "a"), queue(1, "a"), queue(2, "a"));
    let closed = hub.close_topic("orders").enqueue().unwrap();
    let (again, late) = (queue(1, "a"), queue(3, "b"));
    gate.open();
    let id = first.await.unwrap();
    assert_eq!((held.await.unwrap().seq(), id.seq()), (1, 2));
    assert_eq!(twin.await.unwrap(), id);
    assert_eq!(conflict(other.await), id);
    assert_eq!(closed.await.unwrap().seq(), 3);
    assert_eq!(again.await.unwrap(), id, "it was stored before the topic was closed");
    assert!(matches!(late.await, Err(PublishError::TopicClosed { .. })));
    let after = hub.publish(Paid { order: 1 }).topic("orders").idempotency_key("a").await;
    assert_eq!(after.unwrap(), id);
    let late = hub.publish(Paid { order: 3 }).topic("orders").idempotency_key("b").await;
    assert!(matches!(late, Err(PublishError::TopicClosed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_that_failed_leaves_no_key() {
    for failure in [Failure::Refused, Failure::OutcomeUnknown] {
        let gate = Gate::default();
        let hub: Hub<Event> = Hub::builder(gate.log()).start().await.unwrap();
        gate.shut();
        let held = hub.try_publish(Paid { order: 0 }).unwrap();
        gate.wait();
        let queue = |order| hub.publish(Paid { order }).idempotency_key("a").enqueue().unwrap();
        let (first, twin, other) = (queue(1), queue(1), queue(2));
        gate.fail(failure);
        gate.open();
        assert!(held.await.is_err());
        for shared in [first.await, twin.await] {
            let same = match failure {
                Failure::Refused => matches!(shared, Err(PublishError::Refused(_))),
                _ => matches!(shared, Err(PublishError::OutcomeUnknown(_))),
            };
            assert!(same, "who was to be stored together has the same error: {shared:?}");
        }
        let other = other.await;
        assert!(matches!(other, Err(PublishError::Refused(_))), "no conflict: {other:?}");
        gate.mend();
        let second = publish(&hub, Paid { order: 2 }, "a").await.unwrap();
        assert_eq!(conflict(publish(&hub, Paid { order: 1 }, "a").await), second);
    }
}

#[tokio::test]
async fn a_batch_has_one_key_for_all() {
    let directory = tempfile::tempdir().unwrap();
    let batch = |orders: std::ops::Range<u64>| orders.map(|order| Paid { order });
    let start = || on_disk(directory.path()).start();
    let mut hub = start().await.unwrap();
    let ids = hub.publish_all(batch(0..50)).idempotency_key("a").await.unwrap();
    let second = hub.publish_all(batch(0..50)).topic("b").idempotency_key("b").await.unwrap();
    assert_eq!(second[0].seq(), 51);
    for _ in 0..2 {
        let queued = hub.publish_all(batch(0..50)).idempotency_key("a").enqueue();
        assert_eq!(queued.unwrap().await.unwrap(), ids);
        assert_eq!(hub.publish_all(batch(0..50)).idempotency_key("a").await.unwrap(), ids);
        for other in [0..49, 0..51, 1..51, 0..1] {
            let refused = hub.publish_all(batch(other)).idempotency_key("a").await;
            assert_eq!(conflict(refused.map(|ids| ids[0])), ids[0]);
        }
        assert_eq!(conflict(publish(&hub, Paid { order: 0 }, "a").await), ids[0]);
        hub.shutdown().await.unwrap();
        hub = start().await.unwrap();
    }
    assert_eq!(hub.last_event_id().seq(), 100);
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_says_what_to_do() {
    let hub = in_memory().await;
    let refused = |result: Result<EventId, PublishError>| match result {
        Err(PublishError::IdempotencyKey(error)) => error,
        other => panic!("{other:?}"),
    };
    let empty = refused(publish(&hub, Paid { order: 1 }, "").await);
    assert_eq!(empty, IdempotencyKeyError::Empty);
    let long = refused(publish(&hub, Paid { order: 1 }, &"x".repeat(256)).await);
    assert_eq!(long, IdempotencyKeyError::TooLong { bytes: 256 });
    assert!(long.to_string().contains("255") && long.to_string().contains("UUID"), "{long}");
    let queued = hub.publish(Paid { order: 1 }).idempotency_key("").enqueue();
    assert_eq!(queued.unwrap_err().event, Paid { order: 1 }, "the event comes back");
    assert_eq!(hub.last_event_id().seq(), 0);
    assert_eq!(publish(&hub, Paid { order: 1 }, &"x".repeat(255)).await.unwrap().seq(), 1);
}

#[tokio::test]
async fn a_key_is_forgotten_when_so_many_have_come_since() {
    let directory = tempfile::tempdir().unwrap();
    let start = || on_disk(directory.path()).idempotency_window(Duration::from_secs(600), 10);
    let hub = start().start().await.unwrap();
    let mut ids = Vec::new();
    for order in 0..30 {
        ids.push(publish(&hub, Paid { order }, &order.to_string()).await.unwrap());
    }
    hub.publish(Paid { order: 99 }).await.unwrap();
    for order in 20..30 {
        let again = publish(&hub, Paid { order }, &order.to_string()).await.unwrap();
        assert_eq!(again, ids[order as usize]);
    }
    assert_eq!(hub.stats().idempotency_keys, 10);
    hub.shutdown().await.unwrap();
    let hub = start().start().await.unwrap();
    assert_eq!(hub.stats().idempotency_keys, 10, "after a restart it is the same");
    for order in 20..30 {
        let again = publish(&hub, Paid { order }, &order.to_string()).await.unwrap();
        assert_eq!(again, ids[order as usize]);
    }
    assert_ne!(publish(&hub, Paid { order: 19 }, "19").await.unwrap(), ids[19], "stored anew");
    assert_ne!(publish(&hub, Paid { order: 20 }, "20").await.unwrap(), ids[20], "pushed out by it");
    assert_eq!(publish(&hub, Paid { order: 22 }, "22").await.unwrap(), ids[22]);
}

#[tokio::test]
async fn of_a_key_that_was_used_again_a_longer_window_knows_the_newest() {
    let directory = tempfile::tempdir().unwrap();
    let start =
        |keys| on_disk(directory.path()).idempotency_window(Duration::from_secs(600), keys).start();
    let hub = start(1).await.unwrap();
    let old = publish(&hub, Paid { order: 1 }, "a").await.unwrap();
    publish(&hub, Paid { order: 2 }, "b").await.unwrap();
    let new = publish(&hub, Paid { order: 3 }, "a").await.unwrap();
    assert_ne!(old, new);
    hub.shutdown().await.unwrap();
    let hub = start(2).await.unwrap();
    assert_eq!(publish(&hub, Paid { order: 3 }, "a").await.unwrap(), new);
    assert_eq!(hub.stats().idempotency_keys, 2);
    // The oldest of the two is the first to be forgotten.
    publish(&hub, Paid { order: 4 }, "c").await.unwrap();
    assert_eq!(publish(&hub, Paid { order: 3 }, "a").await.unwrap(), new);
}

#[tokio::test]
async fn a_key_is_forgotten_when_it_is_too_old() {
    let directory = tempfile::tempdir().unwrap();
    let age = Duration::from_secs(3);
    let start = || on_disk(directory.path()).idempotency_window(age, 1000);
    let hub = start().start().await.unwrap();
    let began = Instant::now();
    let old = publish(&hub, Paid { order: 1 }, "a").await.unwrap();
    let again = publish(&hub, Paid { order: 1 }, "a").await.unwrap();
    assert!(again == old || began.elapsed() >= age, "it is still known");
    hub.shutdown().await.unwrap();
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let hub = start().start().await.unwrap();
    assert_eq!(hub.stats().idempotency_keys, 0);
    let began = Instant::now();
    let young = publish(&hub, Paid { order: 2 }, "a").await.unwrap();
    assert_ne!(young, old, "also for something else");
    let other = publish(&hub, Paid { order: 1 }, "a").await;
    if began.elapsed() < age {
        assert_eq!(conflict(other), young);
    }
    tokio::time::sleep(Duration::from_millis(3100)).await;
    assert_ne!(publish(&hub, Paid { order: 2 }, "a").await.unwrap(), young);
}

#[tokio::test]
async fn a_restart_changes_nothing_and_clients_see_the_same_ids() {
    for ids in [IdStyle::Plain, IdStyle::Opaque] {
        let directory = tempfile::tempdir().unwrap();
        let start = || on_disk(directory.path()).ids(ids);
        let mut shown = Vec::new();
        for life in 0..4 {
            let hub = start().start().await.unwrap();
            // Over several segments, some of which are sealed by now.
            for order in 0..100 {
                let id = publish(&hub, Paid { order }, &format!("order {order}")).await.unwrap();
                match shown.get(order as usize) {
                    Some(first) => assert_eq!(hub.encode_id(id), *first),
                    None => shown.push(hub.encode_id(id)),
                }
            }
            assert_eq!(hub.last_event_id().seq(), 100 + life, "one of each");
            hub.publish(Paid { order: 1 }).await.unwrap();
            hub.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_key_is_known_though_its_event_is_no_longer_kept() {
    let directory = tempfile::tempdir().unwrap();
    let start = || on_disk(directory.path()).retention(Retention::forever().events(3));
    let hub = start().start().await.unwrap();
    let mut ids = Vec::new();
    for order in 0..200 {
        ids.push(publish(&hub, Paid { order }, &order.to_string()).await.unwrap());
    }
    // Whole segments are removed meanwhile.
    eventually("segments are removed", || {
        !directory.path().join("00000000000000000001.active").exists()
            && !directory.path().join("00000000000000000001.sealed").exists()
    });
    hub.shutdown().await.unwrap();
    let hub = start().start().await.unwrap();
    for (order, id) in (0..).zip(ids) {
        assert_eq!(publish(&hub, Paid { order }, &order.to_string()).await.unwrap(), id);
    }
    assert_eq!(hub.last_event_id().seq(), 200);
}

/// What somebody does.
#[derive(Clone, Debug)]
enum Step {
    /// Publishes, with one of few keys or none.
    Publish {
        key: Option<u8>,
        order: u64,
        batch: usize,
    },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = prop_oneof![1 => Just(None), 6 => (0u8..8).prop_map(Some)];
    let publish = (key, 0u64..2, 1usize..4).prop_map(|(key, order, batch)| Step::Publish {
        key,
        order,
        batch,
    });
    prop::collection::vec(prop_oneof![8 => publish, 1 => Just(Step::Restart)], 1..60)
}

/// What should come of it: the keys that are known, the oldest first.
#[derive(Default)]
struct Model {
    known: HashMap<u8, ((u64, usize), EventId)>,
    order: VecDeque<u8>,
    last: u64,
}

const WINDOW: usize = 5;

impl Model {
    fn check(
        &mut self,
        key: Option<u8>,
        what: (u64, usize),
        got: Result<Vec<EventId>, PublishError>,
    ) {
        let known = key.and_then(|key| self.known.get(&key).copied());
        match known {
            Some((first, id)) if first == what => {
                let ids = got.unwrap();
                assert_eq!((ids[0], ids.len()), (id, what.1));
            }
            Some((_, id)) => assert_eq!(conflict(got.map(|ids| ids[0])), id),
            None => {
                let ids = got.unwrap();
                assert_eq!((ids[0].seq(), ids.len()), (self.last + 1, what.1));
                self.last += what.1 as u64;
                let Some(key) = key else { return };
                if self.order.len() == WINDOW {
                    self.known.remove(&self.order.pop_front().unwrap());
                }
                self.known.insert(key, (what, ids[0]));
                self.order.push_back(key);
            }
        }
    }
}

async fn check(steps: Vec<Step>, durability: Durability, keep: u64) {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        Hub::<Event>::builder(
            SledLog::new(directory.path()).segment_bytes(1024).durability(durability),
        )
        .retention(Retention::forever().events(keep))
        .idempotency_window(Duration::from_secs(600), WINDOW)
        .start()
    };
    let (mut hub, mut model) = (start().await.unwrap(), Model::default());
    for step in steps {
        match step {
            Step::Publish { key, order, batch } => {
                let publish = hub.publish_all((0..batch).map(|_| Paid { order }));
                let got = match key {
                    Some(key) => publish.idempotency_key(key.to_string()).await,
                    None => publish.await,
                };
                model.check(key, (order, batch), got);
            }
            Step::Restart => {
                hub.shutdown().await.unwrap();
                hub = start().await.unwrap();
            }
        }
    }
    assert_eq!(hub.last_event_id().seq(), model.last);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_as_simple_as_it_sounds(steps in steps(), synced in any::<bool>(), keep in 1u64..20) {
        let durability = match synced {
            true => Durability::Synced,
            false => Durability::Buffered { sync_every: Duration::from_millis(50) },
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps, durability, keep));
    }
}
