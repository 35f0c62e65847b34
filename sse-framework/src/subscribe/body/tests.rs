//! What a response sends, looked at without a server.

use crate::SseEvent;
use crate::hub::Hub;
use crate::log::MemoryLog;
use crate::subscribe::{CloseReason, Received, Start, Subscribe};
use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body::Body as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};
use std::time::{Duration, Instant, SystemTime};

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(crate = "crate")]
struct Beat;

/// The next piece, and how many events are in it.
async fn events(body: &mut Body) -> usize {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await.unwrap().unwrap();
    String::from_utf8_lossy(frame.data_ref().unwrap()).matches("event: beat").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_sends_often_rests_and_one_that_does_not_sends_at_once() {
    let rest = Duration::from_millis(500);
    let hub = Hub::<Beat>::builder(MemoryLog::new()).coalesce(rest).start().await.unwrap();
    let response = hub.subscribe(Subscribe::default()).everything().into_response();
    let mut body = response.into_body();
    assert_eq!(events(&mut body).await, 0, "it opens");
    tokio::time::sleep(2 * rest).await;

    let begun = Instant::now();
    hub.publish(Beat).await.unwrap();
    assert_eq!(events(&mut body).await, 1);
    assert!(begun.elapsed() < rest, "nothing came shortly before");

    hub.publish(Beat).await.unwrap();
    assert_eq!(events(&mut body).await, 1, "now it rests");
    for _ in 0..3 {
        let begun = Instant::now();
        for _ in 0..5 {
            hub.publish(Beat).await.unwrap();
        }
        assert_eq!(events(&mut body).await, 5, "in one piece");
        assert!(begun.elapsed() > rest / 2, "after each rest comes the next");
    }
}

/// The second piece of each of so many streams that begin with the oldest event.
async fn first_pages(hub: &Hub<Beat>, topics: Option<&str>, count: usize) -> Vec<Bytes> {
    let mut pages = Vec::new();
    for _ in 0..count {
        let asked = hub.subscribe(Subscribe::default().after("earliest"));
        let response = match topics {
            Some(topic) => asked.topics([topic.parse().unwrap()]).into_response(),
            None => asked.everything().into_response(),
        };
        let mut body = response.into_body();
        for piece in 0..2 {
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let data = frame.unwrap().unwrap().into_data().unwrap();
            if piece == 1 {
                pages.push(data);
            }
        }
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_streams_do_not_hold_a_long_page_each() {
    for (tail, topics) in [(0, None), (0, Some("a")), (1 << 20, Some("a"))] {
        let hub = Hub::<Beat>::builder(MemoryLog::new()).tail_bytes(tail << 10).tail_events(tail);
        let hub = hub.start().await.unwrap();
        for n in 0..6000 {
            let topic = if n % 2 == 0 { "a" } else { "b" };
            drop(hub.publish(Beat).topic(topic).enqueue().map_err(|e| e.error).unwrap());
        }
        // The tail always has the newest commit: without the second, that could be a large one.
        hub.publish(Beat).topic("a").await.unwrap();
        hub.publish(Beat).topic("a").await.unwrap();
        let pages = first_pages(&hub, topics, 400).await;
        let buffers: HashMap<_, _> = pages.iter().map(|p| (p.as_ptr(), p.len())).collect();
        let held: usize = buffers.values().sum();
        assert!(held < (32 << 20) + 400 * (4 << 10), "{held} bytes with {tail}, {topics:?}");
        drop(pages);
        let long = first_pages(&hub, topics, 1).await.remove(0);
        assert!(long.len() > 80 << 10, "{} bytes, although nothing is held", long.len());
    }
}

/// How often it has been woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn who_looks_for_what_is_its_own_lets_others_have_their_turn_after_each_look() {
    let hub = Hub::<Beat>::builder(MemoryLog::new()).tail_events(65_536);
    let hub = hub.start().await.unwrap();
    for _ in 0..20_000 {
        drop(hub.publish(Beat).topic("a").enqueue().map_err(|e| e.error).unwrap());
    }
    hub.publish(Beat).topic("a").await.unwrap();
    let asked = hub.subscribe(Subscribe::default().after("earliest"));
    let mut body = asked.topics(["b/*".parse().unwrap()]).into_response().into_body();
    assert_eq!(events(&mut body).await, 0, "it opens");
    let count = Arc::new(Count::default());
    let waker = count.clone().into();
    let mut polls = 0;
    while count.0.load(Ordering::Relaxed) == polls {
        let polled = Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "none is its own");
        polls += 1;
    }
    assert_eq!(polls, 20_001_usize.div_ceil(4096), "each but the last has woken it");
}

#[tokio::test]
async fn a_stream_that_could_not_look_up_its_time_ends_as_a_response_too() {
    let hub = Hub::<Beat>::in_memory().unwrap();
    let asked = hub.subscribe(Subscribe::default()).start(Start::Since(SystemTime::now()));
    let mut stream = asked.everything();
    hub.shutdown().await.unwrap();
    let closed = stream.next().await;
    assert!(matches!(closed, Some(Received::Closed(CloseReason::Drain))));
    let mut body = stream.into_response().into_body();
    let mut text = String::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
    }
    assert!(text.contains("event: sse-close"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_with_others_does_not_read_the_log_again() {
    let log = MemoryLog::new();
    let hub = Hub::<Beat>::builder(log).tail_events(0).start().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(hub.publish(Beat).await.unwrap().to_string());
    }
    let mut pages = Vec::new();
    for (place, id) in ids[..40].iter().enumerate() {
        let asked = hub.subscribe(Subscribe::default().after(id));
        let mut body = asked.everything().into_response().into_body();
        let opening = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        assert!(opening.unwrap().unwrap().is_data());
        let page = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let page = page.unwrap().unwrap().into_data().unwrap();
        let text = String::from_utf8_lossy(&page).into_owned();
        let next = format!("id: {}\n", ids[place + 1]);
        assert!(text.starts_with(&next), "{next} in {text}");
        pages.push(page);
    }
    let end = |page: &Bytes| page.as_ptr() as usize + page.len();
    assert!(pages.iter().all(|page| end(page) == end(&pages[0])), "each is a part of the first");
}
