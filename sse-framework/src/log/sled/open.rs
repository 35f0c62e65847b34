//! Opens a log: finds out where it ends, and begins a new epoch.

use super::index::Index;
use super::lock::DirectoryLock;
use super::mark::Mark;
use super::recovery::{self, Scanned};
use super::retention::Trimmer;
use super::segment::{Database, remove_directory};
use super::shelf::{OpenSegment, Segment, Shelf};
use super::state::{EpochStart, SegmentState, State, StateFile};
use super::writer::{Active, Writer};
use super::{Core, SledLog, active_path, epochs_of, io, report, sealed_path};
use crate::log::memory::new_epoch;
use crate::log::{History, LogError, Retention};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, RwLock};

/// Opens the log, which nothing reads or writes yet.
pub(crate) fn open(settings: SledLog, retention: Retention) -> Result<Arc<Core>, LogError> {
    let directory = std::path::absolute(&settings.path).map_err(io("finding", &settings.path))?;
    let lock = DirectoryLock::take(&directory)?;
    let found = StateFile::read(&directory)?;
    let is_new = found.is_none();
    let mut state = found.map_or_else(|| first_state(&directory), Ok)?;
    check_presence(&directory, &state)?;
    let opening = Opening { directory: &directory, epochs: epochs_of(&state) };
    let (last, active) = opening.find_end(&state)?;
    opening.remove_leftovers(&state, last)?;

    // Nothing has been acknowledged in a segment that ends before it begins.
    state.segments.retain(|segment| segment.end.is_none_or(|end| end >= segment.first));
    if let (Some(segment), None) = (state.segments.last_mut(), &active) {
        segment.end = Some(last).filter(|_| segment.sealed.is_none());
        segment.unsynced_after = segment.unsynced_after.filter(|&synced| synced < last);
    }
    state.segments.retain(|segment| segment.end.is_none_or(|end| end >= segment.first));
    state.drop_empty_epoch(last + 1);
    state.drop_epochs(last + 1);
    if !is_new {
        state.epochs.push(EpochStart { epoch: new_epoch()?, first: last + 1 });
    }
    state.floor = state.floor.clamp(1, last + 1);
    state.closed_at = None;
    let active = match active {
        Some(active) => active,
        None => {
            let first = last + 1;
            let database = Database::create(&active_path(&directory, first))?;
            state.segments.push(SegmentState::new(first));
            OpenSegment { database, index: RwLock::new(Index::new(first)) }
        }
    };
    let state = StateFile::create(&directory, state)?;
    let mark = Mark::open(&directory)?;
    Core::assemble(settings, retention, directory, lock, state, mark, last, active)
}

/// The state of a log that is being made. An empty directory becomes one, any other does not.
fn first_state(directory: &Path) -> Result<State, LogError> {
    for entry in fs::read_dir(directory).map_err(io("reading", directory))? {
        let name = entry.map_err(io("reading", directory))?.file_name();
        if !["lock", "state.new"].iter().any(|ours| name == **ours) {
            let name = name.to_string_lossy();
            let reason = format!("it has no file `state`, but is not empty: there is {name:?}");
            return Err(LogError::Format { path: directory.into(), reason });
        }
    }
    let epochs = vec![EpochStart { epoch: new_epoch()?, first: 1 }];
    let state = State { epochs, floor: 1, ..State::default() };
    // Before the first segment, so that a crash leaves no segment without a state.
    StateFile::create(directory, state.clone())?;
    Ok(state)
}

fn path_of(directory: &Path, segment: &SegmentState) -> PathBuf {
    match segment.sealed {
        Some(sealed) if !sealed.in_place => sealed_path(directory, segment.first),
        _ => active_path(directory, segment.first),
    }
}

fn check_presence(directory: &Path, state: &State) -> Result<(), LogError> {
    for (place, segment) in state.segments.iter().enumerate() {
        let path = path_of(directory, segment);
        let empty = segment.end.is_some_and(|end| end < segment.first);
        if !empty && !path.is_dir() {
            let next = state.segments.get(place + 1).map(|next| next.first - 1);
            return Err(LogError::Damaged {
                path,
                first: segment.first,
                last: next.or(segment.end).or(state.closed_at).unwrap_or(segment.first),
                reason: "the directory is missing".into(),
            });
        }
    }
    Ok(())
}

struct Opening<'a> {
    directory: &'a Path,
    epochs: History,
}

