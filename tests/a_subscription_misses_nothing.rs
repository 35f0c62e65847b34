//! Subscribing within the process: what comes, with what, from where, and what never comes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    CloseReason, Delivered, Gap, GapReason, Hub, MemoryLog, Received, Retention, SseEvent, Start,
    Subscribe, Subscription, TopicFilter,
};
use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};
use support::random::{self, Random};
use support::served::{eventually, in_time};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
}

async fn received(subscription: &mut Subscription<Count>) -> Received<Count> {
    in_time("something", subscription.next()).await.expect("it has not ended")
}

async fn event(subscription: &mut Subscription<Count>) -> Delivered<Count> {
    match received(subscription).await {
        Received::Event(event) => event,
        other => panic!("{other:?} in place of an event"),
    }
}

#[tokio::test]
async fn an_event_comes_with_its_id_topic_and_time() {
    let hub = Hub::<Count>::in_memory().unwrap();
    let mut live = hub.subscribe(Subscribe::default()).everything();
    // Times are kept to a millisecond.
    let before = SystemTime::now() - Duration::from_millis(1);
    let first = hub.publish(Count { n: 1 }).topic("a/b").await.unwrap();
    let second = hub.publish(Count { n: 2 }).await.unwrap();
    let mut replay = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for subscription in [&mut live, &mut replay] {
        let (one, two) = (event(subscription).await, event(subscription).await);
        assert_eq!((one.id, one.event, one.topic), (first, Count { n: 1 }, "a/b".parse().ok()));
        assert_eq!((two.id, two.event, two.topic), (second, Count { n: 2 }, None));
        assert!(before <= one.time && one.time <= two.time && two.time <= SystemTime::now());
    }
}

#[tokio::test]
async fn after_an_id_comes_the_next_event() {
    let hub = Hub::<Count>::in_memory().unwrap();
    let ids = hub.publish_all((1..=5).map(|n| Count { n })).await.unwrap();
    for (n, id) in (1..=4).zip(&ids) {
        let after = Subscribe::default().after(id.to_string());
        assert_eq!(event(&mut hub.subscribe(after).everything()).await.event.n, n + 1);
        let mut begun = hub.subscribe(Subscribe::default()).start(Start::After(*id)).everything();
        assert_eq!(event(&mut begun).await.event.n, n + 1);
    }
    let mut live = hub.subscribe(Subscribe::default().after(ids[4].to_string())).everything();
    hub.publish(Count { n: 6 }).await.unwrap();
    assert_eq!(event(&mut live).await.event.n, 6);
}

/// While it waits for its topic, others go on until neither the tail nor the log reaches back to
/// where it began to wait. It has missed nothing, and is told of no gap.
#[tokio::test]
async fn waiting_for_a_quiet_topic_is_no_gap() {
    for polled_meanwhile in [false, true] {
        let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(5);
        let hub = hub.retention(Retention::forever().events(10)).start().await.unwrap();
        for filter in ["b", "b/**", "*"] {
            let topics = [filter.parse().unwrap()];
            let mut quiet = hub.subscribe(Subscribe::default()).topics(topics);
            assert!(poll(&mut quiet).is_none());
            for n in 0..100 {
                hub.publish(Count { n }).topic("a/1").await.unwrap();
            }
            if polled_meanwhile {
                assert!(poll(&mut quiet).is_none());
            }
            hub.publish(Count { n: 100 }).topic("b").await.unwrap();
            assert_eq!(event(&mut quiet).await.event.n, 100);
            assert!(poll(&mut quiet).is_none());
            for n in 0..100 {
                hub.publish(Count { n }).topic("a/1").await.unwrap();
            }
            hub.disconnect_all();
            let end = received(&mut quiet).await;
            assert_eq!(end, Received::Closed(CloseReason::Disconnected));
        }
    }
}

