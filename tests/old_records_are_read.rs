//! Records of earlier versions are read as today's: in the process, over HTTP, with a filter, by an export.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::testing::{TestClient, TestStream};
use sse_framework::{
    CloseReason, DecodeError, EventId, EventLog, Exported, Gap, GapReason, Hub, HubBuilder,
    LogError, OnSchemaChange, OpenLog, RawEvent, Read, Received, RecordRef, Retention, SledLog,
    SseEvent, Start, Subscribe, Subscription, TopicFilter, TopicSelection,
};
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::log::{Hooked, Hooks};
use support::log_lines::Captured;

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
    let record = |data| RawEvent { name: "order-placed", version: 1, data };
    let failed = |data| match third::OrderPlaced::decode(record(data)) {
        Err(DecodeError::Upcast { found, known, source, .. }) => (found, known, source.to_string()),
        other => panic!("{other:?}"),
    };
    let (found, known, what) = failed(br#"{"euros":18446744073709551615}"#);
    assert_eq!((found, known, what.as_str()), (1, 2, "so much money there is not"));
    assert_eq!(failed(br#"{"euros":13}"#).2, "it panicked: thirteen");
    let newer = RawEvent { version: 4, ..record(br#"{"euros":1}"#) };
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

/// A program of tomorrow, and that of today to which there is a way back.
mod rollback {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
    pub(super) struct Noted {
        pub(super) n: u64,
    }

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(name = "counted", version = 2)]
    pub(super) struct CountedOfTomorrow {}

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
    pub(super) struct Counted {}

    #[derive(SseEvent)]
    pub(super) enum Tomorrow {
        Noted(Noted),
        Counted(CountedOfTomorrow),
    }

    #[derive(Debug, PartialEq, SseEvent)]
    pub(super) enum Today {
        Noted(Noted),
        Counted(Counted),
    }

    /// Writes so many records as tomorrow's program: notes where `reads`, and what today's cannot read.
    pub(super) async fn write(log: &Path, count: u64, reads: impl Fn(u64) -> bool) -> Vec<EventId> {
        let hub = Hub::<Tomorrow>::open(log).await.unwrap();
        let event = |n| match reads(n) {
            true => Tomorrow::Noted(Noted { n }),
            false => Tomorrow::Counted(CountedOfTomorrow {}),
        };
        let all: Vec<_> = (1..=count).collect();
        let mut ids = Vec::new();
        for part in all.chunks(5000) {
            let published = hub.publish_all(part.iter().copied().map(event)).topic("a");
            ids.extend(published.await.unwrap());
        }
        hub.shutdown().await.unwrap();
        ids
    }
}

/// How often a log is read.
#[derive(Default)]
struct Reads {
    count: AtomicUsize,
    /// On what the second read waits.
    second: Mutex<Option<Receiver<()>>>,
}

/// A log on disk whose reads are counted.
struct Counting(SledLog, Arc<Reads>);

impl Hooks for Counting {
    fn open(&self, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        Box::new(self.0.clone()).open(retention)
    }

    fn read(
        &self,
        log: &dyn EventLog,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        if self.1.count.fetch_add(1, Ordering::Relaxed) == 1 {
            let held = self.1.second.lock().unwrap().take();
            held.map(|held| held.recv());
        }
        log.read(after, until, topics, visit)
    }
}

/// Today's program on the log of tomorrow's.
fn rolled_back(log: &Path, reads: &Arc<Reads>) -> HubBuilder<rollback::Today> {
    let log = Hooked(Counting(SledLog::new(log), reads.clone()));
    Hub::builder(log).on_schema_change(OnSchemaChange::Accept)
}

/// Seq of an event; of a gap its reason, the seqs before it and at its end.
type Step = Result<u64, (String, u64, u64)>;

fn seq(id: &str) -> u64 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

/// What comes over HTTP, as far as the event of this seq.
async fn read_frames(app: &Router, path: &str, last: u64) -> Vec<Step> {
    let mut stream = TestClient::new(app.clone()).subscribe(path).await.unwrap();
    let mut steps = Vec::new();
    while steps.last() != Some(&Ok(last)) {
        let event = stream.next().await.unwrap().unwrap();
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        let text = |name: &str| data[name].as_str().unwrap();
        steps.push(match event.name.as_str() {
            "sse-gap" => {
                assert_eq!(text("resumed_after"), event.last_event_id);
                Err((text("reason").to_owned(), seq(text("asked")), seq(text("resumed_after"))))
            }
            _ => Ok(seq(&event.last_event_id)),
        });
    }
    steps
}

/// The same of a stream within the process, which says in between where it stands.
async fn read_typed<E: SseEvent + fmt::Debug>(mut stream: Subscription<E>, last: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    while steps.last() != Some(&Ok(last)) {
        let received = stream.next().await.unwrap();
        assert_eq!(stream.position(), received.id().unwrap());
        steps.push(match received {
            Received::Event(event) => Ok(event.id.seq()),
            Received::Gap(Gap { reason, asked, resumed_after, .. }) => {
                let reason = serde_json::to_value(reason).unwrap();
                let reason = reason.as_str().unwrap().to_owned();
                Err((reason, seq(&asked), resumed_after.seq()))
            }
            other => panic!("{other:?}"),
        });
    }
    steps
}

fn unreadable(before: u64, until: u64) -> Step {
    Err(("unreadable".to_owned(), before, until))
}

fn captured() -> Captured {
    let lines = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    lines
}

#[tokio::test]
async fn records_in_a_row_that_cannot_be_read_are_one_gap_and_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let readable = [1, 20_002, 20_004, 20_007];
    let ids = rollback::write(directory.path(), 20_007, |n| readable.contains(&n)).await;
    let reads = Arc::new(Reads::default());
    let lines = captured();
    let hub = rolled_back(directory.path(), &reads).start().await.unwrap();
    let read = || reads.count.swap(0, Ordering::Relaxed);
    let told = || lines.text().matches("records cannot be read").count();
    read();

    let filtered = hub.clone();
    let filtered = get(async move |request: Subscribe| {
        let hides = |event: &_| !matches!(event, rollback::Today::Noted(note) if note.n == 20_004);
        filtered.subscribe(request).filter(hides).everything().into_response()
    });
    let of_topic = hub.clone();
    let of_topic = get(async move |request: Subscribe| {
        of_topic.subscribe(request).topics([TopicFilter::under(["a"])]).into_response()
    });
    let app = Router::new().route("/all", hub.endpoint());
    let app = app.route("/topic", of_topic).route("/filtered", filtered);

    let expected = [
        Ok(1),
        unreadable(1, 20_001),
        Ok(20_002),
        unreadable(20_002, 20_003),
        Ok(20_004),
        unreadable(20_004, 20_006),
        Ok(20_007),
    ];
    assert_eq!(read_frames(&app, "/all?last_event_id=earliest", 20_007).await, expected);
    assert_eq!(read(), 1);
    for _ in 0..5 {
        assert_eq!(read_frames(&app, "/all?last_event_id=earliest", 20_007).await, expected);
    }
    assert_eq!(read(), 0, "the page is shared");
    assert_eq!(told(), 1, "{}", lines.text());
    let line =
        lines.text().lines().find(|line| line.contains("cannot be read")).unwrap().to_owned();
    for part in [
        "count=20003",
        &format!("first={}", ids[1]),
        &format!("last={}", ids[20_005]),
        "event `counted`: the record is of version 2, which version 1 cannot read",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }

    assert_eq!(read_frames(&app, "/topic?last_event_id=earliest", 20_007).await, expected);
    assert_eq!(read(), 1);
    let typed = || hub.subscribe(Subscribe::default()).start(Start::Oldest);
    assert_eq!(read_typed(typed().everything(), 20_007).await, expected);
    let hidden = [&expected[..3], &[unreadable(20_002, 20_006), Ok(20_007)]].concat();
    assert_eq!(read_frames(&app, "/filtered?last_event_id=earliest", 20_007).await, hidden);
    let few = typed().filter(|event| *event != rollback::Noted { n: 20_004 }.into()).everything();
    assert_eq!(read_typed(few, 20_007).await, hidden);
    assert_eq!(told(), 1, "no record is told twice: {}", lines.text());

    // Who comes back goes on where it was, also within a gap: it may have seen what is hidden now.
    let within = [unreadable(5000, 20_001), Ok(20_002)];
    let after = [Ok(20_002)];
    for path in ["/all", "/topic", "/filtered"] {
        let after_id = |seq: usize| format!("{path}?last_event_id={}", ids[seq - 1]);
        assert_eq!(read_frames(&app, &after_id(5000), 20_002).await, within, "{path}");
        assert_eq!(read_frames(&app, &after_id(20_001), 20_002).await, after, "{path}");
    }
    let after = |seq: usize| hub.subscribe(Subscribe::default()).start(Start::After(ids[seq - 1]));
    assert_eq!(read_typed(after(5000).everything(), 20_002).await, within);
}

/// As after a rollback, with types that today's program knows in between.
#[tokio::test]
async fn single_records_that_cannot_be_read_cost_no_reads_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    rollback::write(directory.path(), 3000, |n| n % 2 == 0).await;
    let reads = Arc::new(Reads::default());
    let hub = rolled_back(directory.path(), &reads).start().await.unwrap();
    let app = Router::new().route("/all", hub.endpoint());
    let expected = (1..=1500).flat_map(|n| [unreadable(2 * n - 2, 2 * n - 1), Ok(2 * n)]);
    let expected = Vec::from_iter(expected);
    assert_eq!(read_frames(&app, "/all?last_event_id=earliest", 3000).await, expected);
    let count = reads.count.load(Ordering::Relaxed);
    assert!(count < 10, "{count}");
    let typed = hub.subscribe(Subscribe::default()).start(Start::Oldest);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let filtered = typed.filter(move |_| counted.fetch_add(1, Ordering::Relaxed) < 1500);
    assert_eq!(read_typed(filtered.everything(), 3000).await, expected);
    assert_eq!(asked.load(Ordering::Relaxed), 1500, "a filter is asked once about each");
}

/// One read of the log looks no further than so many records.
const LOOK_AHEAD: u64 = 65_536;

#[tokio::test]
async fn a_very_long_row_is_a_few_gaps() {
    let (directory, last) = (tempfile::tempdir().unwrap(), LOOK_AHEAD + 5000);
    rollback::write(directory.path(), last, |n| n == last).await;
    let reads = Arc::new(Reads::default());
    let hub = rolled_back(directory.path(), &reads).start().await.unwrap();
    let app = Router::new().route("/all", hub.endpoint());
    let frames = read_frames(&app, "/all?last_event_id=earliest", last).await;
    let expected = [unreadable(0, LOOK_AHEAD), unreadable(LOOK_AHEAD, last - 1), Ok(last)];
    assert_eq!(frames, expected);
    let typed = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    assert_eq!(read_typed(typed, last).await, [unreadable(0, last - 1), Ok(last)]);
}

/// Nobody is moved past what they have yet to be told.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_stands_before_the_gap_until_it_is_told() {
    let directory = tempfile::tempdir().unwrap();
    rollback::write(directory.path(), 1000, |n| n == 1 || n == 1000).await;
    let reads = Arc::new(Reads::default());
    let heartbeat = Duration::from_millis(20);
    let hub = rolled_back(directory.path(), &reads).heartbeat(heartbeat).start().await.unwrap();
    let filtered = hub.clone();
    let filtered = get(async move |request: Subscribe| {
        filtered.subscribe(request).filter(|_| true).everything().into_response()
    });
    let client = TestClient::new(Router::new().route("/some", filtered));
    let begin = || {
        reads.count.store(0, Ordering::Relaxed);
        let (hold, held) = channel::<()>();
        *reads.second.lock().unwrap() = Some(held);
        hold
    };

    let count = || reads.count.load(Ordering::Relaxed);

    let held = begin();
    let mut stream = client.subscribe("/some?last_event_id=earliest").await.unwrap();
    assert_eq!(read(&mut stream, 1).await, [r#"noted {"n":1} 1"#]);
    // Who does not read does not begin the second page.
    for _ in 0..1000 {
        stream.silence(heartbeat).await.unwrap();
        if count() == 2 {
            break;
        }
    }
    stream.silence(10 * heartbeat).await.unwrap();
    assert_eq!(count(), 2, "the row goes on with the second page");
    drop(held);
    assert_eq!(read(&mut stream, 2).await, ["sse-gap unreadable 999", r#"noted {"n":1000} 1000"#]);

    let held = begin();
    let mut typed = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    assert_eq!(typed.next().await.unwrap().id().unwrap().seq(), 1);
    for _ in 0..1000 {
        assert!(tokio::time::timeout(heartbeat, typed.next()).await.is_err());
        if count() == 2 {
            break;
        }
    }
    assert!(tokio::time::timeout(10 * heartbeat, typed.next()).await.is_err());
    assert_eq!(count(), 2);
    assert_eq!(typed.position().seq(), 1);
    drop(held);
    // As a response it goes on from there, too.
    let mut frames = typed.into_response().into_body();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("noted") {
        let frame = frames.frame().await.unwrap().unwrap();
        text.extend_from_slice(frame.data_ref().unwrap());
    }
    let text = String::from_utf8(text).unwrap();
    let gap = text.find("sse-gap").unwrap();
    assert!(text[gap..].contains(r#""reason":"unreadable""#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_that_waits_for_a_reader_says_so() {
    let directory = tempfile::tempdir().unwrap();
    rollback::write(directory.path(), 1000, |n| n == 1 || n == 1000).await;
    let (reads, lines) = (Arc::new(Reads::default()), captured());
    let hub = rolled_back(directory.path(), &reads).start().await.unwrap();
    let (hold, held) = channel::<()>();
    *reads.second.lock().unwrap() = Some(held);
    reads.count.store(1, Ordering::Relaxed);
    let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    let wait = Duration::from_millis(100);
    assert!(tokio::time::timeout(wait, stream.next()).await.is_err(), "it reads");
    let mut shutdown = std::pin::pin!(hub.shutdown());
    assert!(tokio::time::timeout(10 * wait, &mut shutdown).await.is_err());
    let told = || lines.text().matches("waits for those who read it").count();
    assert_eq!(told(), 0, "{}", lines.text());
    assert!(tokio::time::timeout(50 * wait, &mut shutdown).await.is_err());
    assert_eq!(told(), 1, "{}", lines.text());
    drop(hold);
    tokio::time::timeout(100 * wait, shutdown).await.unwrap().unwrap();
    assert_eq!(told(), 1);
}

/// A gap ends where its reason does, and is told at the log's end as well.
#[tokio::test]
async fn a_gap_has_one_reason() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
    struct Counted {}

    let directory = tempfile::tempdir().unwrap();
    rollback::write(directory.path(), 9, |n| (4..=6).contains(&n)).await;
    let builder = Hub::<Counted>::builder(SledLog::new(directory.path())).retired_types(["noted"]);
    let hub = builder.on_schema_change(OnSchemaChange::Accept).start().await.unwrap();
    let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    hub.disconnect_all();
    let mut gaps = Vec::new();
    for _ in 0..3 {
        let Some(Received::Gap(gap)) = stream.next().await else { panic!("a gap") };
        gaps.push((gap.reason, seq(&gap.asked), gap.resumed_after.seq()));
        assert_eq!(stream.position(), gap.resumed_after);
    }
    assert_eq!(stream.next().await, Some(Received::Closed(CloseReason::Disconnected)));
    assert_eq!(stream.next().await, None);
    let (unreadable, removed) = (GapReason::Unreadable, GapReason::RemovedType);
    assert_eq!(gaps, [(unreadable, 0, 3), (removed, 3, 6), (unreadable, 6, 9)]);
    let shown = hub.clone();
    let filtered = get(async move |request: Subscribe| {
        shown.subscribe(request).filter(|_| true).everything().into_response()
    });
    let app = Router::new().route("/some", filtered);
    let id = hub.publish(Counted {}).await.unwrap();
    let frames = read_frames(&app, "/some?last_event_id=earliest", id.seq()).await;
    let gap = |reason: &str, before, until| Err((reason.to_owned(), before, until));
    let expected = [gap("unreadable", 0, 3), gap("removed-type", 3, 6), gap("unreadable", 6, 9)];
    assert_eq!(frames, [&expected[..], &[Ok(10)]].concat());
    // One that was read and not yet told is told to who goes on from there.
    let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    stream.next().await;
    let goes_on = hub.subscribe(Subscribe::default()).start(Start::After(stream.position()));
    let Some(Received::Gap(gap)) = goes_on.everything().next().await else { panic!("a gap") };
    assert_eq!((gap.reason, gap.resumed_after.seq()), (removed, 6));
}

#[tokio::test]
async fn what_an_upcast_says_is_logged_with_its_causes() {
    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(name = "paid")]
    struct PaidV1 {}

    #[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(version = 2, upcast = from_v1)]
    struct Paid {}

    fn from_v1(_: PaidV1) -> Result<Paid, LogError> {
        let source = std::io::Error::other("it is Sunday");
        Err(LogError::Io { action: "asking", path: "the bank".into(), source })
    }

    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::<PaidV1>::open(directory.path()).await.unwrap();
    hub.publish(PaidV1 {}).await.unwrap();
    hub.shutdown().await.unwrap();
    let lines = captured();
    let hub = Hub::<Paid>::open(directory.path()).await.unwrap();
    let client = TestClient::new(Router::new().route("/all", hub.endpoint()));
    let mut stream = client.subscribe("/all?last_event_id=earliest").await.unwrap();
    assert_eq!(read(&mut stream, 1).await, ["sse-gap unreadable 1"]);
    let text = lines.text();
    for part in ["cannot be made one of version 2", "asking the bank", "it is Sunday"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
