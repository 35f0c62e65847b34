//! The file `state`: what the log knows about itself outside of its segments.
//!
//! The first line is `sse-framework-log <format> <CRC-32 of the rest in 8 hexadecimal digits>`;
//! the rest is JSON, for operators to read. The file is never changed but replaced: written
//! beside itself, synced, renamed, and the directory synced. `state.copy` says the same, in case the
//! file is damaged; on a full disk it gives its room to the new one, by which segments can be removed,
//! but not if it is all that is left.

use super::lock::sync_directory;
use super::segment::remove_file;
use super::span::Span;
use super::{files, io, salvage};
use crate::id::{Epoch, IdKey};
use crate::log::LogError;
use crate::planted::planted;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;
const NAME: &str = "sse-framework-log";
const COPY: &str = "state.copy";

/// The contents of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// In order; each ends where the next begins.
    pub(crate) epochs: Vec<EpochStart>,
    /// The oldest record that is kept, at the time of writing.
    pub(crate) floor: u64,
    /// The last seq, if the log was closed properly.
    pub(crate) closed_at: Option<u64>,
    /// In order and without a hole; the last one is written to.
    pub(crate) segments: Vec<SegmentState>,
    /// Records that are known to be lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lost: Vec<Span>,
    /// The time of the last record that went with a segment, in milliseconds since 1970, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) removed_until: Option<u64>,
    /// Of opaque ids, if there have ever been any.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "id_key")]
    pub(crate) id_key: Option<IdKey>,
}

/// An epoch and the seq of its first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EpochStart {
    #[serde(serialize_with = "epoch_as_text", deserialize_with = "epoch_from_text")]
    pub(crate) epoch: Epoch,
    pub(crate) first: u64,
}

/// What is known of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentState {
    pub(crate) first: u64,
    /// Nothing after this seq exists, whatever the segment holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<u64>,
    /// The records after this seq may be lost: they were acknowledged, but could not be synced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unsynced_after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<Sealed>,
    /// The engine does not understand it: it has been put aside under this number, and is read
    /// without the engine until it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) damaged: Option<u32>,
}

impl SegmentState {
    /// A segment that is written to.
    pub(crate) fn new(first: u64) -> Self {
        SegmentState { first, end: None, unsynced_after: None, sealed: None, damaged: None }
    }
}

/// What a sealed segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(crate) last: u64,
    pub(crate) count: u64,
    /// Of payloads, names and topics.
    pub(crate) bytes: u64,
    /// Of the segment's index, which holds the checksum of the blocks.
    pub(crate) crc: u32,
    pub(crate) first_time: u64,
    pub(crate) last_time: u64,
    /// How many topics its records close, as its file `closes` says.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) closes: u64,
    /// How many keys it has, as its file `keys` says.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) keys: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn epoch_as_text<S: Serializer>(epoch: &Epoch, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(epoch)
}

fn epoch_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Epoch, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A key in hexadecimal digits.
mod id_key {
    use super::{Deserialize, Deserializer, IdKey, Serializer};
    use serde::de::Error;

    pub(super) fn serialize<S: Serializer>(
        key: &Option<IdKey>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let bytes = key.as_ref().map(IdKey::to_bytes).unwrap_or_default();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<IdKey>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        let pairs = digits.as_bytes().chunks(2).map(std::str::from_utf8);
        let read = |pair: Result<_, _>| u8::from_str_radix(pair.ok()?, 16).ok();
        if digits.len() != 2 * bytes.len() {
            return Err(D::Error::custom("the key of its ids is not 64 digits"));
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte =
                read(pair).ok_or_else(|| D::Error::custom("the key of its ids has no digits"))?;
        }
        Ok(Some(IdKey::from_bytes(bytes)))
    }
}

/// Epochs of which nothing is kept any more, at the most.
const REMEMBERED_EPOCHS: usize = 1000;

impl State {
    /// Begins an epoch after `current`, in whose place it comes if that has acknowledged nothing;
    /// but the first epoch stays, which ids from before the first record carry.
    pub(crate) fn begin_epoch(&mut self, current: Epoch, next: EpochStart) {
        let is_empty = |last: &EpochStart| last.epoch == current && last.first == next.first;
        if self.epochs.len() > 1 && self.epochs.last().is_some_and(is_empty) {
            self.epochs.pop();
        }
        self.epochs.push(next);
    }

    /// Drops the last epoch if it surely wrote nothing. If the log was not closed properly, its
    /// records may have been seen and lost: whoever saw one must be told so.
    pub(crate) fn drop_empty_epoch(&mut self, next: u64) {
        let is_empty = self.epochs.last().is_some_and(|last| last.first == next);
        if self.closed_at.is_some() && is_empty && self.epochs.len() > 1 {
            self.epochs.pop();
        }
    }

