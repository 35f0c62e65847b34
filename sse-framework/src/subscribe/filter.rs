//! What the app lets through, event by event.

use super::control::{CloseReason, Gap, GapReason};
use super::cursor::{Cursor, Step};
use super::page::{PAGE_BYTES, tell_unreadable};
use super::received::Delivered;
use crate::event::{DecodeError, Renewal, SseEvent};
use crate::id::Ids;
use crate::planted::planted;
use crate::tail::Record;
use crate::wire;
use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
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
        catch_unwind(AssertUnwindSafe(|| (self.0)(event))).map_err(|_| {
            tracing::error!("a filter panicked, and its stream ends");
            Panicked
        })
    }

    /// A close of a topic is no event, and is always shown.
    fn sift(&self, record: &Record, ids: &Ids, renewal: &Renewal) -> Sifted {
        if record.closes().is_some() {
            return Sifted::Shown;
        }
        match decode::<E>(record, ids) {
            Ok(Delivered { event, .. }) => match self.shows(&event) {
                Ok(true) if renewal.is_due(&record.name, record.version) => {
                    let mut data = Vec::new();
                    match renewal.renew(record.raw(), &mut data) {
                        Ok(name) => Sifted::Renewed(name, data),
                        Err(error) => Sifted::Unreadable(unread(&error, record, ids)),
                    }
                }
                Ok(true) => Sifted::Shown,
                Ok(false) => Sifted::Hidden,
                Err(Panicked) => Sifted::Panicked,
            },
            Err(gap) => Sifted::Unreadable(gap),
        }
    }
}

impl<E> Clone for Filter<E> {
    fn clone(&self) -> Self {
        Filter(self.0.clone())
    }
}

/// A record as the event that it is; else the gap that it leaves.
pub(super) fn decode<E: SseEvent>(record: &Record, ids: &Ids) -> Result<Delivered<E>, Gap> {
    match E::decode(record.raw()) {
        Ok(event) => Ok(Delivered {
            id: record.id,
            topic: record.topic.clone(),
            time: UNIX_EPOCH + Duration::from_millis(record.time_ms),
            event,
        }),
        Err(error) => Err(unread(&error, record, ids)),
    }
}

/// The gap that a record leaves.
fn unread(error: &DecodeError, record: &Record, ids: &Ids) -> Gap {
    let reason = match error {
        DecodeError::UnknownType { .. } => {
            tracing::debug!(%error, id = %record.id, "a record's event type has left the set");
            GapReason::RemovedType
        }
        _ => {
            tell_unreadable(error, record.id);
            GapReason::Unreadable
        }
    };
    let (asked, resumed_after) = (ids.event(record.id).to_string(), record.id);
    Gap { reason, asked, resumed_after }
}

/// What a filter makes of a record.
enum Sifted {
    Shown,
    /// As it is written today, name and payload.
    Renewed(&'static str, Vec<u8>),
    Hidden,
    Unreadable(Gap),
    Panicked,
}

/// A response's frames, of which a filter takes some out. Every record is read as an event and
/// rendered anew, on the task that drives the response.
pub(super) struct Sieve {
    cursor: Cursor<Vec<Record>>,
    sift: Box<dyn FnMut(&Record) -> Sifted + Send>,
    /// Read, but not yet sifted.
    records: VecDeque<Record>,
    /// Comes after the frames before it.
    next: Option<Step<Bytes>>,
    closed: bool,
}

/// How many records in a row a poll may hide, before others have their turn.
pub(super) const MOST_HIDDEN: usize = 1024;

impl Sieve {
    pub(super) fn new<E: SseEvent>(cursor: Cursor<Vec<Record>>, filter: Filter<E>) -> Self {
        let (ids, renewal) = (cursor.core().ids.clone(), cursor.core().renewal.clone());
        let sift = Box::new(move |record: &Record| filter.sift(record, &ids, &renewal));
        Sieve { cursor, sift, records: VecDeque::new(), next: None, closed: false }
    }

    pub(super) fn cursor(&self) -> &Cursor<Vec<Record>> {
        &self.cursor
    }

    pub(super) fn cursor_mut(&mut self) -> &mut Cursor<Vec<Record>> {
        &mut self.cursor
    }

    /// The seq of the last record that has been sifted or passed over.
    pub(super) fn at(&self) -> u64 {
        self.records.front().map_or(self.cursor.at(), |next| next.id.seq() - 1)
    }

    /// Whether there is nothing to be sifted now.
    pub(super) fn is_at_head(&self) -> bool {
        self.records.is_empty() && self.next.is_none() && self.cursor.is_at_head()
    }

    /// The next step; none after [`Step::Closed`].
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step<Bytes>>> {
        let copies = self.cursor.core().tail.copies().clone();
        let (mut frames, most) = (Vec::new(), copies.page_bytes(PAGE_BYTES));
        let (mut shown, mut hidden) = (0, 0);
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
                self.next = Some(Step::Closed(reason));
                continue;
            }
            while let Some(record) = self.records.pop_front() {
                match (self.sift)(&record) {
                    Sifted::Shown => {
                        let Record { id, name, data, .. } = &record;
                        let text = self.cursor.core().ids.event(*id);
                        wire::write_checked_event(&mut frames, text, name, data);
                        shown = id.seq();
                    }
                    Sifted::Renewed(name, data) => {
                        let text = self.cursor.core().ids.event(record.id);
                        wire::write_checked_event(&mut frames, text, name, &data);
                        shown = record.id.seq();
                    }
                    Sifted::Hidden => hidden += 1,
                    Sifted::Unreadable(gap) => self.next = Some(Step::Gap(gap)),
                    Sifted::Panicked => self.next = Some(Step::Closed(CloseReason::Failed)),
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
            match ready!(self.cursor.poll_next(cx)) {
                Some(Step::Page { page, .. }) => self.records = page.into(),
                Some(Step::Gap(gap)) => self.next = Some(Step::Gap(gap)),
                Some(Step::Closed(reason)) => self.next = Some(Step::Closed(reason)),
                None => self.closed = true,
            }
        }
    }
}

impl fmt::Debug for Sieve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sieve").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
