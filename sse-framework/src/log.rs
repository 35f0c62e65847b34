//! The log: all records in order, and how long they are kept.

pub(crate) mod history;
pub(crate) mod key;
pub(crate) mod memory;
pub(crate) mod sled;
mod status;
pub(crate) mod times;

use crate::event::RawEvent;
use crate::id::{EventId, IdKey};
use crate::topic::{Topic, TopicSelection};
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use std::error::Error;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

pub use history::{History, Position};
pub(crate) use key::Window;
pub use key::{BatchKey, StoredKey};
pub use memory::MemoryLog;
pub use sled::{
    Damage, Durability, Exported, LogStats, OnDamage, Progress, SchemasFlaw, SegmentStats, SledLog,
    Verified,
};
pub use status::{LogStatus, SalvageReport, Salvaged, StorageFailure};

/// A log that is to be opened: where it is and how it is kept.
pub trait OpenLog: Send + 'static {
    /// Opens it for writing, which begins a [new epoch](crate::Epoch::generate). Blocks.
    ///
    /// # Errors
    ///
    /// [`LogError`]: nothing has been changed that a later opening would miss.
    fn open(self: Box<Self>, retention: Retention) -> Result<Box<dyn EventLog>, LogError>;

    /// The same if `fits` says so, which looks at the [history](EventLog::history) and the
    /// [schemas](EventLog::schemas); otherwise there is no log, and it can be opened again. A hub opens its log
    /// like this, and does not start on one that its event types do not fit.
    ///
    /// By default the log is opened, and closed again. One that can should change nothing before it is known
    /// that it fits.
    ///
    /// # Errors
    ///
    /// [`LogError`], as with [`open`](OpenLog::open).
    fn open_if(
        self: Box<Self>,
        retention: Retention,
        fits: &mut dyn FnMut(&dyn EventLog) -> bool,
    ) -> Result<Option<Box<dyn EventLog>>, LogError> {
        let log = self.open(retention)?;
        if fits(&*log) {
            return Ok(Some(log));
        }
        // The next to open it must not find a log that was not closed.
        if let Err(error) = log.close() {
            tracing::warn!(error = &error as &dyn Error, "closing a log that is refused");
        }
        Ok(None)
    }
}

