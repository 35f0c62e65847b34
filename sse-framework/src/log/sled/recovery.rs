//! Finds out what a segment holds, and what it should hold but does not.

use super::block::{Block, Key, Summary, split_key};
use super::index::{INDEX_SEQ, Index};
use super::segment::Database;
use super::span::Span;
use crate::log::{History, LogError};
use crate::planted::planted;
use std::path::Path;

/// What a segment holds.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) index: Index,
    /// The last seq: of the last chain that is whole, but not before what had been safe.
    pub(crate) last: u64,
    /// Records up to `last` that are not there, in order.
    pub(crate) holes: Vec<Span>,
    /// Why there are holes, or why something comes after `last`.
    pub(crate) reason: Option<&'static str>,
    /// The first record that another log wrote, or an opening that the state does not know.
    pub(crate) foreign: Option<u64>,
}

impl Scanned {
    /// Fails if the segment is of another log, or newer than the state.
    pub(crate) fn must_be_ours(&self, path: &Path) -> Result<(), LogError> {
        let Some(seq) = self.foreign else { return Ok(()) };
        let reason = format!("record {seq} is not of an epoch that the file `state` knows");
        Err(LogError::Format { path: path.into(), reason })
    }
}

/// Reads a segment, at most to `end`. Records up to `safe`, or to what a block says was synced when
/// it was written, have been there: if they are missing, that is a hole. What comes after that and is
/// not whole has been cut short, and does not exist.
pub(crate) fn scan(
    database: &Database,
    first: u64,
    end: u64,
    safe: u64,
    epochs: &History,
) -> Result<Scanned, LogError> {
    let (found, safe) = Found::read(database, first, end, safe, epochs)?;
    Ok(found.assemble(first, safe, safe))
}

/// Reads a segment after which others come. All records up to `end` have been given: what is missing is a
/// hole. Of a batch after `safe` nothing is there if any of it is missing.
pub(crate) fn scan_ended(
    database: &Database,
    first: u64,
    end: u64,
    safe: u64,
    epochs: &History,
) -> Result<Scanned, LogError> {
    let (found, safe) = Found::read(database, first, end, safe, epochs)?;
    Ok(found.assemble(first, safe, end))
}

/// The intact blocks of a segment.
#[derive(Default)]
struct Found {
    links: Vec<Link>,
    /// The last seq that a block knows to have been synced.
    synced: u64,
    reason: Option<&'static str>,
    foreign: Option<u64>,
}

/// A block of whole records, or all fragments of one.
struct Link {
    first: u64,
    last: u64,
    chain: (u64, u64),
    summary: Summary,
    /// Of each block, what the index notes.
    heads: Vec<[u8; 8]>,
    fragments: u32,
}

impl Link {
    fn is_whole(&self) -> bool {
        self.heads.len() as u32 == self.fragments.max(1)
    }
}

impl Found {
    /// What there is, and up to where it has been there.
    fn read(
        database: &Database,
        first: u64,
        end: u64,
        safe: u64,
        epochs: &History,
    ) -> Result<(Self, u64), LogError> {
        let mut found = Found::default();
        let mut scan = database.scan(&super::block::key(first, 0));
        while let Some(entry) = scan.next() {
            let (key, value) = entry?;
            let (seq, _) = split_key(&key);
            if seq == INDEX_SEQ || seq > end {
                break;
            }
            let block = Block::decode(&key, value);
            match block {
                // The state knows every epoch before it writes, so this is no matter of a crash.
                Ok(block) if epochs.id(seq).epoch() != block.header.epoch => {
                    found.foreign = found.foreign.or(Some(seq));
                }
                Ok(block) => found.add(&key, &block, value),
                Err(reason) => found.reason = found.reason.or(Some(reason)),
            }
        }
        let safe = safe.max(found.synced).min(end);
        Ok((found, safe))
    }

    fn add(&mut self, key: &Key, block: &Block<'_>, value: &[u8]) {
        let (header, fragment) = (block.header, split_key(key).1);
        self.synced = self.synced.max(header.synced);
        let head = value.first_chunk::<8>().copied().unwrap_or_default();
        if fragment == 0 {
            self.links.push(Link {
                first: header.first,
                last: header.last(),
                chain: header.chain,
                summary: block.summary(),
                heads: vec![head],
                fragments: header.fragments,
            });
            return;
        }
        let open = self
            .links
            .last_mut()
            .filter(|link| link.first == header.first && link.heads.len() as u32 == fragment);
        match open {
            Some(link) => link.heads.push(head),
            None => self.reason = self.reason.or(Some("a fragment is missing")),
        }
    }

    fn assemble(self, first: u64, safe: u64, end: u64) -> Scanned {
        let mut assembly = Assembly {
            scanned: Scanned {
                index: Index::new(first),
                last: first - 1,
                holes: Vec::new(),
                reason: self.reason,
                foreign: self.foreign,
            },
            safe,
            end,
            chain: Vec::new(),
        };
        for link in self.links {
            if !link.is_whole() {
                assembly.note("a fragment is missing");
            } else if !assembly.take(link) {
                break;
            }
        }
        assembly.finish()
    }
}

struct Assembly {
    scanned: Scanned,
    safe: u64,
    /// What is missing up to here is a hole.
    end: u64,
    /// The links of a chain that is not complete yet.
    chain: Vec<Link>,
}

impl Assembly {
    fn note(&mut self, reason: &'static str) {
        self.scanned.reason.get_or_insert(reason);
    }

    /// Takes the link that follows. Returns whether there may be more.
    fn take(&mut self, link: Link) -> bool {
        let goes_on =
            |last: &Link| last.chain == link.chain && last.last.checked_add(1) == Some(link.first);
        if !self.chain.last().is_none_or(goes_on) {
            self.drop_chain();
        }
        let (last, chain) = (link.last, link.chain);
        self.chain.push(link);
        let begins = self.chain.first().map_or(0, |link| link.first);
        let is_complete = last == chain.1 && begins <= chain.0.max(self.safe.saturating_add(1));
        let is_complete = is_complete || planted("unfinished-chain-shown");
        match last <= self.safe || is_complete {
            true => self.add_chain(begins),
            false => true,
        }
    }

    /// Of a batch that is not whole nothing exists.
    fn drop_chain(&mut self) {
        if !self.chain.is_empty() {
            self.note("a batch is incomplete");
            self.chain.clear();
        }
    }

    /// Adds the links of a chain that begins at `first`. Returns whether there may be more.
    fn add_chain(&mut self, first: u64) -> bool {
        let chain = std::mem::take(&mut self.chain);
        let next = self.scanned.last + 1;
        if first != next {
            self.note("a block is missing");
            if first < next {
                return false;
            }
            self.skip(Span { first: next, last: (first - 1).min(self.end) });
            // What comes after the end of what was safe, and not at once, has been cut short.
            if self.scanned.last + 1 != first {
                return false;
            }
        }
        for link in chain {
            self.scanned.last = link.last;
            link.heads.iter().for_each(|head| self.scanned.index.note_stored(head));
            self.scanned.index.add(link.first, link.summary);
        }
        true
    }

    fn skip(&mut self, hole: Span) {
        if hole.first <= hole.last {
            self.scanned.last = hole.last;
            self.scanned.holes.push(hole);
        }
    }

    fn finish(mut self) -> Scanned {
        self.drop_chain();
        let (next, end) = (self.scanned.last + 1, self.end);
        if next <= end {
            self.note("the records are missing");
        }
        self.skip(Span { first: next, last: end });
        self.scanned
    }
}
