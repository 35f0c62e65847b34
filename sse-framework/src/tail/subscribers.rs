//! Who waits for the next record, found by topic.

use super::index::Index;
use super::ring::Tail;
use crate::planted::planted;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::topic::{Topic, TopicSelection};
use slab::Slab;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

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
    next_number: AtomicU64,
    /// Subscriptions with a lower number are to end,
    ended_below: AtomicU64,
    /// and, once the hub drains, those that began later: with this number or a higher one.
    drained_from: AtomicU64,
}

#[derive(Debug, Default)]
struct Lists {
    everything: Slab<Slot>,
    selecting: Slab<Slot>,
    /// Places in `selecting`.
    index: Index,
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
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Everything(usize),
    Selecting(usize),
}

impl Subscribers {
    /// Adds a subscriber, until the registration is dropped.
    pub(crate) fn register(self: &Arc<Self>, topics: Arc<TopicSelection>) -> Registration {
        let mut lists = self.lists();
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let mut slot = Slot { number, ..Slot::default() };
        let place = if topics.is_everything() {
            Place::Everything(lists.everything.insert(slot))
        } else {
            slot.selection = topics.keys_include_others().then(|| topics.clone());
            let place = lists.selecting.insert(slot);
            lists.index.insert(place, &topics);
            Place::Selecting(place)
        };
        drop(lists);
        Registration { subscribers: self.clone(), place, number, topics, waits_at_head: false }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        let lists = self.lists();
        lists.everything.len() + lists.selecting.len()
    }

    /// Wakes those who wait for an event of one of these topics, or for any: the records from
    /// `first` to `last` are in the tail.
    pub(crate) fn wake(&self, topics: &HashSet<Topic>, first: u64, last: u64) {
        let mut wakers = Vec::new();
        {
            let mut lists = self.lists();
            let Lists { everything, selecting, index, told } = &mut *lists;
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
            let take = |slot: &mut Slot| {
                let waker = slot.waker.take()?;
                slot.passed = *told;
                Some(waker)
            };
            let ended = slots.filter(|(_, slot)| slot.number < number);
            ended.filter_map(|(_, slot)| take(slot)).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether subscriptions end that begin now.
    pub(crate) fn drains(&self) -> bool {
        self.drained_from.load(Ordering::Acquire) != u64::MAX
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Subscribers {
    fn default() -> Self {
        Subscribers {
            lists: Mutex::default(),
            next_number: AtomicU64::new(0),
            ended_below: AtomicU64::new(0),
            drained_from: AtomicU64::new(u64::MAX),
        }
    }
}

impl Lists {
    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.everything.iter().chain(self.selecting.iter()).map(|(_, slot)| slot)
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
    /// The last waker was left at the head.
    waits_at_head: bool,
}

impl Registration {
    pub(crate) fn topics(&self) -> &Arc<TopicSelection> {
        &self.topics
    }

    /// Whether the hub wants this subscription to end.
    pub(crate) fn has_ended(&self) -> bool {
        self.number < self.subscribers.ended_below.load(Ordering::Acquire)
            || self.number >= self.subscribers.drained_from.load(Ordering::Acquire)
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
        // Whoever reads everything is woken by the next record.
        if !self.waits_at_head || matches!(self.place, Place::Everything(_)) {
            return at;
        }
        let mut lists = self.subscribers.lists();
        let told = lists.told;
        let Some(slot) = lists.slot(self.place) else { return at };
        self.waits_at_head = slot.waker.is_some();
        at.max(if self.waits_at_head { told } else { slot.passed })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut lists = self.subscribers.lists();
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

    fn waiting(
        subscribers: &Arc<Subscribers>,
        topics: TopicSelection,
    ) -> (Registration, Arc<Count>) {
        let mut registration = subscribers.register(Arc::new(topics));
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
        let subscribers = Arc::new(Subscribers::default());
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
        let (subscribers, tail) = (Arc::new(Subscribers::default()), Tail::new(4, 0, 0));
        let mut b = subscribers.register(Arc::new(filter("b")));
        assert!(!b.wait_at_head(Waker::noop(), &tail, 3), "the head has moved");
        assert_eq!(b.passed(3), 3);
        assert!(b.wait_at_head(Waker::noop(), &tail, 4));
        subscribers.wake(&topics(&["a"]), 5, 6);
        assert_eq!(b.passed(4), 6);
        subscribers.wake(&topics(&["a", "b"]), 7, 8);
        subscribers.wake(&topics(&["a"]), 9, 9);
        assert_eq!((b.passed(4), b.passed(4)), (6, 4), "what woke it stands after 6");

        b.wait(Waker::noop());
        subscribers.wake(&topics(&["b"]), 10, 10);
        assert_eq!(b.passed(4), 4, "it waited for something else");
    }

    #[test]
    fn who_has_read_the_news_before_it_is_told_is_not_woken() {
        let (subscribers, tail) = (Arc::new(Subscribers::default()), Tail::new(7, 0, 0));
        for selection in [filter("b"), TopicSelection::everything()] {
            let mut waits = subscribers.register(Arc::new(selection));
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
            let (subscribers, tail) = (Arc::new(Subscribers::default()), Tail::new(1, 0, 0));
            let owning = || {
                let registration = subscribers.register(Arc::new(filter("a")));
                Waker::from(Arc::new(Owner { _registration: registration }))
            };
            let mut waits = subscribers.register(Arc::new(filter("b")));
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
        let subscribers = Arc::new(Subscribers::default());
        let crowd: Vec<_> = (0..60_000).map(|_| waiting(&subscribers, filter("a"))).collect();
        let begun = std::time::Instant::now();
        drop(crowd);
        assert!(begun.elapsed() < std::time::Duration::from_secs(10));
        assert_eq!(subscribers.count(), 0);
    }

    #[test]
    fn ending_reaches_todays_subscribers_or_all() {
        let subscribers = Arc::new(Subscribers::default());
        let (today, woken) = waiting(&subscribers, TopicSelection::everything());
        subscribers.end_today();
        assert!(today.has_ended() && woken.0.load(Ordering::Relaxed) == 1);
        let tomorrow = subscribers.register(Arc::new(TopicSelection::everything()));
        assert!(!tomorrow.has_ended());
        subscribers.end_all();
        assert!(tomorrow.has_ended() && subscribers.drains());
    }
}
