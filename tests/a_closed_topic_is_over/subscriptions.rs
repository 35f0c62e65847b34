//! What subscriptions within the process are told.

use crate::Token;
use sse_framework::{
    CloseReason, EventId, Hub, Received, Start, Subscribe, Subscription, TopicFilter,
};
use std::time::Duration;
use support::gate::Gate;
use support::served::in_time;

/// What has been received, short enough to compare.
#[derive(Debug, PartialEq)]
enum Got {
    Token(u64),
    Closed(String, EventId),
    End(CloseReason),
    Nothing,
}

async fn next(subscription: &mut Subscription<Token>) -> Got {
    match in_time("something", subscription.next()).await {
        Some(Received::Event(delivered)) => Got::Token(delivered.event.n),
        Some(Received::TopicClosed { id, topic, .. }) => Got::Closed(topic.as_str().into(), id),
        Some(Received::Closed(reason)) => Got::End(reason),
        Some(other) => panic!("{other:?}"),
        None => Got::Nothing,
    }
}

async fn silent(subscription: &mut Subscription<Token>) -> bool {
    tokio::time::timeout(Duration::from_millis(50), subscription.next()).await.is_err()
}

fn subscribe(hub: &Hub<Token>, start: Start, topics: &[&str]) -> Subscription<Token> {
    let topics = topics.iter().map(|topic| topic.parse::<TopicFilter>().unwrap());
    hub.subscribe(Subscribe::default()).start(start).topics(topics)
}

const END: Got = Got::End(CloseReason::Complete);

/// The log has the close, and the hub has not told of it yet: who comes then is told, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_begins_while_its_topic_is_being_closed_ends() {
    let gate = Gate::default();
    let hub = Hub::<Token>::builder(gate.log()).start().await.unwrap();
    hub.publish(Token { n: 1 }).topic("a").await.unwrap();
    let before = hub.last_event_id();
    gate.shut_behind();
    let closing = hub.close_topic("a").enqueue().unwrap();
    gate.wait();
    let mut a = subscribe(&hub, Start::New, &["a"]);
    assert_eq!(a.position(), before, "what nobody can see yet is not behind it");
    assert!(silent(&mut a).await);
    let waits = tokio::spawn(async move { (next(&mut a).await, next(&mut a).await) });
    tokio::time::sleep(Duration::from_millis(50)).await;
    gate.open();
    let end_of_a = closing.await.unwrap();
    assert_eq!(waits.await.unwrap(), (Got::Closed("a".into(), end_of_a), END));
}

#[tokio::test]
async fn a_subscription_ends_when_all_its_topics_have() {
    let hub = Hub::<Token>::in_memory().unwrap();
    let publish = async |topic: &str, n| hub.publish(Token { n }).topic(topic).await.unwrap();
    let mut a = subscribe(&hub, Start::New, &["a"]);
    let mut both = subscribe(&hub, Start::New, &["a", "b"]);
    publish("a", 1).await;
    assert_eq!((next(&mut a).await, next(&mut both).await), (Got::Token(1), Got::Token(1)));
    let end_of_a = hub.close_topic("a").await.unwrap();
    publish("b", 2).await;
    for subscription in [&mut a, &mut both] {
        assert_eq!(next(subscription).await, Got::Closed("a".into(), end_of_a));
    }
    assert_eq!((next(&mut a).await, next(&mut a).await), (END, Got::Nothing));
    assert_eq!(next(&mut both).await, Got::Token(2));
    assert!(silent(&mut both).await, "b is open");
    let end_of_b = hub.close_topic("b").await.unwrap();
    assert_eq!(next(&mut both).await, Got::Closed("b".into(), end_of_b));
    assert_eq!((next(&mut both).await, next(&mut both).await), (END, Got::Nothing));
}