/// Others' events neither wake it nor leave a gap, also if it asks for them or stands in the index
/// where they are looked for: nothing tells it that there are any.
#[tokio::test]
async fn what_may_not_be_seen_is_no_gap() {
    let asked = ["a/1", "a/*", "*/1", "a/**", "**", "nobody/**"];
    for (allowed, asked) in
        ["b", "b/*", "*/2"].into_iter().flat_map(|allowed| asked.map(|asked| (allowed, asked)))
    {
        let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(5);
        let hub = hub.retention(Retention::forever().events(10)).start().await.unwrap();
        let [allowed, asked, end] =
            [allowed, asked, "end"].map(|filter| filter.parse::<TopicFilter>().unwrap());
        let request = Subscribe::default().topics([asked, end.clone()]);
        let mut own = hub.subscribe(request).topics([allowed, end]);
        assert!(poll(&mut own).is_none());
        for n in 0..100 {
            hub.publish(Count { n }).topic("a/1").await.unwrap();
        }
        hub.publish(Count { n: 100 }).topic("end").await.unwrap();
        assert_eq!(event(&mut own).await.event.n, 100);
    }
}

/// Who stores it goes on there with what has not been yielded, wherever the first one had read to.
#[tokio::test]
async fn the_position_is_where_a_later_subscription_goes_on() {
    let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(5).start().await.unwrap();
    let hub = &hub;
    let publish = async |n, topic: &str| hub.publish(Count { n }).topic(topic).await.unwrap();
    let all = || hub.subscribe(Subscribe::default()).topics(["*".parse().unwrap()]);
    let rare = || hub.subscribe(Subscribe::default()).filter(|count| count.n >= 100).everything();
    for begin in [&all as &dyn Fn() -> Subscription<Count>, &rare] {
        let mut first = begin();
        assert_eq!(first.position(), hub.last_event_id());
        publish(100, "a").await;
        let (second, third) = (publish(101, "b").await, publish(102, "a").await);
        assert_eq!(event(&mut first).await.event.n, 100);
        assert_eq!(event(&mut first).await.id, second);
        assert_eq!(first.position(), second, "the third is read, but not yielded");
        let mut later = hub.subscribe(Subscribe::default());
        later = later.start(Start::After(first.position()));
        assert_eq!(event(&mut later.everything()).await.id, third);
        assert_eq!(event(&mut first).await.id, third);
        assert_eq!(first.position(), third);
    }
}

/// As long as nothing comes it moves on, and so it does not grow old.
#[tokio::test]
async fn the_position_of_one_that_waits_moves_on() {
    let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(5);
    let hub = hub.retention(Retention::forever().events(10)).start().await.unwrap();
    for filter in ["b", "b/**", "*"] {
        let topics = [filter.parse().unwrap()];
        let mut quiet = hub.subscribe(Subscribe::default()).topics(topics.clone());
        hub.publish(Count { n: 0 }).topic("b").await.unwrap();
        let began = event(&mut quiet).await.id;
        for _ in 0..3 {
            assert!(poll(&mut quiet).is_none());
            for n in 0..50 {
                hub.publish(Count { n }).topic("a/1").await.unwrap();
            }
            // Also before it is polled, as soon as the hub has told everybody.
            eventually("the position", || quiet.position() == hub.last_event_id());
        }
        let position = quiet.position();
        hub.publish(Count { n: 1 }).topic("b").await.unwrap();
        assert_eq!(quiet.position(), position, "what has come is not yielded yet");
        let after = |id| hub.subscribe(Subscribe::default()).start(Start::After(id));
        assert_eq!(event(&mut after(position).topics(topics.clone())).await.event.n, 1);
        let told = received(&mut after(began).topics(topics)).await;
        assert!(matches!(told, Received::Gap(_)), "{told:?} with the event's id");
    }
}

/// Whose filter hides everything goes on, too.
#[tokio::test]
async fn the_position_moves_on_over_what_a_filter_hides() {
    let hub = Hub::<Count>::in_memory().unwrap();
    let mut none = hub.subscribe(Subscribe::default()).filter(|_| false).everything();
    assert!(poll(&mut none).is_none());
    let newest = hub.publish(Count { n: 1 }).await.unwrap();
    assert!(none.position().seq() < newest.seq(), "it may be for it");
    assert!(poll(&mut none).is_none());
    assert_eq!(none.position(), newest);
}