    /// Drops the oldest of the epochs that have no records, and of those of which nothing is kept
    /// any more. The others are remembered, so that a client that comes back with an id of theirs
    /// is told "lost" or "trimmed" and gets what is kept. Lost records that would no longer be
    /// kept are forgotten as well. The first epoch is never empty to this
    /// end: ids from before the first record carry it.
    pub(crate) fn drop_epochs(&mut self, next: u64) {
        let ends: Vec<u64> =
            self.epochs.iter().skip(1).map(|epoch| epoch.first).chain([next]).collect();
        let is_empty = |place: usize, epoch: &EpochStart| place > 0 && epoch.first == ends[place];
        let empty = self.epochs.iter().enumerate().filter(|(place, e)| is_empty(*place, e)).count();
        let mut surplus = empty.saturating_sub(REMEMBERED_EPOCHS);
        let mut place = 0..;
        self.epochs.retain(|epoch| {
            let goes = surplus > 0 && place.next().is_some_and(|place| is_empty(place, epoch));
            surplus -= usize::from(goes);
            !goes
        });
        let oldest = self.segments.first().map_or(next, |segment| segment.first);
        let begin_kept = self.epochs.partition_point(|epoch| epoch.first <= oldest);
        let trimmed = begin_kept.saturating_sub(1);
        self.lost.retain(|span| span.last >= oldest);
        self.epochs.drain(..trimmed.saturating_sub(REMEMBERED_EPOCHS));
    }

    fn check(&self) -> Result<(), &'static str> {
        let epochs = self.epochs.windows(2).all(|pair| pair[0].first <= pair[1].first);
        let segments = self.segments.windows(2).all(|pair| {
            let last = pair[0].sealed.map(|sealed| sealed.last).or(pair[0].end);
            last.is_some_and(|last| last + 1 == pair[1].first)
        });
        let begins = self.segments.first().map_or(1, |segment| segment.first);
        match () {
            () if self.epochs.is_empty() || !epochs => Err("its epochs are not in order"),
            () if !segments => Err("its segments leave a hole"),
            () if self.segments.is_empty() && self.epochs.iter().any(|epoch| epoch.first > 1) => {
                Err("its segments are missing")
            }
            () if begins == 0 || self.epochs[0].first == 0 => Err("it begins before the first seq"),
            () if self.epochs[0].first > begins => Err("its epochs begin too late"),
            () => Ok(()),
        }
    }
}

/// The file and what it says.
#[derive(Debug)]
pub(crate) struct StateFile {
    directory: PathBuf,
    state: State,
    /// The file may say something else: a replacement failed, or has yet to be made.
    uncertain: bool,
}

impl StateFile {
    /// Reads the file of the log in `directory`; `None` if there is none.
    pub(crate) fn read(directory: &Path) -> Result<Option<State>, LogError> {
        read_file(directory.join("state"))
    }

    /// The same, or if that is damaged or missing its copy, which then is the file as well. The damaged
    /// one is kept.
    pub(crate) fn salvage(directory: &Path) -> Result<Option<State>, LogError> {
        let read = StateFile::read(directory);
        let text = fs::read(directory.join("state")).unwrap_or_default();
        let format = split(&text).0.and_then(|(format, _)| format);
        if format.is_some_and(|format| format != FORMAT) {
            // It is not damaged but of another version, and so may be the copy.
            return read;
        }
        if !matches!(read, Ok(None) | Err(LogError::Format { .. })) {
            return read;
        }
        let Ok(Some(state)) = read_file(directory.join(COPY)) else { return read };
        tracing::error!("the log's file `state` is damaged or missing; its copy is used");
        let path = directory.join("state");
        if path.exists() {
            salvage::put_file_aside(&path)?;
        }
        // A link takes no room. Neither is ever written to.
        match fs::hard_link(directory.join(COPY), &path) {
            Ok(()) => sync_directory(directory)?,
            Err(_) => write(directory, &state)?,
        }
        Ok(Some(state))
    }

    /// A state that has yet to be written: the file says something else, if there is one.
    pub(crate) fn new(directory: &Path, state: State) -> Self {
        StateFile { directory: directory.into(), state, uncertain: true }
    }

