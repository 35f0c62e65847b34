//! What readers hold.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are held by readers and by nobody else: pages that were copied for one of them, out of the log or of
/// topics, and buffers that the tail has let go of.
///
/// # Memory
///
/// A reader holds one page as long as its client does not take it. Nobody waits for another's page:
/// the more is held, the shorter are new ones, and of the tail they are copies then, which keep no buffer. So it
/// is about [`MOST_HELD`] for all readers together, and [`SHORTEST_PAGE`] or one record for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    pages: AtomicUsize,
    /// Buffers that the tail or a reader holds, and how much of them the tail does.
    buffers: AtomicUsize,
    in_tail: AtomicUsize,
}

/// From here on pages are as short as can be.
const MOST_HELD: usize = 32 << 20;
/// A page is never a larger part of what is left.
const PART: usize = 64;
const SHORTEST_PAGE: usize = 4 << 10;

/// Bytes that count as long as anybody has a slice of them.
struct Held {
    bytes: Vec<u8>,
    counts: Arc<Counts>,
    count: fn(&Counts) -> &AtomicUsize,
}

impl Copies {
    /// How long the next page may be, of which a reader wants so many bytes; a record more is allowed.
    pub(crate) fn page_bytes(&self, wanted: usize) -> usize {
        let left = MOST_HELD.saturating_sub(self.held());
        wanted.min((left / PART).max(SHORTEST_PAGE))
    }

    /// How much readers hold.
    pub(super) fn held(&self) -> usize {
        let [pages, buffers, in_tail] = [&self.0.pages, &self.0.buffers, &self.0.in_tail]
            .map(|count| count.load(Ordering::Relaxed));
        pages + buffers.saturating_sub(in_tail)
    }

    /// Counts a page as long as it is held.
    pub(crate) fn hold(&self, mut page: Vec<u8>) -> Bytes {
        page.shrink_to_fit();
        self.count(page, |counts| &counts.pages)
    }

    /// Counts a buffer of the tail's as long as the tail or a reader has it.
    pub(super) fn buffer(&self, frames: Vec<u8>) -> Bytes {
        self.count(frames, |counts| &counts.buffers)
    }

    /// How much of its buffers the tail holds.
    pub(super) fn note_in_tail(&self, bytes: usize) {
        self.0.in_tail.store(bytes, Ordering::Relaxed);
    }

    fn count(&self, bytes: Vec<u8>, count: fn(&Counts) -> &AtomicUsize) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        count(&self.0).fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Held { bytes, counts: self.0.clone(), count })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        (self.count)(&self.counts).fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_is_held_the_shorter_are_pages() {
        let copies = Copies::default();
        let mut held = Vec::new();
        while held.len() < 10_000 {
            let bytes = copies.page_bytes(128 << 10);
            assert_eq!(bytes, 128 << 10, "after {}", held.len());
            held.push(copies.hold(vec![0; bytes]));
            if copies.page_bytes(128 << 10) < 128 << 10 {
                break;
            }
        }
        assert!(held.len() > 100, "{}", held.len());
        held.extend((0..2000).map(|_| copies.hold(vec![0; copies.page_bytes(128 << 10)])));
        let sum: usize = held.iter().map(Bytes::len).sum();
        assert_eq!(copies.held(), sum);
        assert!(sum <= MOST_HELD + 2000 * SHORTEST_PAGE, "{sum}");
        assert_eq!(copies.page_bytes(128 << 10), SHORTEST_PAGE);
        assert_eq!(copies.page_bytes(1), 1);

        let slice = held[0].slice(1..2);
        drop(held);
        assert_eq!(copies.held(), 128 << 10, "a slice holds all of it");
        drop(slice);
        assert_eq!(copies.held(), 0);
    }
}
