//! The log on disk: segments, each a sled database.

#[cfg(feature = "test-util")]
pub(crate) mod any_block;
mod block;
mod carve;
mod chain;
mod closes;
#[cfg(test)]
mod faults;
mod files;
mod guard;
mod index;
mod keys;
mod lock;
mod maintenance;
mod mark;
mod offline;
mod open;
mod reader;
mod recovery;
mod retention;
mod salvage;
mod schemas;
mod seal;
mod segment;
mod shelf;
mod span;
mod state;
#[cfg(test)]
mod tests;
mod times;
mod tools;
mod writer;

pub use self::schemas::SchemasFlaw;
pub use self::tools::{Damage, Exported, LogStats, Progress, SegmentStats, Verified};

use self::keys::Outliving;
use self::lock::DirectoryLock;
use self::retention::Trimmer;
use self::shelf::{Segment, Shelf};
use self::span::Span;
use self::state::{State, StateFile};
use self::writer::{Active, Writer};
use super::{
    AppendError, Appended, Batch, EventLog, History, LogError, LogStatus, OpenLog, Position, Read,
    RecordRef, Retention, Salvaged, StorageFailure, StoredKey,
};
use crate::id::IdKey;
use crate::planted::planted;
use crate::topic::TopicSelection;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// When records are safe from a loss of power. They always survive the death of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Before `publish` returns and before any subscriber sees them.
    #[default]
    Synced,
    /// A little later: a thread syncs them, whatever else the log does meanwhile.
    Buffered {
        /// The longest time that a record waits until the sync of it begins, as long as no sync takes more
        /// than half of this. A record that comes during a longer one waits for its end, and at most half of
        /// this time more.
        sync_every: Duration,
    },
}

/// What a log does about records that should be there and cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDamage {
    /// Opening fails, or reading does, with the range; nothing is changed. A person can look at it,
    /// put back a copy, or choose to salvage.
    #[default]
    Refuse,
    /// Every record that is intact is kept, and the others are given up: the log goes on, clients
    /// that ask for what is lost are told so by an `sse-gap` event, and
    /// [`SalvageReport`](crate::SalvageReport) says what it was. The damaged files are kept aside,
    /// as `<segment>.damaged`, and so is a damaged file `schemas`, without which it cannot be told whether the
    /// event types read what is kept.
    Salvage,
}

/// A log in a directory. It is made for Unix, and tested on Linux: elsewhere files and directories cannot be synced
/// like this.
///
/// The directory belongs to the log: if it is not there it is made so that only its owner can enter it,
/// and one process at a time has it open. What is written into it only its owner can read, whoever may
/// enter it. A copy of it is good only if it was made while the log was closed.
///
/// ```
/// use sse_framework::{Durability, SledLog};
/// use std::time::{Duration, Instant};
///
/// let log = SledLog::new("data/events")
///     .durability(Durability::Buffered { sync_every: Duration::from_millis(200) })
///     .segment_bytes(16 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct SledLog {
    path: PathBuf,
    durability: Durability,
    segment_bytes: u64,
    /// How many that have ended stay open: a descriptor each, and memory for what is known of it.
    open_segments: usize,
    on_damage: OnDamage,
    #[cfg(test)]
    faults: faults::Faults,
}

impl SledLog {
    /// The log in the directory at `path`, which is made if it is not there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        SledLog {
            path: path.into(),
            durability: Durability::default(),
            segment_bytes: 16 << 20,
            open_segments: 64,
            on_damage: OnDamage::default(),
            #[cfg(test)]
            faults: Default::default(),
        }
    }

    /// When records are safe from a loss of power; by default before they are acknowledged.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        SledLog { durability, ..self }
    }

    /// After how many bytes a segment is full; by default 16 MiB, at least 1 KiB. Retention gives
    /// disk space back by whole segments, and opening reads the last one, if it is not sealed.
    #[must_use]
    pub fn segment_bytes(self, bytes: u64) -> Self {
        SledLog { segment_bytes: bytes.max(1024), ..self }
    }

    /// What is done about records that should be there and cannot be read; by default opening and
    /// reading fail.
    ///
    /// ```
    /// use sse_framework::{OnDamage, SledLog};
    ///
    /// let log = SledLog::new("data/events").on_damage(OnDamage::Salvage);
    /// ```
    #[must_use]
    pub fn on_damage(self, on_damage: OnDamage) -> Self {
        SledLog { on_damage, ..self }
    }
}