/// An open log: an ordered sequence of records, appended by one writer and read by many.
///
/// All methods but [`history`](EventLog::history) and [`status`](EventLog::status) may block; the hub calls them on
/// threads where that does no harm.
///
/// What fails in a log of your own is told by [`LogError::other`], whatever error it is:
///
/// ```
/// use sse_framework::{AppendError, LogError};
///
/// fn committed(outcome: std::io::Result<()>) -> Result<(), AppendError> {
///     // The connection broke off: the database may have the rows or not.
///     outcome.map_err(|error| AppendError::OutcomeUnknown(LogError::other("committing rows", error)))
/// }
///
/// let failed = committed(Err(std::io::ErrorKind::ConnectionReset.into())).unwrap_err();
/// let AppendError::OutcomeUnknown(error) = failed else { panic!() };
/// assert_eq!(error.to_string(), "the log failed committing rows");
/// assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>()));
/// ```
pub trait EventLog: Send + Sync + 'static {
    /// Appends the batches in order, each whole or not at all, also over a crash, and returns when
    /// they are durable and readable. Called by one thread at a time.
    ///
    /// What a batch has as its [key](Batch::key) is kept with its first record: both or neither.
    /// Once an append has succeeded, no record of one that failed before it is found later, and no
    /// [seq](Appended::first) is left out for it.
    ///
    /// # Errors
    ///
    /// [`AppendError`] says whether the records may be found in the log later.
    fn append(&self, batches: &[Batch]) -> Result<Appended, AppendError>;

    /// Shows to `visit` the kept records with `after < seq <= until` whose topic is selected, in
    /// order, until it breaks: name and data as they were appended. `visit` must not call the log.
    ///
    /// # Errors
    ///
    /// [`LogError`] if a record cannot be read; all before it have been shown. After
    /// [`LogError::Damaged`] and [`LogError::Lost`] a reader can go on behind the range.
    fn read(
        &self,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError>;

    /// Where a time stands, in milliseconds since 1970: [`Position::After`] the last record that is earlier, if
    /// all that are not are kept, which may be none; [`Position::Trimmed`] if some of these are no longer kept,
    /// or if that is not known.
    ///
    /// Reads a record for each halving of the log, unless the log knows better.
    ///
    /// # Errors
    ///
    /// [`LogError`] if the log cannot be read. What is damaged or lost is passed over: it comes after the position
    /// if a record that is not earlier follows it.
    fn position_at(&self, time_ms: u64) -> Result<Position, LogError> {
        times::position_by_records(self, time_ms)
    }

    /// What can be read now, and who wrote it; once the log is closed, what could be read then.
    /// Does not wait for the disk.
    fn history(&self) -> History;

    /// Shows to `visit` every closed topic and the seq of the record that closes it, of those that
    /// are kept; see [`RecordRef::closes`]. A hub asks once, when it starts.
    ///
    /// All records are read for it, unless the log knows better.
    ///
    /// # Errors
    ///
    /// [`LogError`] if the log cannot be read. What is damaged or lost is passed over.
    fn closed_topics(&self, visit: &mut dyn FnMut(&str, u64)) -> Result<(), LogError> {
        read_all(self, &mut |record| {
            if let Some(topic) = record.closes() {
                visit(topic, record.id.seq());
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// Shows to `visit` the keys of batches that were appended at `since_ms` or later, the newest
    /// first, until it breaks. A hub asks once, when it starts, so that a publish that is tried again
    /// after a restart is known. Older ones may be shown as well. A key is shown although its record
    /// is no longer kept, as long as the log was opened to keep it: [`Retention::idempotency_window`].
    ///
    /// Unless a log knows better there are none: then keys are known as long as the hub lives.
    ///
    /// # Errors
    ///
    /// [`LogError`] if the log cannot be read. What is damaged or lost is passed over.
    fn keys(
        &self,
        since_ms: u64,
        visit: &mut dyn FnMut(StoredKey) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let _ = (since_ms, visit);
        Ok(())
    }

    /// The key of the log's opaque ids, which is asked for by a hub with
    /// [`IdStyle::Opaque`](crate::IdStyle::Opaque) before it gives an id. It is made the first time,
    /// durable when this returns, and the same as long as there is the log.
    ///
    /// # Errors
    ///
    /// [`LogError`] if it could not be made, or not be kept.
    fn id_key(&self) -> Result<IdKey, LogError>;

    /// What [`store_schemas`](EventLog::store_schemas) was given last; none if there has been nothing.
    ///
    /// # Errors
    ///
    /// [`LogError`] if it cannot be read.
    fn schemas(&self) -> Result<Option<Vec<u8>>, LogError> {
        Ok(None)
    }

    /// Keeps the schemas of the event types as long as there is the log, in the place of those that were
    /// kept before; durable when this returns. A hub does so when it starts. With a log that keeps none, as
    /// by default, changes of schemas are not noticed.
    ///
    /// # Errors
    ///
    /// [`LogError`] if they could not be kept; then those before are.
    fn store_schemas(&self, schemas: &[u8]) -> Result<(), LogError> {
        let _ = schemas;
        Ok(())
    }

    /// How the log is. Does not wait for the disk.
    fn status(&self) -> LogStatus {
        LogStatus::default()
    }

    /// Makes everything durable and gives the log back. Appends and reads fail from here on with
    /// [`LogError::Closed`].
    ///
    /// # Errors
    ///
    /// [`LogError`] if the last sync failed.
    fn close(&self) -> Result<(), LogError>;
}

/// Records of one publish: they get consecutive seqs and are kept all or none.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Batch {
    /// In order.
    pub records: Vec<NewRecord>,
    /// By which the publish is known when it is tried again. It must have a record to be kept with.
    pub key: Option<BatchKey>,
}

impl Batch {
    /// A batch, as the hub makes them.
    pub fn new(records: Vec<NewRecord>, key: Option<BatchKey>) -> Self {
        Batch { records, key }
    }
}

/// Shows all records that are kept to `visit`, in order, until it breaks. What is lost is passed over, and what is
/// damaged: these seqs are returned.
pub(crate) fn read_all<L: EventLog + ?Sized>(
    log: &L,
    visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
) -> Result<Vec<RangeInclusive<u64>>, LogError> {
    let (all, last, mut after) = (TopicSelection::everything(), log.history().last(), 0);
    let mut damaged = Vec::new();
    let mut flow = ControlFlow::Continue(());
    while after < last && flow.is_continue() {
        let read = log.read(after, last, &all, &mut |record| {
            flow = visit(record);
            flow
        });
        let passed = match read {
            Ok(read) => read.until,
            Err(LogError::Lost { last, .. }) => last,
            Err(LogError::Damaged { first, last, .. }) => {
                damaged.push(first..=last);
                last
            }
            Err(error) => return Err(error),
        };
        after = passed.max(after + 1);
    }
    Ok(damaged)
}

/// A record to be appended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewRecord {
    /// Where it is routed.
    pub topic: Option<Topic>,
    /// The event type's name.
    pub name: Cow<'static, str>,
    /// The version of the payload's schema.
    pub version: u32,
    /// JSON.
    pub data: Vec<u8>,
}

/// The name of the records that close their topics. No event type has such a name.
pub(crate) const TOPIC_CLOSE: &str = "sse-topic-close";

/// Their payload.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct TopicClose<'a> {
    topic: &'a str,
}

impl NewRecord {
    /// A record, as the hub makes them.
    pub fn new(
        topic: Option<Topic>,
        name: impl Into<Cow<'static, str>>,
        version: u32,
        data: Vec<u8>,
    ) -> Self {
        NewRecord { topic, name: name.into(), version, data }
    }

    /// The record that closes a topic.
    pub(crate) fn closing(topic: Topic) -> Self {
        // JSON of a string cannot fail.
        let data = serde_json::to_vec(&TopicClose { topic: topic.as_str() }).unwrap_or_default();
        NewRecord { topic: Some(topic), name: TOPIC_CLOSE.into(), version: 1, data }
    }

    /// The topic that this record closes, if it is no event but that.
    pub(crate) fn closes(&self) -> Option<&Topic> {
        self.topic.as_ref().filter(|_| self.name == TOPIC_CLOSE)
    }

    /// What it counts for [`Retention::bytes`].
    pub(crate) fn bytes(&self) -> u64 {
        let topic = self.topic.as_ref().map_or(0, |topic| topic.as_str().len());
        (topic + self.name.len() + self.data.len()) as u64
    }
}

/// A record at rest.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RecordRef<'a> {
    /// Its id.
    pub id: EventId,
    /// When it was appended, in milliseconds since 1970. Never less than the record before.
    pub time_ms: u64,
    /// Where it is routed.
    pub topic: Option<&'a str>,
    /// The event type's name.
    pub name: &'a str,
    /// The version of the payload's schema.
    pub version: u32,
    /// JSON.
    pub data: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// A record, for a log of your own to show; `time_ms` is in milliseconds since 1970.
    pub fn new(
        id: EventId,
        time_ms: u64,
        topic: Option<&'a str>,
        name: &'a str,
        version: u32,
        data: &'a [u8],
    ) -> Self {
        RecordRef { id, time_ms, topic, name, version, data }
    }

    /// The event that it is, for [`SseEvent::decode`](crate::SseEvent::decode), which makes one of today's of a
    /// record of an earlier version: for an app that exports its log, say.
    pub fn raw(&self) -> RawEvent<'a> {
        RawEvent { name: self.name, version: self.version, data: self.data }
    }

    /// The topic that this record closes, if it is no event but that.
    pub fn closes(&self) -> Option<&'a str> {
        self.topic.filter(|_| self.name == TOPIC_CLOSE)
    }

    /// What it counts for [`Retention::bytes`].
    pub(crate) fn bytes(&self) -> u64 {
        (self.topic.map_or(0, str::len) + self.name.len() + self.data.len()) as u64
    }
}

