//! A log that is damaged on the disk: clients learn what is lost, and get everything else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    GapReason, Health, Hub, LogError, OnDamage, Received, SledLog, SseEvent, Start, StartError,
    Subscribe, Subscription,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

fn text(n: u64) -> String {
    format!("note number {n:04}")
}

async fn open(path: &Path, on_damage: OnDamage) -> Result<Hub<Note>, StartError> {
    Hub::builder(SledLog::new(path).on_damage(on_damage)).start().await
}

async fn next(subscription: &mut Subscription<Note>) -> Received<Note> {
    let next = tokio::time::timeout(Duration::from_secs(20), subscription.next());
    next.await.expect("in time").expect("more")
}

/// Damages every place in the log's files that has this text.
fn spoil(directory: &Path, text: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            spoil(&path, text);
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        let places: Vec<usize> = (0..bytes.len().saturating_sub(text.len()))
            .filter(|&at| bytes[at..].starts_with(text.as_bytes()))
            .collect();
        places.iter().for_each(|&at| bytes[at] ^= 1);
        if !places.is_empty() {
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[tokio::test]
async fn a_salvaged_log_tells_exactly_what_it_has_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let hub = open(&path, OnDamage::Refuse).await.unwrap();
    let mut ids = Vec::new();
    for n in 1..=30 {
        ids.push(hub.publish(Note { text: text(n) }).await.unwrap());
    }
    hub.shutdown().await.unwrap();
    for n in [10, 11, 12, 20] {
        spoil(&path, &text(n));
    }
    match open(&path, OnDamage::Refuse).await {
        Err(StartError::Log(LogError::Damaged { first: 10, last: 12, path: told, .. })) => {
            assert!(told.starts_with(&path));
        }
        other => panic!("{other:?}"),
    }
    let hub = open(&path, OnDamage::Salvage).await.unwrap();
    let report = hub.salvage_report();
    assert_eq!(report.lost, [10..=12, 20..=20]);
    assert!(report.segments[0].path.to_str().unwrap().ends_with(".damaged"));
    assert!(report.segments[0].path.is_dir());
    for n in 31..=33 {
        ids.push(hub.publish(Note { text: text(n) }).await.unwrap());
    }
    for asks in 0..=30u64 {
        let subscribe = match asks {
            0 => hub.subscribe(Subscribe::default()).start(Start::Oldest),
            seen => hub.subscribe(Subscribe::default().after(ids[seen as usize - 1].to_string())),
        };
        check(&mut subscribe.everything(), asks, &ids).await;
    }
    hub.shutdown().await.unwrap();
    assert!(matches!(hub.health(), Health::Draining));
    // What was lost is known for good, and needs no salvaging again.
    let hub = open(&path, OnDamage::Refuse).await.unwrap();
    assert!(hub.health().is_ready());
    assert_eq!(hub.salvage_report().lost, [10..=12, 20..=20]);
    let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    check(&mut all, 0, &ids).await;
}

/// Reads to the end: every event but those lost, and a gap for these.
async fn check(subscription: &mut Subscription<Note>, after: u64, ids: &[sse_framework::EventId]) {
    let mut seq = after + 1;
    while seq <= ids.len() as u64 {
        match next(subscription).await {
            Received::Event(event) => {
                assert_eq!((event.id, event.event.text), (ids[seq as usize - 1], text(seq)));
                seq += 1;
            }
            Received::Gap(gap) => {
                assert_eq!(gap.reason, GapReason::Lost);
                let end = if seq <= 12 { 12 } else { 20 };
                assert!([10, 11, 12, 20].contains(&seq), "a gap at {seq}");
                assert_eq!(gap.resumed_after.seq(), end);
                seq = end + 1;
            }
            other => panic!("{other:?}"),
        }
    }
}
