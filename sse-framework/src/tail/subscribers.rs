//! Who waits for the next record, found by topic.

mod lists;
mod registration;
#[cfg(test)]
mod tests;
mod ticket;

pub(crate) use lists::{Full, Room};
pub(crate) use registration::Registration;
pub(crate) use ticket::{End, Ticket};

use self::lists::{Lists, Place, Slot};
use super::clock::Clock;
use crate::planted::planted;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::topic::{Topic, TopicSelection};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// All subscriptions of a hub.
///
/// # Wake-up
///
/// A subscriber that finds nothing to read leaves its waker, unless the head has moved meanwhile.
/// The publisher moves the head first and collects wakers afterwards, so one of the two sees the
/// other. Publishing touches those who read everything and those whom the [`Index`] finds; others
/// cost it nothing. Of those whom it finds only those are woken who read the topic: to be woken by
/// what one may not see would tell of it, by a gap where another who waits has none.
///
/// # Passing over
///
/// Who waits at the head and has not been woken has missed nothing, however far the log has gone
/// on: [`Registration::passed`] says up to where.
///
/// # Locking
///
/// A waker may own the task that owns a [`Registration`]. Under the lock none is cloned, dropped or
/// woken.
#[derive(Debug)]
pub(crate) struct Subscribers {
    lists: Mutex<Lists>,
    room: Room,
    next_number: AtomicU64,
    /// Subscriptions with a lower number are to end,
    ended_below: AtomicU64,
    /// and, once the hub drains, those that began later: with this number or a higher one.
    drained_from: AtomicU64,
    clock: Arc<Clock>,
}

impl Subscribers {
    pub(crate) fn new(room: Room) -> Self {
        Subscribers {
            lists: Mutex::default(),
            room,
            next_number: AtomicU64::new(0),
            ended_below: AtomicU64::new(0),
            drained_from: AtomicU64::new(u64::MAX),
            clock: Arc::default(),
        }
    }

    /// Adds a subscriber, until the registration is dropped, if there is room.
    pub(crate) fn register(
        self: &Arc<Self>,
        topics: Arc<TopicSelection>,
        ticket: Option<Ticket>,
    ) -> Result<Registration, Full> {
        let ticket = ticket.map(Arc::new);
        let mut lists = self.lists();
        lists.check(self.room, ticket.as_deref())?;
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let mut slot = Slot { number, ticket: ticket.clone(), ..Slot::default() };
        let place = if topics.is_everything() {
            Place::Everything(lists.everything.insert(slot))
        } else {
            slot.selection = topics.key_includes_others().then(|| topics.clone());
            let place = lists.selecting.insert(slot);
            lists.index.insert(place, &topics);
            Place::Selecting(place)
        };
        let until = ticket.as_deref().and_then(|ticket| lists.admit(place, ticket));
        drop(lists);
        if let (Some(until), Some(ticket)) = (until, &ticket) {
            self.limit(until, ticket);
        }
        let (subscribers, waits_at_head) = (self.clone(), false);
        Ok(Registration { subscribers, place, number, topics, ticket, waits_at_head })
    }

    /// Sees to it that a subscription ends in time.
    fn limit(self: &Arc<Self>, until: Instant, ticket: &Ticket) {
        if until <= Instant::now() {
            ticket.set(End::Expired);
        } else if let Err(error) = self.clock.set(until, self) {
            tracing::error!(%error, "a stream ends now, since no thread is to be had to end it later");
            ticket.set(End::Expired);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lists().count()
    }

    /// How many of them are this key's.
    pub(crate) fn count_of(&self, key: &str) -> usize {
        self.lists().count_of(key)
    }

    /// Wakes those who wait for an event of one of these topics, or for any: the records from
    /// `first` to `last` are in the tail.
    pub(crate) fn wake(&self, topics: &HashSet<Topic>, first: u64, last: u64) {
        let mut wakers = Vec::new();
        {
            let mut lists = self.lists();
            let Lists { everything, selecting, index, told, .. } = &mut *lists;
            *told = last.max(*told);
            let mut tell = |slot: &mut Slot| {
                // It may have come between the push and this, and have read all of it.
                if slot.at < last
                    && let Some(waker) = slot.waker.take()
                {
                    slot.passed = first.saturating_sub(1);
                    wakers.push(waker);
                }
            };
            everything.iter_mut().for_each(|(_, slot)| tell(slot));
            for topic in topics {
                index.find(topic.as_str(), |place| {
                    let Some(slot) = selecting.get_mut(place) else { return };
                    if slot.waker.is_none() {
                        // It is found once for each of its patterns that match.
                        return;
                    }
                    let reads =
                        |selection: &Arc<TopicSelection>| selection.includes(Some(topic.as_str()));
                    if slot.selection.as_ref().is_none_or(reads) {
                        tell(slot);
                    }
                });
            }
        }
        if planted("dropped-wake-up") {
            return;
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends every subscription of today.
    pub(crate) fn end_today(&self) {
        self.end_below(self.next_number.load(Ordering::Relaxed));
    }

    /// Ends every subscription, of today and later.
    pub(crate) fn end_all(&self) {
        self.drain();
        self.end_below(u64::MAX);
    }

    /// Ends every subscription that begins from now on, and says who is left to be
    /// [ended](Self::end_below): their numbers, in order.
    pub(crate) fn drain(&self) -> Vec<u64> {
        let lists = self.lists();
        // Numbers are given under the lock: who has a lower one is in the lists.
        self.drained_from.fetch_min(self.next_number.load(Ordering::Relaxed), Ordering::AcqRel);
        let mut numbers: Vec<u64> = lists.slots().map(|slot| slot.number).collect();
        drop(lists);
        numbers.sort_unstable();
        numbers
    }

    /// Ends the subscriptions with a lower number.
    pub(crate) fn end_below(&self, number: u64) {
        self.ended_below.fetch_max(number, Ordering::Release);
        let wakers: Vec<_> = {
            let mut lists = self.lists();
            let Lists { everything, selecting, told, .. } = &mut *lists;
            let slots = everything.iter_mut().chain(selecting.iter_mut());
            let ended = slots.filter(|(_, slot)| slot.number < number);
            ended.filter_map(|(_, slot)| slot.end(*told)).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends every subscription of this key, of today; how many there are.
    pub(crate) fn end_key(&self, key: &str) -> usize {
        let mut lists = self.lists();
        let places = lists.by_key.get(key).cloned().unwrap_or_default();
        let count = places.len();
        let wakers = lists.end(places, End::Disconnected);
        drop(lists);
        wakers.into_iter().for_each(Waker::wake);
        count
    }

    /// Ends those whose time is over; when the next one's is.
    pub(super) fn end_expired(&self, now: Instant) -> Option<Instant> {
        let mut lists = self.lists();
        let mut expired = Vec::new();
        while let Some((until, place)) = lists.expiring.pop_first() {
            if now < until {
                lists.expiring.insert((until, place));
                break;
            }
            expired.push(place);
        }
        let next = lists.expiring.first().map(|(until, _)| *until);
        let wakers = lists.end(expired, End::Expired);
        drop(lists);
        wakers.into_iter().for_each(Waker::wake);
        next
    }

    /// Whether subscriptions end that begin now.
    pub(crate) fn drains(&self) -> bool {
        self.drained_from.load(Ordering::Acquire) != u64::MAX
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        self.clock.stop();
    }
}
