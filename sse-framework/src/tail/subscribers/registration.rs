//! One subscriber among all.

use super::Subscribers;
use super::lists::Place;
use super::ticket::{End, Ticket};
use crate::tail::ring::Tail;
use crate::topic::TopicSelection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

/// One subscriber's place among all.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(super) subscribers: Arc<Subscribers>,
    pub(super) place: Place,
    pub(super) number: u64,
    pub(super) topics: Arc<TopicSelection>,
    pub(super) ticket: Option<Arc<Ticket>>,
    /// The last waker was left at the head.
    pub(super) waits_at_head: bool,
}

impl Registration {
    pub(crate) fn topics(&self) -> &Arc<TopicSelection> {
        &self.topics
    }

    /// Why the hub wants this subscription to end, if it does.
    pub(crate) fn end(&self) -> Option<End> {
        let Subscribers { ended_below, drained_from, .. } = &*self.subscribers;
        if self.number < ended_below.load(Ordering::Acquire) {
            let drains = self.subscribers.drains();
            return Some(if drains { End::Drain } else { End::Disconnected });
        }
        if self.number >= drained_from.load(Ordering::Acquire) {
            return Some(End::Drain);
        }
        self.ticket.as_ref().and_then(|ticket| ticket.end())
    }

    /// Whether the hub wants this subscription to end.
    pub(crate) fn has_ended(&self) -> bool {
        self.end().is_some()
    }

    /// Leaves a waker. What the caller waits for must be looked at once more afterwards.
    pub(crate) fn wait(&mut self, waker: &Waker) {
        self.leave(waker, 0, || true);
        self.waits_at_head = false;
    }

    /// Leaves a waker and says true, if nothing stands in the tail after `at`.
    pub(crate) fn wait_at_head(&mut self, waker: &Waker, tail: &Tail, at: u64) -> bool {
        // Looked at under the lock: what is pushed later is told later, to this waker.
        let waits = self.leave(waker, at, || tail.head() <= at);
        self.waits_at_head |= waits;
        waits
    }

    fn leave(&self, waker: &Waker, at: u64, may_wait: impl FnOnce() -> bool) -> bool {
        let waker = waker.clone();
        let mut lists = self.subscribers.lists();
        if !may_wait() {
            // The clone goes after the lock.
            drop(lists);
            return false;
        }
        let old = lists.slot(self.place).and_then(|slot| {
            slot.at = at;
            slot.waker.replace(waker)
        });
        drop(lists);
        drop(old);
        true
    }

    /// How far one that stands at `at` has come by waiting: up to there it has missed nothing.
    pub(crate) fn passed(&mut self, at: u64) -> u64 {
        let (passed, waits) = self.look(at);
        self.waits_at_head = waits;
        passed
    }

    /// The same, and whether it waits at the head still.
    pub(crate) fn look(&self, at: u64) -> (u64, bool) {
        // Whoever reads everything is woken by the next record.
        if !self.waits_at_head || matches!(self.place, Place::Everything(_)) {
            return (at, self.waits_at_head);
        }
        let mut lists = self.subscribers.lists();
        let told = lists.told;
        let Some(slot) = lists.slot(self.place) else { return (at, false) };
        let waits = slot.waker.is_some();
        (at.max(if waits { told } else { slot.passed }), waits)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut lists = self.subscribers.lists();
        if let Some(ticket) = &self.ticket {
            lists.dismiss(self.place, ticket);
        }
        let slot = match self.place {
            Place::Everything(place) => lists.everything.try_remove(place),
            Place::Selecting(place) => {
                lists.index.remove(place, &self.topics);
                lists.selecting.try_remove(place)
            }
        };
        drop(lists);
        drop(slot);
    }
}
