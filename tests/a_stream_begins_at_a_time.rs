//! Who asks for what was published since a time gets all of that and nothing else, and is told if
//! some of it may be gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::State;
use axum::routing::{MethodRouter, get};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    CloseReason, EventLog, Gap, GapReason, Hub, IdStyle, LogError, MemoryLog, OnGap, Position,
    Received, Retention, SledLog, Snapshot, SseEvent, Start, Subscribe, Subscription,
    SubscriptionBuilder,
};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use support::client::{Client, Seen};
use support::http::{self, Request};
use support::log::{Hooked, Hooks};
use support::served::{Served, Server, eventually, in_time};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

support::by_every_server!(
    a_time_brings_what_was_published_then_or_later,
    a_time_is_written_as_rfc_3339,
    an_id_wins_over_a_time,
    a_page_begins_an_hour_ago_and_goes_on_where_it_was,
    what_may_be_gone_is_told,
    a_time_brings_only_what_the_client_may_see,
    the_app_decides_whether_a_time_may_be_asked_for,
    a_snapshot_is_for_who_gets_no_history,
    topics_that_are_closed_are_told_and_not_asked_for_again,
    an_empty_log_has_nothing_of_any_time,
    what_is_no_time_is_refused,
    a_lookup_that_hangs_or_fails_holds_nobody,
    a_stream_that_begins_at_a_time_is_driven_like_any_other,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
}

const MOMENT: Duration = Duration::from_millis(1);

async fn publish(hub: &Hub<Count>, numbers: RangeInclusive<u64>) {
    hub.publish_all(numbers.map(|n| Count { n })).await.unwrap();
}

/// Publishes events in groups of three, of which each has a time of its own.
async fn groups(hub: &Hub<Count>, groups: RangeInclusive<u64>) {
    for group in groups {
        publish(hub, group * 3 - 2..=group * 3).await;
        tokio::time::sleep(3 * MOMENT).await;
    }
}

/// The times of all events, in order.
async fn times(hub: &Hub<Count>) -> Vec<SystemTime> {
    let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    let mut times = Vec::new();
    while all.position() != hub.last_event_id() {
        match all.next().await {
            Some(Received::Event(delivered)) => times.push(delivered.time),
            other => panic!("{other:?}"),
        }
    }
    times
}

fn text(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap()
}

fn since(time: SystemTime) -> String {
    format!("/events?since={}", text(time))
}

/// The number of the first event that was published then or later; if none was, of the next.
fn first_of(times: &[SystemTime], time: SystemTime) -> u64 {
    times.partition_point(|other| *other < time) as u64 + 1
}

fn numbers(seen: &Seen) -> Vec<u64> {
    seen.ordinary().map(|event| serde_json::from_str::<Count>(&event.data).unwrap().n).collect()
}

/// Waits until a client has been shown a number, and gives all that it has been shown.
#[track_caller]
fn until(client: &Client, last: u64) -> Seen {
    client.wait("the last", |seen| numbers(seen).contains(&last))
}

fn route<F>(hub: &Hub<Count>, choose: F) -> MethodRouter
where
    F: Fn(SubscriptionBuilder<Count>) -> Subscription<Count> + Clone + Send + Sync + 'static,
{
    let hub = hub.clone();
    get(async move |request: Subscribe| choose(hub.subscribe(request)))
}

async fn open(path: &Path) -> Hub<Count> {
    Hub::builder(SledLog::new(path).segment_bytes(1024)).tail(0, 0).start().await.unwrap()
}

