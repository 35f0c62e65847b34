//! shuttle tries many orders of publishing, subscribing, leaving, disconnecting and draining.
//!
//! Real: the whole hub with its committer's thread, the queue, the log in memory, the tail, typed
//! subscriptions, and the bodies of responses as the writer of `serve` polls them. Not looked into:
//! tokio's semaphores and channels, which count as one step each (tokio has models of its own); the
//! runtime, so the log is read on the thread that asks; timers, so there are no heartbeats; sockets;
//! the log on disk; and the weak ordering of atomics, which is loom's part. A wake-up that is lost
//! leaves a thread waiting for ever, which shuttle reports as a deadlock.

use super::Hub;
use crate::event::{DecodeError, EncodeError, EventType, RawEvent, SseEvent};
use crate::id::EventId;
use crate::log::{MemoryLog, Retention};
use crate::subscribe::{CloseReason, Handover, Received, Start, Subscribe, Subscription};
use crate::topic::{Topic, TopicFilter};
use axum::body::Body;
use axum::response::IntoResponse;
use http_body::Body as _;
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, JoinHandle};
use std::future::{poll_fn, ready};
use std::pin::Pin;

/// An event whose payload says who published it, and as which of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Note {
    publisher: u8,
    number: u8,
}

impl Note {
    fn parity(self) -> &'static str {
        if self.number % 2 == 0 { "even" } else { "odd" }
    }
}

impl SseEvent for Note {
    const TYPES: &'static [EventType] = &[EventType::new("note")];

    fn event_type(&self) -> &'static EventType {
        &Self::TYPES[0]
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        Ok(self.parity().parse().ok())
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(format!("{}", self.publisher * 10 + self.number).as_bytes());
        Ok(())
    }

    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
        let both: u8 = std::str::from_utf8(event.data).unwrap().parse().unwrap();
        Ok(Note { publisher: both / 10, number: both % 10 })
    }
}

/// What somebody has seen of the log: seqs and payloads.
type Seen = Vec<(u64, Note)>;

const PUBLISHERS: u8 = 2;
const EACH: u8 = 4;

/// A hub whose queue holds two events and whose tail keeps as many.
fn hub() -> Hub<Note> {
    let builder = Hub::builder(MemoryLog::new()).retention(Retention::forever());
    builder.queue_bytes(140).tail_events(2).start_now().unwrap()
}

/// Publishes until all is published, or the hub has been shut down.
fn publisher(hub: &Hub<Note>, publisher: u8) -> JoinHandle<Seen> {
    let hub = hub.clone();
    thread::spawn(move || {
        let mut acked = Vec::new();
        for number in 0..EACH {
            let note = Note { publisher, number };
            match block_on(hub.publish(note).into_future()) {
                Ok(id) => acked.push((id.seq(), note)),
                Err(super::PublishError::Closed) => break,
                Err(error) => panic!("{error:?}"),
            }
        }
        acked
    })
}

fn subscribe(hub: &Hub<Note>, topic: &str, start: Start) -> Subscription<Note> {
    let subscription = hub.subscribe(Subscribe::default()).start(start).key(topic);
    match topic {
        "**" => subscription.everything(),
        topic => subscription.topics([topic.parse::<TopicFilter>().unwrap()]),
    }
}

/// Reads events, and comes back when it is disconnected, until the drain or so many events.
fn stream(hub: &Hub<Note>, topic: &'static str, most: usize) -> JoinHandle<Seen> {
    let hub = hub.clone();
    thread::spawn(move || {
        let (mut seen, mut start) = (Vec::new(), Start::Oldest);
        let mut stream = subscribe(&hub, topic, start);
        while seen.len() < most {
            match block_on(stream.next()) {
                Some(Received::Event(event)) => {
                    start = Start::After(event.id);
                    seen.push((event.id.seq(), event.event));
                }
                Some(Received::Closed(CloseReason::Disconnected)) => {
                    stream = subscribe(&hub, topic, start);
                }
                Some(Received::Closed(CloseReason::Drain)) => break,
                other => panic!("{other:?}"),
            }
        }
        seen
    })
}

/// Reads bodies as the writer does, and comes back when they end, until the drain.
fn bodies(hub: &Hub<Note>, topic: &'static str) -> JoinHandle<Seen> {
    let hub = hub.clone();
    thread::spawn(move || {
        let (mut seen, mut start) = (Vec::new(), Start::Oldest);
        loop {
            let mut response = subscribe(&hub, topic, start).into_response();
            response.extensions_mut().remove::<Handover>().unwrap().state.take();
            let text = read_to_end(response.into_body());
            for block in text.split("\n\n") {
                let field = |name| block.lines().find_map(|line: &str| line.strip_prefix(name));
                let Some(id) = field("id: ") else { continue };
                let id: EventId = id.parse().unwrap();
                start = Start::After(id);
                if field("event: ") == Some("note") {
                    let raw = field("data: ").unwrap().as_bytes();
                    let raw = RawEvent { name: "note", version: 1, data: raw };
                    seen.push((id.seq(), Note::decode(raw).unwrap()));
                }
            }
            assert!(text.contains("event: sse-close"), "{text}");
            assert!(!text.contains("event: sse-gap"), "{text}");
            if text.contains("\"drain\"") {
                return seen;
            }
        }
    })
}

