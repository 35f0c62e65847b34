//! Moves the floor, and frees what lies below it.

use super::segment::remove_directory;
use super::shelf::Segment;
use super::times::dated;
use super::{Core, locked, trash_path};
use crate::log::{Batch, LogError, NewRecord, Retention};
use crate::topic::TopicSelection;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Records that are looked at together.
const PAGE: usize = 512;

/// Walks the floor along the log, record by record where it must.
#[derive(Debug)]
pub(crate) struct Trimmer {
    retention: Retention,
    floor: u64,
    /// Bytes of the records from the floor on, if they are limited.
    kept: Option<u64>,
    /// Bytes before the floor in the segment of that first seq, the floor's own.
    passed: (u64, u64),
    /// The records at the floor.
    page: VecDeque<Size>,
}

#[derive(Clone, Copy, Debug)]
struct Size {
    seq: u64,
    time_ms: u64,
    bytes: u64,
}

impl Trimmer {
    pub(crate) fn new(retention: Retention, floor: u64) -> Self {
        Trimmer { retention, floor, kept: None, passed: (0, 0), page: VecDeque::new() }
    }

    /// Counts what is kept, which reads the floor's segment up to the floor. What cannot be read
    /// counts as nothing.
    pub(crate) fn count(&mut self, core: &Core) {
        if self.retention.bytes.is_none() {
            return;
        }
        let history = core.history();
        let mut kept = 0;
        let counted = core.shelf.with(<[_]>::to_vec).into_iter();
        for segment in counted.filter(|segment| segment.end() >= self.floor) {
            if segment.totals().is_none() {
                super::report("counting a segment", core.shelf.open(&segment, &history).map(drop));
            }
            kept += segment.totals().unwrap_or_default().bytes;
        }
        let start = core.shelf.find(self.floor).map_or(self.floor, |segment| segment.first);
        let below = self.floor.saturating_sub(1).min(history.last());
        let (all, mut passed) = (TopicSelection::everything(), 0);
        let read = core.read_kept(start, below, &history, &all, &mut |record| {
            passed += record.bytes();
            ControlFlow::Continue(())
        });
        super::report("counting a segment", read.map(drop));
        self.kept = Some(kept.saturating_sub(passed));
        self.passed = (start, passed);
    }

    /// The records that have been appended.
    fn note(&mut self, batches: &[Batch]) {
        if let Some(kept) = &mut self.kept {
            *kept +=
                batches.iter().flat_map(|batch| &batch.records).map(NewRecord::bytes).sum::<u64>();
        }
    }

    /// Moves the floor as far as the retention asks for.
    fn trim(&mut self, core: &Core, now_ms: u64) -> Result<u64, LogError> {
        let last = core.history().last();
        let by_count = self.retention.events.map_or(0, |most| (last + 1).saturating_sub(most));
        let too_old = self.retention.age.map_or(0, |age| {
            now_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
        });
        if self.kept.is_none() && self.floor < by_count {
            self.floor = by_count;
            self.page.retain(|record| record.seq >= by_count);
        }
        while self.floor <= last && (self.kept.is_some() || self.retention.age.is_some()) {
            let Some(segment) = core.shelf.find(self.floor) else { break };
            if self.passed.0 != segment.first {
                self.passed = (segment.first, 0);
            }
            if self.pass_segment(&segment, by_count, too_old) {
                continue;
            }
            if self.page.is_empty() {
                self.floor = core.next_kept(self.floor);
                self.fill_page(core, last)?;
            }
            let Some(oldest) = self.page.front() else { break };
            let too_large = self.is_too_large(0);
            if !(oldest.seq < by_count || oldest.time_ms < too_old || too_large) {
                break;
            }
            self.floor = oldest.seq + 1;
            self.passed.1 += oldest.bytes;
            self.kept = self.kept.map(|kept| kept.saturating_sub(oldest.bytes));
            self.page.pop_front();
        }
        Ok(self.floor)
    }

    /// Whether what is kept would be too much even with so many bytes less.
    fn is_too_large(&self, less: u64) -> bool {
        let kept = self.kept.unwrap_or(0).saturating_sub(less);
        self.kept.is_some() && self.retention.bytes.is_some_and(|most| kept > most)
    }

