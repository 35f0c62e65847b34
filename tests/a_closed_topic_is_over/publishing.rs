//! What publishing to a closed topic gives, and closing it again.

use crate::Token;
use sse_framework::{Hub, PublishError, Received, Start, Subscribe, Topic, TopicError};
use std::future::IntoFuture;
use support::gate::{Failure, Gate};
use support::served::in_time;

fn token(n: u64) -> Token {
    Token { n }
}

/// What is in the log: the numbers of tokens, and 0 for a close.
async fn stored(hub: &Hub<Token>) -> Vec<u64> {
    let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    let (mut stored, last) = (Vec::new(), hub.last_event_id().seq());
    while (stored.len() as u64) < last {
        stored.push(match in_time("a record", all.next()).await.unwrap() {
            Received::Event(delivered) => delivered.event.n,
            Received::TopicClosed { .. } => 0,
            other => panic!("{other:?}"),
        });
    }
    stored
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, PublishError>, expected: &str) {
    match outcome {
        Err(PublishError::TopicClosed { topic }) => assert_eq!(topic.as_str(), expected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_can_be_published_to_a_closed_topic() {
    let hub = Hub::<Token>::in_memory().unwrap();
    hub.publish(token(1)).topic("a/b").await.unwrap();
    let topic: Topic = "a/b".parse().unwrap();
    assert_eq!(hub.topic_closed(&topic), None);
    let id = hub.close_topic("a/b").await.unwrap();
    assert_eq!((id.seq(), hub.topic_closed(&topic), hub.last_event_id()), (2, Some(id), id));
    assert_eq!(
        ["a/b", "a", "a//b", "*"].map(|text| hub.topic_closed(text)),
        [Some(id), None, None, None]
    );
    refused(hub.publish(token(2)).topic("a/b").await, "a/b");
    refused(hub.publish(token(3)).topic("a/b").enqueue().unwrap().await, "a/b");
    refused(hub.publish_all([token(4), token(5)]).topic("a/b").await, "a/b");
    // Others have nothing to do with it, nor has an event without a topic.
    for topic in ["a", "a/b/c", "a/B"] {
        hub.publish(token(6)).topic(topic).await.unwrap();
    }
    hub.publish(token(7)).await.unwrap();
    assert_eq!(stored(&hub).await, [1, 0, 6, 6, 6, 7]);
}

#[tokio::test]
async fn closing_twice_gives_the_first_close() {
    let hub = Hub::<Token>::in_memory().unwrap();
    let first = hub.close_topic("a").await.unwrap();
    hub.publish(token(1)).topic("b").await.unwrap();
    assert_eq!(hub.close_topic("a").await.unwrap(), first);
    assert_eq!(hub.close_topic("a").enqueue().unwrap().await.unwrap(), first);
    assert_eq!(stored(&hub).await, [0, 1]);
    assert_eq!(hub.stats().closed_topics, 1);
    for text in ["a//b", "a/*", ""] {
        let refused = hub.close_topic(text).await;
        assert!(matches!(refused, Err(PublishError::Topic(_))), "{refused:?}");
    }
    let Err(PublishError::Topic(TopicError::Wildcard)) = hub.close_topic("*").enqueue() else {
        panic!("a pattern was closed");
    };
    drop(hub.close_topic("unpolled").into_future());
    assert_eq!(stored(&hub).await, [0, 1], "an unpolled close does nothing");
}

/// What one group of the queue holds is decided on in its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_queued_behind_a_close_is_refused_and_what_is_before_it_stored() {
    let gate = Gate::default();
    let hub = Hub::<Token>::builder(gate.log()).start().await.unwrap();
    gate.shut();
    let held = hub.try_publish(token(1)).unwrap();
    gate.wait();
    let before = hub.publish(token(2)).topic("a").enqueue().unwrap();
    let close = hub.close_topic("a").enqueue().unwrap();
    let behind = hub.publish(token(3)).topic("a").enqueue().unwrap();
    let again = hub.close_topic("a").enqueue().unwrap();
    let other = hub.publish(token(4)).topic("b").enqueue().unwrap();
    let batch = tokio::spawn({
        let hub = hub.clone();
        async move { hub.publish_all([token(5), token(6)]).topic("a").await }
    });
    gate.open();
    assert_eq!(held.await.unwrap().seq(), 1);
    assert_eq!(before.await.unwrap().seq(), 2);
    assert_eq!(close.await.unwrap().seq(), 3);
    refused(behind.await, "a");
    assert_eq!(again.await.unwrap().seq(), 3);
    assert_eq!(other.await.unwrap().seq(), 4, "refused events leave no hole");
    refused(batch.await.unwrap(), "a");
    assert_eq!(stored(&hub).await, [1, 2, 0, 4]);
}

#[derive(
    Clone,
    Debug,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
    sse_framework::SseEvent,
)]
#[sse(topic = "rooms/{room}")]
struct Said {
    room: u64,
}

#[tokio::test]
async fn a_batch_of_which_one_topic_is_closed_is_refused_as_a_whole() {
    let hub = Hub::<Said>::in_memory().unwrap();
    hub.close_topic("rooms/2").await.unwrap();
    refused(hub.publish_all([1, 2, 3].map(|room| Said { room })).await, "rooms/2");
    assert_eq!(hub.last_event_id().seq(), 1);
    assert_eq!(hub.publish_all([1, 3].map(|room| Said { room })).await.unwrap()[0].seq(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_that_fails_closes_nothing() {
    for failure in [Failure::Refused, Failure::OutcomeUnknown] {
        let gate = Gate::default();
        let hub = Hub::<Token>::builder(gate.log()).start().await.unwrap();
        gate.shut();
        let held = hub.try_publish(token(1)).unwrap();
        gate.wait();
        let close = hub.close_topic("a").enqueue().unwrap();
        let again = hub.close_topic("a").enqueue().unwrap();
        let behind = hub.publish(token(2)).topic("a").enqueue().unwrap();
        gate.fail(failure);
        gate.open();
        assert!(held.await.is_err());
        for close in [close.await, again.await] {
            let unknown = matches!(close, Err(PublishError::OutcomeUnknown(_)));
            assert_eq!(unknown, failure == Failure::OutcomeUnknown, "{close:?}");
        }
        // It was not even tried, so it is surely not in the log; and the topic is not closed.
        assert!(matches!(behind.await, Err(PublishError::Refused(_))));
        assert_eq!(hub.topic_closed("a"), None);
        gate.mend();
        hub.publish(token(3)).topic("a").await.unwrap();
        hub.close_topic("a").await.unwrap();
        refused(hub.publish(token(4)).topic("a").await, "a");
    }
}