impl OpenLog for SledLog {
    fn open(self: Box<Self>, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        self.open_if(retention, &mut |_| true)?.ok_or(LogError::Closed)
    }

    fn open_if(
        self: Box<Self>,
        retention: Retention,
        fits: &mut dyn FnMut(&dyn EventLog) -> bool,
    ) -> Result<Option<Box<dyn EventLog>>, LogError> {
        let log = OpenSledLog::still(open::open(*self, retention)?);
        if !fits(&log) {
            return Ok(None);
        }
        log.core.begin()?;
        log.core.maintain(&mut locked(&log.maintenance))?;
        Ok(Some(Box::new(log)))
    }
}

/// The log as the hub sees it. Dropping it ends its threads but does not close the log properly.
#[derive(Debug)]
struct OpenSledLog {
    core: Arc<Core>,
    maintenance: Mutex<Vec<JoinHandle<()>>>,
}

impl OpenSledLog {
    /// A log without its threads.
    fn still(core: Arc<Core>) -> Self {
        OpenSledLog { core, maintenance: Mutex::default() }
    }

    /// Keeps the log from being closed, unless it has been.
    fn opened(&self) -> Result<RwLockReadGuard<'_, bool>, LogError> {
        let closed = self.core.closed.read().unwrap_or_else(PoisonError::into_inner);
        if *closed { Err(LogError::Closed) } else { Ok(closed) }
    }

    fn stop(&self) {
        self.core.stop();
        for thread in locked(&self.maintenance).drain(..) {
            drop(thread.join());
        }
    }
}

impl Drop for OpenSledLog {
    fn drop(&mut self) {
        self.stop();
    }
}

impl EventLog for OpenSledLog {
    fn append(&self, batches: &[Batch]) -> Result<Appended, AppendError> {
        let _open = self.opened().map_err(AppendError::Refused)?;
        self.core.append(batches)
    }

    fn read(
        &self,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        let _open = self.opened()?;
        self.core.read(after, until, topics, visit)
    }

    fn position_at(&self, time_ms: u64) -> Result<Position, LogError> {
        let _open = self.opened()?;
        self.core.position_at(time_ms)
    }

    fn history(&self) -> History {
        self.core.history()
    }

    fn closed_topics(&self, visit: &mut dyn FnMut(&str, u64)) -> Result<(), LogError> {
        let _open = self.opened()?;
        self.core.closed_topics(visit)
    }

    fn keys(
        &self,
        since_ms: u64,
        visit: &mut dyn FnMut(StoredKey) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let _open = self.opened()?;
        self.core.keys(since_ms, visit)
    }

    fn id_key(&self) -> Result<IdKey, LogError> {
        let _open = self.opened()?;
        self.core.id_key()
    }

    fn schemas(&self) -> Result<Option<Vec<u8>>, LogError> {
        let _open = self.opened()?;
        self.core.schemas()
    }

    fn store_schemas(&self, schemas: &[u8]) -> Result<(), LogError> {
        let _open = self.opened()?;
        schemas::write(&self.core.directory, schemas)
    }

    fn status(&self) -> LogStatus {
        self.core.status()
    }

    fn close(&self) -> Result<(), LogError> {
        self.stop();
        self.core.close()
    }
}