fn a_time_brings_what_was_published_then_or_later(server: Server) {
    let directory = tempfile::tempdir().unwrap();
    let (served, (hub, times)) = Served::new(server, async || {
        // A restart does not change what was published when.
        for part in [1..=8, 9..=16] {
            let hub = open(directory.path()).await;
            groups(&hub, part).await;
            hub.shutdown().await.unwrap();
        }
        let hub = open(directory.path()).await;
        groups(&hub, 17..=24).await;
        let times = times(&hub).await;
        (Router::new().route("/events", hub.endpoint()), (hub, times))
    });
    let live = times.len() as u64 + 1;
    let mut clients = Vec::new();
    for group in times.chunks(3) {
        assert!(group.iter().all(|time| *time == group[0]), "a batch has one time");
        for time in [group[0] - MOMENT, group[0], group[0] + MOMENT, group[0] + MOMENT / 2] {
            let rounded = if time == group[0] + MOMENT / 2 { group[0] } else { time };
            let client = Client::connect(served.address(), &since(time), "");
            clients.push((time, first_of(&times, rounded), client));
        }
    }
    let (long_ago, future) = (SystemTime::UNIX_EPOCH, SystemTime::now() + 1000 * MOMENT * 3600);
    for (time, first) in [(long_ago, 1), (times[0], 1), (future, live)] {
        clients.push((time, first, Client::connect(served.address(), &since(time), "")));
    }
    for (.., client) in &clients {
        client.wait("sse-open", |seen| !seen.events.is_empty());
    }
    served.block_on(hub.publish(Count { n: live })).unwrap();
    for (time, first, client) in clients {
        let seen = until(&client, live);
        assert_eq!(numbers(&seen), (first..=live).collect::<Vec<_>>(), "since {time:?}");
        let opened = &seen.events[0];
        assert_eq!(opened.name, "sse-open");
        assert!(opened.data.ends_with(r#""resumed":false}"#), "{opened:?}");
        assert_eq!(hub.decode_id(&opened.id).unwrap().seq(), first - 1, "since {time:?}");
        assert!(seen.named("sse-gap").is_empty());
    }
}

fn a_time_is_written_as_rfc_3339(server: Server) {
    let (served, (_hub, times)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        groups(&hub, 1..=4).await;
        let times = times(&hub).await;
        (Router::new().route("/events", hub.endpoint()), (hub, times))
    });
    let time = OffsetDateTime::from(times[5]);
    let zone = |hours, minutes| {
        let zone = time::UtcOffset::from_hms(hours, minutes, 0).unwrap();
        time.to_offset(zone).format(&Rfc3339).unwrap()
    };
    let texts = [
        zone(0, 0),
        zone(0, 0).to_lowercase(),
        zone(0, 0).replace('T', "%20"),
        zone(-3, -30),
        zone(5, 45).replace('+', "%2B"),
        zone(5, 45),
        // Less than a millisecond later.
        (time + Duration::from_nanos(999_999)).format(&Rfc3339).unwrap(),
    ];
    for text in texts {
        let target = format!("/events?since={text}&since=nonsense-that-does-not-count");
        let seen = until(&Client::connect(served.address(), &target, ""), 12);
        assert_eq!(numbers(&seen), (4..=12).collect::<Vec<_>>(), "{text}");
    }
}

fn an_id_wins_over_a_time(server: Server) {
    let (served, (hub, times)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        groups(&hub, 1..=3).await;
        let times = times(&hub).await;
        (Router::new().route("/events", hub.endpoint()), (hub, times))
    });
    let address = served.address();
    let client = Client::connect(address, &since(times[3]), "");
    assert_eq!(numbers(&until(&client, 9)), [4, 5, 6, 7, 8, 9]);
    let id = client.leave().last_event_id;
    served.block_on(hub.publish(Count { n: 10 })).unwrap();
    // What an `EventSource` does that comes back.
    let seen = until(&Client::connect(address, &since(times[3]), &id), 10);
    assert_eq!(numbers(&seen), [10]);
    assert!(seen.events[0].data.ends_with(r#""resumed":true}"#));
    let both = format!("{}&last_event_id={id}", since(times[3]));
    assert_eq!(numbers(&until(&Client::connect(address, &both, ""), 10)), [10]);
    let both = format!("/events?last_event_id={id}&since={}", text(times[3]));
    assert_eq!(numbers(&until(&Client::connect(address, &both, ""), 10)), [10]);
    let unknown = Client::connect(address, &since(times[3]), "nonsense");
    unknown.wait("the gap", |seen| seen.named("sse-gap").len() == 1);
    served.block_on(hub.publish(Count { n: 11 })).unwrap();
    assert_eq!(numbers(&until(&unknown, 11)), [11]);
}

// ANCHOR: hour
async fn last_hour(State(hub): State<Hub<Count>>, request: Subscribe) -> Subscription<Count> {
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    hub.subscribe(request).start(Start::Since(hour_ago)).everything()
}
// ANCHOR_END: hour

fn a_page_begins_an_hour_ago_and_goes_on_where_it_was(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        publish(&hub, 1..=3).await;
        (Router::new().route("/events", get(last_hour)).with_state(hub.clone()), hub)
    });
    let client = Client::connect(served.address(), "/events", "");
    assert_eq!(numbers(&until(&client, 3)), [1, 2, 3]);
    let id = client.leave().last_event_id;
    served.block_on(publish(&hub, 4..=5));
    let seen = until(&Client::connect(served.address(), "/events", &id), 5);
    assert_eq!(numbers(&seen), [4, 5]);
    let asked = format!("/events?last_event_id=&since={}", text(SystemTime::now() + 1000 * MOMENT));
    let client = Client::connect(served.address(), &asked, "");
    client.wait("sse-open", |seen| !seen.events.is_empty());
    served.block_on(publish(&hub, 6..=6));
    assert_eq!(numbers(&until(&client, 6)), [6], "the client says where to begin");
}