/// Who stores the position before the gap is told is told of it later.
#[tokio::test]
async fn a_gap_that_is_not_yielded_is_before_the_position() {
    let hub = Hub::<Count>::builder(MemoryLog::new());
    let hub = hub.retention(Retention::forever().events(10)).start().await.unwrap();
    let first = hub.publish(Count { n: 0 }).await.unwrap();
    hub.publish_all((0..30).map(|n| Count { n })).await.unwrap();
    let begin = || hub.subscribe(Subscribe::default()).start(Start::After(first)).everything();
    let mut begun = begin();
    assert_eq!(begun.position(), first);
    let Received::Gap(gap) = received(&mut begun).await else { panic!("a gap") };
    assert_eq!(begun.position(), gap.resumed_after);
    let strange = hub.subscribe(Subscribe::default().after("none")).everything();
    assert_eq!(strange.position(), hub.last_event_id());
}

/// What is there without waiting.
fn poll(subscription: &mut Subscription<Count>) -> Option<Received<Count>> {
    let next = std::pin::pin!(subscription.next());
    match next.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(received) => received,
        Poll::Pending => None,
    }
}

const EVENTS: u64 = 500;

/// On a runtime of one thread, of which it would take all the time.
#[tokio::test]
async fn a_reader_that_is_far_behind_lets_others_have_their_turn() {
    let hub = Hub::<Count>::in_memory().unwrap();
    hub.publish_all((0..1000).map(|n| Count { n })).await.unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let mut behind = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for n in 0..1000 {
        assert_eq!(behind.next().await.and_then(Received::event), Some(Count { n }));
    }
    assert!(turns.load(Ordering::Relaxed) >= 5, "{turns:?}");
    other.abort();
}

#[test]
fn outside_of_a_runtime_a_reader_goes_on_without_a_pause() {
    let hub = Hub::<Count>::in_memory().unwrap();
    let published = hub.publish_all((0..1000).map(|n| Count { n })).into_future();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(published).unwrap();
    drop(runtime);
    let mut behind = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for n in 0..1000 {
        assert_eq!(poll(&mut behind).and_then(Received::event), Some(Count { n }));
    }
    assert_eq!(poll(&mut behind), None);
}

/// Readers at every speed, in a tail of every small size, pass between the tail and the log again
/// and again while publishing goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_passage_between_log_and_tail_has_no_seam() {
    let mut random = Random::new(random::seed());
    for tail in [0, 1, 2, 3, 5, 8, 17, 64] {
        let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(tail);
        let hub = hub.start().await.unwrap();
        let readers: Vec<_> = (0..12)
            .map(|reader| {
                let filter = if reader % 3 == 2 { Some("t/2") } else { None };
                let random = Random::new(random.bits());
                tokio::spawn(read_all(hub.clone(), filter, random))
            })
            .collect();
        let mut n = 0;
        while n < EVENTS {
            let batch = (random.below(9) as u64 + 1).min(EVENTS - n);
            let topic = format!("t/{}", random.below(3));
            let events = (n + 1..=n + batch).map(|n| Count { n });
            hub.publish_all(events).topic(topic).await.unwrap();
            n += batch;
        }
        hub.publish(Count { n: EVENTS + 1 }).topic("t/2").await.unwrap();
        for reader in readers {
            reader.await.unwrap_or_else(|error| panic!("with a tail of {tail}: {error}"));
        }
    }
}

