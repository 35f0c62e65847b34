//! A log that is looked at while nobody writes to it. Nothing of it is changed.

use super::block::Totals;
use super::carve::Carved;
use super::index::Index;
use super::lock::DirectoryLock;
use super::open::{instead_of, path_of};
use super::reader::Reading;
use super::recovery;
use super::segment::Database;
use super::shelf::OpenSegment;
use super::span::{self, Span};
use super::state::{SegmentState, State, StateFile};
use super::{epochs_of, guard, io, salvage};
use crate::log::{History, LogError, RecordRef};
use crate::topic::TopicSelection;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A log of which nothing is changed.
#[derive(Debug)]
pub(crate) struct Offline {
    pub(crate) state: State,
    directory: PathBuf,
    epochs: History,
    marked: u64,
    _lock: Option<DirectoryLock>,
}

/// A segment whose blocks have all been read and checked.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) path: PathBuf,
    /// The seqs that it has, or should have. Empty if the last is before the first.
    pub(crate) span: Span,
    /// Records that are not there and not known to be lost.
    pub(crate) damaged: Vec<Span>,
    pub(crate) totals: Totals,
    open: OpenSegment,
}

impl Checked {
    /// Whether the index of a sealed segment is intact.
    pub(crate) fn has_index(&self, segment: &SegmentState) -> Result<bool, LogError> {
        let Some(sealed) = segment.sealed else { return Ok(true) };
        let loaded = Index::load(&self.open.database, segment.first, sealed.crc, self.totals)?;
        Ok(loaded.is_ok())
    }
}

impl Offline {
    /// Opens the log, if there is one and nobody else has it open.
    pub(crate) fn open(directory: &Path) -> Result<Self, LogError> {
        let directory = std::path::absolute(directory).map_err(io("finding", directory))?;
        let lock = DirectoryLock::take_existing(&directory)?;
        let Some(state) = StateFile::read(&directory)? else {
            let reason = "there is no file `state` in it".into();
            return Err(LogError::Format { path: directory, reason });
        };
        let marked = super::mark::safe(&directory, &state);
        let epochs = epochs_of(&state);
        Ok(Offline { state, directory, epochs, marked, _lock: lock })
    }

    /// Where a segment is. An opening that died may have put it elsewhere, where the next one finds it.
    pub(crate) fn path_of(&self, segment: &SegmentState) -> Result<PathBuf, LogError> {
        let (directory, first) = (&self.directory, segment.first);
        let path = path_of(directory, segment);
        if let Some(copy) = guard::better_copy(&path)? {
            return Ok(copy);
        }
        let aside = salvage::free_number(directory, first) - 1;
        match instead_of(directory, first, &path) {
            None if aside > 0 => Ok(salvage::damaged_path(directory, first, aside)),
            _ => Ok(path),
        }
    }

    /// The last seq of a segment, if the state knows it.
    pub(crate) fn end_of(segment: &SegmentState) -> Option<u64> {
        segment.sealed.map(|sealed| sealed.last).or(segment.end)
    }

    /// Reads all blocks of a segment.
    pub(crate) fn check(&self, segment: &SegmentState) -> Result<Checked, LogError> {
        let path = self.path_of(segment)?;
        let database = Database::carved(&path, Carved::read(&path)?);
        let (first, epochs) = (segment.first, &self.epochs);
        let is_last = self.state.segments.last().is_some_and(|last| last.first == first);
        let safe = segment.unsynced_after.unwrap_or(u64::MAX);
        let scanned = match Offline::end_of(segment) {
            Some(end) if is_last => recovery::scan(&database, first, end, safe, epochs)?,
            Some(end) => recovery::scan_ended(&database, first, end, safe, epochs)?,
            None => {
                let scanned = recovery::scan(&database, first, u64::MAX - 1, self.marked, epochs)?;
                scanned.must_be_ours(&path)?;
                scanned
            }
        };
        let unsynced = segment.unsynced_after.unwrap_or(u64::MAX);
        let mut excused = self.state.lost.clone();
        span::merge(&mut excused, [Span { first: unsynced.saturating_add(1), last: u64::MAX - 1 }]);
        let whole = |hole: &Span| span::outside(&excused, *hole);
        let damaged = scanned.holes.iter().flat_map(whole).collect();
        let (totals, span) =
            (scanned.index.totals, Span { first: segment.first, last: scanned.last });
        let mut open = OpenSegment::new(database, scanned.index);
        open.holes = scanned.holes;
        Ok(Checked { path, span, damaged, totals, open })
    }

    /// Shows the records of a segment that are kept and can be read, and where there is none.
    pub(crate) fn read(
        &self,
        checked: &Checked,
        from: u64,
        visit: &mut dyn FnMut(Result<RecordRef<'_>, Span>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, LogError> {
        let (open, topics) = (&checked.open, TopicSelection::everything());
        let mut next = checked.span.first.max(from).max(self.state.floor);
        while next <= checked.span.last {
            let hole = span::next_from(&open.holes, next);
            let last = match hole {
                Some(hole) if hole.first == next => {
                    if visit(Err(hole)).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    next = hole.last + 1;
                    continue;
                }
                Some(hole) => hole.first - 1,
                None => checked.span.last,
            };
            let reading = Reading::new(open, &self.epochs, &topics, Span { first: next, last });
            if reading.read(&mut |record| visit(Ok(record)))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            next = last + 1;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// What the files of a segment take, in bytes.
pub(crate) fn bytes_on_disk(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_on_disk(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(bytes).sum()
}