/// What an append has done.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Appended {
    /// The first record's id; the others follow by one, in the same epoch. Its seq follows by one that of the
    /// last record which was appended: a log that says otherwise has failed, and the hub ends.
    pub first: EventId,
    /// The time that all of them carry, in milliseconds since 1970.
    pub time_ms: u64,
}

impl Appended {
    /// For a log of your own; `time_ms` is in milliseconds since 1970.
    pub fn new(first: EventId, time_ms: u64) -> Self {
        Appended { first, time_ms }
    }
}

/// What a read has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// Where it began: at the record after `after`, or if that is no longer kept at the oldest that
    /// is.
    pub first: u64,
    /// Every selected record from `first` up to this one has been shown.
    pub until: u64,
}

impl Read {
    /// For a log of your own.
    pub fn new(first: u64, until: u64) -> Self {
        Read { first, until }
    }
}

/// How much history is kept. Whatever comes first ends it; by default all is kept.
///
/// ```
/// use sse_framework::Retention;
/// use std::time::Duration;
///
/// let week = Retention::forever().age(Duration::from_secs(7 * 24 * 3600)).events(1_000_000);
///
/// // A log of your own, which is opened with it, reads what to keep.
/// assert_eq!(week.max_age(), Some(Duration::from_secs(604_800)));
/// assert_eq!((week.max_events(), week.max_bytes()), (Some(1_000_000), None));
/// assert_eq!(week.idempotency_window(), (Duration::from_secs(600), 100_000));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub(crate) events: Option<u64>,
    pub(crate) age: Option<Duration>,
    pub(crate) bytes: Option<u64>,
    /// How long keys are kept, which may be longer than the records that they came with.
    pub(crate) keys: Window,
}