    /// Writes the state of a log that is not open yet.
    pub(crate) fn create(directory: &Path, state: State) -> Result<(), LogError> {
        write(directory, &state)
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Changes the file, or leaves what [`state`](StateFile::state) says.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut State)) -> Result<(), LogError> {
        let mut state = self.state.clone();
        change(&mut state);
        let written = write(&self.directory, &state);
        self.uncertain = written.is_err();
        written?;
        self.state = state;
        Ok(())
    }

    /// Whether the file surely says what [`state`](StateFile::state) says, after a change has failed.
    pub(crate) fn is_as_before(&self) -> bool {
        matches!(StateFile::read(&self.directory), Ok(Some(state)) if state == self.state)
    }

    /// Makes the file say what [`state`](StateFile::state) says, also after a failed change: records
    /// must not be appended to a segment that the file may declare to have ended.
    pub(crate) fn settle(&mut self) -> Result<(), LogError> {
        match self.uncertain {
            true => self.change(|_| ()),
            false => Ok(()),
        }
    }
}

fn read_file(path: PathBuf) -> Result<Option<State>, LogError> {
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("reading", &path)(error)),
    };
    let state = parse(&text).map_err(|reason| LogError::Format { path, reason })?;
    Ok(Some(state))
}

type Header = (Option<u32>, Option<u32>);

/// The format and the checksum in the first line, and what follows.
fn split(text: &[u8]) -> (Option<Header>, &[u8]) {
    let mut lines = text.splitn(2, |&byte| byte == b'\n');
    let header = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let body = lines.next().unwrap_or_default();
    let mut words = header.split(' ');
    let is_ours = words.next() == Some(NAME);
    let format = words.next().and_then(|format| format.parse().ok());
    let crc = words.next().and_then(|crc| u32::from_str_radix(crc, 16).ok());
    (is_ours.then_some((format, crc)), body)
}

fn parse(text: &[u8]) -> Result<State, String> {
    let (header, body) = split(text);
    let Some((format, crc)) = header else {
        return Err("it does not begin like the state of a log".into());
    };
    match format {
        Some(FORMAT) => {}
        Some(other) => return Err(format!("its format is {other}, this version knows {FORMAT}")),
        None => return Err("it does not say which format it has".into()),
    }
    if crc != Some(crc32fast::hash(body)) {
        return Err("its checksum does not match".into());
    }
    let state: State = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    state.check()?;
    Ok(state)
}

/// Replaces the file and its copy. If the disk is full there may be no copy, until the next time.
fn write(directory: &Path, state: &State) -> Result<(), LogError> {
    let path = directory.join("state");
    let mut body = serde_json::to_vec_pretty(state)
        .map_err(|error| io("writing", &path)(std::io::Error::other(error)))?;
    body.push(b'\n');
    let mut text = format!("{NAME} {FORMAT} {:08x}\n", crc32fast::hash(&body)).into_bytes();
    text.append(&mut body);

    let copy = directory.join(COPY);
    let written = write_beside(&path, &text).and_then(|()| write_beside(&copy, &text));
    match written {
        Err(error) if is_full(&error) => {
            remove_file(&beside(&copy))?;
            if matches!(read_file(path.clone()), Ok(Some(_))) {
                remove_file(&copy)?;
            }
            write_beside(&path, &text)?;
            rename(&path)?;
            sync_directory(directory)?;
            // Better none than an old one.
            remove_file(&copy)?;
            let copied = write_beside(&copy, &text).and_then(|()| rename(&copy));
            super::report("copying the file `state`", copied);
        }
        written => {
            written?;
            let is_new = !path.exists();
            rename(&path)?;
            if is_new {
                // A directory with nothing but a copy would not be taken for a log.
                sync_directory(directory)?;
            }
            rename(&copy)?;
        }
    }
    sync_directory(directory)
}