impl Opening<'_> {
    /// The last seq, and the segment that can be written on.
    fn find_end(&self, state: &State) -> Result<(u64, Option<OpenSegment>), LogError> {
        let Some(segment) = state.segments.last() else { return Ok((0, None)) };
        if let (Some(end), Some(synced)) = (segment.end, segment.unsynced_after) {
            let database = Database::open(&path_of(self.directory, segment))?;
            let scanned = recovery::scan(&database, segment.first, end, &self.epochs)?;
            scanned.must_reach(synced, &database)?;
            return Ok((scanned.last, None));
        }
        let known = segment.sealed.map(|sealed| sealed.last).or(segment.end);
        if let Some(last) = known {
            return Ok((last, None));
        }
        let database = Database::open(&path_of(self.directory, segment))?;
        let scanned = recovery::scan(&database, segment.first, u64::MAX - 1, &self.epochs)?;
        self.check_loss(state, &scanned, &database)?;
        if let Some(reason) = scanned.garbage {
            let last = scanned.last;
            tracing::warn!(last, reason, "a commit was cut short; the log goes on before it");
            return Ok((last, None));
        }
        // What a crash has left in the page cache must be durable before it is shown.
        database.flush()?;
        database.sync()?;
        let index = RwLock::new(scanned.index);
        Ok((scanned.last, Some(OpenSegment { database, index })))
    }

    /// Tells a loss of what was synced from a commit that was cut short.
    fn check_loss(
        &self,
        state: &State,
        scanned: &Scanned,
        database: &Database,
    ) -> Result<(), LogError> {
        let marked = Mark::read(self.directory)
            .filter(|(epoch, _)| state.epochs.iter().any(|known| known.epoch == *epoch))
            .map_or(0, |(_, seq)| seq);
        let synced = scanned.synced.max(marked).max(state.closed_at.unwrap_or(0));
        scanned.must_reach(synced, database)
    }

    /// Removes directories that a crash between two steps has left, and refuses the log if there
    /// are others.
    fn remove_leftovers(&self, state: &State, last: u64) -> Result<(), LogError> {
        let directory = self.directory;
        let oldest = state.segments.first().map_or(last + 1, |segment| segment.first);
        for entry in fs::read_dir(directory).map_err(io("reading", directory))? {
            let path = entry.map_err(io("reading", directory))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some((digits, kind)) = name.split_once('.') else { continue };
            let (Ok(first), 20) = (digits.parse::<u64>(), digits.len()) else { continue };
            let listed = state.segments.iter().find(|segment| segment.first == first);
            let counts = listed.is_some_and(|segment| path_of(directory, segment) == path);
            let replaced = listed.is_some() && ["active", "sealed"].contains(&kind);
            match kind {
                _ if counts => {}
                "trash" | "sealing" => remove_directory(&path)?,
                _ if replaced || first < oldest => remove_directory(&path)?,
                // Rolling has been interrupted before anything was written.
                "active" if first == last + 1 && is_empty(&path)? => remove_directory(&path)?,
                _ => {
                    let reason = "the file `state` does not know it, so it must be older".into();
                    return Err(LogError::Format { path, reason });
                }
            }
        }
        Ok(())
    }
}

fn is_empty(path: &Path) -> Result<bool, LogError> {
    if !path.join("db").exists() || !path.join("conf").exists() {
        return Ok(true);
    }
    let database = Database::open(path)?;
    let first = database.scan(&[0; 12]).next().transpose()?;
    Ok(first.is_none())
}

impl Core {
    #[expect(clippy::too_many_arguments, reason = "the parts are put together once")]
    fn assemble(
        settings: SledLog,
        retention: Retention,
        directory: PathBuf,
        lock: DirectoryLock,
        state: StateFile,
        mark: Mark,
        last: u64,
        active: OpenSegment,
    ) -> Result<Arc<Core>, LogError> {
        #[cfg(test)]
        let active =
            OpenSegment { database: active.database.with_faults(&settings.faults), ..active };
        let State { epochs, floor, segments, .. } = state.state();
        let (epochs, floor) = (epochs.clone(), *floor);
        let active = Arc::new(active);
        let mut shelved: Vec<Arc<Segment>> = Vec::with_capacity(segments.len());
        for (place, segment) in segments.iter().enumerate() {
            shelved.push(Arc::new(match segments.get(place + 1) {
                Some(next) => {
                    let path = path_of(&directory, segment);
                    Segment::new(segment.first, path, next.first - 1, segment.sealed)
                }
                None => Segment::active(segment.first, active.clone()),
            }));
        }
        let Some((segment, epoch)) = shelved.last().cloned().zip(epochs.last()) else {
            return Err(LogError::Closed);
        };
        let shelf = Shelf::new(shelved, settings.open_segments);
        let epochs_known = epochs.iter().map(|start| (start.epoch, start.first)).collect();
        let history = History::new(epochs_known, floor, last);
        let open = active;
        let writer = Writer {
            epoch: epoch.epoch,
            last,
            synced: last,
            unsynced_since: None,
            time_ms: last_time(&shelf, &history, last)?,
            active: Active::Open { segment, open: open.clone(), bytes: open.size() },
            mark,
        };
        let core = Arc::new(Core {
            directory,
            settings,
            retention,
            state: Mutex::new(state),
            shelf,
            history: RwLock::new(history),
            writer: Mutex::new(writer),
            trimmer: Mutex::new(Trimmer::new(retention, floor)),
            discarded: Mutex::default(),
            closed: RwLock::new(false),
            stopped: false.into(),
            resting: Mutex::new(()),
            wake: Condvar::new(),
            lock: Mutex::new(Some(lock)),
        });
        super::locked(&core.trimmer).count(&core);
        core.publish(last);
        core.trim();
        Ok(core)
    }
}

/// The time of the last record: times never run backwards.
fn last_time(shelf: &Shelf, history: &History, last: u64) -> Result<u64, LogError> {
    let Some(segment) = shelf.find(last) else { return Ok(0) };
    if segment.totals().is_none() {
        match shelf.open(&segment, history) {
            // Whoever reads it is told; the log goes on after it.
            Err(error @ LogError::Damaged { .. }) => report("opening a segment", Err(error)),
            opened => drop(opened?),
        }
    }
    Ok(segment.totals().unwrap_or_default().last_time)
}
