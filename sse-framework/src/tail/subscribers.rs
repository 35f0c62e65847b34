//! Who waits for the next record, found by topic.

use crate::topic::{Topic, TopicSelection};
use slab::Slab;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// All subscriptions of a hub.
///
/// # Wake-up
///
/// A subscriber that finds nothing to read leaves its waker, then looks again. The publisher moves
/// the head first and collects wakers afterwards, so one of the two sees the other. Publishing
/// touches the subscribers of its topic, those with patterns, and those that read everything;
/// others cost it nothing.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    lists: Mutex<Lists>,
    next_number: AtomicU64,
    /// Subscriptions with a lower number are to end.
    ended_below: AtomicU64,
}

#[derive(Debug, Default)]
struct Lists {
    everything: Slab<Option<Waker>>,
    patterns: Slab<(Arc<TopicSelection>, Option<Waker>)>,
    exact: Slab<Option<Waker>>,
    /// Places in `exact`.
    by_topic: HashMap<Topic, Vec<usize>>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Everything(usize),
    Pattern(usize),
    Exact(usize),
}

impl Subscribers {
    /// Adds a subscriber, until the registration is dropped.
    pub(crate) fn register(self: &Arc<Self>, topics: Arc<TopicSelection>) -> Registration {
        let mut lists = self.lists();
        let place = if topics.is_everything() {
            Place::Everything(lists.everything.insert(None))
        } else if let Some(exact) = topics.exact_topics() {
            let place = lists.exact.insert(None);
            for topic in exact {
                lists.by_topic.entry(topic.clone()).or_default().push(place);
            }
            Place::Exact(place)
        } else {
            Place::Pattern(lists.patterns.insert((topics.clone(), None)))
        };
        drop(lists);
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        Registration { subscribers: self.clone(), place, number, topics }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        let lists = self.lists();
        lists.everything.len() + lists.patterns.len() + lists.exact.len()
    }

    /// Wakes those who wait for an event of one of these topics.
    pub(crate) fn wake(&self, topics: &[Option<Topic>]) {
        let mut wakers = Vec::new();
        {
            let mut lists = self.lists();
            let Lists { everything, patterns, exact, by_topic } = &mut *lists;
            wakers.extend(everything.iter_mut().filter_map(|(_, waker)| waker.take()));
            for topic in topics {
                let topic = topic.as_ref();
                let waiting = patterns.iter_mut().filter(|(_, (selection, waker))| {
                    waker.is_some() && selection.includes(topic.map(Topic::as_str))
                });
                wakers.extend(waiting.filter_map(|(_, (_, waker))| waker.take()));
                for place in topic.and_then(|topic| by_topic.get(topic)).into_iter().flatten() {
                    wakers.extend(exact.get_mut(*place).and_then(Option::take));
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends every subscription of today; with `also_later` those of the future as well.
    pub(crate) fn end(&self, also_later: bool) {
        let below = if also_later { u64::MAX } else { self.next_number.load(Ordering::Relaxed) };
        self.ended_below.fetch_max(below, Ordering::Release);
        let mut wakers = Vec::new();
        {
            let mut lists = self.lists();
            let Lists { everything, patterns, exact, .. } = &mut *lists;
            wakers.extend(everything.iter_mut().filter_map(|(_, waker)| waker.take()));
            wakers.extend(patterns.iter_mut().filter_map(|(_, (_, waker))| waker.take()));
            wakers.extend(exact.iter_mut().filter_map(|(_, waker)| waker.take()));
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether every subscription ends, later ones too.
    pub(crate) fn all_end(&self) -> bool {
        self.ended_below.load(Ordering::Acquire) == u64::MAX
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One subscriber's place among all.
#[derive(Debug)]
pub(crate) struct Registration {
    subscribers: Arc<Subscribers>,
    place: Place,
    number: u64,
    topics: Arc<TopicSelection>,
}

impl Registration {
    pub(crate) fn topics(&self) -> &Arc<TopicSelection> {
        &self.topics
    }

    /// Whether the hub wants this subscription to end.
    pub(crate) fn has_ended(&self) -> bool {
        self.number < self.subscribers.ended_below.load(Ordering::Acquire)
    }

    /// Leaves a waker. What the caller waits for must be looked at once more afterwards.
    pub(crate) fn wait(&self, waker: &Waker) {
        let mut lists = self.subscribers.lists();
        let slot = match self.place {
            Place::Everything(place) => lists.everything.get_mut(place),
            Place::Pattern(place) => lists.patterns.get_mut(place).map(|(_, waker)| waker),
            Place::Exact(place) => lists.exact.get_mut(place),
        };
        match slot {
            Some(Some(old)) => old.clone_from(waker),
            Some(slot) => *slot = Some(waker.clone()),
            None => debug_assert!(false, "a registration has its place until it is dropped"),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut lists = self.subscribers.lists();
        match self.place {
            Place::Everything(place) => drop(lists.everything.try_remove(place)),
            Place::Pattern(place) => drop(lists.patterns.try_remove(place)),
            Place::Exact(place) => {
                lists.exact.try_remove(place);
                for topic in self.topics.exact_topics().into_iter().flatten() {
                    if let Some(places) = lists.by_topic.get_mut(topic) {
                        places.retain(|other| *other != place);
                        if places.is_empty() {
                            lists.by_topic.remove(topic);
                        }
                    }
                }
            }
        }
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
        let registration = subscribers.register(Arc::new(topics));
        let count = Arc::new(Count::default());
        registration.wait(&count.clone().into());
        (registration, count)
    }

    #[test]
    fn an_event_wakes_those_who_read_its_topic_and_nobody_else() {
        let subscribers = Arc::new(Subscribers::default());
        let filter = |text: &str| TopicSelection::of([text.parse::<TopicFilter>().unwrap()]);
        let all = waiting(&subscribers, TopicSelection::everything());
        let a = waiting(&subscribers, filter("a"));
        let b = waiting(&subscribers, filter("b"));
        let pattern = waiting(&subscribers, filter("a/**"));
        assert_eq!(subscribers.count(), 4);

        subscribers.wake(&[Some("a".parse().unwrap())]);
        let woken = [&all, &a, &b, &pattern].map(|(_, count)| count.0.load(Ordering::Relaxed));
        assert_eq!(woken, [1, 1, 0, 1]);

        subscribers.wake(&[Some("a".parse().unwrap()), None]);
        assert_eq!(a.1.0.load(Ordering::Relaxed), 1, "a waker is used once");
        drop((all, a, b, pattern));
        assert_eq!(subscribers.count(), 0);
        assert!(subscribers.lists().by_topic.is_empty());
    }

    #[test]
    fn ending_reaches_todays_subscribers_or_all() {
        let subscribers = Arc::new(Subscribers::default());
        let (today, woken) = waiting(&subscribers, TopicSelection::everything());
        subscribers.end(false);
        assert!(today.has_ended() && woken.0.load(Ordering::Relaxed) == 1);
        let tomorrow = subscribers.register(Arc::default());
        assert!(!tomorrow.has_ended());
        subscribers.end(true);
        assert!(tomorrow.has_ended() && subscribers.all_end());
    }
}