/// From what a file is replaced.
fn beside(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

fn write_beside(path: &Path, text: &[u8]) -> Result<(), LogError> {
    let fresh = beside(path);
    match planted("state-not-synced") {
        true => fs::write(&fresh, text).map_err(io("writing", &fresh)),
        false => files::write(&fresh, text),
    }
}

fn rename(path: &Path) -> Result<(), LogError> {
    fs::rename(beside(path), path).map_err(io("replacing", path))
}

/// Whether there was no room.
pub(crate) fn is_full(error: &LogError) -> bool {
    let LogError::Io { source, .. } = error else { return false };
    matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(token: u64, first: u64) -> EpochStart {
        EpochStart { epoch: Epoch::from_token(token), first }
    }

    fn state() -> State {
        State {
            epochs: vec![epoch(1, 1), epoch(2, 5)],
            floor: 3,
            closed_at: Some(9),
            segments: vec![SegmentState::new(1)],
            lost: Vec::new(),
            removed_until: Some(1_000),
            id_key: Some(IdKey::from_bytes(std::array::from_fn(|place| place as u8))),
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(StateFile::read(directory.path()).unwrap(), None);
        StateFile::create(directory.path(), state()).unwrap();
        assert_eq!(StateFile::read(directory.path()).unwrap(), Some(state()));
        let text = fs::read(directory.path().join("state")).unwrap();
        for place in 0..text.len() {
            let mut damaged = text.clone();
            damaged[place] ^= 4;
            assert!(parse(&damaged).is_err(), "byte {place}");
            assert!(parse(&text[..place]).is_err(), "{place} bytes");
        }
    }

    /// What is written there finds no room, until it is removed.
    #[cfg(target_os = "linux")]
    fn fill(path: &Path) {
        std::os::unix::fs::symlink("/dev/full", path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn on_a_full_disk_a_good_state_is_left_at_every_step() {
        let (old, new) = (state(), State { floor: 4, ..state() });
        for damage in [None, Some("damaged"), Some("missing")] {
            for full in ["state.new", "state.copy.new"] {
                let directory = tempfile::tempdir().unwrap();
                let at = |name: &str| directory.path().join(name);
                let parsed = |name: &str| read_file(at(name)).ok().flatten();
                StateFile::create(directory.path(), old.clone()).unwrap();
                match damage {
                    Some("damaged") => fs::write(at("state"), "damaged").unwrap(),
                    Some(_) => fs::remove_file(at("state")).unwrap(),
                    None => {}
                }
                fill(&at(full));
                let written = write(directory.path(), &new);
                if full == "state.new" {
                    assert!(written.is_err_and(|error| is_full(&error)));
                    assert_eq!(parsed("state").is_some(), damage.is_none());
                    assert_eq!(parsed(COPY).is_some(), damage.is_some(), "it gave no room");
                } else {
                    written.unwrap();
                    assert_eq!(parsed("state").as_ref(), Some(&new));
                    assert_eq!(parsed(COPY).as_ref(), Some(&new));
                }
                let left = if full == "state.new" { &old } else { &new };
                assert_eq!(StateFile::salvage(directory.path()).unwrap().as_ref(), Some(left));
                // From here on the log is open, and the disk as full as it was.
                let mut file = StateFile::new(directory.path(), left.clone());
                assert_eq!(file.settle().is_err(), full == "state.new");
                assert_eq!(StateFile::read(directory.path()).unwrap().as_ref(), Some(left));
            }
        }
    }

    #[test]
    fn an_epoch_that_surely_wrote_nothing_is_dropped() {
        let mut state = state();
        state.epochs = vec![epoch(1, 1), epoch(2, 5), epoch(3, 10), epoch(4, 10)];
        state.drop_empty_epoch(11);
        assert_eq!(state.epochs.len(), 4);
        state.drop_empty_epoch(10);
        assert_eq!(state.epochs, [epoch(1, 1), epoch(2, 5), epoch(3, 10)]);
        state.closed_at = None;
        state.drop_empty_epoch(10);
        assert_eq!(state.epochs.len(), 3, "its records may have been lost");
        state.epochs = vec![epoch(1, 1)];
        state.closed_at = Some(0);
        state.drop_empty_epoch(1);
        assert_eq!(state.epochs, [epoch(1, 1)]);
    }

    #[test]
    fn epochs_without_records_are_remembered_for_long() {
        let mut state = state();
        state.epochs = [epoch(1, 1)].into_iter().chain((2..=1502).map(|n| epoch(n, 5))).collect();
        state.drop_epochs(9);
        assert_eq!(state.epochs.len(), 1002);
        assert_eq!(state.epochs[..2], [epoch(1, 1), epoch(502, 5)]);
    }

    #[test]
    fn an_epoch_takes_the_place_of_one_that_acknowledged_nothing() {
        let mut state = state();
        state.begin_epoch(Epoch::from_token(2), epoch(3, 5));
        assert_eq!(state.epochs, [epoch(1, 1), epoch(3, 5)]);
        state.begin_epoch(Epoch::from_token(3), epoch(4, 7));
        state.begin_epoch(Epoch::from_token(3), epoch(5, 7));
        assert_eq!(state.epochs, [epoch(1, 1), epoch(3, 5), epoch(4, 7), epoch(5, 7)]);
        state.epochs = vec![epoch(1, 1)];
        state.begin_epoch(Epoch::from_token(1), epoch(2, 1));
        assert_eq!(state.epochs, [epoch(1, 1), epoch(2, 1)]);
    }

    #[test]
    fn epochs_of_which_nothing_is_kept_are_remembered_for_long() {
        let mut state = state();
        state.epochs = (1..=3000).map(|n| epoch(n, n * 10)).collect();
        state.segments[0].first = 20_000;
        state.drop_epochs(40_000);
        assert_eq!(state.epochs.first(), Some(&epoch(1000, 10_000)));
        assert_eq!(state.epochs.len(), 2001);
        state.segments[0].first = 10_000;
        state.drop_epochs(40_000);
        assert_eq!(state.epochs.len(), 2001, "none that is needed");
    }
}
