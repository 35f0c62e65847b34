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
    /// The last record of each frame, and where it ends.
    ends: Vec<(u64, usize)>,
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

    /// Keeps the frames of all records after this position: of each frame its last record, and where it ends.
    pub(crate) fn keep(&self, after: u64, frames: Bytes, mut ends: Vec<(u64, usize)>) {
        ends.shrink_to_fit();
        let page = RecentPage { after, frames, ends };
        if page.bytes() > MOST_BYTES {
            return;
        }
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.truncate(MOST_PAGES - 1);
        pages.push_front(page);
        while pages.iter().map(RecentPage::bytes).sum::<usize>() > MOST_BYTES {
            pages.pop_back();
        }
    }
}

impl RecentPage {
    fn bytes(&self) -> usize {
        self.frames.len() + size_of_val(&*self.ends)
    }

    fn rest(&self, after: u64) -> Option<(Bytes, u64)> {
        let start = match after == self.after {
            true => 0,
            // Who stands within a gap is not served: of what it hides, they may have seen something.
            false => {
                let place = self.ends.binary_search_by_key(&after, |(last, _)| *last).ok()?;
                self.ends[place].1
            }
        };
        let (until, _) = *self.ends.last()?;
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
        pages.keep(5, Bytes::from_static(b"six seven"), vec![(6, 4), (7, 9)]);
        assert_eq!(pages.after(4), None);
        assert_eq!(pages.after(5), Some((Bytes::from_static(b"six seven"), 7)));
        assert_eq!(pages.after(6), Some((Bytes::from_static(b"seven"), 7)));
        assert_eq!(pages.after(7), None);
        for after in 100..99 + MOST_PAGES as u64 {
            pages.keep(after, Bytes::from_static(b"x"), vec![(after + 1, 1)]);
            assert!(pages.after(5).is_some(), "after {after}");
        }
        pages.keep(300, Bytes::from_static(b"x"), vec![(301, 1)]);
        assert_eq!(pages.after(5), None, "the oldest goes");
    }

    #[test]
    fn nobody_is_told_of_a_gap_who_stands_within_it() {
        let pages = RecentPages::default();
        pages.keep(
            5,
            Bytes::from_static(b"six seven-to-ten eleven"),
            vec![(6, 4), (10, 17), (11, 23)],
        );
        let served = |after| pages.after(after).map(|(frames, _)| frames);
        assert_eq!(served(6).unwrap(), "seven-to-ten eleven");
        assert_eq!([7, 8, 9].map(served), [None, None, None]);
        assert_eq!(served(10).unwrap(), "eleven");
    }

    #[test]
    fn large_pages_do_not_add_up() {
        let pages = RecentPages::default();
        /// What a page of one frame takes beside it.
        const END: usize = size_of::<(u64, usize)>();
        let keep = |after, bytes| {
            let length = bytes - END;
            pages.keep(after, vec![b'x'; length].into(), vec![(after + 1, length)]);
        };
        keep(0, END + 1);
        keep(1, MOST_BYTES + 1);
        assert_eq!(pages.after(1), None, "it is too large");
        assert!(pages.after(0).is_some(), "and is in nobody's way");
        for after in 2..10 {
            keep(after, MOST_BYTES / 2);
            assert!(pages.after(after).is_some());
        }
        let lengths: Vec<_> = pages.0.lock().unwrap().iter().map(|p| p.frames.len()).collect();
        assert_eq!(lengths, [MOST_BYTES / 2 - END; 2]);
        let ends = (21..).map(|seq| (seq, 1)).take(MOST_BYTES / END).collect();
        pages.keep(20, Bytes::from_static(b"x"), ends);
        assert_eq!(pages.after(20), None, "where frames end takes room, too");
    }
}