fn read_to_end(mut body: Body) -> String {
    let mut text = Vec::new();
    while let Some(frame) = block_on(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))) {
        text.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// What all publishers together have had acked, by seq: without a hole, and each one's in order.
fn ledger(publishers: [JoinHandle<Seen>; PUBLISHERS as usize]) -> Seen {
    let acked = publishers.map(|publisher| publisher.join().unwrap());
    assert!(acked.iter().all(|acked| acked.is_sorted_by(|a, b| a.0 < b.0)));
    let mut ledger = acked.concat();
    ledger.sort_by_key(|(seq, _)| *seq);
    assert!(ledger.iter().map(|(seq, _)| *seq).eq(1..=ledger.len() as u64), "{ledger:?}");
    ledger
}

fn selected(ledger: &Seen, topic: &str) -> Seen {
    let selected = |note: &Note| topic == "**" || note.parity() == topic;
    ledger.iter().filter(|(_, note)| selected(note)).copied().collect()
}

/// Everybody reads while everything happens; when all is published the hub drains.
fn publishing_and_draining() {
    let hub = hub();
    let publishers = [0, 1].map(|number| publisher(&hub, number));
    let streams = ["**", "odd"].map(|topic| (topic, stream(&hub, topic, usize::MAX)));
    let leaver = stream(&hub, "even", thread_rng().gen_range(0..4));
    let bodies = ["even"].map(|topic| (topic, bodies(&hub, topic)));
    match thread_rng().gen_range(0..4) {
        0 => hub.disconnect_all(),
        1 => drop(hub.disconnect("even")),
        2 => drop(hub.disconnect("**")),
        _ => {}
    }
    let ledger = ledger(publishers);
    assert_eq!(ledger.len(), usize::from(PUBLISHERS * EACH));
    block_on(hub.drained_by(ready(())));
    for (topic, stream) in streams {
        assert_eq!(stream.join().unwrap(), selected(&ledger, topic), "a stream of {topic}");
    }
    for (topic, body) in bodies {
        // Its client comes back for the rest.
        let seen = body.join().unwrap();
        assert!(selected(&ledger, topic).starts_with(&seen), "a body of {topic}: {seen:?}");
    }
    assert!(selected(&ledger, "even").starts_with(&leaver.join().unwrap()));
    assert_eq!(hub.subscriber_count(), 0);
    block_on(hub.shutdown()).unwrap();
}

/// The hub is shut down in the middle of everything.
fn shutting_down() {
    let hub = hub();
    let publishers = [0, 1].map(|number| publisher(&hub, number));
    let stream = stream(&hub, "**", usize::MAX);
    let bodies = bodies(&hub, "odd");
    block_on(hub.shutdown()).unwrap();
    let ledger = ledger(publishers);
    assert!(ledger.starts_with(&stream.join().unwrap()));
    assert!(selected(&ledger, "odd").starts_with(&bodies.join().unwrap()));
    assert!(matches!(
        block_on(hub.publish(Note { publisher: 0, number: 0 }).into_future()),
        Err(super::PublishError::Closed)
    ));
}

/// Half of the schedules at random, and half with few but hard preemptions.
fn try_schedules(run: fn()) {
    let count = std::env::var("SSE_SCHEDULES").map_or(20_000, |count| count.parse().unwrap());
    let begun = std::time::Instant::now();
    let schedulers: [Box<dyn Scheduler + Send>; 2] =
        [Box::new(RandomScheduler::new(count / 2)), Box::new(PctScheduler::new(3, count / 2))];
    let tried: usize = schedulers
        .into_iter()
        .map(|scheduler| {
            let mut config = shuttle::Config::default();
            // Unoptimised frames are large.
            config.stack_size = 256 << 10;
            shuttle::Runner::new(scheduler, config).run(run)
        })
        .sum();
    eprintln!("{tried} schedules in {:.1?}", begun.elapsed());
}

#[test]
fn nobody_misses_what_is_published_before_a_drain() {
    try_schedules(publishing_and_draining);
}

#[test]
fn a_shutdown_ends_everything_in_order() {
    try_schedules(shutting_down);
}
