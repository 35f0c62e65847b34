//! Rewrites a full segment into large blocks, and gives it an index.

use super::block::{BLOCK_BYTES, BlockBuilder, Encoded, Totals};
use super::carve::Carved;
use super::chain::push_link;
use super::index::Index;
use super::lock::sync_directory;
use super::segment::Database;
use super::shelf::{OpenSegment, Segment};
use super::span::{self, Span};
use super::state::Sealed;
use super::{Core, io, locked, sealed_path, sealing_path};
use crate::log::{LogError, RecordRef};
use crate::topic::TopicSelection;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

impl Core {
    /// The oldest segment that has ended, is kept, and is not sealed; without those that failed
    /// lately.
    pub(crate) fn next_to_seal(&self, now: Instant) -> Option<Arc<Segment>> {
        let floor = self.history().first();
        self.shelf.with(|segments| {
            let full = |segment: &&Arc<Segment>| {
                segment.sealed.is_none()
                    && segment.end() != u64::MAX
                    && segment.end() >= segment.first.max(floor)
                    && segment.may_be_sealed(now)
            };
            segments.iter().find(full).cloned()
        })
    }

    /// Seals a segment. `between` is called often, for what cannot wait, and stops it by breaking.
    /// Returns whether the segment needs no sealing any more.
    pub(crate) fn seal(
        &self,
        segment: &Arc<Segment>,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<bool, LogError> {
        // A state that may already name the sealed segment must be settled before that is remade.
        locked(&self.state).settle()?;
        if segment.is_full() {
            let open = self.shelf.open(segment, &self.history())?;
            if open.database.has_engine() && has_large_blocks(&open)? {
                let sealed = self.seal_in_place(segment, open);
                return sealed.inspect_err(|_| segment.leave_alone()).map(|()| true);
            }
        }
        let sealing = sealing_path(&self.directory, segment.first);
        let Some(sealed) = self.rewrite(segment, &sealing, between)? else { return Ok(false) };
        let path = sealed_path(&self.directory, segment.first);
        super::segment::remove_directory(&path)?;
        fs::rename(&sealing, &path).map_err(io("renaming", &sealing))?;
        sync_directory(&self.directory)?;
        let fresh = Segment::new(segment.first, path, sealed.last, Some(sealed));
        let fresh = Arc::new(fresh);
        // It must be possible to read it before what it was made from goes.
        drop(self.shelf.open(&fresh, &self.history())?.index()?);
        match self.note_sealed(sealed, fresh.clone())? {
            Some(replaced) => locked(&self.discarded).push(replaced),
            // Retention was faster.
            None => locked(&self.discarded).push(fresh),
        }
        Ok(true)
    }

    /// Adds the index to a segment whose blocks are large already.
    fn seal_in_place(
        &self,
        segment: &Arc<Segment>,
        open: Arc<OpenSegment>,
    ) -> Result<(), LogError> {
        let index = open.index()?;
        let (crc, totals) = (index.store(&open.database)?, index.totals);
        drop(index);
        open.database.flush()?;
        open.database.sync()?;
        Carved::note_places(&segment.path)?;
        sync_directory(&segment.path)?;
        let sealed = sealed(segment.end(), crc, totals, true);
        let fresh = Arc::new(segment.sealed_in_place(sealed, open));
        self.note_sealed(sealed, fresh).map(drop)
    }

    /// Puts the sealed segment in the place of the one that it was made from, and returns that;
    /// `None` if it is gone.
    fn note_sealed(
        &self,
        sealed: Sealed,
        fresh: Arc<Segment>,
    ) -> Result<Option<Arc<Segment>>, LogError> {
        let mut state = locked(&self.state);
        let first = fresh.first;
        if !state.state().segments.iter().any(|segment| segment.first == first) {
            return Ok(None);
        }
        state.change(|state| {
            for segment in state.segments.iter_mut().filter(|segment| segment.first == first) {
                segment.sealed = Some(sealed);
                (segment.end, segment.unsynced_after, segment.damaged) = (None, None, None);
            }
        })?;
        Ok(self.shelf.change(|segments| {
            let place = segments.iter_mut().find(|place| place.first == first)?;
            Some(std::mem::replace(place, fresh))
        }))
    }

    fn rewrite(
        &self,
        segment: &Arc<Segment>,
        sealing: &std::path::Path,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Option<Sealed>, LogError> {
        let history = self.history();
        let mut rewriting = Rewriting {
            database: Database::create(sealing)?,
            index: Index::new(segment.first),
            open: None,
            result: Ok(()),
        };
        let (first, last) = (segment.first, segment.end());
        let all = TopicSelection::everything();
        let finished = self.read_kept(first, last, &history, &all, &mut |record| {
            rewriting.add(&record);
            match rewriting.result.is_ok() && between().is_continue() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        let Rewriting { database, mut index, open, result } = rewriting;
        result?;
        if finished.is_break() {
            return Ok(None);
        }
        let whole = Span { first, last };
        let lost = span::within(&self.lost(), whole).into_iter().map(Span::count).sum::<u64>();
        let count = whole.count() - lost;
        if let Some(open) = open.filter(|open| !open.is_empty()) {
            store(&database, &mut index, open.finish(None))?;
        }
        let crc = index.store(&database)?;
        database.flush()?;
        database.sync()?;
        let totals = index.totals;
        if totals.count != count {
            return Err(LogError::Damaged {
                path: segment.path.clone(),
                first,
                last,
                reason: "sealing has met another number of records".into(),
            });
        }
        drop(database);
        Carved::note_places(sealing)?;
        sync_directory(sealing)?;
        Ok(Some(sealed(last, crc, totals, false)))
    }
}

fn sealed(last: u64, crc: u32, totals: Totals, in_place: bool) -> Sealed {
    let Totals { count, bytes, first_time, last_time } = totals;
    Sealed { last, count, bytes, crc, first_time, last_time, in_place }
}

/// Whether rewriting would make little difference to reading.
fn has_large_blocks(open: &OpenSegment) -> Result<bool, LogError> {
    let index = open.index()?;
    Ok(index.totals.bytes / index.blocks.max(1) >= (BLOCK_BYTES / 8) as u64)
}

struct Rewriting {
    database: Database,
    index: Index,
    open: Option<BlockBuilder>,
    result: Result<(), LogError>,
}

impl Rewriting {
    fn add(&mut self, record: &RecordRef<'_>) {
        let (epoch, synced) = (record.id.epoch(), record.id.seq() - 1);
        let fresh = |at| BlockBuilder::new(epoch, at, synced, record.time_ms);
        let mut blocks = Vec::new();
        let open = match self.open.take() {
            Some(open) if open.is_empty() => fresh(record.id.seq()),
            Some(open)
                if open.epoch() != epoch
                    || open.next() != record.id.seq()
                    || !open.reaches(record.time_ms) =>
            {
                blocks.push(open.finish(None));
                fresh(record.id.seq())
            }
            Some(open) => open,
            None => fresh(record.id.seq()),
        };
        self.open = Some(push_link(open, record, None, &mut blocks, fresh));
        for block in blocks {
            if self.result.is_ok() {
                self.result = store(&self.database, &mut self.index, block);
            }
        }
    }
}

fn store(database: &Database, index: &mut Index, block: Encoded) -> Result<(), LogError> {
    let (first, fragment) = super::block::split_key(&block.key);
    index.note_stored(&block.value);
    if fragment == 0 {
        index.add(first, block.topics, block.totals);
    }
    database.insert(&block.key, block.value)
}