#[tokio::test]
async fn a_subscription_to_patterns_or_everything_is_told_and_goes_on() {
    let hub = Hub::<Token>::in_memory().unwrap();
    let filters: [&[&str]; 3] = [&["a/*"], &["**"], &["a/1", "b/**"]];
    let mut goes_on: Vec<_> =
        filters.iter().map(|filters| subscribe(&hub, Start::New, filters)).collect();
    goes_on.push(hub.subscribe(Subscribe::default()).everything());
    let id = hub.close_topic("a/1").await.unwrap();
    for subscription in &mut goes_on {
        assert_eq!(next(subscription).await, Got::Closed("a/1".into(), id));
        assert!(silent(subscription).await);
    }
    // It sees none of it.
    let mut other = subscribe(&hub, Start::Oldest, &["a/2"]);
    assert!(silent(&mut other).await);
    let mut nothing = hub.subscribe(Subscribe::default()).topics([]);
    assert!(silent(&mut nothing).await, "who may see nothing is not told that it is complete");
}

#[tokio::test]
async fn who_comes_late_gets_what_its_start_says_and_then_the_end() {
    for tail_events in [100_000, 1] {
        let hub = Hub::builder(sse_framework::MemoryLog::new())
            .tail_bytes(1 << 20)
            .tail_events(tail_events);
        let hub: Hub<Token> = hub.start().await.unwrap();
        let publish = async |topic: &str, n| hub.publish(Token { n }).topic(topic).await.unwrap();
        let first = publish("a", 1).await;
        publish("a", 2).await;
        let close = hub.close_topic("a").await.unwrap();
        let last = publish("b", 3).await;
        let closed = || Got::Closed("a".into(), close);

        let mut oldest = subscribe(&hub, Start::Oldest, &["a"]);
        assert_eq!(next(&mut oldest).await, Got::Token(1));
        assert_eq!(next(&mut oldest).await, Got::Token(2));
        assert_eq!(next(&mut oldest).await, closed());
        assert_eq!((next(&mut oldest).await, next(&mut oldest).await), (END, Got::Nothing));
        let mut after = subscribe(&hub, Start::After(first), &["a"]);
        assert_eq!(next(&mut after).await, Got::Token(2));
        assert_eq!((next(&mut after).await, next(&mut after).await), (closed(), END));
        for start in [Start::New, Start::After(close), Start::After(last)] {
            let mut new = subscribe(&hub, start, &["a"]);
            assert_eq!((next(&mut new).await, next(&mut new).await), (END, Got::Nothing));
        }
        // What a client asks for narrows the choice to what is over.
        let asked = Subscribe::default().topics(["a".parse().unwrap()]);
        let mut narrowed = hub.subscribe(asked).start(Start::After(first)).everything();
        assert_eq!(next(&mut narrowed).await, Got::Token(2));
        assert_eq!((next(&mut narrowed).await, next(&mut narrowed).await), (closed(), END));
        // And a topic that it may not see does not keep it open.
        let asked = Subscribe::default().topics(["a", "b"].map(|topic| topic.parse().unwrap()));
        let mut allowed = hub.subscribe(asked).topics(["a".parse().unwrap()]);
        assert_eq!(next(&mut allowed).await, END);
    }
}

#[tokio::test]
async fn a_topic_that_is_closed_while_a_thousand_wait_ends_them_all() {
    let hub = Hub::<Token>::in_memory().unwrap();
    let readers: Vec<_> = (0..1000)
        .map(|n| {
            let mut reader = subscribe(&hub, Start::New, &["a", &format!("own/{n}")]);
            tokio::spawn(async move {
                let mut got = Vec::new();
                while got.last() != Some(&END) {
                    got.push(next(&mut reader).await);
                }
                got.len()
            })
        })
        .collect();
    for n in 0..1000 {
        hub.close_topic(format!("own/{n}")).await.unwrap();
    }
    hub.close_topic("a").await.unwrap();
    for reader in readers {
        assert_eq!(in_time("the end", reader).await.unwrap(), 3);
    }
    assert_eq!(hub.subscriber_count(), 0);
}
