//! Finds blocks in a segment's files without the engine.
//!
//! The engine recovers a file up to the first thing that it does not understand, and overwrites
//! what follows; or it panics. A block tells its own key, length and checksum, so every block that
//! is intact can be found wherever it lies.

mod again;
mod places;

use super::block::{Block, Extent, HEADER, Key, extent, key, split_key};
use super::{files, io};
use crate::log::LogError;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Blocks that were found.
#[derive(Debug, Default)]
pub(crate) struct Carved {
    /// Open, so that they can be read also when the directory has got another name.
    files: Vec<(PathBuf, File)>,
    /// In order.
    pub(crate) blocks: Vec<(Key, Place)>,
}

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    file: usize,
    at: u64,
    length: usize,
    /// Records, and fragments of the record.
    count: u32,
    fragments: u32,
}

impl Place {
    fn new(file: usize, at: u64, extent: Extent) -> Self {
        let Extent { length, count, fragments, .. } = extent;
        Place { file, at, length, count, fragments }
    }
}

/// So much of a file is looked at at once.
const WINDOW: usize = 4 << 20;
/// No block is longer: its payload has at most 64 KiB, and so has the text of a topic and a name.
const LONGEST: usize = 256 << 10;
/// What is read to find the next block, which is mostly near.
const CHUNK: usize = 4096;

impl Carved {
    /// Looks through the files of a segment. One that is not there holds nothing.
    pub(crate) fn read(directory: &Path) -> Result<Self, LogError> {
        let (mut carved, mut found) = (Carved::default(), BTreeMap::new());
        carved.look_through(directory.join("db"), &mut found)?;
        // The engine puts large values into files of their own. Our blocks are too small for that, so there
        // are none; if there are all the same, what they hold counts.
        let blobs = directory.join("blobs");
        let entries = match fs::read_dir(&blobs) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(carved.with(found)),
            Err(error) => return Err(io("reading", &blobs)(error)),
        };
        for entry in entries {
            carved.look_through(entry.map_err(io("reading", &blobs))?.path(), &mut found)?;
        }
        Ok(carved.with(found))
    }

    fn with(self, found: BTreeMap<Key, Place>) -> Self {
        Carved { blocks: found.into_iter().collect(), ..self }
    }

    fn look_through(
        &mut self,
        path: PathBuf,
        found: &mut BTreeMap<Key, Place>,
    ) -> Result<(), LogError> {
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(io("opening", &path)(error)),
        };
        let number = self.files.len();
        let (mut window, mut start) = (Vec::with_capacity(WINDOW + LONGEST), 0);
        loop {
            let read = (&mut file).take(WINDOW as u64).read_to_end(&mut window);
            let is_last = match read {
                Ok(read) => read == 0,
                // A directory where the file should be.
                Err(error) if error.kind() == ErrorKind::IsADirectory => return Ok(()),
                Err(error) => return Err(io("reading", &path)(error)),
            };
            let until = if is_last { window.len() } else { window.len().saturating_sub(LONGEST) };
            let passed = find_in(&window, until, number, start, found);
            if is_last {
                break;
            }
            window.drain(..passed);
            start += passed as u64;
        }
        self.files.push((path, file));
        Ok(())
    }

    /// Finds the blocks of a sealed segment as its file `places` says, or goes from block to block,
    /// believing what their headers say. This reads little, and finds everything if nothing is
    /// damaged.
    pub(crate) fn walk(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join("db");
        let file = File::open(&path).map_err(io("opening", &path))?;
        let mut carved = Carved::default();
        match fs::read(directory.join("places")).ok().and_then(|bytes| places::decode(&bytes)) {
            Some(blocks) => carved.blocks = blocks,
            None => carved = carved.with(walk_through(&file).map_err(io("reading", &path))?),
        }
        carved.files.push((path, file));
        Ok(carved)
    }

    /// Notes in the file `places` where the blocks lie. It is written and synced before the segment
    /// counts.
    pub(crate) fn note_places(directory: &Path) -> Result<(), LogError> {
        let path = directory.join("db");
        let file = File::open(&path).map_err(io("opening", &path))?;
        let found = walk_through(&file).map_err(io("reading", &path))?;
        let path = directory.join("places");
        files::write(&path, &places::encode(&found))
    }

    /// How many records there are from `first` on, without a hole, up to `last`.
    pub(crate) fn records(&self, first: u64, last: u64) -> u64 {
        let (mut next, mut fragment) = (first, 0);
        for (key, place) in self.from(&key(first, 0)) {
            let (seq, number) = split_key(key);
            if seq > last || (seq, number) != (next, fragment) {
                break;
            }
            fragment += 1;
            if fragment >= place.fragments {
                (next, fragment) = (next + u64::from(place.count), 0);
            }
        }
        next - first
    }

    /// The bytes of a block.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, LogError> {
        let Ok(place) = self.blocks.binary_search_by_key(key, |(key, _)| *key) else {
            return Ok(None);
        };
        let place = self.blocks[place].1;
        let mut block = vec![0; place.length];
        self.read_into(&mut block, place).map(|_| Some(block))
    }

    /// The largest key up to this one.
    pub(crate) fn at_or_before(&self, key: &Key) -> Option<Key> {
        let after = self.blocks.partition_point(|(known, _)| known <= key);
        Some(self.blocks.get(after.checked_sub(1)?)?.0)
    }

    /// The blocks from a key on, in order.
    pub(crate) fn range(&self, from: &Key) -> Blocks<'_> {
        let (rest, window) = (self.from(from), Vec::new());
        Blocks { carved: self, rest, window, filled: 0, start: 0, file: 0, ahead: 0 }
    }

    fn from(&self, key: &Key) -> &[(Key, Place)] {
        &self.blocks[self.blocks.partition_point(|(known, _)| known < key)..]
    }

    /// Reads from the beginning of a block on, as much as there is, but at least the block.
    fn read_into(&self, bytes: &mut [u8], place: Place) -> Result<usize, LogError> {
        let (path, file) = &self.files[place.file];
        let read = read_some(file, bytes, place.at).map_err(io("reading", path))?;
        match read < place.length {
            true => Err(io("reading", path)(ErrorKind::UnexpectedEof.into())),
            false => Ok(read),
        }
    }
}