fn what_may_be_gone_is_told(server: Server) {
    let (served, (hub, times)) = Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).retention(Retention::forever().events(8));
        let hub = hub.start().await.unwrap();
        groups(&hub, 1..=1).await;
        let first = times(&hub).await;
        groups(&hub, 2..=4).await;
        let times = [first, vec![SystemTime::UNIX_EPOCH], times(&hub).await].concat();
        let app = Router::new()
            .route("/events", route(&hub, |asked| asked.everything()))
            .route("/oldest", route(&hub, |asked| asked.on_gap(OnGap::Oldest).everything()))
            .route("/live", route(&hub, |asked| asked.on_gap(OnGap::Live).everything()))
            .route("/refuse", route(&hub, |asked| asked.on_gap(OnGap::Refuse).everything()));
        (app, (hub, times))
    });
    // Of the second group, whose time is that of its second event, the first event is gone.
    let second = times[4];
    let ask = |path: &str, time| {
        let target = format!("/{path}?since={}", text(time));
        let client = Client::connect(served.address(), &target, "");
        client.wait("sse-open", |seen| !seen.events.is_empty());
        (path.to_owned(), time, client)
    };
    let with_gap = ["events", "oldest", "refuse", "live"].map(|path| ask(path, second));
    let with_gap = with_gap.into_iter().chain([ask("events", times[0]), ask("live", times[0])]);
    let without = ["events", "oldest", "live", "refuse"].map(|path| ask(path, second + MOMENT));
    let with_gap: Vec<_> = with_gap.collect();
    served.block_on(hub.publish(Count { n: 13 })).unwrap();
    for (path, time, client) in with_gap {
        let seen = until(&client, 13);
        let first = if path == "live" { 13 } else { 5 };
        assert_eq!(numbers(&seen), (first..=13).collect::<Vec<_>>(), "{path} since {time:?}");
        let gap: serde_json::Value = serde_json::from_str(&seen.named("sse-gap")[0].data).unwrap();
        assert_eq!((&gap["reason"], &gap["asked"]), (&"trimmed".into(), &text(time).into()));
        assert!(seen.named("sse-open")[0].id.is_empty(), "no id before the gap");
        assert_eq!(hub.decode_id(&seen.named("sse-gap")[0].id).unwrap().seq(), first - 1);
    }
    for (path, _, client) in without {
        let seen = until(&client, 13);
        assert_eq!(numbers(&seen), (7..=13).collect::<Vec<_>>(), "{path}");
        assert!(seen.named("sse-gap").is_empty(), "{path}");
    }
}

fn a_time_brings_only_what_the_client_may_see(server: Server) {
    for style in [IdStyle::Plain, IdStyle::Opaque] {
        let (served, (hub, middle)) = Served::new(server, async || {
            let hub = Hub::builder(MemoryLog::new()).ids(style).start().await.unwrap();
            let mut middle = SystemTime::UNIX_EPOCH;
            for n in 1..=20 {
                if n == 11 {
                    tokio::time::sleep(3 * MOMENT).await;
                    middle = SystemTime::now();
                }
                let topic = if n % 2 == 0 { "even" } else { "odd" };
                hub.publish(Count { n }).topic(topic).await.unwrap();
            }
            let even = || ["even".parse().unwrap()];
            let app = Router::new()
                .route("/topic", route(&hub, move |asked| asked.topics(even())))
                .route("/pattern", route(&hub, |asked| asked.topics(["even/**".parse().unwrap()])))
                .route(
                    "/filter",
                    route(&hub, |asked| asked.filter(|Count { n }| n % 2 == 0).everything()),
                )
                .route("/all", route(&hub, |asked| asked.everything()));
            (app, (hub, middle))
        });
        for path in ["/topic?", "/pattern?", "/filter?", "/all?topic=even&", "/topic?topic=**&"] {
            let target = format!("{path}since={}", text(middle));
            let client = Client::connect(served.address(), &target, "");
            let seen = until(&client, 20);
            assert_eq!(numbers(&seen), [12, 14, 16, 18, 20], "{path} {style:?}");
            let id = hub.decode_id(&seen.events[0].id).unwrap();
            assert_eq!(id.seq(), 10, "{path}");
        }
    }
}

