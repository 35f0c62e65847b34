//! What the app lets through, event by event.

use super::control::{self, CloseReason, Gap};
use super::cursor::{Cursor, Step};
use super::page::PAGE_BYTES;
use super::received::Delivered;
use super::unreadable::Unreadable;
use crate::event::{DecodeError, Renewal, SseEvent, decode_caught};
use crate::id::EventId;
use crate::planted::planted;
use crate::tail::Record;
use crate::unwind::caught;
use crate::wire;
use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

/// A filter of the app's own.
pub(super) struct Filter<E>(Arc<dyn Fn(&E) -> bool + Send + Sync>);

/// A filter has panicked, which has been logged. What it would have said is not known.
#[derive(Debug, thiserror::Error)]
#[error("the subscription's filter panicked")]
pub(super) struct Panicked;

impl<E: SseEvent> Filter<E> {
    pub(super) fn new(filter: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Filter(Arc::new(filter))
    }

    /// Lets through what both let through.
    pub(super) fn and(self, filter: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Filter::new(move |event| (self.0)(event) && filter(event))
    }

    /// Whether it lets an event through.
    pub(super) fn shows(&self, event: &E) -> Result<bool, Panicked> {
        if planted("filter-ignored") {
            return Ok(true);
        }
        caught(|| (self.0)(event)).map_err(|_| {
            tracing::error!("a filter panicked, and its stream ends");
            Panicked
        })
    }

    /// A close of a topic is no event, and is always shown.
    fn sift(&self, record: &Record, renewal: &Renewal) -> Result<Sifted, DecodeError> {
        if record.closes().is_some() {
            return Ok(Sifted::Shown(None));
        }
        Ok(match self.shows(&decode_caught(record.raw())?) {
            Ok(true) if renewal.is_due(&record.name, record.version, record.id.seq()) => {
                let mut data = Vec::new();
                let name = renewal.renew(record.raw(), &mut data)?;
                Sifted::Shown(Some((name, data)))
            }
            Ok(true) => Sifted::Shown(None),
            Ok(false) => Sifted::Hidden,
            Err(Panicked) => Sifted::Panicked,
        })
    }
}

impl<E> Clone for Filter<E> {
    fn clone(&self) -> Self {
        Filter(self.0.clone())
    }
}

/// A record as the event that it is.
pub(super) fn decode<E: SseEvent>(record: &Record) -> Result<Delivered<E>, DecodeError> {
    Ok(Delivered {
        id: record.id,
        topic: record.topic.clone(),
        time: UNIX_EPOCH + Duration::from_millis(record.time_ms),
        event: decode_caught(record.raw())?,
    })
}

