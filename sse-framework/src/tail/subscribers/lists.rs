//! Who there is, found by place, by topic, by key and by time. All of it lies under one lock.

use super::ticket::{End, Ticket};
use crate::tail::index::Index;
use crate::topic::TopicSelection;
use slab::Slab;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

/// How many subscriptions there may be at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) all: usize,
    pub(crate) per_key: usize,
}

/// Why there is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// So many there are in all,
    All(usize),
    /// or of its key.
    Key(usize),
}

#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) everything: Slab<Slot>,
    pub(super) selecting: Slab<Slot>,
    /// Places in `selecting`.
    pub(super) index: Index,
    pub(super) by_key: HashMap<Arc<str>, BTreeSet<Place>>,
    pub(super) expiring: BTreeSet<(Instant, Place)>,
    /// The newest record that was told of.
    pub(super) told: u64,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) number: u64,
    pub(super) waker: Option<Waker>,
    /// Where the waker was left at the head, or 0: news up to there are none to it.
    pub(super) at: u64,
    /// The record before the news that took the waker; or if the end took it, what was told then.
    pub(super) passed: u64,
    /// Asked for those whom the index finds for topics that they do not read.
    pub(super) selection: Option<Arc<TopicSelection>>,
    pub(super) ticket: Option<Arc<Ticket>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Everything(usize),
    Selecting(usize),
}

impl Slot {
    /// Gives out the waker of one that is to end, as of the newest record that was `told` of.
    pub(super) fn end(&mut self, told: u64) -> Option<Waker> {
        let waker = self.waker.take()?;
        self.passed = told;
        Some(waker)
    }
}

impl Lists {
    pub(super) fn count(&self) -> usize {
        self.everything.len() + self.selecting.len()
    }

    pub(super) fn count_of(&self, key: &str) -> usize {
        self.by_key.get(key).map_or(0, BTreeSet::len)
    }

    /// Whether there is room for one more with this ticket.
    pub(super) fn check(&self, room: Room, ticket: Option<&Ticket>) -> Result<(), Full> {
        let key = ticket.and_then(|ticket| ticket.key.as_deref());
        if key.is_some_and(|key| self.count_of(key) >= room.per_key) {
            return Err(Full::Key(room.per_key));
        }
        match self.count() >= room.all {
            true => Err(Full::All(room.all)),
            false => Ok(()),
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.everything.iter().chain(self.selecting.iter()).map(|(_, slot)| slot)
    }

    /// Notes whose a subscription is, and when it expires, which it returns.
    pub(super) fn admit(&mut self, place: Place, ticket: &Ticket) -> Option<Instant> {
        if let Some(key) = &ticket.key {
            self.by_key.entry(key.clone()).or_default().insert(place);
        }
        let until = ticket.until?;
        self.expiring.insert((until, place));
        Some(until)
    }

    /// Undoes [`admit`](Self::admit).
    pub(super) fn dismiss(&mut self, place: Place, ticket: &Ticket) {
        if let Some(key) = &ticket.key
            && let Some(places) = self.by_key.get_mut(key)
        {
            places.remove(&place);
            if places.is_empty() {
                self.by_key.remove(key);
            }
        }
        if let Some(until) = ticket.until {
            self.expiring.remove(&(until, place));
        }
    }

    /// Ends these, and gives out their wakers.
    pub(super) fn end(&mut self, places: impl IntoIterator<Item = Place>, end: End) -> Vec<Waker> {
        let told = self.told;
        let wakers = places.into_iter().filter_map(|place| {
            let slot = self.slot(place)?;
            slot.ticket.as_ref()?.set(end);
            slot.end(told)
        });
        wakers.collect()
    }

    pub(super) fn slot(&mut self, place: Place) -> Option<&mut Slot> {
        let slot = match place {
            Place::Everything(place) => self.everything.get_mut(place),
            Place::Selecting(place) => self.selecting.get_mut(place),
        };
        debug_assert!(slot.is_some(), "a registration has its place until it is dropped");
        slot
    }
}
