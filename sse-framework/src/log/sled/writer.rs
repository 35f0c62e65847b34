//! Appends commits, and rolls to the next segment.

use super::chain::{Place, pack};
use super::index::Index;
use super::mark::Mark;
use super::segment::{Database, remove_directory};
use super::shelf::{OpenSegment, Segment};
use super::state::{EpochStart, SegmentState, State, is_full};
use super::{Core, Durability, active_path, block, files, io, locked, report};
use crate::id::{Epoch, EventId};
use crate::log::times::now_ms;
use crate::log::{AppendError, Appended, Batch, LogError, NewRecord, StorageFailure};
use crate::planted::planted;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// The end of the log, where records are written.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) epoch: Epoch,
    /// The last seq that was acknowledged.
    pub(crate) last: u64,
    /// The last seq that is safe from a loss of power.
    pub(crate) synced: u64,
    pub(crate) unsynced_since: Option<Instant>,
    pub(crate) time_ms: u64,
    pub(crate) active: Active,
    pub(crate) mark: Mark,
    /// Bytes of the last commit that could not be stored, if that may have been for want of room.
    pub(crate) refused: u64,
}

/// The segment that is written to.
#[derive(Debug)]
pub(crate) enum Active {
    Open {
        segment: Arc<Segment>,
        open: Arc<OpenSegment>,
        /// Bytes of blocks in it.
        bytes: u64,
    },
    /// A write or a sync failed, after which nothing is written to a segment any more. Whether
    /// the state has noted where it ends.
    Failed { noted: bool },
    /// The log is closed.
    Closed,
}

impl Core {
    /// See [`EventLog::append`](crate::log::EventLog::append).
    pub(crate) fn append(&self, batches: &[Batch]) -> Result<Appended, AppendError> {
        let mut writer = locked(&self.writer);
        if let Err(error) = self.make_ready(&mut writer) {
            writer.refused = room_for(batches, &error);
            self.note_failure(&error);
            return Err(AppendError::Refused(error));
        }
        check_sizes(batches).map_err(AppendError::Refused)?;
        writer.time_ms = now_ms(writer.time_ms);
        let place = Place {
            epoch: writer.epoch,
            first: writer.last + 1,
            synced: writer.synced,
            time_ms: writer.time_ms,
        };
        let appended =
            Appended { first: EventId::new(place.epoch, place.first), time_ms: place.time_ms };
        let blocks = pack(batches, place);
        let Active::Open { open, bytes, .. } = &mut writer.active else {
            return Err(AppendError::Refused(LogError::Closed));
        };
        if blocks.is_empty() {
            return Ok(appended);
        }
        *bytes += blocks.iter().map(|block| block.value.len() as u64).sum::<u64>();
        let open = open.clone();
        if planted("fan-out-before-sync") {
            self.publish(writer.last + 1);
        }
        match self.write(&open, blocks) {
            Ok(()) => {}
            Err(error) => {
                writer.refused = room_for(batches, &error);
                self.note_failure(&error);
                self.fail(&mut writer);
                return Err(AppendError::OutcomeUnknown(error));
            }
        }
        *locked(&self.failing) = None;
        writer.refused = 0;
        let count: usize = batches.iter().map(|batch| batch.records.len()).sum();
        writer.last += count as u64;
        match self.settings.durability {
            Durability::Synced => {
                let last = writer.last;
                writer.note_synced(last);
            }
            Durability::Buffered { .. } => {
                writer.unsynced_since.get_or_insert_with(Instant::now);
            }
        }
        self.publish(writer.last);
        drop(writer);
        self.trim_after(batches, appended);
        Ok(appended)
    }

    /// Writes the blocks and makes them as durable as was asked for; then readers can find them.
    fn write(&self, open: &OpenSegment, blocks: Vec<block::Encoded>) -> Result<(), LogError> {
        let mut added = Vec::with_capacity(blocks.len());
        for block::Encoded { key, value, summary } in blocks {
            let head: Vec<u8> = value.iter().take(8).copied().collect();
            added.push((block::split_key(&key), head, summary));
            open.database.insert(&key, value)?;
        }
        open.database.flush()?;
        if self.settings.durability == Durability::Synced && !planted("ack-before-sync") {
            open.database.sync()?;
        }
        open.index_with(|index| {
            for ((first, fragment), head, summary) in added {
                index.note_stored(&head);
                if fragment == 0 {
                    index.add(first, summary);
                }
            }
        })
    }

