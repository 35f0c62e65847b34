//! Opens a log: finds out where it ends, and begins a new epoch.

use super::carve::Carved;
use super::guard::{self, Guard};
use super::index::Index;
use super::keys::{self, Outliving};
use super::lock::DirectoryLock;
use super::mark::{self, Mark};
use super::recovery::{self, Scanned};
use super::retention::Trimmer;
use super::segment::{Database, remove_directory};
use super::shelf::{OpenSegment, Segment, Shelf, is_damage};
use super::span::{self, Span};
use super::state::{EpochStart, SegmentState, State, StateFile};
use super::writer::{Active, Writer};
use super::{Core, OnDamage, SledLog, active_path, epochs_of, io, report, salvage, sealed_path};
use crate::id::Epoch;
use crate::log::{History, LogError, Retention, Salvaged};
use crate::planted::planted;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, RwLock};

/// Opens the log, which nothing reads or writes yet. The state has yet to [say so](Core::begin).
pub(crate) fn open(settings: SledLog, retention: Retention) -> Result<Arc<Core>, LogError> {
    let directory = std::path::absolute(&settings.path).map_err(io("finding", &settings.path))?;
    let lock = DirectoryLock::take(&directory)?;
    let found = match settings.on_damage {
        OnDamage::Refuse => StateFile::read(&directory)?,
        OnDamage::Salvage => StateFile::salvage(&directory)?,
    };
    let (is_new, listed) = (found.is_none(), found.clone());
    let mut state = found.map_or_else(|| first_state(&directory), Ok)?;
    let mut opening = Opening::new(&directory, settings.on_damage, epochs_of(&state));
    opening.check_presence(&mut state)?;
    let (last, active) = opening.find_end(&mut state)?;
    remove_leftovers(&directory, &state, last)?;
    renew(&mut state, last, active.is_none(), !is_new)?;
    let active = match active {
        Some(active) => active,
        None => {
            let first = last + 1;
            note_empty(&directory, listed, first)?;
            let database = Database::create(&active_path(&directory, first))?;
            state.segments.push(SegmentState::new(first));
            OpenSegment::new(database, Index::new(first))
        }
    };
    let state = StateFile::new(&directory, state);
    let mark = Mark::open(&directory)?;
    let outliving = keys::outliving(&directory, state.state(), settings.on_damage)?;
    let salvaged = opening.salvaged;
    salvaged.iter().for_each(salvage::tell);
    Core::assemble(Parts {
        settings,
        retention,
        directory,
        lock,
        state,
        mark,
        last,
        active,
        outliving,
        salvaged,
    })
}

/// Makes the state say that the log has been opened, and goes on after `last`.
fn renew(
    state: &mut State,
    last: u64,
    has_ended: bool,
    begins_epoch: bool,
) -> Result<(), LogError> {
    // Nothing has been acknowledged in a segment that ends before it begins.
    state.segments.retain(|segment| segment.end.is_none_or(|end| end >= segment.first));
    if let (Some(segment), true) = (state.segments.last_mut(), has_ended) {
        segment.end = Some(last).filter(|_| segment.sealed.is_none());
    }
    state.segments.retain(|segment| segment.end.is_none_or(|end| end >= segment.first));
    state.drop_empty_epoch(last + 1);
    state.drop_epochs(last + 1);
    if begins_epoch && !planted("epoch-reused") {
        state.epochs.push(EpochStart {
            epoch: Epoch::generate().map_err(LogError::no_random_bytes)?,
            first: last + 1,
        });
    }
    state.floor = state.floor.clamp(1, last + 1);
    state.closed_at = None;
    Ok(())
}

/// How syncing a directory fails in which a log cannot have made its own: of others, or of a file system
/// that only shows something.
const NOT_OURS: [ErrorKind; 4] = [
    ErrorKind::PermissionDenied,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::InvalidInput,
    ErrorKind::Unsupported,
];