fn the_app_decides_whether_a_time_may_be_asked_for(server: Server) {
    let (served, (hub, times)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        groups(&hub, 1..=3).await;
        let times = times(&hub).await;
        let start = Start::Since(times[6]);
        let app = Router::new()
            .route("/events", route(&hub, |asked| asked.history(false).everything()))
            .route(
                "/start",
                route(&hub, move |asked| asked.history(false).start(start).everything()),
            );
        (app, (hub, times))
    });
    let asked = [since(times[3]), "/events?last_event_id=earliest".to_owned()];
    for (target, n) in asked.iter().zip(10..) {
        let client = Client::connect(served.address(), target, "");
        client.wait("the gap", |seen| !seen.named("sse-gap").is_empty());
        served.block_on(hub.publish(Count { n })).unwrap();
        let seen = until(&client, n);
        assert_eq!(numbers(&seen), [n], "{target}");
        assert!(seen.named("sse-gap")[0].data.starts_with(r#"{"reason":"not-allowed","asked":"#));
        let back = Client::connect(served.address(), target, &seen.events[1].id);
        assert_eq!(numbers(&until(&back, n)), [n], "an id is as good as ever");
    }
    let seen = until(&Client::connect(served.address(), "/start", ""), 11);
    assert_eq!(numbers(&seen), [7, 8, 9, 10, 11], "the app itself may");
}

fn a_snapshot_is_for_who_gets_no_history(server: Server) {
    let (served, (_hub, times)) = Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).retention(Retention::forever().events(4));
        let hub = hub.start().await.unwrap();
        groups(&hub, 1..=3).await;
        let times = times(&hub).await;
        let state = |subscription: Subscription<Count>| {
            subscription.snapshot(async |_| Ok(Snapshot::from(vec![Count { n: 100 }])))
        };
        let start = Start::Since(times[1]);
        let app = Router::new()
            .route("/events", route(&hub, move |asked| state(asked.everything())))
            .route("/start", route(&hub, move |asked| state(asked.start(start).everything())));
        (app, (hub, times))
    });
    let address = served.address();
    let seen = until(&Client::connect(address, &since(times[1]), ""), 9);
    assert_eq!(numbers(&seen), [7, 8, 9], "no state, but what was published");
    assert!(!seen.events[0].id.is_empty());
    for target in [since(times[0]), "/start".to_owned(), "/events".to_owned()] {
        let client = Client::connect(address, &target, "");
        let seen = client.wait("sse-cursor", |seen| !seen.named("sse-cursor").is_empty());
        assert_eq!(numbers(&seen), [100], "{target}");
        let gaps = seen.named("sse-gap").len();
        assert_eq!(gaps, usize::from(target == since(times[0])), "{target}");
        let ids: Vec<_> = seen.events.iter().filter(|event| !event.id.is_empty()).collect();
        assert_eq!((ids.len(), &*ids[0].name), (1, "sse-cursor"), "{target}");
    }
}

fn topics_that_are_closed_are_told_and_not_asked_for_again(server: Server) {
    let (served, (end, after)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        hub.publish(Count { n: 1 }).topic("a").await.unwrap();
        tokio::time::sleep(3 * MOMENT).await;
        let end = SystemTime::now();
        hub.publish(Count { n: 2 }).topic("a").await.unwrap();
        hub.close_topic("a").await.unwrap();
        tokio::time::sleep(3 * MOMENT).await;
        let after = SystemTime::now();
        hub.publish(Count { n: 3 }).topic("b").await.unwrap();
        let app = route(&hub, |asked| asked.topics(["a".parse().unwrap()]));
        (Router::new().route("/events", app), (end, after))
    });
    for (time, expected) in [(end, vec![2]), (after, vec![])] {
        let seen = Client::connect(served.address(), &since(time), "").ended();
        assert_eq!(numbers(&seen), expected);
        assert_eq!(seen.named("sse-close")[0].data, r#"{"reason":"complete"}"#);
        let again = Request::stream(&since(time), &seen.last_event_id);
        assert_eq!(http::send(served.address(), &again).unwrap().head.status, 204);
    }
}

fn an_empty_log_has_nothing_of_any_time(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::<Count>::in_memory().unwrap();
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let times = [SystemTime::UNIX_EPOCH, SystemTime::now(), SystemTime::now() + 1000 * MOMENT];
    let clients = times.map(|time| Client::connect(served.address(), &since(time), ""));
    for client in &clients {
        client.wait("sse-open", |seen| !seen.events.is_empty());
    }
    served.block_on(hub.publish(Count { n: 1 })).unwrap();
    for client in clients {
        let seen = until(&client, 1);
        assert_eq!((numbers(&seen), seen.named("sse-gap").len()), (vec![1], 0));
    }
}

