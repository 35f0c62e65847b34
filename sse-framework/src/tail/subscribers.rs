//! Who waits for the next record, found by topic.

use super::clock::Clock;
use super::index::Index;
use super::ring::Tail;
use crate::planted::planted;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::topic::{Topic, TopicSelection};
use slab::Slab;
use std::collections::{BTreeSet, HashMap, HashSet};
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

/// Why a subscription is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All of them are, later ones too.
    Drain,
    /// The app said so.
    Disconnected,
    /// Its time is over.
    Expired,
}

/// Whose a subscription is, and how long it may last.
#[derive(Debug)]
pub(crate) struct Ticket {
    key: Option<Arc<str>>,
    until: Option<Instant>,
    /// 0, or an [`End`] of this subscription's own.
    end: AtomicU64,
}

#[derive(Debug, Default)]
struct Lists {
    everything: Slab<Slot>,
    selecting: Slab<Slot>,
    /// Places in `selecting`.
    index: Index,
    by_key: HashMap<Arc<str>, BTreeSet<Place>>,
    expiring: BTreeSet<(Instant, Place)>,
    /// The newest record that was told of.
    told: u64,
}

#[derive(Debug, Default)]
struct Slot {
    number: u64,
    waker: Option<Waker>,
    /// Where the waker was left at the head, or 0: news up to there are none to it.
    at: u64,
    /// The record before the news that took the waker; or if the end took it, what was told then.
    passed: u64,
    /// Asked for those whom the index finds for topics that they do not read.
    selection: Option<Arc<TopicSelection>>,
    ticket: Option<Arc<Ticket>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Everything(usize),
    Selecting(usize),
}

impl Ticket {
    pub(crate) fn new(key: Option<Arc<str>>, until: Option<Instant>) -> Self {
        Ticket { key, until, end: AtomicU64::new(0) }
    }

    fn end(&self) -> Option<End> {
        [End::Disconnected, End::Expired]
            .into_iter()
            .find(|end| *end as u64 == self.end.load(Ordering::Acquire))
    }

    fn set(&self, end: End) {
        if planted("end-of-one-ignored") {
            return;
        }
        self.end.store(end as u64, Ordering::Release);
    }
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
            slot.selection = topics.keys_include_others().then(|| topics.clone());
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

impl Slot {
    /// Gives out the waker of one that is to end, as of the newest record that was `told` of.
    fn end(&mut self, told: u64) -> Option<Waker> {
        let waker = self.waker.take()?;
        self.passed = told;
        Some(waker)
    }
}

impl Lists {
    fn count(&self) -> usize {
        self.everything.len() + self.selecting.len()
    }

    fn count_of(&self, key: &str) -> usize {
        self.by_key.get(key).map_or(0, BTreeSet::len)
    }

    /// Whether there is room for one more with this ticket.
    fn check(&self, room: Room, ticket: Option<&Ticket>) -> Result<(), Full> {
        let key = ticket.and_then(|ticket| ticket.key.as_deref());
        if key.is_some_and(|key| self.count_of(key) >= room.per_key) {
            return Err(Full::Key(room.per_key));
        }
        match self.count() >= room.all {
            true => Err(Full::All(room.all)),
            false => Ok(()),
        }
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.everything.iter().chain(self.selecting.iter()).map(|(_, slot)| slot)
    }

    /// Notes whose a subscription is, and when it expires, which it returns.
    fn admit(&mut self, place: Place, ticket: &Ticket) -> Option<Instant> {
        if let Some(key) = &ticket.key {
            self.by_key.entry(key.clone()).or_default().insert(place);
        }
        let until = ticket.until?;
        self.expiring.insert((until, place));
        Some(until)
    }

    /// Undoes [`admit`](Self::admit).
    fn dismiss(&mut self, place: Place, ticket: &Ticket) {
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
    fn end(&mut self, places: impl IntoIterator<Item = Place>, end: End) -> Vec<Waker> {
        let told = self.told;
        let wakers = places.into_iter().filter_map(|place| {
            let slot = self.slot(place)?;
            slot.ticket.as_ref()?.set(end);
            slot.end(told)
        });
        wakers.collect()
    }

    fn slot(&mut self, place: Place) -> Option<&mut Slot> {
        let slot = match place {
            Place::Everything(place) => self.everything.get_mut(place),
            Place::Selecting(place) => self.selecting.get_mut(place),
        };
        debug_assert!(slot.is_some(), "a registration has its place until it is dropped");
        slot
    }
}

/// One subscriber's place among all.
#[derive(Debug)]
pub(crate) struct Registration {
    subscribers: Arc<Subscribers>,
    place: Place,
    number: u64,
    topics: Arc<TopicSelection>,
    ticket: Option<Arc<Ticket>>,
    /// The last waker was left at the head.
    waits_at_head: bool,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::TopicFilter;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn unbounded() -> Arc<Subscribers> {
        Arc::new(Subscribers::new(Room { all: usize::MAX, per_key: usize::MAX }))
    }