/// The state of a log that is being made. An empty directory becomes one, any other does not.
fn first_state(directory: &Path) -> Result<State, LogError> {
    super::lock::check_empty(directory)?;
    // Whoever made the directory may have died right after that.
    match super::lock::sync_entry(directory) {
        // Nobody makes a directory where none can be made durable: it was there, or is mounted.
        Err(LogError::Io { source, .. }) if NOT_OURS.contains(&source.kind()) => {}
        synced => synced?,
    }
    let epochs =
        vec![EpochStart { epoch: Epoch::generate().map_err(LogError::no_random_bytes)?, first: 1 }];
    let state = State { epochs, floor: 1, ..State::default() };
    // Before the first segment, so that a crash leaves no segment without a state.
    StateFile::create(directory, state.clone())?;
    Ok(state)
}

/// The segment that begins at `first` is to be made anew. If the file `state` lists one, in which there is nothing
/// that exists, it says so before that goes: from then on the directory may be missing.
fn note_empty(directory: &Path, listed: Option<State>, first: u64) -> Result<(), LogError> {
    let Some(mut state) = listed else { return Ok(()) };
    let is_it = |segment: &&mut SegmentState| {
        segment.first == first && segment.sealed.is_none() && segment.end.is_none()
    };
    let Some(segment) = state.segments.last_mut().filter(is_it) else { return Ok(()) };
    segment.end = Some(first - 1);
    StateFile::create(directory, state)
}

pub(crate) fn path_of(directory: &Path, segment: &SegmentState) -> PathBuf {
    match (segment.damaged, segment.sealed) {
        (Some(number), _) => salvage::damaged_path(directory, segment.first, number),
        (None, Some(_)) => sealed_path(directory, segment.first),
        (None, None) => active_path(directory, segment.first),
    }
}

/// What there is of a segment, if its directory is not where the state says.
pub(crate) fn instead_of(directory: &Path, first: u64, path: &Path) -> Option<PathBuf> {
    let names = [path.to_path_buf(), sealed_path(directory, first), active_path(directory, first)];
    names.into_iter().find(|name| name.symlink_metadata().is_ok())
}

fn missing(path: &Path, instead: Option<&Path>) -> String {
    match instead {
        None => "the directory is missing".into(),
        Some(found) if found == path => "it is not a directory".into(),
        Some(found) => {
            let found = found.file_name().unwrap_or_default().to_string_lossy();
            format!("the directory is missing; there is {found}, so the file `state` may be older")
        }
    }
}

/// Finds out where a log ends, and what of it is damaged.
struct Opening<'a> {
    directory: &'a Path,
    on_damage: OnDamage,
    epochs: History,
    salvaged: Vec<Salvaged>,
}

impl<'a> Opening<'a> {
    fn new(directory: &'a Path, on_damage: OnDamage, epochs: History) -> Self {
        Opening { directory, on_damage, epochs, salvaged: Vec::new() }
    }

    /// Sees to it that every segment of the state is there, or is given up.
    fn check_presence(&mut self, state: &mut State) -> Result<(), LogError> {
        for place in 0..state.segments.len() {
            let segment = state.segments[place];
            let path = path_of(self.directory, &segment);
            guard::settle(&path)?;
            let next = state.segments.get(place + 1).map(|next| next.first - 1);
            let end = segment.sealed.map(|sealed| sealed.last).or(segment.end).or(next);
            let not_lost = |last| span::outside(&state.lost, Span { first: segment.first, last });
            if path.is_dir() || end.is_some_and(|end| not_lost(end).is_empty()) {
                continue;
            }
            let instead = instead_of(self.directory, segment.first, &path);
            let free = salvage::free_number(self.directory, segment.first);
            let number = match (&instead, self.on_damage) {
                (Some(found), OnDamage::Salvage) => {
                    salvage::put_aside(self.directory, segment.first, found)?
                }
                // Put aside, before the state could say so.
                (None, _) if free > 1 => free - 1,
                (None, OnDamage::Salvage) => free,
                (found, OnDamage::Refuse) => {
                    let last = end.or(state.closed_at).unwrap_or(segment.first).max(segment.first);
                    let hole = Span { first: segment.first, last };
                    return Err(salvage::damaged(
                        &path,
                        hole,
                        Some(&missing(&path, found.as_deref())),
                    ));
                }
            };
            let aside = salvage::damaged_path(self.directory, segment.first, number);
            match end {
                Some(last) if !aside.is_dir() => {
                    self.give_up(state, &path, Span { first: segment.first, last });
                }
                // What it does not hold is found out when it is read.
                Some(last) if instead.is_some() => {
                    let records = segment.first..=last;
                    self.salvaged.push(Salvaged { path: aside, records, lost: Vec::new() });
                }
                _ => {}
            }
            let damaged = SegmentState { end, sealed: None, damaged: Some(number), ..segment };
            state.segments[place] = damaged;
        }
        Ok(())
    }

