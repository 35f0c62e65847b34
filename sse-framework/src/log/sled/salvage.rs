//! What happens to damaged segments: they are put aside, and what is intact is kept.

use super::shelf::{OpenSegment, Segment};
use super::span::{self, Span};
use super::state::SegmentState;
use super::{Core, OnDamage, io, locked, report};
use crate::log::{LogError, LogStatus, SalvageReport, Salvaged};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// Where the damaged files of a segment are kept; there can be several.
pub(crate) fn damaged_path(directory: &Path, first: u64, number: u32) -> PathBuf {
    match number {
        ..=1 => directory.join(format!("{first:020}.damaged")),
        _ => directory.join(format!("{first:020}.damaged-{number}")),
    }
}

/// The first number that is free.
pub(crate) fn free_number(directory: &Path, first: u64) -> u32 {
    let is_free =
        |number: &u32| damaged_path(directory, first, *number).symlink_metadata().is_err();
    (1..u32::MAX).find(is_free).unwrap_or(u32::MAX)
}

/// Gives a segment's directory the name of a damaged one. One that is not there may have got it before.
pub(crate) fn put_aside(directory: &Path, first: u64, path: &Path) -> Result<u32, LogError> {
    let number = free_number(directory, first);
    match fs::rename(path, damaged_path(directory, first, number)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((number - 1).max(1)),
        Err(error) => Err(io("renaming", path)(error)),
        Ok(()) => {
            // That is its name from now on. The state that says so is yet to be written, and synced with it.
            report("syncing the log's directory", super::lock::sync_directory(directory));
            Ok(number)
        }
    }
}

/// Gives a damaged file another name, which is free: what was put aside before stays. Returns it.
pub(crate) fn put_file_aside(path: &Path) -> Result<PathBuf, LogError> {
    let name = |number: u32| match number {
        1 => path.with_extension("damaged"),
        _ => path.with_extension(format!("damaged-{number}")),
    };
    let is_free = |aside: &PathBuf| aside.symlink_metadata().is_err();
    let aside = (1..u32::MAX).map(name).find(is_free).unwrap_or_else(|| name(u32::MAX));
    fs::rename(path, &aside).map_err(io("renaming", path))?;
    path.parent().map_or(Ok(()), super::lock::sync_directory)?;
    Ok(aside)
}

/// The error for records that are not there.
pub(crate) fn damaged(path: &Path, hole: Span, reason: Option<&str>) -> LogError {
    let reason = reason.unwrap_or("no intact block holds them").into();
    LogError::Damaged { path: path.into(), first: hole.first, last: hole.last, reason }
}

/// Tells of a damaged segment, and of what was saved.
pub(crate) fn tell(salvaged: &Salvaged) {
    let (path, lost) = (salvaged.path.display(), &salvaged.lost);
    match lost.is_empty() {
        true => {
            tracing::warn!(%path, "a damaged segment is kept aside; none of its records is lost")
        }
        false => tracing::error!(%path, ?lost, "a damaged segment is kept aside; records are lost"),
    }
}

pub(crate) fn ranges(spans: &[Span]) -> Vec<std::ops::RangeInclusive<u64>> {
    spans.iter().map(|span| span.first..=span.last).collect()
}

