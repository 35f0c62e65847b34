//! The log's segments, of which few are open at a time.

use super::block::Totals;
use super::carve::Carved;
use super::index::Index;
use super::recovery;
use super::segment::Database;
use super::span::Span;
use super::state::Sealed;
use crate::log::{History, LogError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::time::{Duration, Instant};

/// A part of the log.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
    pub(crate) sealed: Option<Sealed>,
    /// The last seq; `u64::MAX` as long as the segment is written to.
    end: AtomicU64,
    /// The records after this seq were acknowledged, but could not be synced; `u64::MAX` if all were.
    unsynced_after: AtomicU64,
    /// It is kept when the log needs it no more, for somebody to look at.
    damaged: AtomicBool,
    /// It is known to have no keys, without looking.
    keyless: AtomicBool,
    used: AtomicU64,
    opened: Mutex<Opened>,
    /// When sealing it may be tried again, and the pause before that, if it has failed.
    retry: Mutex<Option<(Instant, Duration)>>,
}

/// The pauses between attempts to seal a segment: each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How many segments that have ended the engine keeps open.
const MOST_ENGINES: usize = 2;

#[derive(Debug, Default)]
struct Opened {
    kept: Option<Arc<OpenSegment>>,
    /// Finds what readers still have open: the engine does not open a database twice.
    shared: Weak<OpenSegment>,
}

impl Opened {
    fn totals(&self) -> Option<Totals> {
        self.shared.upgrade()?.index().ok().map(|index| index.totals)
    }
}

/// A segment whose database is open.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) database: Database,
    first: u64,
    /// If it is sealed: its index is in the database, and is read when somebody needs it.
    sealed: Option<Sealed>,
    index: OnceLock<RwLock<Index>>,
    /// Records that are not there.
    pub(crate) holes: Vec<Span>,
}

impl OpenSegment {
    pub(crate) fn new(database: Database, index: Index) -> Self {
        let (first, index) = (index.first, OnceLock::from(RwLock::new(index)));
        OpenSegment { database, first, sealed: None, index, holes: Vec::new() }
    }

    #[cfg(test)]
    pub(crate) fn with_faults(self, faults: &super::faults::Faults) -> Self {
        OpenSegment { database: self.database.with_faults(faults), ..self }
    }

