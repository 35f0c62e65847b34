//! Records of earlier versions are read as today's: in the process, over HTTP, with a filter, by an export.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

mod rollback;
mod rows;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::testing::{TestClient, TestStream};
use sse_framework::{
    DecodeError, Exported, Gap, GapReason, Hub, OnSchemaChange, RawEvent, Received, SledLog,
    SseEvent, Start, Subscribe,
};
use std::ops::ControlFlow;
use std::path::Path;

/// The app in its first year: an order has a price in whole euros.
mod first {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(topic = "orders")]
    pub(super) struct OrderPlaced {
        pub(super) euros: u64,
    }

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    pub(super) struct ItemViewed {
        pub(super) item: u64,
    }

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    pub(super) enum ShopEvent {
        OrderPlaced(OrderPlaced),
        ItemViewed(ItemViewed),
        #[sse(name = "stock")]
        StockChanged {
            left: i64,
        },
    }
}

/// In its second year: prices have cents.
mod second {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(name = "order-placed")]
    pub(super) struct OrderPlacedV1 {
        euros: u64,
    }

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(version = 2, upcast = from_v1, topic = "orders")]
    pub(super) struct OrderPlaced {
        pub(super) cents: u64,
    }

    fn from_v1(old: OrderPlacedV1) -> Result<OrderPlaced, String> {
        match old.euros {
            13 => panic!("thirteen"),
            euros => {
                let cents = euros.checked_mul(100).ok_or("so much money there is not")?;
                Ok(OrderPlaced { cents })
            }
        }
    }
}

/// In its third: there are currencies, stock is counted by place, and nobody asks for views any more.
mod third {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(version = 3, upcast = from_v2, topic = "orders")]
    pub(super) struct OrderPlaced {
        pub(super) cents: u64,
        pub(super) currency: String,
    }

    fn from_v2(second::OrderPlaced { cents }: second::OrderPlaced) -> OrderPlaced {
        OrderPlaced { cents, currency: "EUR".to_owned() }
    }

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(name = "stock")]
    pub(super) struct StockChangedV1 {
        left: i64,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
    pub(super) enum ShopEvent {
        OrderPlaced(OrderPlaced),
        #[sse(name = "stock", version = 2, upcast = Self::from_v1)]
        StockChanged {
            left: i64,
            place: String,
        },
    }

    impl ShopEvent {
        fn from_v1(old: StockChangedV1) -> Self {
            ShopEvent::StockChanged { left: old.left, place: "rome".to_owned() }
        }
    }
}

/// Orders of 1 to 3 euros, one that panics, one that is too large, and of each other type one.
async fn write_the_first_year(log: &Path) {
    let hub = Hub::<first::ShopEvent>::open(log).await.unwrap();
    for euros in [1, 2, 13, u64::MAX, 3] {
        hub.publish(first::OrderPlaced { euros }).await.unwrap();
    }
    hub.publish(first::ItemViewed { item: 7 }).await.unwrap();
    hub.publish(first::ShopEvent::StockChanged { left: 9 }).await.unwrap();
    hub.shutdown().await.unwrap();
}

/// The hub of the third year, on a log of the first and second.
async fn third_year(log: &Path) -> Hub<third::ShopEvent> {
    write_the_first_year(log).await;
    let second = Hub::<second::OrderPlaced>::builder(SledLog::new(log));
    let second = second.retired_types(["item-viewed", "stock"]).start().await.unwrap();
    second.publish(second::OrderPlaced { cents: 450 }).await.unwrap();
    second.shutdown().await.unwrap();
    let third = Hub::builder(SledLog::new(log)).retired_types(["item-viewed"]);
    let third: Hub<third::ShopEvent> = third.start().await.unwrap();
    third.publish(order(520)).await.unwrap();
    third
}

fn order(cents: u64) -> third::OrderPlaced {
    third::OrderPlaced { cents, currency: "EUR".to_owned() }
}

fn stock() -> third::ShopEvent {
    third::ShopEvent::StockChanged { left: 9, place: "rome".to_owned() }
}