    /// Leaves the segment alone for good: what it holds after the last acknowledged record does
    /// not exist, even if it can be read now or later.
    pub(crate) fn fail(&self, writer: &mut Writer) {
        if let Active::Open { segment, open, .. } = &writer.active {
            segment.ends_at(writer.last);
            let (segment, open, last) = (segment.clone(), open.clone(), writer.last);
            if writer.synced < last {
                match open.database.sync() {
                    Ok(()) => writer.note_synced(last),
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, after = writer.synced, last, "records may be lost");
                        segment.set_unsynced_after(writer.synced);
                    }
                }
            }
            writer.unsynced_since = None;
            // An engine that has failed does not read either.
            segment.leave_engine();
            writer.active = Active::Failed { noted: false };
            self.note_end(writer).unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "noting a segment's end");
            });
        }
    }

    fn note_failure(&self, error: &LogError) {
        StorageFailure::note(&mut locked(&self.failing), error);
    }

    /// After a failure, sees whether there could be appends again, also if nobody publishes:
    /// whoever looks at the log's health may wait for that.
    pub(crate) fn recover(&self) {
        let failing = |writer: &Writer| {
            locked(&self.failing).is_some() && !matches!(writer.active, Active::Closed)
        };
        let writer = locked(&self.writer);
        if !failing(&writer) {
            return;
        }
        let refused = writer.refused;
        drop(writer);
        // Appends may be tried meanwhile. A segment without records needs little room, so that it
        // could be made would say nothing.
        let room = self.find_room(ROOM + 4 * refused);
        let mut writer = locked(&self.writer);
        if failing(&writer) {
            match room.and_then(|()| self.make_ready(&mut writer)) {
                Ok(()) => {
                    *locked(&self.failing) = None;
                    writer.refused = 0;
                }
                Err(error) => self.note_failure(&error),
            }
        }
    }

    /// Sees whether the disk takes so many bytes, which are given back.
    fn find_room(&self, bytes: u64) -> Result<(), LogError> {
        let path = self.directory.join("room");
        let mut file = files::create(&path)?;
        // From here on it goes with the descriptor, also if the process dies.
        std::fs::remove_file(&path).map_err(io("removing", &path))?;
        let mut piece = vec![0; 64 << 10];
        let mut left = bytes;
        while left > 0 {
            // A disk that compresses must not make less of it.
            getrandom::fill(&mut piece)
                .map_err(std::io::Error::other)
                .map_err(LogError::no_random_bytes)?;
            let next = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&piece[..next]).map_err(io("writing", &path))?;
            left -= next as u64;
        }
        file.sync_all().map_err(io("syncing", &path))
    }

    /// After a failure, notes in the state where the segment ends, if that is still to be done.
    pub(crate) fn note_end(&self, writer: &mut Writer) -> Result<(), LogError> {
        if let Active::Failed { noted: false } = writer.active {
            let unsynced_after = (writer.synced < writer.last).then_some(writer.synced);
            locked(&self.state).change(|state| end_last(state, writer.last, unsynced_after))?;
            writer.active = Active::Failed { noted: true };
        }
        Ok(())
    }

    /// Sees to it that there is a segment that can take a commit.
    fn make_ready(&self, writer: &mut Writer) -> Result<(), LogError> {
        locked(&self.state).settle()?;
        match &writer.active {
            Active::Closed => Err(LogError::Closed),
            Active::Open { bytes, .. } if *bytes < self.settings.segment_bytes => Ok(()),
            Active::Open { open, .. } => {
                let open = open.clone();
                if writer.synced < writer.last {
                    if let Err(error) = open.database.sync() {
                        self.fail(writer);
                        return Err(error);
                    }
                    let last = writer.last;
                    writer.note_synced(last);
                }
                self.begin_segment(writer, None)
            }
            Active::Failed { .. } => {
                self.note_end(writer)?;
                let epoch = Epoch::generate().map_err(LogError::no_random_bytes)?;
                self.begin_segment(writer, Some(epoch))?;
                tracing::warn!(last = writer.last, "the log goes on after a failed write");
                Ok(())
            }
        }
    }

    /// Begins a segment, and an epoch if one is given. The state says so before it is used.
    fn begin_segment(&self, writer: &mut Writer, epoch: Option<Epoch>) -> Result<(), LogError> {
        let first = writer.last + 1;
        let path = active_path(&self.directory, first);
        if let Some(failed) = self.shelf.find(first).filter(|segment| segment.first == first) {
            // Nothing was acknowledged in it, and its files go.
            failed.leave_engine();
        }
        // Half of one would take the room by which retention can make more.
        let database = Database::create(&path).inspect_err(|_| {
            report("removing half of a segment", remove_directory(&path));
        })?;
        #[cfg(test)]
        let database = database.with_faults(&self.settings.faults);
        let floor = self.history().first();
        let mut state = locked(&self.state);
        let changed = state.change(|state| {
            end_last(state, writer.last, None);
            // A failed segment in which nothing was acknowledged has left its name.
            state.segments.retain(|segment| segment.first < first);
            state.floor = floor;
            state.segments.push(SegmentState::new(first));
            if let Some(epoch) = epoch {
                state.begin_epoch(writer.epoch, EpochStart { epoch, first });
            }
        });
        if let Err(error) = changed {
            if is_full(&error) && state.is_as_before() {
                drop(database);
                report("removing an empty segment", remove_directory(&path));
            }
            return Err(error);
        }
        let open = Arc::new(OpenSegment::new(database, Index::new(first)));
        let segment = Arc::new(Segment::active(first, open.clone()));
        if let Active::Open { segment, open, .. } = &writer.active {
            segment.ends_at(writer.last);
            if open.index().is_ok_and(|index| index.keys.is_empty()) {
                segment.set_keyless();
            }
        }
        let emptied = self.shelf.change(|segments| {
            // Its successor has its name.
            let is_emptied = segments.last().is_some_and(|last| last.first == first);
            let emptied = if is_emptied { segments.pop() } else { None };
            segments.push(segment.clone());
            emptied
        });
        drop(emptied);
        if let Some(epoch) = epoch {
            writer.epoch = epoch;
            self.renew_epochs(state.state());
        }
        writer.active = Active::Open { segment, open, bytes: 0 };
        // The state tells which records before this segment are not synced; the mark does not
        // count them.
        writer.synced = writer.last;
        drop(state);
        self.shelf.close_engines();
        self.wake.notify_all();
        Ok(())
    }

    /// Syncs what has been written since the last sync.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        let writer = locked(&self.writer);
        let (Active::Open { open, .. }, true) = (&writer.active, writer.synced < writer.last)
        else {
            return Ok(());
        };
        let (open, last, begun) = (open.clone(), writer.last, Instant::now());
        drop(writer);
        // Appends go on meanwhile: what they add is for the next sync.
        let synced = open.database.sync();
        let mut writer = locked(&self.writer);
        let same =
            matches!(&writer.active, Active::Open { open: now, .. } if Arc::ptr_eq(now, &open));
        match &synced {
            Ok(()) if same => {
                writer.note_synced(last);
                // What came meanwhile may have waited since then.
                writer.unsynced_since = writer.unsynced_since.map(|_| begun);
            }
            Ok(()) => {}
            Err(error) if same => {
                self.note_failure(error);
                self.fail(&mut writer);
            }
            Err(_) => {}
        }
        synced
    }
}