    /// Which blocks hold which topics.
    pub(crate) fn index(&self) -> Result<RwLockReadGuard<'_, Index>, LogError> {
        Ok(self.shared_index()?.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the index.
    pub(crate) fn index_with(&self, change: impl FnOnce(&mut Index)) -> Result<(), LogError> {
        change(&mut self.shared_index()?.write().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    fn shared_index(&self) -> Result<&RwLock<Index>, LogError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let loaded = match self.sealed {
            None => Index::new(self.first),
            Some(Sealed { last, crc, count, bytes, first_time, last_time, .. }) => {
                let totals = Totals { count, bytes, first_time, last_time };
                let loaded = Index::load(&self.database, self.first, crc, totals)?;
                loaded.map_err(|reason| LogError::Damaged {
                    path: self.database.path().into(),
                    first: self.first,
                    last,
                    reason: reason.into(),
                })?
            }
        };
        Ok(self.index.get_or_init(|| RwLock::new(loaded)))
    }

    /// About how many bytes its blocks have.
    pub(crate) fn size(&self) -> Result<u64, LogError> {
        let index = self.index()?;
        Ok(index.totals.bytes + 12 * index.totals.count + 64 * index.blocks)
    }
}

impl Segment {
    /// A segment that is opened when it is read.
    pub(crate) fn new(first: u64, path: PathBuf, end: u64, sealed: Option<Sealed>) -> Self {
        let (end, used) = (AtomicU64::new(end), AtomicU64::new(0));
        let (damaged, opened, retry) = (AtomicBool::new(false), Mutex::default(), Mutex::default());
        let keyless = AtomicBool::new(sealed.is_some_and(|sealed| sealed.keys == 0));
        let unsynced_after = AtomicU64::new(u64::MAX);
        Segment { first, path, sealed, end, unsynced_after, damaged, keyless, used, opened, retry }
    }

    /// A segment that is written to, and stays open until it has ended.
    pub(crate) fn active(first: u64, open: Arc<OpenSegment>) -> Self {
        let segment = Segment::new(first, open.database.path().into(), u64::MAX, None);
        let opened = Opened { shared: Arc::downgrade(&open), kept: Some(open) };
        Segment { opened: Mutex::new(opened), ..segment }
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Nothing is written to it any more.
    pub(crate) fn ends_at(&self, last: u64) {
        self.end.store(last, Ordering::Release);
    }

    pub(crate) fn unsynced_after(&self) -> u64 {
        self.unsynced_after.load(Ordering::Acquire)
    }

    pub(crate) fn set_unsynced_after(&self, seq: u64) {
        self.unsynced_after.store(seq, Ordering::Release);
    }

    /// It has ended, and no batch in it had a key.
    pub(crate) fn set_keyless(&self) {
        self.keyless.store(true, Ordering::Release);
    }

    pub(crate) fn is_keyless(&self) -> bool {
        self.keyless.load(Ordering::Acquire)
    }

    /// Sealing it has failed.
    pub(crate) fn seal_later(&self, now: Instant) {
        let mut retry = super::locked(&self.retry);
        let pause = retry.map_or(FIRST_PAUSE, |(_, pause)| LONGEST_PAUSE.min(pause * 2));
        *retry = Some((now + pause, pause));
    }

    pub(crate) fn may_be_sealed(&self, now: Instant) -> bool {
        super::locked(&self.retry).is_none_or(|(at, _)| at <= now)
    }

    /// The same segment, damaged, with another path.
    pub(crate) fn quarantined(&self, path: PathBuf, open: Option<Arc<OpenSegment>>) -> Self {
        let shared = open.as_ref().map_or_else(Weak::new, Arc::downgrade);
        let segment = Segment::new(self.first, path, self.end(), None);
        segment.set_damaged();
        segment.set_unsynced_after(self.unsynced_after());
        Segment { opened: Mutex::new(Opened { shared, kept: open }), ..segment }
    }

    pub(crate) fn set_damaged(&self) {
        self.damaged.store(true, Ordering::Release);
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.end() == u64::MAX
    }

    /// What its records come to, if that is known without reading.
    pub(crate) fn totals(&self) -> Option<Totals> {
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        self.sealed_totals().or_else(|| opened().totals())
    }

    /// The same, but does not wait for whoever is just opening it.
    pub(crate) fn totals_now(&self) -> Option<Totals> {
        self.sealed_totals().or_else(|| self.opened.try_lock().ok()?.totals())
    }

    fn sealed_totals(&self) -> Option<Totals> {
        let Sealed { count, bytes, first_time, last_time, .. } = self.sealed?;
        Some(Totals { count, bytes, first_time, last_time })
    }

    /// Somebody is opening it, for as long as this is held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> impl Sized {
        self.opened.lock().unwrap()
    }

    /// Opens it to be read, for which the engine is not needed: it would keep in memory what it
    /// has read, and overwrite what it does not understand.
    fn open(&self, epochs: &History) -> Result<OpenSegment, LogError> {
        if let Some(sealed) = self.sealed.filter(|_| !self.is_damaged()) {
            match self.open_sealed(sealed) {
                Ok(open) => return Ok(open),
                Err(error) if !is_damage(&error) => return Err(error),
                Err(error) => super::report("opening a sealed segment", Err(error)),
            }
            self.set_damaged();
        }
        let open = self.carve(epochs)?;
        if !open.holes.is_empty() {
            self.set_damaged();
        }
        Ok(open)
    }

    /// Looks through its files: what is not intact are holes.
    pub(crate) fn carve(&self, epochs: &History) -> Result<OpenSegment, LogError> {
        let database = Database::carved(&self.path, Carved::read(&self.path)?);
        let (end, safe) = (self.end(), self.unsynced_after());
        let scanned = recovery::scan_ended(&database, self.first, end, safe, epochs)?;
        Ok(OpenSegment { holes: scanned.holes, ..OpenSegment::new(database, scanned.index) })
    }

    /// Learns where the blocks lie, which takes some microseconds. The checksums of a block and of
    /// the index are checked when they are read.
    fn open_sealed(&self, sealed: Sealed) -> Result<OpenSegment, LogError> {
        let (first, carved) = (self.first, Carved::walk(&self.path)?);
        if carved.records(first, sealed.last) != sealed.count {
            let (path, reason) = (self.path.clone(), "a block is missing".into());
            return Err(LogError::Damaged { path, first, last: sealed.last, reason });
        }
        let database = Database::carved(&self.path, carved);
        let (sealed, index, holes) = (Some(sealed), OnceLock::new(), Vec::new());
        Ok(OpenSegment { database, first, sealed, index, holes })
    }

    /// From now on it is read from its files, and not through an engine that may have it open.
    pub(crate) fn leave_engine(&self) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let closing = std::mem::take(&mut *opened);
        drop(opened);
        drop(closing);
    }

    /// Closes the database, unless a reader has it open: then gives the segment back.
    pub(crate) fn close(self: Arc<Self>) -> Result<(), Arc<Self>> {
        let segment = Arc::try_unwrap(self)?;
        let opened = segment.opened.into_inner().unwrap_or_else(PoisonError::into_inner);
        match opened.kept.map(Arc::try_unwrap) {
            None if opened.shared.strong_count() == 0 => return Ok(()),
            Some(Ok(_closing)) => return Ok(()),
            None | Some(Err(_)) => {}
        }
        let opened = Opened { kept: None, shared: opened.shared };
        Err(Arc::new(Segment { opened: Mutex::new(opened), ..segment }))
    }
}

/// All segments, in order and without a hole.
#[derive(Debug)]
pub(crate) struct Shelf {
    segments: RwLock<Vec<Arc<Segment>>>,
    /// How many are kept open beside the one that is written to.
    most_open: usize,
    clock: AtomicU64,
}

impl Shelf {
    pub(crate) fn new(segments: Vec<Arc<Segment>>, most_open: usize) -> Self {
        Shelf { segments: RwLock::new(segments), most_open, clock: AtomicU64::new(1) }
    }