#[tokio::test]
async fn a_typed_stream_yields_todays_version() {
    let directory = tempfile::tempdir().unwrap();
    let hub = third_year(directory.path()).await;
    let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    let mut seen = Vec::new();
    while seen.len() < 8 {
        seen.push(match stream.next().await.unwrap() {
            Received::Event(delivered) => Ok(delivered.event),
            Received::Gap(Gap { reason, resumed_after, .. }) => Err((reason, resumed_after.seq())),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        seen,
        [
            Ok(order(100).into()),
            Ok(order(200).into()),
            Err((GapReason::Unreadable, 4)),
            Ok(order(300).into()),
            Err((GapReason::RemovedType, 6)),
            Ok(stock()),
            Ok(order(450).into()),
            Ok(order(520).into()),
        ]
    );
}

#[tokio::test]
async fn a_browser_is_shown_todays_version() {
    let directory = tempfile::tempdir().unwrap();
    let hub = third_year(directory.path()).await;
    let client = TestClient::new(Router::new().route("/all", hub.endpoint()));
    let mut stream = client.subscribe("/all?last_event_id=earliest").await.unwrap();
    let seen = read(&mut stream, 8).await;
    assert_eq!(
        seen,
        [
            r#"order-placed {"cents":100,"currency":"EUR"} 1"#,
            r#"order-placed {"cents":200,"currency":"EUR"} 2"#,
            "sse-gap unreadable 4",
            r#"order-placed {"cents":300,"currency":"EUR"} 5"#,
            r#"item-viewed {"item":7} 6"#,
            r#"stock {"left":9,"place":"rome"} 7"#,
            r#"order-placed {"cents":450,"currency":"EUR"} 8"#,
            r#"order-placed {"cents":520,"currency":"EUR"} 9"#,
        ]
    );
    // Who comes back after the gap is not told again.
    let mut stream = client.subscribe("/all?last_event_id=earliest").await.unwrap();
    read(&mut stream, 3).await;
    let mut stream = stream.disconnect().resume().await.unwrap();
    assert_eq!(read(&mut stream, 1).await, [r#"order-placed {"cents":300,"currency":"EUR"} 5"#]);
}

#[tokio::test]
async fn a_filter_is_asked_about_todays_version() {
    let directory = tempfile::tempdir().unwrap();
    let hub = third_year(directory.path()).await;
    let filtered = async move |request: Subscribe| {
        let small = |event: &third::ShopEvent| match event {
            third::ShopEvent::OrderPlaced(order) => order.cents != 200,
            third::ShopEvent::StockChanged { .. } => true,
        };
        hub.subscribe(request).filter(small).everything().into_response()
    };
    let client = TestClient::new(Router::new().route("/some", get(filtered)));
    let mut stream = client.subscribe("/some?last_event_id=earliest").await.unwrap();
    assert_eq!(
        read(&mut stream, 7).await,
        [
            r#"order-placed {"cents":100,"currency":"EUR"} 1"#,
            "sse-gap unreadable 4",
            r#"order-placed {"cents":300,"currency":"EUR"} 5"#,
            "sse-gap removed-type 6",
            r#"stock {"left":9,"place":"rome"} 7"#,
            r#"order-placed {"cents":450,"currency":"EUR"} 8"#,
            r#"order-placed {"cents":520,"currency":"EUR"} 9"#,
        ]
    );
}

/// Name, payload or reason, and seq of what comes next.
async fn read(stream: &mut TestStream, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let event = stream.next().await.unwrap().unwrap();
        let seq = event.last_event_id.rsplit('-').next().unwrap().to_owned();
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        let text = match event.name.as_str() {
            "sse-gap" => data["reason"].as_str().unwrap().to_owned(),
            _ => data.to_string(),
        };
        seen.push(format!("{} {text} {seq}", event.name));
    }
    seen
}

#[tokio::test]
async fn an_export_gives_todays_version() {
    let directory = tempfile::tempdir().unwrap();
    let hub = third_year(directory.path()).await;
    hub.shutdown().await.unwrap();
    let mut cents = Vec::new();
    let log = SledLog::new(directory.path());
    log.export(0, &mut |exported, _| {
        if let Exported::Record(record) = exported
            && let Ok(third::ShopEvent::OrderPlaced(order)) = SseEvent::decode(record.raw())
        {
            cents.push(order.cents);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(cents, [100, 200, 300, 450, 520]);
}

#[test]
fn what_an_upcast_says_is_told_with_the_versions() {
    let record = |version, data| RawEvent::new("order-placed", version, data);
    let failed = |data| match third::OrderPlaced::decode(record(1, data)) {
        Err(DecodeError::Upcast { found, known, source, .. }) => (found, known, source.to_string()),
        other => panic!("{other:?}"),
    };
    let (found, known, what) = failed(br#"{"euros":18446744073709551615}"#);
    assert_eq!((found, known, what.as_str()), (1, 2, "so much money there is not"));
    assert_eq!(failed(br#"{"euros":13}"#).2, "it panicked: thirteen");
    let newer = record(4, br#"{"euros":1}"#);
    let Err(DecodeError::Version { found, known, .. }) = third::OrderPlaced::decode(newer) else {
        panic!("an error")
    };
    assert_eq!((found, known), (4, 3));
}

/// Without a way to today's version, records are no events, and nothing else suffers.
#[tokio::test]
async fn a_record_without_a_way_to_today_is_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    third_year(directory.path()).await.shutdown().await.unwrap();
    let builder = Hub::<first::ShopEvent>::builder(SledLog::new(directory.path()));
    let hub = builder.on_schema_change(OnSchemaChange::Accept).start().await.unwrap();
    let client = TestClient::new(Router::new().route("/all", hub.endpoint()));
    let mut stream = client.subscribe("/all?last_event_id=earliest").await.unwrap();
    let seen = read(&mut stream, 8).await;
    assert_eq!(seen[0], r#"order-placed {"euros":1} 1"#);
    assert_eq!(seen[7..], ["sse-gap unreadable 9"]);
}

/// Where a field has been added since, that decoders need not find, clients are shown it all the same.
#[tokio::test]
async fn records_of_todays_version_are_shown_as_todays() {
    /// An event type called `noted`, as a set of its own with another that never changes.
    macro_rules! noted {
        ($name:ident { $($(#[$attr:meta])* $field:ident: $ty:ty),* }) => {
            #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
            #[sse(name = "noted")]
            struct $name { $($(#[$attr])* $field: $ty),* }
        };
    }
    noted!(First { n: u64 });
    noted!(Second {
        n: u64,
        #[serde(default)]
        by: String
    });
    noted!(Third { n: u64, #[serde(default)] by: String, #[serde(default)] to: Option<String> });
    noted!(AsText { n: String });

    let directory = tempfile::tempdir().unwrap();
    let open = || SledLog::new(directory.path());
    let hub = Hub::<First>::builder(open()).start().await.unwrap();
    hub.publish(First { n: 1 }).await.unwrap();
    hub.shutdown().await.unwrap();
    let hub = Hub::<Second>::builder(open()).start().await.unwrap();
    hub.publish(Second { n: 2, by: "b".to_owned() }).await.unwrap();
    hub.shutdown().await.unwrap();
    for expected in [
        [r#"noted {"by":"","n":1,"to":null} 1"#, r#"noted {"by":"b","n":2,"to":null} 2"#],
        // What is read the second time is what was opened before: nothing has been written since.
        [r#"noted {"by":"","n":1,"to":null} 1"#, r#"noted {"by":"b","n":2,"to":null} 2"#],
    ] {
        let hub = Hub::<Third>::builder(open()).start().await.unwrap();
        assert_eq!(over_http(&hub, 2).await, expected);
        let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
        let first = stream.next().await.and_then(Received::event);
        assert_eq!(first, Some(Third { n: 1, by: String::new(), to: None }));
        hub.shutdown().await.unwrap();
    }
    let hub = Hub::<Third>::builder(open()).start().await.unwrap();
    let (by, to) = ("c".to_owned(), Some("d".to_owned()));
    hub.publish(Third { n: 3, by, to }).await.unwrap();
    hub.shutdown().await.unwrap();
    let accept = OnSchemaChange::Accept;
    // Clients pass over a field that they do not know, so what is more stays.
    let hub = Hub::<Second>::builder(open()).on_schema_change(accept).start().await.unwrap();
    assert_eq!(
        over_http(&hub, 3).await,
        [
            r#"noted {"by":"","n":1} 1"#,
            r#"noted {"by":"b","n":2} 2"#,
            r#"noted {"by":"c","n":3,"to":"d"} 3"#,
        ]
    );
    hub.shutdown().await.unwrap();
    // What can no longer be read is not shown as something that it is not.
    let hub = Hub::<AsText>::builder(open()).on_schema_change(accept).start().await.unwrap();
    hub.publish(AsText { n: "four".to_owned() }).await.unwrap();
    assert_eq!(over_http(&hub, 2).await, ["sse-gap unreadable 3", r#"noted {"n":"four"} 4"#]);
}

/// The first of what comes over HTTP, which is the same with a filter that hides nothing.
async fn over_http<E: SseEvent>(hub: &Hub<E>, count: usize) -> Vec<String> {
    let filtered = hub.clone();
    let filtered = get(async move |request: Subscribe| {
        filtered.subscribe(request).filter(|_| true).everything().into_response()
    });
    let app = Router::new().route("/all", hub.endpoint()).route("/filtered", filtered);
    let client = TestClient::new(app);
    let mut stream = client.subscribe("/all?last_event_id=earliest").await.unwrap();
    let seen = read(&mut stream, count).await;
    let mut stream = client.subscribe("/filtered?last_event_id=earliest").await.unwrap();
    assert_eq!(read(&mut stream, count).await, seen);
    seen
}
