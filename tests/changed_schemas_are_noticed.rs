//! A log remembers what its records look like, and a program that would not understand them does not start.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use sse_framework::{
    Breaks, Hub, LogError, OnDamage, OnSchemaChange, Received, Retention, SchemaError, SchemasFlaw,
    SledLog, SseEvent, Start, StartError, Subscribe, Verified,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use support::log_lines::Captured;
use tempfile::TempDir;

/// An event type called `stock`, with these fields.
macro_rules! stock {
    ($name:ident { $($(#[$attr:meta])* $field:ident: $ty:ty),* } $($words:tt)*) => {
        #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
        #[sse(name = "stock" $($words)*)]
        struct $name { $($(#[$attr])* $field: $ty),* }
    };
}

stock!(Stock { left: u32 });
stock!(StockWithPlace { left: u32, place: String });
stock!(StockWithDefault {
    left: u32,
    #[serde(default)]
    place: String
});
stock!(StockOfPlace {
    left: u32,
    place: String,
    #[serde(default)]
    note: String
});
stock!(StockAsText { left: String });
stock!(StockAsTextSaidOtherwise {
    /// In words.
    left: String
});

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Closed {
    by: String,
}

/// A set with both.
#[derive(Debug, PartialEq, SseEvent)]
enum Both {
    Stock(Stock),
    Closed(Closed),
}

/// Starts a hub, publishes an event, and stops.
async fn run<E: SseEvent + Default>(log: &Path) -> Result<(), StartError> {
    publish(Hub::<E>::open(log).await?, E::default()).await;
    Ok(())
}

async fn publish<E: SseEvent>(hub: Hub<E>, event: impl Into<E>) {
    hub.publish(event).await.unwrap();
    hub.shutdown().await.unwrap();
}

/// What is refused, type, path and what it breaks.
fn refused(started: Result<(), StartError>) -> Vec<(String, String, Breaks)> {
    let Err(StartError::Schema(SchemaError { changes, .. })) = started else {
        panic!("{started:?}")
    };
    changes.into_iter().map(|it| (it.event_type, it.path, it.breaks)).collect()
}

fn change(path: &str, breaks: Breaks) -> (String, String, Breaks) {
    ("stock".to_owned(), path.to_owned(), breaks)
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_change_that_breaks_nothing_is_noted() {
    let directory = directory();
    let (log, schemas) = (directory.path(), directory.path().join("schemas"));
    run::<Stock>(log).await.unwrap();
    let first = fs::read(&schemas).unwrap();
    run::<Stock>(log).await.unwrap();
    assert_eq!(fs::read(&schemas).unwrap(), first, "nothing has changed");
    run::<StockWithDefault>(log).await.unwrap();
    assert_ne!(fs::read(&schemas).unwrap(), first);
    // The same way back, clients would lose a field.
    assert_eq!(refused(run::<Stock>(log).await), [change("place", Breaks::Clients)]);
}

#[tokio::test]
async fn a_change_that_breaks_something_is_refused_and_told() {
    let directory = directory();
    run::<Stock>(directory.path()).await.unwrap();
    let error = run::<StockAsText>(directory.path()).await.unwrap_err();
    let report = error.source().unwrap().to_string();
    assert_eq!(
        report,
        "the event types no longer fit the log:\n\
         `stock`, version 1:\n\
         - at `left`: an integer (uint32) is written, text is read; old records can no longer be decoded\n\
         - at `left`: text is written, an integer (uint32) is read; clients are shown what they do not \
         expect\n\
         what can be done:\n\
         - a field that was not written before: `#[serde(default)]`, or an `Option`\n\
         - a new version, and a function that makes it of the one before: `#[sse(version = 2, upcast = \
         from_v1)]`\n\
         - another event type beside this one, until nobody needs this one\n\
         - all of it is meant: `HubBuilder::on_schema_change(OnSchemaChange::Accept)`"
    );
    // The log is as it was.
    run::<Stock>(directory.path()).await.unwrap();
}

/// Every file of a log, and what it says; but for that of the engine, to which that writes whenever it opens it.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of_one = |path: PathBuf| match path.is_dir() {
        true if path.extension().is_some_and(|kind| kind == "active") => BTreeMap::new(),
        true => contents(&path),
        false => BTreeMap::from([(path.clone(), fs::read(path).unwrap())]),
    };
    entries.flat_map(of_one).collect()
}

#[tokio::test]
async fn a_start_that_is_refused_leaves_the_log_as_it_was() {
    let directory = directory();
    let log = directory.path();
    let small = || SledLog::new(log).segment_bytes(1024);
    let hub = Hub::<Stock>::builder(small()).start().await.unwrap();
    let mut ids = Vec::new();
    for left in 1..=100 {
        ids.push(hub.publish(Stock { left }).await.unwrap());
    }
    hub.shutdown().await.unwrap();
    let before = contents(log);
    let few = Retention::forever().events(1);
    for _ in 0..3 {
        let careless = Hub::<StockAsText>::builder(small()).retention(few).start().await;
        assert!(matches!(careless, Err(StartError::Schema(_))), "{careless:?}");
        let after = contents(log);
        let changed: Vec<_> = before.keys().chain(after.keys()).collect();
        let is_changed = |path: &&&PathBuf| before.get(**path) != after.get(**path);
        assert_eq!(changed.iter().find(is_changed), None);
    }
    // The program of before goes on with all there was, under the same ids.
    let hub = Hub::<Stock>::builder(small()).start().await.unwrap();
    let mut stream = hub.subscribe(Subscribe::default()).start(Start::After(ids[0])).everything();
    for id in &ids[1..] {
        assert_eq!(stream.next().await.unwrap().id(), Some(*id));
    }
    hub.shutdown().await.unwrap();
}

#[tokio::test]
async fn every_schema_with_which_records_were_written_counts() {
    let directory = directory();
    let log = directory.path();
    run::<Stock>(log).await.unwrap();
    run::<StockWithDefault>(log).await.unwrap();
    // What the latest schema writes has a place; the first records have not.
    assert_eq!(refused(run::<StockWithPlace>(log).await), [change("place", Breaks::Records)]);
    assert_eq!(refused(run::<StockOfPlace>(log).await), [change("place", Breaks::Records)]);
}

#[tokio::test]
async fn a_schema_counts_as_long_as_its_records_are_kept() {
    let directory = directory();
    let log = directory.path();
    run::<Stock>(log).await.unwrap();
    run::<StockWithDefault>(log).await.unwrap();
    last_only(log, StockWithDefault::default()).await;
    last_only(log, StockWithPlace::default()).await;
}

async fn last_only<E: SseEvent>(log: &Path, event: E) {
    let retention = Retention::forever().events(1);
    let hub = Hub::<E>::builder(SledLog::new(log)).retention(retention).start().await.unwrap();
    publish(hub, event).await;
}

#[tokio::test]
async fn what_nobody_has_been_shown_may_change() {
    let directory = directory();
    let log = directory.path();
    Hub::<Stock>::open(log).await.unwrap().shutdown().await.unwrap();
    run::<StockAsText>(log).await.unwrap();
    assert!(run::<Stock>(log).await.is_err());
}

/// A set with both, of which one has changed.
#[derive(Debug, PartialEq, SseEvent)]
enum BothAsText {
    Stock(StockAsText),
    Closed(Closed),
}

#[tokio::test]
async fn an_event_type_that_was_never_published_may_change_beside_others() {
    let directory = directory();
    let log = directory.path();
    publish(Hub::<Both>::open(log).await.unwrap(), Closed::default()).await;
    publish(Hub::<BothAsText>::open(log).await.unwrap(), Closed::default()).await;
    // Nor need it stay.
    publish(Hub::<Closed>::open(log).await.unwrap(), Closed::default()).await;
    publish(Hub::<Both>::open(log).await.unwrap(), Stock::default()).await;
    assert!(Hub::<BothAsText>::open(log).await.is_err());
    assert!(Hub::<Closed>::open(log).await.is_err());
}

#[tokio::test]
async fn records_that_are_no_longer_kept_need_not_be_read() {
    let directory = directory();
    let log = directory.path();
    let builder =
        || Hub::<Both>::builder(SledLog::new(log)).retention(Retention::forever().events(1));
    let hub = builder().start().await.unwrap();
    hub.publish(Stock::default()).await.unwrap();
    publish(hub, Closed::default()).await;
    // But clients have been shown them.
    let started = Hub::<BothAsText>::open(log).await.map(drop);
    assert_eq!(refused(started), [change("left", Breaks::Clients)]);
}

#[tokio::test]
async fn a_change_can_be_accepted_and_what_cannot_be_read_is_told() {
    let directory = directory();
    let log = directory.path();
    run::<Stock>(log).await.unwrap();
    let hub = accepting::<StockAsText>(log).await.unwrap();
    hub.publish(StockAsText::default()).await.unwrap();
    let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    assert!(matches!(stream.next().await, Some(Received::Gap(_))));
    assert!(matches!(stream.next().await, Some(Received::Event(_))));
    hub.shutdown().await.unwrap();
    // The log remembers it, for these types and no others.
    run::<StockAsText>(log).await.unwrap();
    assert!(!refused(run::<StockWithPlace>(log).await).is_empty());
    // Also if a comment is another from then on.
    run::<StockAsTextSaidOtherwise>(log).await.unwrap();
}

#[tokio::test]
async fn what_clients_are_shown_is_accepted_though_nothing_has_been_published_since() {
    let directory = directory();
    let log = directory.path();
    publish(Hub::<StockWithPlace>::open(log).await.unwrap(), StockWithPlace::default()).await;
    let breaks = refused(run::<Stock>(log).await);
    assert!(breaks.iter().all(|(.., breaks)| *breaks == Breaks::Clients), "{breaks:?}");
    let hub = accepting::<Stock>(log).await.unwrap();
    hub.shutdown().await.unwrap();
    run::<Stock>(log).await.unwrap();
}

#[tokio::test]
async fn an_event_type_does_not_leave_unnoticed() {
    let directory = directory();
    let log = directory.path();
    let hub = Hub::<Both>::open(log).await.unwrap();
    hub.publish(Stock::default()).await.unwrap();
    publish(hub, Closed::default()).await;
    let expected = [("closed".to_owned(), String::new(), Breaks::EventType)];
    assert_eq!(refused(run::<Stock>(log).await), expected);
    let builder = || Hub::<Stock>::builder(SledLog::new(log));
    publish(builder().retired_types(["closed"]).start().await.unwrap(), Stock::default()).await;
    // The choice belongs to the program and not to the log.
    assert_eq!(refused(run::<Stock>(log).await), expected);
    // It comes back as what it was, or not at all.
    publish(Hub::<Both>::open(log).await.unwrap(), Closed::default()).await;
}

#[tokio::test]
async fn later_versions_are_not_read_by_earlier_programs() {
    stock!(StockV2 { pieces: u32 }, version = 2, upcast = from_v1);
    fn from_v1(old: Stock) -> StockV2 {
        StockV2 { pieces: old.left }
    }
    stock!(OtherV2 { pieces: u32 }, version = 2);

    let directory = directory();
    let log = directory.path();
    run::<Stock>(log).await.unwrap();
    assert_eq!(refused(run::<OtherV2>(log).await), [change("", Breaks::Records)], "no way");
    run::<StockV2>(log).await.unwrap();
    assert_eq!(refused(run::<Stock>(log).await), [change("", Breaks::Records)], "way back");
}

#[tokio::test]
async fn what_an_upcast_takes_must_be_what_was_written() {
    stock!(V2 { pieces: u32 }, version = 2, upcast = from_v1);
    fn from_v1(_: StockWithPlace) -> V2 {
        V2::default()
    }
    let directory = directory();
    run::<Stock>(directory.path()).await.unwrap();
    assert_eq!(refused(run::<V2>(directory.path()).await), [change("place", Breaks::Records)]);
}

/// What is logged when a hub of these events starts.
fn told<E: SseEvent>() -> String {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_writer(captured.clone()).with_ansi(false);
    let subscriber = subscriber.with_max_level(tracing::Level::WARN).finish();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { Hub::<E>::in_memory().map(drop) }).unwrap();
    });
    captured.text()
}

#[test]
fn an_event_type_that_does_not_read_what_it_writes_is_told() {
    stock!(Stocks {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        left: Vec<u32>
    });
    let told = told::<Stocks>();
    let expected = "it writes what it does not read itself: it is required, and not always written";
    assert!(told.contains(expected) && told.contains("path=\"left\""), "{told}");
    assert_eq!(self::told::<StockWithDefault>(), "");
}

/// A set that says less of itself than serde's layout.
#[derive(Serialize, Deserialize, SseEvent)]
enum Secretive {
    Stock { left: u32 },
}

impl JsonSchema for Secretive {
    fn schema_name() -> Cow<'static, str> {
        "Secretive".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}

#[test]
fn an_event_type_whose_changes_cannot_be_noticed_is_told() {
    let told = told::<Secretive>();
    assert!(told.contains("no change of it will be noticed") && told.contains("stock"), "{told}");
}

#[tokio::test]
async fn what_cannot_be_known_breaks_both() {
    let directory = directory();
    publish(Hub::<Secretive>::open(directory.path()).await.unwrap(), Secretive::Stock { left: 7 })
        .await;
    let both = [Breaks::Records, Breaks::Clients].map(|breaks| change("", breaks));
    assert_eq!(refused(run::<Stock>(directory.path()).await), both);
}

/// Puts something else in the place of what a log keeps of its schemas, as whole as if it had written it.
fn replace_schemas(log: &Path, body: &str) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(body.as_bytes());
    let text = format!("sse-framework-schemas 1 {:08x}\n{body}", crc.sum());
    fs::write(log.join("schemas"), &text).unwrap();
    text.into_bytes()
}

async fn accepting<E: SseEvent>(log: &Path) -> Result<Hub<E>, StartError> {
    Hub::builder(SledLog::new(log)).on_schema_change(OnSchemaChange::Accept).start().await
}

#[tokio::test]
async fn schemas_of_a_later_program_are_never_replaced() {
    let directory = directory();
    let log = directory.path();
    run::<Stock>(log).await.unwrap();
    let later = replace_schemas(log, r#"{"format":2,"types":["stock"]}"#);
    for started in [Hub::<Stock>::open(log).await, accepting::<Stock>(log).await] {
        let Err(StartError::Log(LogError::Format { reason, .. })) = started else {
            panic!("it starts")
        };
        assert!(reason.contains("format is 2"), "{reason}");
        assert!(reason.contains("another version of sse-framework"), "{reason}");
    }
    assert_eq!(fs::read(log.join("schemas")).unwrap(), later);
}

#[tokio::test]
async fn schemas_that_make_no_sense_are_replaced_if_that_is_accepted() {
    let directory = directory();
    let log = directory.path();
    run::<Stock>(log).await.unwrap();
    replace_schemas(log, r#"{"format":1,"types":7}"#);
    let whole = ("*".to_owned(), String::new(), Breaks::Records);
    assert_eq!(refused(run::<Stock>(log).await), [whole]);
    publish(accepting::<Stock>(log).await.unwrap(), Stock::default()).await;
    run::<Stock>(log).await.unwrap();
}

#[tokio::test]
async fn damaged_schemas_are_refused_or_put_aside() {
    let directory = directory();
    let (log, schemas) = (directory.path(), directory.path().join("schemas"));
    run::<Stock>(log).await.unwrap();
    // A second time it is as the first, and what was put aside before stays.
    for aside in ["schemas.damaged", "schemas.damaged-2"] {
        let mut text = fs::read(&schemas).unwrap();
        *text.last_mut().unwrap() ^= 1;
        fs::write(&schemas, &text).unwrap();
        let error = run::<Stock>(log).await.unwrap_err();
        let StartError::Log(LogError::Format { path, reason }) = error else { panic!("{error:?}") };
        assert_eq!(path, schemas);
        let parts = ["its checksum does not match", "OnDamage::Salvage"];
        assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        assert_eq!(fs::read(&schemas).unwrap(), text, "nothing is changed");
        let salvaged = Hub::<Stock>::builder(SledLog::new(log).on_damage(OnDamage::Salvage));
        let hub = salvaged.start().await.unwrap();
        assert_eq!(hub.salvage_report().schemas, Some(log.join(aside)));
        publish(hub, Stock::default()).await;
        assert_eq!(fs::read(log.join(aside)).unwrap(), text);
        run::<Stock>(log).await.unwrap();
    }
    let text = |name| fs::read(log.join(name)).unwrap();
    assert_ne!(text("schemas.damaged"), text("schemas.damaged-2"));
}

#[tokio::test]
async fn records_without_schemas_are_warned_of() {
    let lines = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let warned = || lines.text().matches("records and no schemas").count();
    let directory = directory();
    let (log, schemas) = (directory.path(), directory.path().join("schemas"));
    run::<Stock>(log).await.unwrap();
    run::<Stock>(log).await.unwrap();
    assert_eq!(warned(), 0, "{}", lines.text());
    fs::remove_file(&schemas).unwrap();
    let tools = SledLog::new(log);
    assert_eq!(tools.verify(&mut |_| ()).unwrap().schemas, Some(SchemasFlaw::Missing));
    run::<StockAsText>(log).await.unwrap();
    assert_eq!(warned(), 1, "{}", lines.text());
    assert_eq!(tools.verify(&mut |_| ()).unwrap(), Verified::default());
    run::<StockAsText>(log).await.unwrap();
    assert_eq!(warned(), 1, "from now on it is known: {}", lines.text());
}

#[tokio::test]
async fn schemas_of_another_format_are_no_damage() {
    let directory = directory();
    let (log, schemas) = (directory.path(), directory.path().join("schemas"));
    run::<Stock>(log).await.unwrap();
    let text = fs::read_to_string(&schemas).unwrap().replacen("schemas 1", "schemas 2", 1);
    fs::write(&schemas, &text).unwrap();
    let tools = SledLog::new(log);
    let found = tools.verify(&mut |_| ()).unwrap();
    let reason = "its format is 2, this version knows 1";
    assert_eq!(found.schemas, Some(SchemasFlaw::Format(reason.to_owned())));
    assert_eq!(tools.salvage(&mut |_| ()).unwrap().schemas, None);
    let salvaged = Hub::<Stock>::builder(SledLog::new(log).on_damage(OnDamage::Salvage));
    let refused = salvaged.start().await;
    assert!(matches!(refused, Err(StartError::Log(LogError::Format { .. }))), "{refused:?}");
    assert_eq!(fs::read_to_string(&schemas).unwrap(), text);
}