    fn waiting(
        subscribers: &Arc<Subscribers>,
        topics: TopicSelection,
    ) -> (Registration, Arc<Count>) {
        let mut registration = subscribers.register(Arc::new(topics), None).unwrap();
        let count = Arc::new(Count::default());
        registration.wait(&count.clone().into());
        (registration, count)
    }

    fn filter(text: &str) -> TopicSelection {
        TopicSelection::of([text.parse::<TopicFilter>().unwrap()])
    }

    fn topics(topics: &[&str]) -> HashSet<Topic> {
        topics.iter().map(|topic| topic.parse().unwrap()).collect()
    }

    #[test]
    fn an_event_wakes_those_who_read_its_topic_and_nobody_else() {
        let subscribers = unbounded();
        let all = waiting(&subscribers, TopicSelection::everything());
        let a = waiting(&subscribers, filter("a"));
        let b = waiting(&subscribers, filter("b"));
        let under = waiting(&subscribers, filter("a/**"));
        let pattern = waiting(&subscribers, filter("*"));
        assert_eq!(subscribers.count(), 5);

        subscribers.wake(&topics(&["a"]), 1, 1);
        let woken =
            [&all, &a, &b, &under, &pattern].map(|(_, count)| count.0.load(Ordering::Relaxed));
        assert_eq!(woken, [1, 1, 0, 1, 1]);

        subscribers.wake(&topics(&["a"]), 2, 3);
        assert_eq!(a.1.0.load(Ordering::Relaxed), 1, "a waker is used once");
        drop((all, a, b, under, pattern));
        assert_eq!(subscribers.count(), 0);
    }

    #[test]
    fn who_waits_at_the_head_has_passed_what_did_not_wake_it() {
        let (subscribers, tail) = (unbounded(), Tail::new(4, 0, 0));
        let mut b = subscribers.register(Arc::new(filter("b")), None).unwrap();
        assert!(!b.wait_at_head(Waker::noop(), &tail, 3), "the head has moved");
        assert_eq!(b.passed(3), 3);
        assert!(b.wait_at_head(Waker::noop(), &tail, 4));
        subscribers.wake(&topics(&["a"]), 5, 6);
        assert_eq!((b.look(4), b.look(4), b.passed(4)), ((6, true), (6, true), 6));
        subscribers.wake(&topics(&["a", "b"]), 7, 8);
        subscribers.wake(&topics(&["a"]), 9, 9);
        assert_eq!((b.passed(4), b.passed(4)), (6, 4), "what woke it stands after 6");

        b.wait(Waker::noop());
        subscribers.wake(&topics(&["b"]), 10, 10);
        assert_eq!(b.passed(4), 4, "it waited for something else");
    }

    #[test]
    fn who_has_read_the_news_before_it_is_told_is_not_woken() {
        let (subscribers, tail) = (unbounded(), Tail::new(7, 0, 0));
        for selection in [filter("b"), TopicSelection::everything()] {
            let mut waits = subscribers.register(Arc::new(selection), None).unwrap();
            let count = Arc::new(Count::default());
            assert!(waits.wait_at_head(&count.clone().into(), &tail, 7));
            subscribers.wake(&topics(&["b"]), 6, 7);
            assert_eq!(count.0.load(Ordering::Relaxed), 0);
            subscribers.wake(&topics(&["b"]), 8, 8);
            assert_eq!(count.0.load(Ordering::Relaxed), 1);
        }
    }

    /// A task that owns its registration and is owned by its waker, as some executors have it.
    struct Owner {
        _registration: Registration,
    }

    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_waker_may_own_a_registration() {
        let (done, finished) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let (subscribers, tail) = (unbounded(), Tail::new(1, 0, 0));
            let owning = || {
                let registration = subscribers.register(Arc::new(filter("a")), None).unwrap();
                Waker::from(Arc::new(Owner { _registration: registration }))
            };
            let mut waits = subscribers.register(Arc::new(filter("b")), None).unwrap();
            waits.wait(&owning());
            waits.wait(&owning());
            waits.wait_at_head(&owning(), &tail, 1);
            waits.wait_at_head(&owning(), &tail, 0);
            subscribers.wake(&topics(&["b"]), 2, 2);
            waits.wait(&owning());
            subscribers.end_today();
            waits.wait(&owning());
            drop(waits);
            done.send(subscribers.count()).unwrap();
        });
        let left = finished.recv_timeout(std::time::Duration::from_secs(10));
        assert_eq!(left, Ok(0), "the lock is free when a waker goes");
    }