impl Core {
    /// The records that are lost.
    pub(crate) fn lost(&self) -> Arc<[Span]> {
        self.lost.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn status(&self) -> LogStatus {
        let floor = self.history().first();
        let kept = Span { first: floor, last: u64::MAX };
        let lost = ranges(&span::within(&self.lost(), kept));
        let segments = locked(&self.salvaged).clone();
        LogStatus {
            failing: locked(&self.failing).clone(),
            salvage: SalvageReport { lost, segments, schemas: locked(&self.schemas_aside).clone() },
        }
    }

    /// A reader has come upon records that are not there. Returns where it goes on.
    pub(crate) fn found_hole(
        &self,
        segment: &Arc<Segment>,
        open: &Arc<OpenSegment>,
        hole: Span,
    ) -> Result<ControlFlow<u64, u64>, LogError> {
        let unsynced_after = segment.unsynced_after();
        let unsynced = Span { first: unsynced_after.saturating_add(1), last: u64::MAX };
        match self.settings.on_damage {
            OnDamage::Salvage => self.salvage(segment, open)?,
            // They had been acknowledged but never synced, and then power failed.
            OnDamage::Refuse if hole.first >= unsynced.first => {
                self.note_lost(segment, &span::within(&open.holes, unsynced))?;
            }
            OnDamage::Refuse => {
                let hole = Span { last: hole.last.min(unsynced_after), ..hole };
                return Err(damaged(&segment.path, hole, None));
            }
        }
        Ok(ControlFlow::Continue(hole.first))
    }

    /// Puts sealed segments aside whose index is damaged, so that they are sealed anew.
    pub(crate) fn salvage_indexes(&self) -> Result<(), LogError> {
        let history = self.history();
        let sealed = self.shelf.with(<[_]>::to_vec).into_iter().filter(|it| it.sealed.is_some());
        for segment in sealed {
            if self.shelf.open(&segment, &history)?.index().is_err() {
                self.shelf.open_anew(&segment);
            }
            if segment.is_damaged() {
                let open = self.shelf.open(&segment, &history)?;
                self.salvage(&segment, &open)?;
            }
        }
        Ok(())
    }

    fn note_lost(&self, segment: &Segment, lost: &[Span]) -> Result<(), LogError> {
        let mut state = locked(&self.state);
        state.change(|state| span::merge(&mut state.lost, lost.iter().copied()))?;
        tracing::error!(segment = segment.first, lost = ?ranges(lost), "records are lost");
        *self.lost.write().unwrap_or_else(PoisonError::into_inner) = state.state().lost[..].into();
        Ok(())
    }

    /// Puts a damaged segment aside and gives up what it does not hold. The thread that seals
    /// then makes a sealed segment of the rest.
    fn salvage(&self, segment: &Arc<Segment>, open: &Arc<OpenSegment>) -> Result<(), LogError> {
        let mut state = locked(&self.state);
        state.settle()?;
        if !self.shelf.has(segment) {
            return Ok(());
        }
        let end = segment.end();
        let is_there = segment.path.symlink_metadata().is_ok();
        let number = put_aside(&self.directory, segment.first, &segment.path)?;
        let path = damaged_path(&self.directory, segment.first, number);
        if !is_there && !path.is_dir() {
            // That may pass. If it does not, an opening gives them up.
            segment.leave_engine();
            let whole = Span { first: segment.first, last: end };
            return Err(damaged(&segment.path, whole, Some("the directory is missing")));
        }
        // What was not there when it was looked through may have another name: it is read anew.
        let open = Some(open).filter(|_| is_there);
        let holes = open.map_or(&[][..], |open| &open.holes);
        let noted = state.change(|state| {
            span::merge(&mut state.lost, holes.iter().copied());
            for part in state.segments.iter_mut().filter(|part| part.first == segment.first) {
                *part = SegmentState {
                    end: Some(end),
                    unsynced_after: part.unsynced_after,
                    damaged: Some(number),
                    ..SegmentState::new(part.first)
                };
            }
        });
        let fresh = Arc::new(segment.quarantined(path.clone(), open.cloned()));
        // Also if the state could not be written: that is where the files are now.
        self.shelf.change(|segments| {
            let place = segments.iter_mut().find(|place| Arc::ptr_eq(place, segment));
            if let Some(place) = place {
                *place = fresh;
            }
        });
        noted?;
        *self.lost.write().unwrap_or_else(PoisonError::into_inner) = state.state().lost[..].into();
        drop(state);
        let (records, lost) = (segment.first..=end, ranges(holes));
        let salvaged = Salvaged { path, records, lost };
        tell(&salvaged);
        locked(&self.salvaged).push(salvaged);
        self.wake.notify_all();
        Ok(())
    }
}