    fn give_up(&mut self, state: &mut State, path: &Path, lost: Span) {
        span::merge(&mut state.lost, [lost]);
        let records = lost.first..=lost.last;
        self.salvaged.push(Salvaged { path: path.into(), lost: vec![records.clone()], records });
    }

    /// The last seq, and the segment that can be written on.
    fn find_end(&mut self, state: &mut State) -> Result<(u64, Option<OpenSegment>), LogError> {
        let Some(segment) = state.segments.last().copied() else { return Ok((0, None)) };
        let known = segment.sealed.map(|sealed| sealed.last).or(segment.end);
        let (end, safe) = match (known, segment.unsynced_after) {
            (Some(_), _) if planted("end-forgotten") => (u64::MAX - 1, 0),
            (Some(end), Some(synced)) => (end, synced),
            (Some(last), None) => return Ok((last, None)),
            (None, _) => (u64::MAX - 1, mark::safe(self.directory, state)),
        };
        let path = path_of(self.directory, &segment);
        let database = Database::carved(&path, Carved::read(&path)?);
        let found = recovery::scan(&database, segment.first, end, safe, &self.epochs)?;
        found.must_be_ours(&path)?;
        if let (Some(hole), OnDamage::Refuse) = (found.holes.first(), self.on_damage) {
            return Err(salvage::damaged(&path, *hole, found.reason));
        }
        // What was written before a crash must be durable before it is shown.
        database.make_durable(Span { first: safe.saturating_add(1), last: found.last })?;
        drop(database);
        if let Some(segment) = state.segments.last_mut() {
            segment.unsynced_after = None;
        }
        if !found.holes.is_empty() {
            self.quarantine(state, &path, &found)?;
            return Ok((found.last, None));
        }
        if let Some(reason) = found.reason.filter(|_| known.is_none()) {
            let last = found.last;
            tracing::warn!(last, reason, "a commit was cut short; the log goes on before it");
        }
        let has_ended = known.is_some() || found.reason.is_some() || segment.damaged.is_some();
        // A sync may have failed then. Of older blocks, which the engine writes several times, the newest copies may
        // be in memory only, and it would write over the others: so it does not get the segment again.
        let has_tail = found.last > safe;
        if has_ended || has_tail {
            return Ok((found.last, None));
        }
        self.open_active(state, &path, found)
    }

    /// Opens the last segment with the engine, if that finds everything.
    fn open_active(
        &mut self,
        state: &mut State,
        path: &Path,
        found: Scanned,
    ) -> Result<(u64, Option<OpenSegment>), LogError> {
        let first = state.segments.last().map_or(1, |segment| segment.first);
        let look = |database: &Database| {
            recovery::scan(database, first, u64::MAX - 1, found.last, &self.epochs)
        };
        let opened =
            Guard::new(path).and_then(|guard| guard.open(look, |seen| seen.holes.is_empty()));
        match opened {
            Ok((database, seen)) => {
                // The engine may have written when it opened the segment.
                database.flush()?;
                database.sync()?;
                let open = OpenSegment::new(database, seen.index);
                Ok((seen.last, Some(open).filter(|_| seen.reason.is_none())))
            }
            Err(error) if is_damage(&error) => {
                report("opening a segment with the engine", Err(error));
                self.quarantine(state, path, &found)?;
                Ok((found.last, None))
            }
            Err(error) => Err(error),
        }
    }

