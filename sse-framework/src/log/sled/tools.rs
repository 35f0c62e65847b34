//! What operators do with a log that is not in use.

use super::offline::{Offline, bytes_on_disk};
use super::span::Span;
use super::state::SegmentState;
use super::{OnDamage, OpenSledLog, SchemasFlaw, SledLog, open, salvage, schemas};
use crate::id::{Epoch, EventId};
use crate::log::{EventLog, LogError, RecordRef, Retention, SalvageReport, Window};
use crate::topic::TopicSelection;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

/// What a log consists of. See [`SledLog::stats`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogStats {
    /// The oldest record that is kept, and the newest. `None` if there is none.
    pub records: Option<(EventId, EventId)>,
    /// The times of these, in milliseconds since 1970. `None` if there is no record, or one cannot be
    /// read.
    pub times_ms: Option<(u64, u64)>,
    /// In order.
    pub segments: Vec<SegmentStats>,
    /// The epochs that are remembered, each with the seq of its first record.
    pub epochs: Vec<(Epoch, u64)>,
    /// Records that are known to be lost.
    pub lost: Vec<RangeInclusive<u64>>,
}

/// A part of a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SegmentStats {
    /// Its directory.
    pub path: PathBuf,
    /// The seq of its first record.
    pub first: u64,
    /// The seq of its last record; one less than the first if it has none.
    pub last: u64,
    /// Payloads, names and topics, in bytes.
    pub payload_bytes: u64,
    /// What its files take, in bytes.
    pub disk_bytes: u64,
    /// Whether it is full and has been rewritten to be read fast.
    pub sealed: bool,
}

/// What a check has found. See [`SledLog::verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Records that cannot be read. Empty if everything is there.
    pub damages: Vec<Damage>,
    /// Sealed segments, by their directories, whose index of topics is damaged. They are read all
    /// the same, more slowly; [`salvage`](SledLog::salvage) makes their index anew.
    pub indexes: Vec<PathBuf>,
    /// What is wrong with the file `schemas`, by which a hub checks whether it reads the records that there are.
    pub schemas: Option<SchemasFlaw>,
}

/// Records that cannot be read. See [`SledLog::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The segment's directory.
    pub path: PathBuf,
    /// The seqs.
    pub records: RangeInclusive<u64>,
}

/// How far a tool has come: records of all that are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Records that have been read.
    pub done: u64,
    /// Records that are to be read, as far as is known.
    pub total: u64,
}

/// What an export comes to. See [`SledLog::export`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Exported<'a> {
    /// A record.
    Record(RecordRef<'a>),
    /// These records are lost or damaged.
    Missing(RangeInclusive<u64>),
}

/// Tools for a log that no hub has open. All but [`salvage`](SledLog::salvage) leave it as it is,
/// and can be used on a read-only copy; they fail with [`LogError::Locked`] while it is in use.
impl SledLog {
    /// What the log consists of. Reads the segments that are not sealed.
    ///
    /// # Errors
    ///
    /// [`LogError`] if there is no log, or it is in use, or it cannot be read at all.
    pub fn stats(&self) -> Result<LogStats, LogError> {
        let log = Offline::open(&self.path)?;
        let (mut segments, mut times) = (Vec::new(), Vec::new());
        for segment in &log.state.segments {
            let (last, bytes, first_time, last_time, count) = match segment.sealed {
                Some(it) => (it.last, it.bytes, it.first_time, it.last_time, it.count),
                None => {
                    let found = log.check(segment)?;
                    let it = found.totals;
                    (found.span.last, it.bytes, it.first_time, it.last_time, it.count)
                }
            };
            if count > 0 {
                times.push((first_time, last_time));
            }
            segments.push(segment_stats(&log, segment, last, bytes)?);
        }
        let last = segments.last().map_or(0, |segment| segment.last);
        let floor = log.state.floor;
        let epochs: Vec<_> = log.state.epochs.iter().map(|it| (it.epoch, it.first)).collect();
        let id = |seq| {
            let epoch = epochs.iter().rev().find(|(_, first)| *first <= seq);
            epoch.map(|(epoch, _)| EventId::new(*epoch, seq))
        };
        let records = if floor <= last { id(floor).zip(id(last)) } else { None };
        let newest = times.last().map(|(_, newest)| *newest);
        let times_ms = records.and(oldest_time(&log)?).zip(newest);
        let lost = salvage::ranges(&log.state.lost);
        Ok(LogStats { records, times_ms, segments, epochs, lost })
    }