/// What a filter makes of a record.
enum Sifted {
    /// As it is; or as it is written today, name and payload.
    Shown(Option<(&'static str, Vec<u8>)>),
    Hidden,
    Panicked,
}

type Sift = dyn FnMut(&Record) -> Result<Sifted, DecodeError> + Send;

/// A response's frames, of which a filter takes some out. Every record is read as an event and
/// rendered anew, on the task that drives the response.
pub(super) struct Sieve {
    cursor: Cursor<Vec<Record>>,
    sift: Box<Sift>,
    /// Read, but not yet sifted.
    records: VecDeque<Record>,
    unreadable: Unreadable,
    /// Comes after the frames before it.
    next: Option<Step<Bytes>>,
    closed: bool,
}

/// How many records in a row a poll may hide, before others have their turn.
pub(super) const MOST_HIDDEN: usize = 1024;

impl Sieve {
    pub(super) fn new<E: SseEvent>(cursor: Cursor<Vec<Record>>, filter: Filter<E>) -> Self {
        let renewal = cursor.core().renewal.clone();
        let unreadable = Unreadable::new(&cursor.core().ids, &renewal);
        let sift = Box::new(move |record: &Record| filter.sift(record, &renewal));
        Sieve { cursor, sift, records: VecDeque::new(), unreadable, next: None, closed: false }
    }

    pub(super) fn cursor(&self) -> &Cursor<Vec<Record>> {
        &self.cursor
    }

    pub(super) fn cursor_mut(&mut self) -> &mut Cursor<Vec<Record>> {
        &mut self.cursor
    }

    /// The seq of the last record that has been sifted or passed over.
    pub(super) fn at(&self) -> u64 {
        let next = || self.records.front().map(|next| next.id.seq().saturating_sub(1));
        let row = self.unreadable.before().map(EventId::seq);
        row.or_else(next).unwrap_or_else(|| self.cursor.at())
    }

    /// Whether there is nothing to be sifted now.
    pub(super) fn is_at_head(&self) -> bool {
        let is_empty = self.records.is_empty() && self.unreadable.before().is_none();
        is_empty && self.next.is_none() && self.cursor.is_at_head()
    }

    /// The next step; none after [`Step::Closed`].
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step<Bytes>>> {
        let copies = self.cursor.core().tail.copies().clone();
        let (mut frames, most) = (Vec::new(), copies.page_bytes(PAGE_BYTES));
        let (mut shown, mut hidden, ids) = (0, 0, self.cursor.core().ids.clone());
        let tell = |gap: Option<Gap>, frames: &mut Vec<u8>, shown: &mut u64| {
            if let Some(gap) = gap {
                frames.extend_from_slice(&control::gap(&ids, &gap, true));
                *shown = gap.resumed_after.seq();
            }
        };
        loop {
            if self.closed {
                return Poll::Ready(None);
            }
            if let Some(step) = self.next.take() {
                self.closed = matches!(step, Step::Closed(_));
                return Poll::Ready(Some(step));
            }
            // Somebody who is no longer to see anything does not see what was read before, either.
            if let Some(reason) = self.cursor.ended() {
                self.records.clear();
                self.unreadable.forget();
                self.next = Some(Step::Closed(reason));
                continue;
            }
            while let Some(record) = self.records.pop_front() {
                match (self.sift)(&record) {
                    Ok(Sifted::Shown(renewed)) => {
                        tell(self.unreadable.end(), &mut frames, &mut shown);
                        let (name, data) = match &renewed {
                            Some((name, data)) => (*name, &data[..]),
                            None => (&*record.name, &record.data[..]),
                        };
                        wire::write_checked_event(&mut frames, ids.event(record.id), name, data);
                        shown = record.id.seq();
                    }
                    Ok(Sifted::Hidden) => hidden += 1,
                    Ok(Sifted::Panicked) => {
                        tell(self.unreadable.end(), &mut frames, &mut shown);
                        self.next = Some(Step::Closed(CloseReason::Failed));
                    }
                    Err(error) => {
                        hidden += 1;
                        tell(self.unreadable.add(record.id, error), &mut frames, &mut shown);
                    }
                }
                if self.next.is_some() || frames.len() >= most {
                    break;
                }
            }
            if !frames.is_empty() {
                return Poll::Ready(Some(Step::Page { page: copies.hold(frames), shown }));
            }
            if self.next.is_some() {
                continue;
            }
            if hidden >= MOST_HIDDEN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let polled = self.cursor.poll_next(cx);
            let gap = self.unreadable.turn_page(self.cursor.goes_on(&polled));
            tell(gap, &mut frames, &mut shown);
            match polled {
                Poll::Ready(Some(Step::Page { page, .. })) => self.records = page.into(),
                Poll::Ready(Some(Step::Gap(gap))) => self.next = Some(Step::Gap(gap)),
                Poll::Ready(Some(Step::Closed(reason))) => self.next = Some(Step::Closed(reason)),
                Poll::Ready(None) => self.closed = true,
                Poll::Pending if frames.is_empty() => return Poll::Pending,
                Poll::Pending => {}
            }
            if !frames.is_empty() {
                return Poll::Ready(Some(Step::Page { page: copies.hold(frames), shown }));
            }
        }
    }
}

impl fmt::Debug for Sieve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sieve").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