    /// Puts the last segment aside, and gives up what it should hold and does not.
    fn quarantine(
        &mut self,
        state: &mut State,
        path: &Path,
        found: &Scanned,
    ) -> Result<(), LogError> {
        let Some(segment) = state.segments.last_mut() else { return Ok(()) };
        let number = match segment.damaged {
            Some(number) => number,
            None => salvage::put_aside(self.directory, segment.first, path)?,
        };
        segment.damaged = Some(number);
        span::merge(&mut state.lost, found.holes.iter().copied());
        self.salvaged.push(Salvaged {
            path: salvage::damaged_path(self.directory, segment.first, number),
            records: segment.first..=found.last,
            lost: salvage::ranges(&found.holes),
        });
        Ok(())
    }
}

/// Removes directories that a crash between two steps has left, and refuses the log if there
/// are others.
fn remove_leftovers(directory: &Path, state: &State, last: u64) -> Result<(), LogError> {
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
            _ if counts || kind.starts_with("damaged") => {}
            // See `keys`, which looks after these.
            "keys" => {}
            "trash" | "sealing" | "copy" => remove_directory(&path)?,
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

fn is_empty(path: &Path) -> Result<bool, LogError> {
    Ok(Carved::read(path)?.blocks.is_empty())
}

/// What an open log is put together from.
struct Parts {
    settings: SledLog,
    retention: Retention,
    directory: PathBuf,
    lock: DirectoryLock,
    state: StateFile,
    mark: Mark,
    last: u64,
    active: OpenSegment,
    outliving: Vec<Outliving>,
    salvaged: Vec<Salvaged>,
}

impl Core {
    fn assemble(parts: Parts) -> Result<Arc<Core>, LogError> {
        let Parts { settings, retention, directory, lock, state, mark, last, .. } = parts;
        let Parts { active, outliving, salvaged, .. } = parts;
        #[cfg(test)]
        let active = active.with_faults(&settings.faults);
        let State { epochs, floor, lost, removed_until, .. } = state.state();
        let (epochs, floor, lost) = (epochs.clone(), *floor, lost[..].into());
        // There may be no record left.
        let removed_until = removed_until.unwrap_or(0);
        let active = Arc::new(active);
        let shelved = shelve(&directory, state.state(), &active);
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
            time_ms: last_time(&shelf, &history, last)?.max(removed_until),
            active: Active::Open { segment, open: open.clone(), bytes: open.size()? },
            mark,
            refused: 0,
        };
        let core = Arc::new(Core {
            directory,
            settings,
            retention,
            state: Mutex::new(state),
            shelf,
            outliving: Mutex::new(outliving),
            history: RwLock::new(history),
            lost: RwLock::new(lost),
            salvaged: Mutex::new(salvaged),
            schemas_aside: Mutex::default(),
            failing: Mutex::default(),
            second: Mutex::default(),
            writer: Mutex::new(writer),
            trimmer: Mutex::new(Trimmer::new(retention, floor)),
            discarded: Mutex::default(),
            closed: RwLock::new(false),
            is_ahead: false.into(),
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

fn shelve(directory: &Path, state: &State, active: &Arc<OpenSegment>) -> Vec<Arc<Segment>> {
    let segments = &state.segments;
    let shelf = |(place, segment): (usize, &SegmentState)| {
        let Some(next) = segments.get(place + 1) else {
            return Arc::new(Segment::active(segment.first, active.clone()));
        };
        let path = path_of(directory, segment);
        let shelved = Segment::new(segment.first, path, next.first - 1, segment.sealed);
        if segment.damaged.is_some() {
            shelved.set_damaged();
        }
        if let Some(synced) = segment.unsynced_after {
            shelved.set_unsynced_after(synced);
        }
        Arc::new(shelved)
    };
    segments.iter().enumerate().map(shelf).collect()
}

/// The time of the last record: times never run backwards.
fn last_time(shelf: &Shelf, history: &History, last: u64) -> Result<u64, LogError> {
    let mut seq = last;
    while let Some(segment) = shelf.find(seq) {
        if segment.totals().is_none() {
            match shelf.open(&segment, history) {
                // Whoever reads it is told; the log goes on after it.
                Err(error) if is_damage(&error) => report("opening a segment", Err(error)),
                opened => drop(opened?),
            }
        }
        match segment.totals() {
            Some(totals) if totals.count > 0 => return Ok(totals.last_time),
            _ => seq = segment.first - 1,
        }
    }
    Ok(0)
}
