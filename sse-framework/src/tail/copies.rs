//! Pages that were copied for one reader.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are held by readers that are not shared: pages out of the log, and pages of topics.
///
/// # Memory
///
/// A reader holds one page as long as its client does not take it. Nobody waits for another's page:
/// the more is held, the shorter are new ones. So it is about [`MOST_HELD`] for all readers together,
/// and [`SHORTEST_PAGE`] or one record for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies(Arc<AtomicUsize>);

/// From here on pages are as short as can be.
const MOST_HELD: usize = 32 << 20;
/// A page is never a larger part of what is left.
const PART: usize = 64;
const SHORTEST_PAGE: usize = 4 << 10;

/// A page, which counts as long as anybody has a slice of it.
struct Held {
    page: Vec<u8>,
    copies: Copies,
}

impl Copies {
    /// How long the next page may be, of which a reader wants so many bytes; a record more is allowed.
    pub(crate) fn page_bytes(&self, wanted: usize) -> usize {
        let left = MOST_HELD.saturating_sub(self.0.load(Ordering::Relaxed));
        wanted.min((left / PART).max(SHORTEST_PAGE))
    }

    /// Counts a page as long as it is held.
    pub(crate) fn hold(&self, mut page: Vec<u8>) -> Bytes {
        if page.is_empty() {
            return Bytes::new();
        }
        page.shrink_to_fit();
        self.0.fetch_add(page.len(), Ordering::Relaxed);
        Bytes::from_owner(Held { page, copies: self.clone() })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.page
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.copies.0.fetch_sub(self.page.len(), Ordering::Relaxed);
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
        assert_eq!(copies.0.load(Ordering::Relaxed), sum);
        assert!(sum <= MOST_HELD + 2000 * SHORTEST_PAGE, "{sum}");
        assert_eq!(copies.page_bytes(128 << 10), SHORTEST_PAGE);
        assert_eq!(copies.page_bytes(1), 1);

        let slice = held[0].slice(1..2);
        drop(held);
        assert_eq!(copies.0.load(Ordering::Relaxed), 128 << 10, "a slice holds all of it");
        drop(slice);
        assert_eq!(copies.0.load(Ordering::Relaxed), 0);
    }
}