    /// The segment with this seq; `None` if it is older than the first.
    pub(crate) fn find(&self, seq: u64) -> Option<Arc<Segment>> {
        self.with(|segments| {
            let after = segments.partition_point(|segment| segment.first <= seq);
            segments.get(after.checked_sub(1)?).cloned()
        })
    }

    /// Whether the segment has been neither replaced nor removed.
    pub(crate) fn has(&self, wanted: &Arc<Segment>) -> bool {
        self.with(|segments| segments.iter().any(|segment| Arc::ptr_eq(segment, wanted)))
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&[Arc<Segment>]) -> T) -> T {
        look(&self.segments.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Vec<Arc<Segment>>) -> T) -> T {
        change(&mut self.segments.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The segment, open. Whoever holds it reads on, also when it has left the shelf.
    pub(crate) fn open(
        &self,
        segment: &Segment,
        epochs: &History,
    ) -> Result<Arc<OpenSegment>, LogError> {
        segment.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut opened = segment.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &opened.kept {
            return Ok(open.clone());
        }
        let open = match opened.shared.upgrade() {
            Some(open) => open,
            None => Arc::new(segment.open(epochs)?),
        };
        *opened = Opened { shared: Arc::downgrade(&open), kept: Some(open.clone()) };
        drop(opened);
        self.close_least_used();
        Ok(open)
    }

    /// Opens the segment anew, since not all is there that should be.
    pub(crate) fn open_anew(&self, segment: &Segment) {
        segment.set_damaged();
        segment.leave_engine();
    }

    /// Of the segments that wait to be sealed, keeps only the newest open as they were written:
    /// the engine holds all of that in memory.
    pub(crate) fn close_engines(&self) {
        let has_engine = |segment: &&Arc<Segment>| {
            // Whoever holds this lock is just opening the segment, without the engine.
            segment.opened.try_lock().is_ok_and(|opened| {
                opened.kept.as_ref().is_some_and(|open| open.database.has_engine())
            })
        };
        let waiting = self.with(|segments| {
            let ended = segments.iter().filter(|segment| !segment.is_active());
            ended.filter(has_engine).cloned().collect::<Vec<_>>()
        });
        for segment in &waiting[..waiting.len().saturating_sub(MOST_ENGINES)] {
            segment.leave_engine();
        }
    }

    fn close_least_used(&self) {
        let mut kept = self.with(|segments| {
            let is_kept = |segment: &&Arc<Segment>| {
                !segment.is_active()
                    && segment.opened.try_lock().is_ok_and(|opened| opened.kept.is_some())
            };
            segments.iter().filter(is_kept).cloned().collect::<Vec<_>>()
        });
        kept.sort_by_key(|segment| segment.used.load(Ordering::Relaxed));
        let surplus = kept.len().saturating_sub(self.most_open);
        for segment in &kept[..surplus] {
            let mut opened = segment.opened.lock().unwrap_or_else(PoisonError::into_inner);
            let closing = opened.kept.take();
            drop(opened);
            drop(closing);
        }
    }
}

/// Whether the error tells of what is on the disk, and not of what could not be done just now.
pub(crate) fn is_damage(error: &LogError) -> bool {
    match error {
        LogError::Damaged { .. } | LogError::Engine { .. } => true,
        LogError::Io { source, .. } => {
            use std::io::ErrorKind;
            let kinds = [ErrorKind::NotFound, ErrorKind::NotADirectory, ErrorKind::IsADirectory];
            kinds.contains(&source.kind()) || source.kind() == ErrorKind::UnexpectedEof
        }
        _ => false,
    }
}