fn what_is_no_time_is_refused(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub =
            Hub::<Count>::builder(MemoryLog::new()).max_query_bytes(60).start().await.unwrap();
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let texts = ["yesterday", "1795676400", "2026-11-26", "-1h", "%FF", "2026-11-26T07:00:00"];
    for text in texts {
        for method in ["GET", "HEAD"] {
            for id in ["", "0000000001bv4-17"] {
                let target = format!("/events?since={text}");
                let request = Request::new(method, &target).header("Last-Event-ID", id);
                let answer = http::send(served.address(), &request).unwrap();
                assert_eq!(answer.head.status, 400, "{method} {text}");
            }
        }
    }
    assert_eq!(hub.stats().queries_refused, 0);
    let long = format!("/events?since=2026-11-26T07:00:00.{}Z", "0".repeat(40));
    let answer = http::send(served.address(), &Request::new("GET", &long)).unwrap();
    assert_eq!((answer.head.status, hub.stats().queries_refused), (414, 1));
    let head = Request::new("HEAD", "/events?since=2026-11-26T07:00:00Z");
    assert_eq!(http::send(served.address(), &head).unwrap().head.status, 200);
    assert_eq!(hub.subscriber_count(), 0);
}

#[derive(Clone, Copy)]
enum Lookup {
    Fails,
    Panics,
}

/// How a log looks times up, one after the other; in the end as it should.
struct Lookups(Mutex<Receiver<Lookup>>);

impl Hooks for Lookups {
    fn position_at(&self, log: &dyn EventLog, time_ms: u64) -> Result<Position, LogError> {
        let lookup = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match lookup {
            Ok(Lookup::Fails) => {
                let (action, path) = ("asking", "a test".into());
                Err(LogError::Io { action, path, source: std::io::Error::other("it said so") })
            }
            Ok(Lookup::Panics) => panic!("as a test asked for"),
            Err(_) => log.position_at(time_ms),
        }
    }
}

fn a_lookup_that_hangs_or_fails_holds_nobody(server: Server) {
    let (lookups, log): (Sender<Lookup>, _) = channel();
    let (served, hub) = Served::new(server, async || {
        let hub =
            Hub::builder(Hooked(Lookups(Mutex::new(log)))).heartbeat(50 * MOMENT).log_readers(2);
        let hub = hub.start().await.unwrap();
        publish(&hub, 1..=3).await;
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let connect = || Client::connect(served.address(), &since(SystemTime::UNIX_EPOCH), "");
    for lookup in [Lookup::Fails, Lookup::Panics] {
        let client = connect();
        lookups.send(lookup).unwrap();
        let seen = client.ended();
        let names: Vec<_> = seen.events.iter().map(|event| &*event.name).collect();
        assert_eq!(names, ["sse-close"]);
        assert_eq!((&*seen.events[0].data, &*seen.last_event_id), (r#"{"reason":"failed"}"#, ""));
    }
    // Two hang in the log, and more wait for their turn.
    let hanging = [(); 5].map(|()| connect());
    for client in &hanging {
        let seen = client.wait("heartbeats", |seen| seen.comments > 2);
        assert!(seen.events.is_empty(), "{:?}", seen.events);
    }
    let other = Client::connect(served.address(), "/events", "");
    other.wait("sse-open", |seen| !seen.events.is_empty());
    hub.disconnect_all();
    for client in hanging {
        let seen = client.ended();
        assert_eq!(seen.events.last().unwrap().data, r#"{"reason":"disconnected"}"#);
    }
    let late = connect();
    drop(lookups);
    assert_eq!(numbers(&until(&late, 3)), [1, 2, 3]);
}

fn a_stream_that_begins_at_a_time_is_driven_like_any_other(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        publish(&hub, 1..=3).await;
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let client = Client::connect(served.address(), &since(SystemTime::UNIX_EPOCH), "");
    until(&client, 3);
    let by_writer = usize::from(server == Server::Framework);
    eventually("the writer has it", || {
        let stats = hub.stats();
        (stats.streams_by_writer, stats.streams_by_body) == (by_writer, 1 - by_writer)
    });
    served.block_on(hub.publish(Count { n: 4 })).unwrap();
    assert_eq!(numbers(&until(&client, 4)), [1, 2, 3, 4]);
}

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