/// Reads everything from the first event on, resting now and then and coming back now and then.
async fn read_all(hub: Hub<Count>, filter: Option<&'static str>, mut random: Random) {
    let open = |after: Option<String>| {
        let begun = hub
            .subscribe(after.map_or_else(Subscribe::default, |id| Subscribe::default().after(id)));
        let begun = begun.start(Start::Oldest);
        match filter {
            Some(topic) => begun.topics([topic.parse().unwrap()]),
            None => begun.everything(),
        }
    };
    let (mut subscription, mut last, rest) = (open(None), 0, random.below(40) + 2);
    loop {
        let next = event(&mut subscription).await;
        let n = next.event.n;
        assert_eq!(next.id.seq(), n);
        match filter {
            Some(topic) => assert!(n > last && next.topic.unwrap().as_str() == topic),
            None => assert_eq!(n, last + 1),
        }
        last = n;
        if n > EVENTS {
            return;
        }
        if random.below(rest) == 0 {
            tokio::time::sleep(Duration::from_micros(random.below(3000) as u64)).await;
        }
        if random.below(200) == 0 {
            subscription = open(Some(next.id.to_string()));
        }
    }
}

/// The second event of each pair comes just when the reader of the first goes back to sleep.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost() {
    let hub = Hub::<Count>::in_memory().unwrap();
    let (seen, mut last) = tokio::sync::watch::channel(0);
    let mut reader = hub.subscribe(Subscribe::default()).everything();
    tokio::spawn(async move { while seen.send(event(&mut reader).await.event.n).is_ok() {} });
    for pair in 0..3000 {
        let (first, second) = (2 * pair + 1, 2 * pair + 2);
        hub.publish(Count { n: first }).await.unwrap();
        hub.publish(Count { n: second }).await.unwrap();
        in_time("the second", last.wait_for(|n| *n == second)).await.unwrap();
    }
}

/// The filtered readers above see only their own; here it is checked that they see all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_reader_sees_all_of_its_own() {
    let mut random = Random::new(random::seed());
    let tail = random.pick(&[0, 2, 20]);
    let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(tail);
    let hub = hub.start().await.unwrap();
    let filters = ["a", "b", "*", "a/**", "a/x", "**"];
    let mut readers: Vec<_> = filters
        .map(|filter| {
            (
                filter,
                Vec::new(),
                hub.subscribe(Subscribe::default()).topics([filter.parse().unwrap()]),
            )
        })
        .into();
    for n in 1..=300 {
        let topic = random.pick(&["a", "b", "a/x", "a/x/y", "c/x"]);
        hub.publish(Count { n }).topic(topic).await.unwrap();
        for (filter, wanted, _) in &mut readers {
            if matches(filter, topic) {
                wanted.push(n);
            }
        }
        // Now and then somebody catches up.
        let (_, wanted, reader) = &mut readers[random.below(filters.len())];
        for n in wanted.drain(..) {
            assert_eq!(event(reader).await.event.n, n);
        }
    }
    for (filter, wanted, reader) in &mut readers {
        for n in wanted.drain(..) {
            assert_eq!(event(reader).await.event.n, n, "{filter}");
        }
    }
}

/// What a pattern means, said once more.
fn matches(filter: &str, topic: &str) -> bool {
    fn segments(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["**"], _) | ([], []) => true,
            (["*", filter @ ..], [_, topic @ ..]) => segments(filter, topic),
            ([a, filter @ ..], [b, topic @ ..]) if a == b => segments(filter, topic),
            _ => false,
        }
    }
    let (filter, topic): (Vec<_>, Vec<_>) =
        (filter.split('/').collect(), topic.split('/').collect());
    segments(&filter, &topic)
}