/// An open log. Locks are taken in the order of the fields, from the writer on.
#[derive(Debug)]
struct Core {
    directory: PathBuf,
    settings: SledLog,
    retention: Retention,
    /// Held for reading as long as anything is done with the log.
    closed: RwLock<bool>,
    writer: Mutex<Writer>,
    trimmer: Mutex<Trimmer>,
    state: Mutex<StateFile>,
    shelf: Shelf,
    /// Keys of segments that are no longer there, the oldest first.
    outliving: Mutex<Vec<Outliving>>,
    history: RwLock<History>,
    /// Records that are lost, as the state says.
    lost: RwLock<Arc<[Span]>>,
    salvaged: Mutex<Vec<Salvaged>>,
    /// Where the damaged file is.
    schemas_aside: Mutex<Option<PathBuf>>,
    failing: Mutex<Option<StorageFailure>>,
    /// When was last done what is done once a second.
    second: Mutex<Option<Instant>>,
    /// Segments that are no longer of the log, until nobody reads them.
    discarded: Mutex<Vec<Arc<Segment>>>,
    /// The last record's time is far ahead of the clock, which has been told.
    is_ahead: AtomicBool,
    stopped: AtomicBool,
    resting: Mutex<()>,
    wake: Condvar,
    /// Released last.
    lock: Mutex<Option<DirectoryLock>>,
}

impl Core {
    /// Makes the state say that the log has been opened. If it does not come to that, no epoch has begun, unless
    /// damage was found: what is damaged may have been put aside, and what is lost noted in the state.
    fn begin(&self) -> Result<(), LogError> {
        locked(&self.state).settle()
    }

    fn history(&self) -> History {
        self.history.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change_history(&self, change: impl FnOnce(&mut History)) {
        change(&mut self.history.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn id_key(&self) -> Result<IdKey, LogError> {
        let mut state = locked(&self.state);
        if let Some(key) = &state.state().id_key {
            return Ok(key.clone());
        }
        let key = IdKey::generate().map_err(LogError::no_random_bytes)?;
        state.change(|state| state.id_key = Some(key.clone()))?;
        Ok(key)
    }

    /// Lets readers see the records up to `last`, of which as many are kept as retention allows.
    fn publish(&self, last: u64) {
        let most = self.retention.events.map(|most| most + u64::from(planted("floor-not-exact")));
        let first = most.map_or(0, |most| (last + 1).saturating_sub(most));
        self.change_history(|history| history.set_records(history.first().max(first), last));
    }

    fn raise_floor(&self, floor: u64) {
        self.change_history(|history| {
            history.set_records(history.first().max(floor), history.last())
        });
    }

    fn renew_epochs(&self, state: &State) {
        let epochs = epochs_of(state);
        self.change_history(|history| {
            let (first, last) = (history.first(), history.last());
            *history = epochs;
            history.set_records(first, last);
        });
    }

    fn close(&self) -> Result<(), LogError> {
        let mut closed = self.closed.write().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *closed, true) {
            return Ok(());
        }
        let synced = self.sync();
        let mut writer = locked(&self.writer);
        let noted = synced.and_then(|()| self.note_end(&mut writer)).and_then(|()| {
            let (last, floor) = (writer.last, self.history().first());
            let mut state = locked(&self.state);
            let unsynced = state.state().segments.iter().any(|part| part.unsynced_after.is_some());
            state.change(|state| {
                state.closed_at = (!unsynced).then_some(last);
                state.floor = floor;
            })?;
            if unsynced { Err(io("syncing", &self.directory)(unsafe_end())) } else { Ok(()) }
        });
        writer.active = Active::Closed;
        drop(self.shelf.change(std::mem::take));
        self.sweep();
        locked(&self.discarded).clear();
        drop(locked(&self.lock).take());
        noted
    }
}

fn unsafe_end() -> std::io::Error {
    std::io::Error::other("the last records before a failed write could not be synced")
}

/// A history of no records, written by the epochs of the state.
fn epochs_of(state: &State) -> History {
    let epochs = state.epochs.iter().map(|start| (start.epoch, start.first)).collect();
    History::new(epochs, 1, 0)
}

fn active_path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}.active"))
}

fn sealing_path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}.sealing"))
}

fn sealed_path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}.sealed"))
}

fn trash_path(segment: &Path) -> PathBuf {
    segment.with_extension("trash")
}

/// A lock whose data stays right when a thread that holds it panics.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an error of the operating system one of the log.
fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LogError {
    let path = path.to_path_buf();
    move |source| LogError::Io { action, path, source }
}

/// Tells of a failure that nobody waits for.
fn report(what: &'static str, result: Result<(), LogError>) {
    if let Err(error) = result {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}
