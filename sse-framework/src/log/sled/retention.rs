//! Moves the floor, and frees what lies below it.

use super::segment::remove_directory;
use super::shelf::Segment;
use super::times::dated;
use super::{Core, locked, report, sealed_path, trash_path};
use crate::log::times::now_ms;
use crate::log::{Appended, Batch, LogError, Retention, millis};
use crate::topic::TopicSelection;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Records whose sizes are known ahead of the floor, at the most.
const PAGE: usize = 16 << 10;

/// Walks the floor along the log, record by record where it must.
#[derive(Debug)]
pub(crate) struct Trimmer {
    retention: Retention,
    floor: u64,
    /// Bytes of the records from the floor on, if they are limited.
    kept: Option<u64>,
    /// Bytes before the floor in the segment of that first seq, the floor's own.
    passed: (u64, u64),
    /// The records from the floor on.
    page: VecDeque<Size>,
    /// The first seq behind the page.
    next: u64,
    /// The page could not be read on from there, which has been told.
    unread: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Size {
    seq: u64,
    time_ms: u64,
    bytes: u64,
}

impl Trimmer {
    pub(crate) fn new(retention: Retention, floor: u64) -> Self {
        let (passed, page) = ((0, 0), VecDeque::new());
        Trimmer { retention, floor, kept: None, passed, page, next: floor, unread: None }
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
                report("counting a segment", core.shelf.open(&segment, &history).map(drop));
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
        report("counting a segment", read.map(drop));
        self.kept = Some(kept.saturating_sub(passed));
        self.passed = (start, passed);
    }

    /// The records that have been appended.
    fn note(&mut self, batches: &[Batch], appended: Appended) {
        let Some(kept) = &mut self.kept else { return };
        let records = batches.iter().flat_map(|batch| &batch.records);
        for (seq, record) in (appended.first.seq()..).zip(records) {
            let bytes = record.bytes();
            *kept += bytes;
            if seq == self.next && self.page.len() < PAGE {
                self.page.push_back(Size { seq, time_ms: appended.time_ms, bytes });
                self.next += 1;
            }
        }
    }

    /// Whether the page has to be read on.
    fn is_short(&self, last: u64) -> bool {
        let few = if self.kept.is_some() { PAGE / 2 } else { 1 };
        let counts = self.kept.is_some() || self.retention.age.is_some();
        counts && self.next <= last && self.page.len() < few
    }

