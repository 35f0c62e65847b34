//! Records that cannot be read, one after another.

use super::read;
use super::rollback::{self, Reads, rolled_back};
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::testing::TestClient;
use sse_framework::{
    CloseReason, Gap, GapReason, Hub, LogError, OnSchemaChange, Received, SledLog, SseEvent, Start,
    Subscribe, Subscription, TopicFilter,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use support::log_lines::Captured;

/// Seq of an event; of a gap its reason, the seqs before it and at its end.
type Step = Result<u64, (String, u64, u64)>;

fn seq(id: &str) -> u64 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

/// What comes over HTTP, as far as the event of this seq.
async fn read_frames(app: &Router, path: &str, last: u64) -> Vec<Step> {
    // A long row takes its time.
    let client = TestClient::new(app.clone()).patience(Duration::from_secs(60));
    let mut stream = client.subscribe(path).await.unwrap();
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
    let asked = Instant::now();
    assert!(tokio::time::timeout(10 * wait, &mut shutdown).await.is_err());
    let told = || lines.text().matches("waits for those who read it").count();
    let soon = told();
    assert!(soon == 0 || asked.elapsed() > 50 * wait, "{}", lines.text());
    while told() == 0 {
        assert!(tokio::time::timeout(wait, &mut shutdown).await.is_err());
        assert!(asked.elapsed() < 200 * wait, "{}", lines.text());
    }
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