    /// Passes the floor's segment as a whole, without reading it, if all of it has to go.
    fn pass_segment(&mut self, segment: &Segment, by_count: u64, too_old: u64) -> bool {
        let Some(totals) = segment.totals() else { return false };
        let end = segment.end();
        let rest = totals.bytes.saturating_sub(self.passed.1);
        let goes = end < by_count || totals.last_time < too_old || self.is_too_large(rest);
        if end == u64::MAX || !goes {
            return false;
        }
        self.floor = end + 1;
        self.kept = self.kept.map(|kept| kept.saturating_sub(rest));
        self.page.clear();
        true
    }

    fn fill_page(&mut self, core: &Core, last: u64) -> Result<(), LogError> {
        let page = &mut self.page;
        let all = TopicSelection::everything();
        core.read_kept(self.floor, last, &core.history(), &all, &mut |record| {
            page.push_back(size(&record));
            if page.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .map(drop)
    }
}

fn size(record: &crate::log::RecordRef<'_>) -> Size {
    Size { seq: record.id.seq(), time_ms: record.time_ms, bytes: record.bytes() }
}

impl Core {
    /// Keeps to the limit in bytes after an append; the limit in records is kept on publishing.
    pub(crate) fn trim_after(&self, batches: &[Batch]) {
        if self.retention.bytes.is_some() {
            locked(&self.trimmer).note(batches);
            self.trim();
        }
    }

    /// Moves the floor. What cannot be read to find out stays, and is tried again.
    pub(crate) fn trim(&self) {
        self.trim_at(crate::log::memory::now_ms(0));
    }

    pub(crate) fn trim_at(&self, now_ms: u64) {
        let mut trimmer = locked(&self.trimmer);
        let before = self.history().first();
        match trimmer.trim(self, now_ms) {
            Ok(floor) if floor > before => self.raise_floor(floor),
            Ok(_) => {}
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "retention cannot read the oldest records");
            }
        }
    }

    /// Removes the segments that lie wholly below the floor. The state is changed first: from
    /// then on their directories mean nothing, and are removed when nobody reads them any more.
    pub(crate) fn remove_segments(&self) -> Result<(), LogError> {
        let floor = self.history().first();
        let gone = self
            .shelf
            .with(|segments| segments.iter().take_while(|segment| segment.end() < floor).count());
        // The last one is kept: the state tells from it where the log goes on.
        let gone = gone.min(self.shelf.with(<[_]>::len).saturating_sub(1));
        if gone == 0 {
            return Ok(());
        }
        let gone = self.keep_keys(gone)?;
        let newest = self.shelf.with(|segments| segments.get(gone - 1).cloned());
        let newest = newest.and_then(|segment| dated(&segment));
        let mut state = locked(&self.state);
        state.change(|state| {
            state.removed_until = newest.map(|newest| newest.last_time);
            state.segments.drain(..gone);
            state.floor = floor;
            state.drop_epochs(u64::MAX);
        })?;
        let removed: Vec<Arc<Segment>> = self.shelf.change(|all| all.drain(..gone).collect());
        self.renew_epochs(state.state());
        drop(state);
        tracing::debug!(segments = gone, floor, "retention removed segments");
        locked(&self.discarded).extend(removed);
        Ok(())
    }

    /// Removes the directories of segments that are no longer of the log and that nobody reads.
    pub(crate) fn sweep(&self) {
        let discarded = std::mem::take(&mut *locked(&self.discarded));
        for segment in discarded {
            let (first, path) = (segment.first, segment.path.clone());
            let keep = segment.is_damaged() && segment.end() >= self.history().first();
            match segment.close() {
                Ok(()) => {
                    let removed = match keep {
                        true => put_aside(&self.directory, first, &path),
                        false => remove(&path),
                    };
                    if let Err(error) = removed {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "removing a segment");
                    }
                }
                Err(segment) => locked(&self.discarded).push(segment),
            }
        }
    }
}

fn remove(path: &Path) -> Result<(), LogError> {
    // Under another name, so that half a directory is never taken for a segment.
    let trash = trash_path(path);
    std::fs::rename(path, &trash).map_err(super::io("renaming", path))?;
    remove_directory(&trash)
}

/// Keeps the files of a damaged segment that has been sealed without the engine.
fn put_aside(directory: &Path, first: u64, path: &Path) -> Result<(), LogError> {
    let name = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    match name.starts_with("damaged") {
        true => Ok(()),
        false => super::salvage::put_aside(directory, first, path).map(drop),
    }
}
