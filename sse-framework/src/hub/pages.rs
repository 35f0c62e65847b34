//! Pages that were read from the log last.

use crate::sync::Mutex;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::PoisonError;

/// Pages of all records in a row: clients that come back together mostly stand close together, and one
/// of them reads for all.
///
/// # Memory
///
/// At most [`MOST_PAGES`] and [`MOST_BYTES`].
#[derive(Debug, Default)]
pub(crate) struct RecentPages(Mutex<VecDeque<RecentPage>>);

#[derive(Debug)]
struct RecentPage {
    /// The seq before the first record.
    after: u64,
    frames: Bytes,
    /// Where each record's frame ends.
    ends: Vec<usize>,
}

const MOST_PAGES: usize = 8;
/// More than so many pages of the usual length have. What is kept counts as held by a reader, which makes
/// others' pages shorter.
const MOST_BYTES: usize = 2 << 20;

impl RecentPages {
    /// The frames after a position, as far as a page has them, and the seq of the last.
    pub(crate) fn after(&self, after: u64) -> Option<(Bytes, u64)> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.iter().find_map(|page| page.rest(after))
    }

    /// Keeps the frames of the records after this position, which end at these places.
    pub(crate) fn keep(&self, after: u64, frames: Bytes, ends: Vec<usize>) {
        if frames.len() > MOST_BYTES {
            return;
        }
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.truncate(MOST_PAGES - 1);
        pages.push_front(RecentPage { after, frames, ends });
        while pages.iter().map(|page| page.frames.len()).sum::<usize>() > MOST_BYTES {
            pages.pop_back();
        }
    }
}

impl RecentPage {
    fn rest(&self, after: u64) -> Option<(Bytes, u64)> {
        let passed = usize::try_from(after.checked_sub(self.after)?).ok()?;
        let start = match passed.checked_sub(1) {
            None => 0,
            Some(last) => *self.ends.get(last)?,
        };
        let until = self.after + self.ends.len() as u64;
        (after < until).then(|| (self.frames.slice(start..), until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_serves_all_who_stand_in_it() {
        let pages = RecentPages::default();
        assert_eq!(pages.after(0), None);
        pages.keep(5, Bytes::from_static(b"six seven"), vec![4, 9]);
        assert_eq!(pages.after(4), None);
        assert_eq!(pages.after(5), Some((Bytes::from_static(b"six seven"), 7)));
        assert_eq!(pages.after(6), Some((Bytes::from_static(b"seven"), 7)));
        assert_eq!(pages.after(7), None);
        for after in 100..99 + MOST_PAGES as u64 {
            pages.keep(after, Bytes::from_static(b"x"), vec![1]);
            assert!(pages.after(5).is_some(), "after {after}");
        }
        pages.keep(300, Bytes::from_static(b"x"), vec![1]);
        assert_eq!(pages.after(5), None, "the oldest goes");
    }

    #[test]
    fn large_pages_do_not_add_up() {
        let pages = RecentPages::default();
        let keep = |after, length| pages.keep(after, vec![b'x'; length].into(), vec![length]);
        keep(0, 1);
        keep(1, MOST_BYTES + 1);
        assert_eq!(pages.after(1), None, "it is too large");
        assert!(pages.after(0).is_some(), "and is in nobody's way");
        for after in 2..10 {
            keep(after, MOST_BYTES / 2);
            assert!(pages.after(after).is_some());
        }
        let lengths: Vec<_> = pages.0.lock().unwrap().iter().map(|p| p.frames.len()).collect();
        assert_eq!(lengths, [MOST_BYTES / 2; 2]);
    }
}