/// So many bytes must be free when a log goes on by itself, and four times what has failed: the engine
/// takes about three times what is written.
const ROOM: u64 = 1 << 20;

/// The bytes that there was no room for. The engine does not always tell why it fails.
fn room_for(batches: &[Batch], error: &LogError) -> u64 {
    if matches!(error, LogError::Io { .. } | LogError::Other { .. }) && !is_full(error) {
        return 0;
    }
    batches.iter().flat_map(|batch| &batch.records).map(NewRecord::bytes).sum()
}

impl Writer {
    fn note_synced(&mut self, last: u64) {
        if last > self.synced {
            self.synced = last;
            self.unsynced_since = (last < self.last).then(Instant::now);
            self.mark.note(self.epoch, last);
        }
    }
}

/// Notes that the last segment ends at `last`, and from where on it is not safe.
fn end_last(state: &mut State, last: u64, unsynced_after: Option<u64>) {
    let segment = state.segments.last_mut().filter(|segment| segment.sealed.is_none());
    if let Some(segment) = segment.filter(|segment| segment.end.is_none()) {
        (segment.end, segment.unsynced_after) = (Some(last), unsynced_after);
    }
}

/// The longest name of an event type: with it, a block stays so small that the engine does not put it
/// into a file of its own, which nothing syncs. The hub's own limits are far below.
const LONGEST_NAME: usize = 1024;

/// Refuses what a block cannot express.
fn check_sizes(batches: &[Batch]) -> Result<(), LogError> {
    let too_large = |record: &&NewRecord| {
        record.name.len() > LONGEST_NAME || u32::try_from(record.data.len()).is_err()
    };
    match batches.iter().flat_map(|batch| &batch.records).find(too_large) {
        None => Ok(()),
        Some(record) => {
            let (bytes, name) = (record.data.len(), record.name.len());
            let reason = format!(
                "a record has {bytes} bytes of payload and a name of {name}: at most 4 GiB and {LONGEST_NAME} bytes fit"
            );
            Err(LogError::other("appending", reason))
        }
    }
}
