//! A log that version 1 of an app wrote is read by version 2, and not by a program that does not understand
//! it.
//!
//! `fixtures/log_of_version_1.txt` is the log's directory as [`support::dump`] writes it. It is never to be
//! changed. `SSE_WRITE_FIXTURE=directory` writes such a file.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Breaks, Hub, Received, SledLog, SseEvent, Start, StartError, Subscribe};
use std::fs;
use std::path::Path;
use support::dump;

const LOG: &str = include_str!("fixtures/log_of_version_1.txt");

/// Version 1.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "order-placed", topic = "shops/{shop}/orders")]
struct OrderPlacedV1 {
    shop: String,
    /// In euros.
    price: u32,
    payment: Payment,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum Payment {
    Cash,
    Card { last_digits: String },
}

/// Version 2.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(version = 2, upcast = from_v1, topic = "shops/{shop}/orders")]
struct OrderPlaced {
    shop: String,
    cents: u64,
    payment: Payment,
}

fn from_v1(old: OrderPlacedV1) -> OrderPlaced {
    OrderPlaced { shop: old.shop, cents: u64::from(old.price) * 100, payment: old.payment }
}

/// A program that calls this version 1.
mod careless {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    pub(super) struct OrderPlaced {
        shop: String,
        cents: u64,
        payment: Payment,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    enum Payment {
        Card { last_digits: String },
    }
}

fn payments() -> [(u32, Payment); 3] {
    let card = Payment::Card { last_digits: "4711".to_owned() };
    [(3, Payment::Cash), (12, card.clone()), (5, card)]
}

async fn write(log: &Path) {
    let hub = Hub::<OrderPlacedV1>::open(log).await.unwrap();
    for (price, payment) in payments() {
        hub.publish(OrderPlacedV1 { shop: "rome".to_owned(), price, payment }).await.unwrap();
    }
    hub.shutdown().await.unwrap();
}

fn fixture() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    dump::read(LOG, directory.path());
    directory
}

#[tokio::test]
async fn version_2_reads_all_of_it() {
    let directory = fixture();
    let hub = Hub::<OrderPlaced>::open(directory.path()).await.unwrap();
    let mut orders = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for (price, payment) in payments() {
        let expected =
            OrderPlaced { shop: "rome".to_owned(), cents: u64::from(price) * 100, payment };
        let Some(Received::Event(delivered)) = orders.next().await else { panic!("an event") };
        assert_eq!(delivered.event, expected);
    }
}

#[tokio::test]
async fn a_careless_program_does_not_start() {
    let directory = fixture();
    let started = Hub::<careless::OrderPlaced>::open(directory.path()).await;
    let Err(StartError::Schema(refused)) = started else { panic!("it is refused") };
    let found = refused.changes.iter().map(|it| (it.path.as_str(), it.what.as_str(), it.breaks));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("cents", "it is required, and was not written", Breaks::Records),
            ("payment", "\"Cash\" is written, an object with \"Card\" is read", Breaks::Records),
            ("price", "the field is gone", Breaks::Clients),
        ]
    );
    // And has changed nothing.
    Hub::<OrderPlaced>::open(directory.path()).await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn version_1_still_reads_it() {
    let directory = fixture();
    Hub::<OrderPlacedV1>::open(directory.path()).await.unwrap().shutdown().await.unwrap();
    SledLog::new(directory.path()).verify(&mut |_| ()).unwrap();
}

#[tokio::test]
async fn writes_a_fixture_if_asked_to() {
    let Some(directory) = std::env::var_os("SSE_WRITE_FIXTURE") else { return };
    let log = tempfile::tempdir().unwrap();
    write(log.path()).await;
    let file = Path::new(&directory).join("log_of_version_1.txt");
    fs::write(file, dump::write(log.path())).unwrap();
}