const END: u64 = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_asks_for_narrows_and_never_widens() {
    let topics = ["a", "a/x", "a/x/y", "b", "b/x", "c", "%2A"];
    let filters = ["a", "a/x", "a/*", "a/**", "b/**", "*", "**", "*/x", "nothing/here"];
    // With so small a tail, who begins late reads the log.
    let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(1).start().await.unwrap();
    let parse = |filter: &str| filter.parse::<TopicFilter>().unwrap();
    let begin = |allowed, asked, start| {
        let request = Subscribe::default().topics([parse(asked), parse("c"), parse("end")]);
        hub.subscribe(request).start(start).topics([parse(allowed), parse("end")])
    };
    let mut streams = Vec::new();
    for allowed in filters {
        for asked in filters {
            streams.push((allowed, asked, begin(allowed, asked, Start::New)));
        }
    }
    hub.publish(Count { n: 99 }).await.unwrap();
    for (n, topic) in (0..).zip(topics) {
        hub.publish(Count { n }).topic(topic).await.unwrap();
    }
    hub.publish(Count { n: END }).topic("end").await.unwrap();
    for (allowed, asked, early) in streams {
        let visible =
            |topic: &str| matches(allowed, topic) && (matches(asked, topic) || topic == "c");
        let expected: Vec<u64> =
            (0..).zip(topics).filter(|(_, t)| visible(t)).map(|(n, _)| n).collect();
        for mut stream in [early, begin(allowed, asked, Start::Oldest)] {
            let seen = up_to_the_end(&mut stream).await;
            assert_eq!(seen, expected, "allowed {allowed}, asked {asked}");
        }
    }
}

async fn up_to_the_end(stream: &mut Subscription<Count>) -> Vec<u64> {
    let mut seen = Vec::new();
    loop {
        match event(stream).await.event.n {
            END => return seen,
            n => seen.push(n),
        }
    }
}

#[tokio::test]
async fn who_is_allowed_nothing_sees_nothing() {
    let hub = Hub::<Count>::in_memory().unwrap();
    let request = || Subscribe::default().topics(["**".parse().unwrap()]).after("earliest");
    let mut nothing = hub.subscribe(request()).topics([]);
    let mut everything = hub.subscribe(request()).everything();
    hub.publish(Count { n: 1 }).await.unwrap();
    hub.publish(Count { n: 2 }).topic("a").await.unwrap();
    assert_eq!(event(&mut everything).await.event.n, 2, "no topic, no `**`");
    let mut next = std::pin::pin!(nothing.next());
    let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "{polled:?}");
}

/// Also what the tail no longer has, and what came while it waited for another topic.
#[tokio::test]
async fn an_ended_stream_yields_what_was_published_before() {
    for tail in [1, 50] {
        let hub = Hub::<Count>::builder(MemoryLog::new()).tail_events(tail);
        let hub = hub.start().await.unwrap();
        let mut all = hub.subscribe(Subscribe::default()).everything();
        let mut b = hub.subscribe(Subscribe::default()).topics(["b".parse().unwrap()]);
        assert!(poll(&mut b).is_none());
        for (n, topic) in (1..).zip(["a", "a", "b", "a", "b", "a"]) {
            hub.publish(Count { n }).topic(topic).await.unwrap();
        }
        hub.disconnect_all();
        for (stream, expected) in [(&mut all, vec![1, 2, 3, 4, 5, 6]), (&mut b, vec![3, 5])] {
            for n in expected {
                assert_eq!(event(stream).await.event.n, n, "with a tail of {tail}");
            }
            let end = received(stream).await;
            assert_eq!(end, Received::Closed(CloseReason::Disconnected));
        }
    }
}

#[tokio::test]
async fn a_reader_that_retention_overtakes_is_told_and_goes_on() {
    for tail in [0, 4, 50] {
        let hub =
            Hub::<Count>::builder(MemoryLog::new()).retention(Retention::forever().events(10));
        let hub = hub.tail_events(tail).start().await.unwrap();
        let mut slow = hub.subscribe(Subscribe::default()).everything();
        let first = hub.publish(Count { n: 1 }).await.unwrap();
        assert_eq!(event(&mut slow).await.event.n, 1);
        for n in 2..=100 {
            hub.publish(Count { n }).await.unwrap();
        }
        let gap = received(&mut slow).await;
        let Received::Gap(Gap { reason: GapReason::Trimmed, asked, resumed_after, .. }) = gap
        else {
            panic!("{gap:?} with a tail of {tail}");
        };
        assert_eq!((asked, resumed_after.seq()), (first.to_string(), 90));
        for n in 91..=100 {
            assert_eq!(event(&mut slow).await.event.n, n);
        }
    }
}