    /// Reads everything and checks it. What is known to be lost is no damage.
    ///
    /// # Errors
    ///
    /// [`LogError`] if there is no log, or it is in use, or it cannot be read at all.
    pub fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Result<Verified, LogError> {
        let log = Offline::open(&self.path)?;
        let schemas = schemas::read(&self.path)?.err();
        let mut found = Verified { schemas, ..Verified::default() };
        for segment in &log.state.segments {
            let checked = log.check(segment)?;
            found.damages.extend(checked.damaged.iter().map(|span| Damage {
                path: checked.path.clone(),
                records: span.first..=span.last,
            }));
            if !checked.has_index(segment)? {
                found.indexes.push(checked.path.clone());
            }
            progress(how_far(&log, checked.span));
        }
        Ok(found)
    }

    /// Shows the records after the seq `after` in order, until `visit` breaks.
    ///
    /// # Errors
    ///
    /// [`LogError`] if there is no log, or it is in use, or it cannot be read at all.
    pub fn export(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Exported<'_>, Progress) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let log = Offline::open(&self.path)?;
        for segment in &log.state.segments {
            if Offline::end_of(segment)
                .is_some_and(|end| end <= after.max(log.state.floor.saturating_sub(1)))
            {
                continue;
            }
            let checked = log.check(segment)?;
            let total = how_far(&log, checked.span).total;
            let flow = log.read(&checked, after.saturating_add(1), &mut |found| match found {
                Ok(record) => {
                    let done = record.id.seq();
                    visit(Exported::Record(record), Progress { done, total })
                }
                Err(Span { first, last }) => {
                    visit(Exported::Missing(first..=last), Progress { done: last, total })
                }
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Opens the log, gives up every record that is not intact, makes sealed segments of the rest,
    /// puts a damaged file `schemas` aside, and closes it. This begins an epoch. Clients that ask for what is lost are told from then on.
    ///
    /// # Errors
    ///
    /// [`LogError`] if the log cannot be opened or closed. It can be tried again.
    pub fn salvage(&self, progress: &mut dyn FnMut(Progress)) -> Result<SalvageReport, LogError> {
        let log = SledLog { on_damage: OnDamage::Salvage, ..self.clone() };
        // It is not known for how long the hub's keys are to be known.
        let keys = Window { age: Duration::MAX, count: usize::MAX };
        let core = open::open(log, Retention { keys, ..Retention::forever() })?;
        core.begin()?;
        let log = OpenSledLog::still(core);
        let (history, all) = (log.core.history(), TopicSelection::everything());
        let total = history.last();
        if matches!(schemas::read(&log.core.directory)?, Err(SchemasFlaw::Damaged(_))) {
            log.core.schemas()?;
        }
        log.core.salvage_indexes()?;
        log.core
            .read_kept(history.first(), total, &history, &all, &mut |record| {
                let done = record.id.seq();
                if done.is_multiple_of(4096) {
                    progress(Progress { done, total });
                }
                ControlFlow::Continue(())
            })
            .map(drop)?;
        log.core.tend();
        let report = log.status().salvage;
        log.close()?;
        progress(Progress { done: total, total });
        Ok(report)
    }
}

fn segment_stats(
    log: &Offline,
    segment: &SegmentState,
    last: u64,
    bytes: u64,
) -> Result<SegmentStats, LogError> {
    let path = log.path_of(segment)?;
    Ok(SegmentStats {
        first: segment.first,
        last,
        payload_bytes: bytes,
        disk_bytes: bytes_on_disk(&path),
        sealed: segment.sealed.is_some(),
        path,
    })
}

/// The last segment may have more records than the state knows.
fn how_far(log: &Offline, read: Span) -> Progress {
    let last = log.state.segments.iter().rev().find_map(Offline::end_of).unwrap_or(0);
    Progress { done: read.last, total: last.max(read.last) }
}

fn oldest_time(log: &Offline) -> Result<Option<u64>, LogError> {
    let mut oldest = None;
    for segment in &log.state.segments {
        if Offline::end_of(segment).is_some_and(|end| end < log.state.floor) {
            continue;
        }
        let checked = log.check(segment)?;
        let _ = log.read(&checked, 1, &mut |found| {
            oldest = found.ok().map(|record| record.time_ms);
            ControlFlow::Break(())
        })?;
        break;
    }
    Ok(oldest)
}
