//! Rewrites a segment that has ended into large blocks, and gives it an index.
//!
//! The engine has no part in that: a sealed segment is never written to again, so its file `db` is
//! one block after the other.

use super::block::{BlockBuilder, Encoded, Totals, split_key};
use super::carve::Carved;
use super::chain::push_link;
use super::index::Index;
use super::lock::sync_directory;
use super::segment::{create_directory, remove_directory};
use super::shelf::Segment;
use super::span::{self, Span};
use super::state::Sealed;
use super::{Core, closes, files, io, keys, locked, sealed_path, sealing_path};
use crate::log::{BatchKey, LogError, RecordRef, StoredKey};
use crate::topic::TopicSelection;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::vec::IntoIter;

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
        let sealing = sealing_path(&self.directory, segment.first);
        let rewritten = self.rewrite(segment, &sealing, between);
        if !matches!(rewritten, Ok(Some(_))) {
            // It may never be tried again: retention may be faster.
            super::report("removing half of a segment", remove_directory(&sealing));
        }
        let Some(sealed) = rewritten? else { return Ok(false) };
        let path = sealed_path(&self.directory, segment.first);
        remove_directory(&path)?;
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
        sealing: &Path,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Option<Sealed>, LogError> {
        let history = self.history();
        let keys = self.shelf.open(segment, &history)?.index()?.keys.clone();
        let mut rewriting = Rewriting::new(sealing, segment.first, keys)?;
        let (first, last) = (segment.first, segment.end());
        let all = TopicSelection::everything();
        let finished = self.read_kept(first, last, &history, &all, &mut |record| {
            rewriting.add(&record);
            match rewriting.result.is_ok() && between().is_continue() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        if finished.is_break() {
            return rewriting.result.map(|()| None);
        }
        let whole = Span { first, last };
        let lost = span::within(&self.lost(), whole).into_iter().map(Span::count).sum::<u64>();
        let sealed = rewriting.finish(last)?;
        if sealed.count != whole.count() - lost {
            return Err(LogError::Damaged {
                path: segment.path.clone(),
                first,
                last,
                reason: "sealing has met another number of records".into(),
            });
        }
        Carved::note_places(sealing)?;
        sync_directory(sealing)?;
        Ok(Some(sealed))
    }
}

/// A segment's file `db` in the making.
struct Rewriting {
    path: PathBuf,
    file: BufWriter<File>,
    index: Index,
    open: Option<BlockBuilder>,
    /// Those of the records that follow.
    keys: Peekable<IntoIter<StoredKey>>,
    result: Result<(), LogError>,
}

impl Rewriting {
    fn new(directory: &Path, first: u64, keys: Vec<StoredKey>) -> Result<Self, LogError> {
        create_directory(directory)?;
        let path = directory.join("db");
        let file = BufWriter::new(files::create(&path)?);
        let (index, keys) = (Index::new(first), keys.into_iter().peekable());
        Ok(Rewriting { path, file, index, open: None, keys, result: Ok(()) })
    }

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
        let key = self.key_of(record);
        self.open = Some(push_link(open, record, key, None, &mut blocks, fresh));
        blocks.into_iter().for_each(|block| self.store(block));
    }

    /// The key that came with a record. Those of records that are lost are passed over.
    fn key_of(&mut self, record: &RecordRef<'_>) -> Option<BatchKey> {
        while self.keys.next_if(|key| key.id.seq() < record.id.seq()).is_some() {}
        self.keys.next_if(|key| key.id == record.id).map(|key| key.key)
    }

    fn store(&mut self, block: Encoded) {
        self.write(&block);
        self.index.note_stored(&block.value);
        let (first, fragment) = split_key(&block.key);
        if fragment == 0 {
            self.index.add(first, block.summary);
        }
    }

    fn write(&mut self, block: &Encoded) {
        if self.result.is_ok() {
            let written = self.file.write_all(&block.value);
            self.result = written.map_err(io("writing", &self.path));
        }
    }

    /// Adds the index, and notes which topics are closed and which keys there are.
    fn finish(mut self, last: u64) -> Result<Sealed, LogError> {
        if let Some(open) = self.open.take().filter(|open| !open.is_empty()) {
            self.store(open.finish(None));
        }
        let (blocks, crc) = self.index.blocks_to_store();
        blocks.iter().for_each(|block| self.write(block));
        self.result?;
        let file =
            self.file.into_inner().map_err(|error| io("writing", &self.path)(error.into()))?;
        file.sync_all().map_err(io("syncing", &self.path))?;
        let closes = closes::write(&self.path.with_file_name("closes"), &self.index.closes)?;
        let keys = keys::write(&self.path.with_file_name("keys"), &self.index.keys)?;
        let Totals { count, bytes, first_time, last_time } = self.index.totals;
        Ok(Sealed { last, count, bytes, crc, first_time, last_time, closes, keys })
    }
}
