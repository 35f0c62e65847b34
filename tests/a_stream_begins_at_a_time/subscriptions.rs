//! What subscriptions within the process are told.

use crate::{Count, MOMENT, groups, publish, times};
use sse_framework::{
    CloseReason, Gap, GapReason, Hub, MemoryLog, OnGap, Received, Retention, Start, Subscribe,
    Subscription,
};
use std::time::SystemTime;
use support::served::in_time;

async fn next(subscription: &mut Subscription<Count>) -> Received<Count> {
    in_time("something", subscription.next()).await.expect("the stream has not ended")
}

async fn number(subscription: &mut Subscription<Count>) -> u64 {
    match next(subscription).await {
        Received::Event(delivered) => delivered.event.n,
        other => panic!("{other:?} in place of an event"),
    }
}

#[tokio::test]
async fn the_app_begins_at_a_time_too() {
    let hub = Hub::in_memory().unwrap();
    groups(&hub, 1..=3).await;
    let times = times(&hub).await;
    let start = |start| hub.subscribe(Subscribe::default()).start(start).everything();
    let mut third = start(Start::Since(times[6]));
    let oldest = start(Start::Oldest).position();
    assert_eq!(third.position(), oldest, "it may begin with any event, as far as is known");
    assert_eq!(number(&mut third).await, 7);
    assert_eq!(third.position().seq(), 7);
    let mut second =
        hub.subscribe(Subscribe::default().since(times[3])).start(Start::New).everything();
    assert_eq!(number(&mut second).await, 4);
    let both = Subscribe::default().since(times[3]).after(hub.encode_id(third.position()));
    assert_eq!(number(&mut hub.subscribe(both).everything()).await, 8);
}

#[tokio::test]
async fn what_is_published_after_the_app_has_asked_is_never_passed_over() {
    let hub = Hub::in_memory().unwrap();
    publish(&hub, 1..=3).await;
    let future = SystemTime::now() + 3600 * 1000 * MOMENT;
    let start = |time| hub.subscribe(Subscribe::default()).start(Start::Since(time)).everything();
    let mut streams = [future, SystemTime::now() + MOMENT].map(start);
    publish(&hub, 4..=6).await;
    for stream in &mut streams {
        for n in 4..=6 {
            assert_eq!(number(stream).await, n, "nobody has looked for the time before");
        }
    }
}

#[tokio::test]
async fn after_a_gap_new_events_are_those_since_the_app_has_asked() {
    let hub = Hub::builder(MemoryLog::new()).retention(Retention::forever().events(4));
    let hub = hub.start().await.unwrap();
    publish(&hub, 1..=5).await;
    let start = Start::Since(SystemTime::UNIX_EPOCH);
    let asked = hub.subscribe(Subscribe::default()).start(start).on_gap(OnGap::Live);
    let mut stream = asked.everything();
    publish(&hub, 6..=7).await;
    assert!(matches!(next(&mut stream).await, Received::Gap(gap) if gap.resumed_after.seq() == 5));
    assert_eq!(number(&mut stream).await, 6);
}

#[tokio::test]
async fn a_gap_at_a_time_is_yielded_first_and_a_closed_log_is_the_end() {
    let hub = Hub::builder(MemoryLog::new()).retention(Retention::forever().events(2));
    let hub = hub.start().await.unwrap();
    publish(&hub, 1..=5).await;
    let begin = SystemTime::UNIX_EPOCH + MOMENT;
    let ask =
        || hub.subscribe(Subscribe::default()).start(Start::Since(begin)).on_gap(OnGap::Refuse);
    let mut stream = ask().everything();
    let Received::Gap(Gap { reason, asked, resumed_after, .. }) = next(&mut stream).await else {
        panic!("no gap")
    };
    assert_eq!((reason, &*asked), (GapReason::Trimmed, "1970-01-01T00:00:00.001Z"));
    assert_eq!(resumed_after.seq(), 3);
    assert_eq!(number(&mut stream).await, 4);
    let mut late = ask().everything();
    hub.shutdown().await.unwrap();
    assert_eq!(next(&mut late).await, Received::Closed(CloseReason::Drain));
    assert_eq!(late.next().await, None);
}

#[test]
fn looking_up_a_time_needs_no_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let hub = runtime.block_on(Hub::builder(MemoryLog::new()).start()).unwrap();
    runtime.block_on(publish(&hub, 1..=2));
    drop(runtime);
    let begin = Start::Since(SystemTime::UNIX_EPOCH);
    let mut stream = hub.subscribe(Subscribe::default()).start(begin).everything();
    let next = std::pin::pin!(stream.next());
    let polled = next.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(matches!(polled, std::task::Poll::Ready(Some(Received::Event(_)))), "{polled:?}");
}
