//! Reads records across segments.

use super::block::{Block, Key, key, split_key};
use super::shelf::{self, OpenSegment, Segment};
use super::span::{self, Span};
use super::{Core, report};
use crate::log::{History, LogError, Read, RecordRef};
use crate::planted::planted;
use crate::topic::{Topic, TopicSelection};
use std::cell::Cell;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Blocks that are looked up in the index at once, for each topic.
const LOOK_AHEAD: usize = 64;

type Visit<'v> = dyn FnMut(RecordRef<'_>) -> ControlFlow<()> + 'v;

impl Core {
    /// See [`EventLog::read`](crate::log::EventLog::read).
    pub(crate) fn read(
        &self,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut Visit<'_>,
    ) -> Result<Read, LogError> {
        let history = self.history();
        let until = until.min(history.last());
        let from = after.saturating_add(1).max(history.first());
        self.read_from(from, until, &history, topics, visit)
    }

    /// The same, also below the floor.
    pub(crate) fn read_from(
        &self,
        mut first: u64,
        until: u64,
        history: &History,
        topics: &TopicSelection,
        visit: &mut Visit<'_>,
    ) -> Result<Read, LogError> {
        let mut from = first;
        while from <= until {
            let Some(segment) = self.shelf.find(from) else {
                // What comes next has been removed since: the next read begins behind it.
                if from > first {
                    return Ok(Read { first, until: from - 1 });
                }
                let oldest = self.shelf.with(|all| all.first().map(|oldest| oldest.first));
                first = oldest.ok_or(LogError::Closed)?.max(from + 1);
                from = first;
                continue;
            };
            let part = Span { first: from, last: segment.end().min(until) };
            let mut shown = from;
            match self.read_part(&segment, part, history, topics, &mut shown, visit) {
                Ok(ControlFlow::Break(seq)) => return Ok(Read { first, until: seq }),
                Ok(ControlFlow::Continue(next)) => from = next,
                // It has been sealed or removed since.
                Err(_) if !self.shelf.has(&segment) => from = shown,
                Err(error) => return Err(error),
            }
        }
        Ok(Read { first, until })
    }

