use super::*;
use crate::tail::Tail;
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

fn waiting(subscribers: &Arc<Subscribers>, topics: TopicSelection) -> (Registration, Arc<Count>) {
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
    let woken = [&all, &a, &b, &under, &pattern].map(|(_, count)| count.0.load(Ordering::Relaxed));
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
    assert_eq!([&ann, &bob, &later].map(Registration::end), [Some(End::Disconnected), None, None]);
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