    #[test]
    fn leaving_a_crowded_topic_does_not_mean_searching_the_crowd() {
        let subscribers = unbounded();
        let crowd: Vec<_> = (0..60_000).map(|_| waiting(&subscribers, filter("a"))).collect();
        let begun = Instant::now();
        drop(crowd);
        assert!(begun.elapsed() < std::time::Duration::from_secs(10));
        assert_eq!(subscribers.count(), 0);
    }

    #[test]
    fn ending_reaches_todays_subscribers_or_all() {
        let subscribers = unbounded();
        let (today, woken) = waiting(&subscribers, TopicSelection::everything());
        subscribers.end_today();
        assert!(today.has_ended() && woken.0.load(Ordering::Relaxed) == 1);
        let tomorrow = subscribers.register(Arc::new(TopicSelection::everything()), None).unwrap();
        assert!(!tomorrow.has_ended());
        subscribers.end_all();
        assert!(tomorrow.has_ended() && subscribers.drains());
    }

    fn of(subscribers: &Arc<Subscribers>, key: &str, until: Option<Instant>) -> Registration {
        let ticket = Ticket::new(Some(key.into()), until);
        subscribers.register(Arc::new(filter("a")), Some(ticket)).unwrap()
    }

    #[test]
    fn the_end_of_a_key_is_that_of_its_subscribers_of_today() {
        let subscribers = unbounded();
        let (ann, bob) = (of(&subscribers, "ann", None), of(&subscribers, "bob", None));
        assert_eq!((subscribers.end_key("ann"), subscribers.end_key("eve")), (1, 0));
        let later = of(&subscribers, "ann", None);
        assert_eq!(
            [&ann, &bob, &later].map(Registration::end),
            [Some(End::Disconnected), None, None]
        );
        assert_eq!(subscribers.count_of("ann"), 2);
        drop((ann, bob, later));
        assert!(subscribers.lists().by_key.is_empty(), "nothing is left behind");
    }

    #[test]
    fn those_whose_time_is_over_end_and_who_has_gone_is_forgotten() {
        let subscribers = unbounded();
        let (now, second) = (Instant::now(), std::time::Duration::from_secs(1));
        // Times that the clock itself does not reach in this test.
        let due = |seconds: u32| Some(now + (3600 + seconds) * second);
        let at = |seconds| of(&subscribers, "ann", due(seconds));
        let (one, gone, two) = (at(1), at(1), at(2));
        drop(gone);
        assert_eq!(subscribers.end_expired(now), due(1));
        assert_eq!(subscribers.end_expired(due(1).unwrap()), due(2));
        assert_eq!([&one, &two].map(Registration::end), [Some(End::Expired), None]);
        assert_eq!(subscribers.end_expired(due(9).unwrap()), None);
        assert_eq!(two.end(), Some(End::Expired));
    }

    #[test]
    fn there_are_never_more_than_there_is_room_for_and_who_goes_makes_room() {
        let subscribers = Arc::new(Subscribers::new(Room { all: 5, per_key: 2 }));
        let register = |key: Option<&str>| {
            let ticket = key.map(|key| Ticket::new(Some(key.into()), None));
            subscribers.register(Arc::new(filter("a")), ticket)
        };
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (register, subscribers) = (&register, &subscribers);
                scope.spawn(move || {
                    for n in 0..2000 {
                        let key = [None, Some("ann"), Some("bob")][(thread + n) % 3];
                        let held = [register(key), register(key)];
                        assert!(subscribers.count() <= 5);
                        assert!(subscribers.count_of("ann") <= 2);
                        drop(held);
                    }
                });
            }
        });
        assert_eq!(subscribers.count(), 0);
        let ann: Vec<_> = (0..2).map(|_| register(Some("ann")).unwrap()).collect();
        assert_eq!(register(Some("ann")).unwrap_err(), Full::Key(2));
        let others: Vec<_> = (0..3).map(|_| register(None).unwrap()).collect();
        assert_eq!(register(Some("bob")).unwrap_err(), Full::All(5));
        assert_eq!(register(Some("ann")).unwrap_err(), Full::Key(2), "the nearer reason");
        drop((ann, others));
        assert!(subscribers.lists().by_key.is_empty());
    }
}