    /// Moves the floor as far as the retention asks for and the page reaches, or in `whole` segments.
    /// Reads nothing, and waits for nobody who does.
    fn trim(&mut self, core: &Core, now_ms: u64, whole: bool) {
        let last = core.history().last();
        let by_count = self.retention.events.map_or(0, |most| (last + 1).saturating_sub(most));
        let too_old = self.retention.age.map_or(0, |age| now_ms.saturating_sub(millis(age)));
        if self.kept.is_none() && self.floor < by_count {
            self.pass_until(by_count);
        }
        while self.floor <= last && (self.kept.is_some() || self.retention.age.is_some()) {
            let Some(segment) = core.shelf.find(self.floor) else { break };
            if self.passed.0 != segment.first {
                self.passed = (segment.first, 0);
            }
            if whole && self.pass_segment(&segment, by_count, too_old) {
                continue;
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
    }

    /// Whether what is kept would be too much even with so many bytes less.
    fn is_too_large(&self, less: u64) -> bool {
        let kept = self.kept.unwrap_or(0).saturating_sub(less);
        self.kept.is_some() && self.retention.bytes.is_some_and(|most| kept > most)
    }

    /// Passes the floor's segment as a whole, without reading it, if all of it has to go.
    fn pass_segment(&mut self, segment: &Segment, by_count: u64, too_old: u64) -> bool {
        let Some(totals) = segment.totals_now() else { return false };
        let end = segment.end();
        let rest = totals.bytes.saturating_sub(self.passed.1);
        let goes = end < by_count || totals.last_time < too_old || self.is_too_large(rest);
        if end == u64::MAX || !goes {
            return false;
        }
        self.kept = self.kept.map(|kept| kept.saturating_sub(rest));
        self.pass_until(end + 1);
        true
    }

    fn pass_until(&mut self, floor: u64) {
        self.floor = floor;
        self.next = self.next.max(floor);
        while self.page.front().is_some_and(|record| record.seq < floor) {
            self.page.pop_front();
        }
    }
}

fn size(record: &crate::log::RecordRef<'_>) -> Size {
    Size { seq: record.id.seq(), time_ms: record.time_ms, bytes: record.bytes() }
}

impl Core {
    /// Keeps to the limit in bytes after an append, as far as sizes are known; the limit in records is kept on
    /// publishing.
    pub(crate) fn trim_after(&self, batches: &[Batch], appended: Appended) {
        if self.retention.bytes.is_none() {
            return;
        }
        let mut trimmer = locked(&self.trimmer);
        trimmer.note(batches, appended);
        trimmer.trim(self, now_ms(0), false);
        let (floor, history) = (trimmer.floor, self.history());
        let is_short = trimmer.is_short(history.last()) && trimmer.unread.is_none();
        drop(trimmer);
        if floor > history.first() {
            self.raise_floor(floor);
        }
        if is_short {
            self.wake.notify_all();
        }
    }

    /// Moves the floor. What cannot be read to find out stays, and is tried again.
    pub(crate) fn trim(&self) {
        self.trim_at(now_ms(0));
    }

    pub(crate) fn trim_at(&self, now_ms: u64) {
        loop {
            let mut trimmer = locked(&self.trimmer);
            trimmer.trim(self, now_ms, true);
            let history = self.history();
            if trimmer.page.is_empty() && trimmer.is_short(history.last()) {
                let kept = self.next_kept(trimmer.floor);
                trimmer.pass_until(kept);
            }
            let (floor, from) = (trimmer.floor, trimmer.next);
            let wanted = PAGE.saturating_sub(trimmer.page.len());
            let is_short = trimmer.is_short(history.last());
            drop(trimmer);
            if floor > history.first() {
                self.raise_floor(floor);
            }
            if !is_short || !self.read_on(from, history.last(), wanted) {
                return;
            }
        }
    }

    /// Reads on before it is urgent, if it will be soon.
    pub(crate) fn trim_ahead(&self) {
        let trimmer = locked(&self.trimmer);
        let is_short = trimmer.is_short(self.history().last()) && trimmer.unread.is_none();
        drop(trimmer);
        if is_short {
            self.trim();
        }
    }

    /// Adds sizes of records to the page, which nobody has to wait for. Returns whether there is more to do.
    fn read_on(&self, from: u64, last: u64, wanted: usize) -> bool {
        let (mut sizes, all) = (VecDeque::new(), TopicSelection::everything());
        let read = self.read_kept(from, last, &self.history(), &all, &mut |record| {
            sizes.push_back(size(&record));
            if sizes.len() < wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let behind = match read {
            Ok(ControlFlow::Continue(())) => last + 1,
            _ => sizes.back().map_or(from, |last| last.seq + 1),
        };
        let mut trimmer = locked(&self.trimmer);
        // Else an append was faster, or all of that has gone.
        if trimmer.next == from {
            trimmer.page.append(&mut sizes);
            trimmer.next = behind;
        }
        let unread = read.as_ref().err().map(|_| behind);
        let is_told = std::mem::replace(&mut trimmer.unread, unread) == unread;
        drop(trimmer);
        if let Err(error) = &read
            && !is_told
        {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, from = behind, "retention cannot read the oldest records");
        }
        read.is_ok()
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
        // A state that may already be without these segments has only the files that keep their keys.
        locked(&self.state).settle()?;
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
        for segment in removed.iter().filter(|segment| segment.sealed.is_none()) {
            // It may have been sealed, and the state could not say so.
            let sealed = sealed_path(&self.directory, segment.first);
            report("removing a sealed segment", remove_directory(&sealed));
        }
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
    // An earlier one may have been removed by half.
    remove_directory(&trash)?;
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
