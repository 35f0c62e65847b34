//! A topic stays closed over restarts, for as long as its close is kept.

use crate::Token;
use sse_framework::{Hub, MemoryLog, PublishError, Retention, SledLog};
use std::path::Path;
use support::served::eventually;

async fn open(path: &Path, retention: Retention) -> Hub<Token> {
    let log = SledLog::new(path).segment_bytes(4096);
    Hub::builder(log).retention(retention).start().await.unwrap()
}

/// Publishes until there are so many events.
async fn fill(hub: &Hub<Token>, until: u64) {
    while hub.last_event_id().seq() < until {
        hub.publish_all((0..50).map(|n| Token { n })).topic("other").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_stays_closed_over_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut closed = Vec::new();
    for round in 0..6 {
        let hub = open(&path, Retention::forever()).await;
        for (topic, id) in &closed {
            assert_eq!(hub.close_topic(topic).await.unwrap(), *id, "{topic} in round {round}");
            let more = hub.publish(Token { n: 0 }).topic(topic).await;
            assert!(matches!(more, Err(PublishError::TopicClosed { .. })), "{more:?}");
        }
        assert_eq!(hub.stats().closed_topics, closed.len());
        let topic = format!("answers/{round}");
        hub.publish(Token { n: 1 }).topic(&topic).await.unwrap();
        closed.push((topic.clone(), hub.close_topic(&topic).await.unwrap()));
        let next = hub.last_event_id().seq() + 200 * round;
        fill(&hub, next).await;
        match round % 2 {
            0 => hub.shutdown().await.unwrap(),
            // It ends by itself, some time after the last handle.
            _ => drop(hub),
        }
        let lock = || SledLog::new(&path).stats().is_ok();
        tokio::task::block_in_place(|| eventually("the log is closed", lock));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_open_again_when_its_close_is_no_longer_kept() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().events(100);
    let on_disk = open(&directory.path().join("log"), retention).await;
    let in_memory = Hub::builder(MemoryLog::new()).retention(retention).start().await.unwrap();
    for hub in [on_disk, in_memory] {
        let first = hub.close_topic("a").await.unwrap();
        fill(&hub, 51).await;
        assert_eq!(hub.close_topic("a").await.unwrap(), first, "it is kept");
        fill(&hub, 101).await;
        assert_eq!(hub.topic_closed("a"), None);
        hub.publish(Token { n: 2 }).topic("a").await.unwrap();
        let second = hub.close_topic("a").await.unwrap();
        assert_eq!(second.seq(), 103);
        let more = hub.publish(Token { n: 0 }).topic("a").await;
        assert!(matches!(more, Err(PublishError::TopicClosed { .. })));
        hub.shutdown().await.unwrap();
    }
}
