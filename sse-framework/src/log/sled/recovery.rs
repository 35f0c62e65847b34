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
    Ok(found.assemble(first, safe))
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

    fn assemble(self, first: u64, safe: u64) -> Scanned {
        let mut assembly = Assembly {
            scanned: Scanned {
                index: Index::new(first),
                last: first - 1,
                holes: Vec::new(),
                reason: self.reason,
                foreign: self.foreign,
            },
            safe,
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
    /// The links of a chain that is not complete yet.
    chain: Vec<Link>,
}

impl Assembly {
    fn note(&mut self, reason: &'static str) {
        self.scanned.reason.get_or_insert(reason);
    }

    /// Takes the link that follows. Returns whether there may be more.
    fn take(&mut self, link: Link) -> bool {
        let next = self.chain.last().map_or(self.scanned.last, |link| link.last) + 1;
        if link.first != next {
            self.note("a block is missing");
            if link.first < next || !self.chain.is_empty() {
                return false;
            }
            let hole = Span { first: next, last: (link.first - 1).min(self.safe) };
            self.skip(hole);
            // What comes after the end of what was safe, and not at once, has been cut short.
            if self.scanned.last + 1 != link.first {
                return false;
            }
        }
        let (is_safe, is_complete) = (link.last <= self.safe, link.last == link.chain.1);
        let is_complete = is_complete || planted("unfinished-chain-shown");
        self.chain.push(link);
        if is_safe || is_complete {
            for link in std::mem::take(&mut self.chain) {
                self.scanned.last = link.last;
                link.heads.iter().for_each(|head| self.scanned.index.note_stored(head));
                self.scanned.index.add(link.first, link.summary);
            }
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
        if !self.chain.is_empty() {
            self.note("a batch is incomplete");
        }
        let (next, safe) = (self.scanned.last + 1, self.safe);
        if next <= safe {
            self.note("the records are missing");
        }
        self.skip(Span { first: next, last: safe });
        self.scanned
    }
}