    /// Reads some of a segment. Returns where to go on, or where `visit` broke. If that fails, all before `shown`
    /// has been shown.
    fn read_part(
        &self,
        segment: &Arc<Segment>,
        part: Span,
        history: &History,
        topics: &TopicSelection,
        shown: &mut u64,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<u64, u64>, LogError> {
        let Span { first: from, mut last } = part;
        if let Some(lost) = span::next_from(&self.lost(), from).filter(|lost| lost.first <= last) {
            if lost.first == from && planted("loss-not-told") {
                return Ok(ControlFlow::Continue(lost.last + 1));
            }
            if lost.first == from {
                return Err(LogError::Lost { first: from, last: lost.last });
            }
            last = lost.first - 1;
        }
        let open = self.shelf.open(segment, history)?;
        if let Some(hole) = span::next_from(&open.holes, from).filter(|hole| hole.first <= last) {
            if hole.first == from {
                return self.found_hole(segment, &open, hole);
            }
            last = hole.first - 1;
        }
        let reading = Reading::new(&open, history, topics, Span { first: from, last });
        let read = reading.read(visit);
        *shown = reading.next.get();
        match read {
            Ok(ControlFlow::Break(seq)) => Ok(ControlFlow::Break(seq)),
            Ok(ControlFlow::Continue(())) => Ok(ControlFlow::Continue(last + 1)),
            Err(error) if must_look_closer(segment, &error) => {
                report("reading a sealed segment", Err(error));
                self.shelf.open_anew(segment);
                Ok(ControlFlow::Continue(*shown))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads what there is between `from` and `until`, passing over what is lost. Whether `visit`
    /// has let it come to the end.
    pub(crate) fn read_kept(
        &self,
        from: u64,
        until: u64,
        history: &History,
        topics: &TopicSelection,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>, LogError> {
        let mut next = from;
        while next <= until {
            let mut broke = false;
            let read = self.read_from(next, until, history, topics, &mut |record| {
                let flow = visit(record);
                broke = flow.is_break();
                flow
            });
            match read {
                Ok(_) if broke => return Ok(ControlFlow::Break(())),
                Ok(read) => next = read.until + 1,
                Err(LogError::Lost { last, .. }) => next = last + 1,
                Err(error) => return Err(error),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The first seq from this one on that is not lost.
    pub(crate) fn next_kept(&self, seq: u64) -> u64 {
        match span::next_from(&self.lost(), seq) {
            Some(lost) if lost.first == seq => lost.last + 1,
            _ => seq,
        }
    }
}

/// Whether it would help to find out what exactly is damaged.
fn must_look_closer(segment: &Segment, error: &LogError) -> bool {
    !segment.is_active() && !segment.is_damaged() && shelf::is_damage(error)
}

/// One segment that is being read, up to `last`.
pub(crate) struct Reading<'a> {
    pub(crate) open: &'a OpenSegment,
    pub(crate) history: &'a History,
    pub(crate) topics: &'a TopicSelection,
    pub(crate) last: u64,
    /// All before this has been shown.
    next: Cell<u64>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(
        open: &'a OpenSegment,
        history: &'a History,
        topics: &'a TopicSelection,
        part: Span,
    ) -> Self {
        Reading { open, history, topics, last: part.last, next: Cell::new(part.first) }
    }

    pub(crate) fn read(&self, visit: &mut Visit<'_>) -> Result<ControlFlow<u64>, LogError> {
        let from = self.next.get();
        let Some(start) = self.open.database.at_or_before(&key(from, 0))? else {
            return Err(self.damaged(from, "the block is missing"));
        };
        let (start, _) = split_key(&start);
        match self.topics.exact_topics() {
            Some(topics) => self.by_index(start, from, topics, visit),
            None => self.in_order(start, from, visit),
        }
    }

    fn by_index(
        &self,
        start: u64,
        from: u64,
        topics: &HashSet<Topic>,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<u64>, LogError> {
        let mut next = Some(start);
        while let Some(at) = next.filter(|&at| at <= self.last) {
            let index = self.open.index()?;
            let (blocks, rest) = index.blocks_of(topics, at, LOOK_AHEAD);
            drop(index);
            for first in blocks.into_iter().take_while(|&first| first <= self.last) {
                let at = key(first, 0);
                let Some(value) = self.open.database.get(&at)? else {
                    return Err(self.damaged(first, "a block of the index is missing"));
                };
                let block = self.check(&at, &value)?;
                if let ControlFlow::Break(seq) = self.show(&block, from, visit)? {
                    return Ok(ControlFlow::Break(seq));
                }
            }
            next = rest;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn in_order(
        &self,
        start: u64,
        from: u64,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<u64>, LogError> {
        let mut next = start;
        let mut scan = self.open.database.scan(&key(start, 0));
        while let Some(entry) = scan.next() {
            let (at, value) = entry?;
            let (seq, fragment) = split_key(&at);
            if next > self.last {
                break;
            }
            if fragment > 0 && seq < next {
                continue;
            }
            let block = self.check(&at, value)?;
            if seq != next || block.header.last() < from {
                break;
            }
            next = block.header.last() + 1;
            if let ControlFlow::Break(seq) = self.show(&block, from, visit)? {
                return Ok(ControlFlow::Break(seq));
            }
        }
        match next > self.last {
            true => Ok(ControlFlow::Continue(())),
            false => Err(self.damaged(next.max(from), "a block is missing")),
        }
    }

    fn check<'b>(&self, at: &Key, value: &'b [u8]) -> Result<Block<'b>, LogError> {
        let (seq, _) = split_key(at);
        let block = Block::decode(at, value).map_err(|reason| self.damaged(seq, reason))?;
        match block.header.epoch == self.history.id(seq).epoch() {
            true => Ok(block),
            false => Err(self.damaged(seq, "a block was written by another log")),
        }
    }

    fn show(
        &self,
        block: &Block<'_>,
        from: u64,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<u64>, LogError> {
        let flow = match block.header.fragments {
            0 => self.show_records(block, from, visit),
            _ => self.show_whole(block, from, visit)?,
        };
        self.next.set(from.max(block.header.last() + 1));
        Ok(flow)
    }

    fn show_records(
        &self,
        block: &Block<'_>,
        from: u64,
        visit: &mut Visit<'_>,
    ) -> ControlFlow<u64> {
        let includes =
            |topic: Option<&str>| self.topics.includes(topic) || planted("replay-without-filter");
        for record in block.records(from, self.last, includes) {
            let seq = record.id.seq();
            if visit(record).is_break() {
                return ControlFlow::Break(seq);
            }
        }
        ControlFlow::Continue(())
    }

    /// Shows a record that lies in fragments.
    fn show_whole(
        &self,
        block: &Block<'_>,
        from: u64,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<u64>, LogError> {
        let seq = block.header.first;
        let topic = block.whole(&[]).and_then(|record| record.topic);
        if seq < from || !self.topics.includes(topic) {
            return Ok(ControlFlow::Continue(()));
        }
        let mut data = block.data().to_vec();
        for fragment in 1..block.header.fragments {
            let at = key(seq, fragment);
            let Some(value) = self.open.database.get(&at)? else {
                return Err(self.damaged(seq, "a fragment is missing"));
            };
            data.extend_from_slice(self.check(&at, &value)?.data());
        }
        if data.len() != block.whole_length() {
            return Err(self.damaged(seq, "the fragments do not make a whole"));
        }
        let Some(record) = block.whole(&data) else {
            return Err(self.damaged(seq, "the first fragment describes no record"));
        };
        Ok(match visit(record) {
            ControlFlow::Break(()) => ControlFlow::Break(seq),
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
        })
    }

    fn damaged(&self, first: u64, reason: &str) -> LogError {
        LogError::Damaged {
            path: self.open.database.path().into(),
            first,
            last: self.last.max(first),
            reason: reason.into(),
        }
    }
}