/// Finds the blocks that begin before `until`. Returns up to where it has looked.
fn find_in(
    window: &[u8],
    until: usize,
    file: usize,
    start: u64,
    blocks: &mut BTreeMap<Key, Place>,
) -> usize {
    let mut at = 0;
    while at < until {
        let found = extent(&window[at..]).filter(|found| {
            let block = window[at..].get(..found.length);
            block.is_some_and(|block| Block::decode(&found.key, block).is_ok())
        });
        let Some(found) = found else {
            let next = window[at + 1..until].iter().position(|&byte| byte == 1);
            at = next.map_or(until, |next| at + 1 + next);
            continue;
        };
        blocks.insert(found.key, Place::new(file, start + at as u64, found));
        at += found.length;
    }
    at
}

/// Finds the blocks of a file by going from one to the next.
fn walk_through(file: &File) -> std::io::Result<BTreeMap<Key, Place>> {
    let mut blocks = BTreeMap::new();
    let (mut at, mut chunk) = (0, vec![0; CHUNK]);
    loop {
        let read = read_some(file, &mut chunk, at)?;
        let Some(chunk) = chunk.get(..read).filter(|chunk| chunk.len() >= HEADER) else {
            return Ok(blocks);
        };
        let begins = |place: &usize| chunk[*place] == 1;
        let found = (0..=chunk.len() - HEADER)
            .filter(begins)
            .find_map(|place| extent(&chunk[place..]).map(|found| (place as u64, found)));
        match found {
            Some((place, found)) => {
                // The first copy: these lie in the order in which they are read.
                let here = Place::new(0, at + place, found);
                blocks.entry(found.key).or_insert(here);
                at += place + found.length as u64;
            }
            None => at += (chunk.len() - HEADER + 1) as u64,
        }
    }
}

/// Blocks that are read in order, more and more of them at once.
pub(crate) struct Blocks<'a> {
    carved: &'a Carved,
    rest: &'a [(Key, Place)],
    /// What has been read, of which only the beginning counts. It is used again and again.
    window: Vec<u8>,
    filled: usize,
    /// Where in which file the window begins.
    start: u64,
    file: usize,
    /// How much is read the next time.
    ahead: usize,
}

/// What is read at once. More would be read no faster, and leave the processor's cache.
const MOST_AHEAD: usize = 256 << 10;
const LEAST_AHEAD: usize = 16 << 10;
/// A gap that is not worth another read.
const NEAR: u64 = 4096;

impl Blocks<'_> {
    pub(crate) fn next(&mut self) -> Option<Result<(Key, &[u8]), LogError>> {
        let (&(key, place), rest) = self.rest.split_first()?;
        if self.in_window(place).is_none()
            && let Err(error) = self.fill()
        {
            (self.rest, self.filled) = (rest, 0);
            return Some(Err(error));
        }
        self.rest = rest;
        self.in_window(place).map(|block| Ok((key, &self.window[block])))
    }

    /// Reads the first of the rest, and what lies right behind.
    fn fill(&mut self) -> Result<(), LogError> {
        let Some(&(_, place)) = self.rest.first() else { return Ok(()) };
        let wanted = self.near(place);
        if self.window.len() < wanted {
            self.window = vec![0; wanted];
        }
        self.filled = self.carved.read_into(&mut self.window[..wanted], place)?;
        (self.start, self.file) = (place.at, place.file);
        self.ahead = (self.filled * 2).clamp(LEAST_AHEAD, MOST_AHEAD);
        Ok(())
    }

    /// How many bytes from this block on belong to it and to those that lie right behind.
    fn near(&self, place: Place) -> usize {
        let mut end = place.at + place.length as u64;
        for (_, next) in self.rest.iter().skip(1) {
            let near = next.file == place.file && (end..end + NEAR).contains(&next.at);
            let length = next.at.saturating_sub(place.at) as usize + next.length;
            if !near || length > self.ahead {
                break;
            }
            end = next.at + next.length as u64;
        }
        (end - place.at) as usize
    }

    fn in_window(&self, place: Place) -> Option<Range<usize>> {
        let from = usize::try_from(place.at.checked_sub(self.start)?).ok()?;
        let until = from.checked_add(place.length)?;
        let is_in = self.file == place.file && until <= self.filled;
        is_in.then_some(from..until)
    }
}

/// Reads as much as there is at a place, for which the file has no position of its own to change.
fn read_some(file: &File, mut into: &mut [u8], at: u64) -> std::io::Result<usize> {
    let wanted = into.len();
    while !into.is_empty() {
        let done = (wanted - into.len()) as u64;
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, into, at + done);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, into, at + done);
        match read {
            Ok(0) => break,
            Ok(read) => into = &mut into[read..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(wanted - into.len())
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