impl Retention {
    /// Everything.
    pub const fn forever() -> Self {
        Retention { events: None, age: None, bytes: None, keys: Window::DEFAULT }
    }

    /// At most the newest `events` records.
    #[must_use]
    pub const fn events(self, events: u64) -> Self {
        Retention { events: Some(events), ..self }
    }

    /// Records younger than `age`, to a second.
    #[must_use]
    pub const fn age(self, age: Duration) -> Self {
        Retention { age: Some(age), ..self }
    }

    /// The newest records whose payloads, names and topics come to at most `bytes`. A log on disk may keep
    /// some more for a moment, if thousands come while it still has to read how large the oldest are: an append
    /// does not wait for that.
    ///
    /// The log takes more on the disk. Space is given back by whole segments, so up to a segment
    /// more; and the segment that is written to, and those that wait to be sealed, take about three
    /// times what their records come to. With segments of 16 MiB, set aside 150 MiB.
    #[must_use]
    pub const fn bytes(self, bytes: u64) -> Self {
        Retention { bytes: Some(bytes), ..self }
    }

    /// How many records are kept at most, if that is limited: [`events`](Retention::events).
    pub const fn max_events(&self) -> Option<u64> {
        self.events
    }

    /// How old records may get, if that is limited: [`age`](Retention::age).
    pub const fn max_age(&self) -> Option<Duration> {
        self.age
    }

    /// What the kept records may come to, if that is limited: [`bytes`](Retention::bytes).
    pub const fn max_bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// How long [keys](EventLog::keys) are kept, though their records may not be, and how many of the newest
    /// suffice: [`HubBuilder::idempotency_window`](crate::HubBuilder::idempotency_window), which the hub notes
    /// here when it opens the log.
    pub const fn idempotency_window(&self) -> (Duration, usize) {
        (self.keys.age, self.keys.count)
    }

    /// Records of an earlier time than this, in milliseconds since 1970, are too old.
    pub(crate) fn oldest_ms(&self) -> u64 {
        self.age.map_or(0, |age| times::now_ms(0).saturating_sub(millis(age)))
    }
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A log could not be opened, read or closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another process, or another hub of this one, has the log open.
    #[error("the log at {path} is in use: only one process can have it open", path = path.display())]
    Locked {
        /// The log's directory.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was tried, for example "syncing".
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The directory holds something else, or a log that this version cannot read.
    #[error("{path} holds no log that this version can open: {reason}", path = path.display())]
    Format {
        /// The file that tells.
        path: PathBuf,
        /// What was found there.
        reason: String,
    },
    /// Records that should be there cannot be read. Nothing has been changed:
    /// [`OnDamage::Salvage`] gives up these records and keeps the others.
    #[error("records {first} to {last} in {path} are damaged: {reason}", path = path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// The first seq that cannot be read.
        first: u64,
        /// The last seq in a row that cannot be read.
        last: u64,
        /// What was found.
        reason: String,
    },
    /// Records are lost for good, and the log goes on without them: it was opened with
    /// [`OnDamage::Salvage`], or power failed before they were synced.
    #[error("records {first} to {last} of the log are lost")]
    Lost {
        /// The first seq.
        first: u64,
        /// The last seq.
        last: u64,
    },
    /// The storage engine failed.
    #[error("the storage engine failed {action} {path}: {reason}", path = path.display())]
    Engine {
        /// What was tried.
        action: &'static str,
        /// On which segment.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// Something else failed, for which there is no path: see [`LogError::other`].
    #[error("the log failed {action}")]
    Other {
        /// What was tried, for example "committing rows".
        action: &'static str,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The log has been closed.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// A failure of a log of your own: what was tried, for example "committing rows", and why it failed.
    pub fn other(action: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        LogError::Other { action, source: source.into() }
    }

    /// The operating system has none.
    pub(crate) fn no_random_bytes(source: std::io::Error) -> Self {
        LogError::other("asking the operating system for random bytes", source)
    }
}

/// Records could not be appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Nothing was written: the records are not in the log and never will be.
    #[error("the log took nothing")]
    Refused(#[source] LogError),
    /// A write or a sync failed: the records may be found in the log after it is opened again.
    #[error("the log failed while writing: whether the records are kept is not known")]
    OutcomeUnknown(#[source] LogError),
}
