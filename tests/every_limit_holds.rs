//! Every limit is in force unless the app says otherwise, holds exactly, is told in a way that the
//! client understands, is counted, and is given back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    AppendError, Appended, Batch, CloseReason, EventId, EventLog, Hub, HubBuilder, LogError,
    MemoryLog, PublishError, Read, Received, RecordRef, Retention, Snapshot, SseEvent, Start,
    Subscribe, SubscribeRejection, Subscription, TopicFilter, TopicSelection,
};
use std::future::{Future, IntoFuture};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::client::{self, Client, End, Seen};
use support::http::{self, Request};
use support::log::{Hooked, Hooks};
use support::served::{Served, Server, eventually, in_time};
use tokio::task::JoinHandle;

support::by_every_server!(
    one_subscription_too_many_comes_back_later,
    one_subscription_too_many_of_a_key_comes_back_later,
    who_has_all_there_will_be_is_sent_away_for_good_though_there_is_no_room,
    of_a_crowd_exactly_as_many_get_in_as_there_is_room,
    who_is_refused_costs_no_snapshot,
    the_app_can_answer_a_refusal_itself,
    a_handler_that_asks_whether_it_is_accepted_answers_as_the_subscription_would,
    more_topics_than_allowed_are_refused,
    a_longer_query_than_allowed_is_refused,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

#[derive(Clone)]
struct App {
    hub: Hub<Note>,
    snapshots: Arc<AtomicUsize>,
    notes: Arc<Mutex<Vec<String>>>,
}

impl App {
    async fn note(&self, what: &str) {
        tokio::task::yield_now().await;
        self.notes.lock().unwrap().push(what.to_owned());
    }
}

async fn of_ann(State(app): State<App>, request: Subscribe) -> Subscription<Note> {
    app.hub.subscribe(request).key("ann").everything()
}

async fn of_bob(State(app): State<App>, request: Subscribe) -> Subscription<Note> {
    app.hub.subscribe(request).key("bob").everything()
}

async fn state_first(State(app): State<App>, request: Subscribe) -> Subscription<Note> {
    let everything = app.hub.subscribe(request).everything();
    everything.snapshot(async move |_| {
        app.snapshots.fetch_add(1, Ordering::Relaxed);
        Ok(Snapshot::from(Vec::new()))
    })
}

// ANCHOR: rejection
async fn strict(State(app): State<App>, request: Subscribe) -> Response {
    let stream = app.hub.subscribe(request).everything();
    match stream.rejection() {
        Some(SubscribeRejection::TooManySubscriptions { .. }) => {
            "try our other site".into_response()
        }
        _ => stream.into_response(),
    }
}
// ANCHOR_END: rejection

/// What happened to a subscription is noted in a table.
async fn noted(State(app): State<App>, request: Subscribe) -> Response {
    let stream = app.hub.subscribe(request).everything();
    if let Some(rejection) = stream.rejection() {
        app.note(&format!("refused: {rejection}")).await;
    }
    stream.into_response()
}

// ANCHOR: accepted
async fn audited(
    State(app): State<App>,
    request: Subscribe,
) -> Result<Subscription<Note>, SubscribeRejection> {
    let stream = app.hub.subscribe(request).everything().accepted()?;
    app.note("opened").await;
    Ok(stream)
}
// ANCHOR_END: accepted

async fn of_three(State(app): State<App>, request: Subscribe) -> Subscription<Note> {
    app.hub.subscribe(request).topics(three())
}

fn three() -> [TopicFilter; 3] {
    ["a", "b", "c"].map(|topic| topic.parse().unwrap())
}

fn serve(
    server: Server,
    limits: impl FnOnce(HubBuilder<Note>) -> HubBuilder<Note>,
) -> (Served, App) {
    Served::new(server, async || {
        let hub = limits(Hub::builder(MemoryLog::new())).start().await.unwrap();
        let app = App { hub: hub.clone(), snapshots: Arc::default(), notes: Arc::default() };
        let router = Router::new()
            .route("/events", hub.endpoint())
            .route("/ann", get(of_ann))
            .route("/bob", get(of_bob))
            .route("/state", get(state_first))
            .route("/strict", get(strict))
            .route("/noted", get(noted))
            .route("/audited", get(audited))
            .route("/three", get(of_three));
        (router.with_state(app.clone()), app)
    })
}

fn connect(served: &Served, target: &str) -> Client {
    let client = Client::connect(served.address(), target, "");
    client.wait("its beginning", |seen| !seen.events.is_empty());
    client
}

/// What a browser is told that must come back later: by a whole stream of one event.
#[track_caller]
fn refused(served: &Served, target: &str) -> Seen {
    let seen = Client::connect(served.address(), target, "").ended();
    let events: Vec<_> = seen.events.iter().map(|e| (e.name.as_str(), e.data.as_str())).collect();
    assert_eq!(events, [("sse-close", r#"{"reason":"overloaded"}"#)]);
    assert_eq!((seen.end, seen.last_event_id.as_str()), (Some(End::Whole), ""));
    seen
}

/// What others are told.
#[track_caller]
fn unavailable(served: &Served, target: &str) {
    for accept in [None, Some("*/*"), Some("text/*")] {
        let request = Request::new("GET", target);
        let request = accept.iter().fold(request, |request, a| request.header("Accept", a));
        let answer = http::send(served.address(), &request).unwrap();
        assert_eq!(answer.head.status, 503, "{accept:?}");
        let seconds: u64 = answer.head.header("retry-after").unwrap().parse().unwrap();
        assert!((5..=15).contains(&seconds), "{seconds}");
    }
}

fn overloaded(served: &Served, subscription: Subscription<Note>) {
    let mut subscription = subscription;
    let ended = served.block_on(in_time("the end", subscription.next()));
    assert_eq!(ended, Some(Received::Closed(CloseReason::Overloaded)));
    assert_eq!(served.block_on(in_time("nothing", subscription.next())), None);
}

fn one_subscription_too_many_comes_back_later(server: Server) {
    let (served, app) = serve(server, |hub| hub.max_subscriptions(3));
    let clients = ["/events", "/ann", "/state"].map(|target| connect(&served, target));
    let retries: Vec<_> = (0..20).map(|_| refused(&served, "/events").retry.unwrap()).collect();
    // Five times the usual, and half more or less.
    assert!(retries.iter().all(|retry| (5_000..=15_000).contains(retry)), "{retries:?}");
    assert!(retries.iter().any(|retry| *retry != retries[0]), "{retries:?}");
    unavailable(&served, "/events");
    overloaded(&served, app.hub.subscribe(Subscribe::default()).everything());
    assert_eq!(app.hub.stats().subscriptions_refused, 24);
    assert_eq!(app.hub.stats().subscriptions, 3);

    // Those who are in notice nothing, and who goes makes room.
    served.block_on(app.hub.publish(Note { text: "1".into() })).unwrap();
    let [first, second, third] = clients;
    assert_eq!((first.data(1).len(), second.data(1).len(), third.data(1).len()), (1, 1, 1));
    drop(second);
    eventually("there is room", || app.hub.subscriber_count() == 2);
    let again = connect(&served, "/events");
    assert_eq!(again.seen().events[0].name, "sse-open");
    assert_eq!(app.hub.stats().subscriptions_refused, 24);
}

/// It would ask again and again for what it has.
fn who_has_all_there_will_be_is_sent_away_for_good_though_there_is_no_room(server: Server) {
    let (served, app) = serve(server, |hub| hub.max_subscriptions(1));
    let id = served.block_on(app.hub.close_topic("a")).unwrap().to_string();
    let client = connect(&served, "/events");
    let answer = client::open(served.address(), "/events?topic=a", &id).unwrap();
    assert_eq!(answer.head.status, 204);
    let answer = client::open(served.address(), "/events?topic=b", &id).unwrap();
    assert_eq!(answer.head.status, 200, "it is to come back");
    drop(client);
}

fn one_subscription_too_many_of_a_key_comes_back_later(server: Server) {
    let (served, app) = serve(server, |hub| hub.max_subscriptions_per_key(2));
    let _ann = [connect(&served, "/ann"), connect(&served, "/ann")];
    refused(&served, "/ann");
    unavailable(&served, "/ann");
    overloaded(&served, app.hub.subscribe(Subscribe::default()).key("ann").everything());
    let stats = app.hub.stats();
    assert_eq!((stats.subscriptions_refused_by_key, stats.subscriptions_refused), (5, 0));
    // Others are not concerned, nor is who has no key.
    let bob = ["/bob", "/bob", "/events", "/events", "/events"].map(|to| connect(&served, to));
    assert!(bob.iter().all(|client| client.seen().events[0].name == "sse-open"));
    app.hub.disconnect("ann");
    eventually("there is room", || app.hub.subscriber_count_of("ann") == 0);
    assert_eq!(connect(&served, "/ann").seen().events[0].name, "sse-open");
}

fn of_a_crowd_exactly_as_many_get_in_as_there_is_room(server: Server) {
    const CROWD: usize = 48;
    let (served, app) = serve(server, |hub| hub.max_subscriptions(20).max_subscriptions_per_key(5));
    let start = Barrier::new(CROWD);
    let targets = |n: usize| ["/ann", "/events"][n % 2];
    let clients: Vec<Client> = std::thread::scope(|scope| {
        let connecting = |n| {
            let (start, served) = (&start, &served);
            scope.spawn(move || {
                start.wait();
                connect(served, targets(n))
            })
        };
        let connecting: Vec<_> = (0..CROWD).map(connecting).collect();
        connecting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let inside = clients.iter().filter(|client| client.seen().events[0].name == "sse-open");
    assert_eq!(inside.count(), 20);
    assert_eq!((app.hub.subscriber_count(), app.hub.subscriber_count_of("ann") <= 5), (20, true));
    let stats = app.hub.stats();
    assert_eq!(stats.subscriptions_refused + stats.subscriptions_refused_by_key, 28);
    drop(clients);
    eventually("all is given back", || app.hub.subscriber_count() == 0);
}

fn who_is_refused_costs_no_snapshot(server: Server) {
    let (served, app) = serve(server, |hub| hub.max_subscriptions(1));
    let _first = connect(&served, "/state");
    refused(&served, "/state");
    unavailable(&served, "/state");
    assert_eq!(app.snapshots.load(Ordering::Relaxed), 1);
}

fn the_app_can_answer_a_refusal_itself(server: Server) {
    let (served, _app) = serve(server, |hub| hub.max_subscriptions(1));
    let _first = connect(&served, "/strict");
    let answer = http::send(served.address(), &Request::stream("/strict", "")).unwrap();
    assert_eq!(answer.text(), "try our other site");
}

fn a_handler_that_asks_whether_it_is_accepted_answers_as_the_subscription_would(server: Server) {
    let (served, app) = serve(server, |hub| hub.max_subscriptions(1));
    let first = connect(&served, "/audited");
    assert_eq!(first.seen().events[0].name, "sse-open");
    assert_eq!(*app.notes.lock().unwrap(), ["opened"]);
    for target in ["/audited", "/noted"] {
        refused(&served, target);
        unavailable(&served, target);
    }
    let notes = app.notes.lock().unwrap().clone();
    assert_eq!(notes.len(), 5, "{notes:?}");
    assert!(notes[1..].iter().all(|note| note.starts_with("refused: there are 1")), "{notes:?}");

    let head = Request::new("HEAD", "/audited");
    assert_eq!(http::send(served.address(), &head).unwrap().head.status, 200);
    let rejection = app.hub.subscribe(Subscribe::default()).everything().accepted().unwrap_err();
    let SubscribeRejection::TooManySubscriptions { limit: 1, wants_stream: true, .. } = rejection
    else {
        panic!("{rejection:?}")
    };
}

fn more_topics_than_allowed_are_refused(server: Server) {
    let (served, app) = serve(server, |hub| hub.max_topics(2));
    let status = |target: &str| {
        client::open(served.address(), target, "").map(|opened| opened.head.status).unwrap()
    };
    assert_eq!(status("/events?topic=a&topic=b"), 200);
    assert_eq!(status("/events?topic=a&topic=b&topic=c"), 400);
    // What the app gives is the app's mistake.
    assert_eq!(status("/three"), 500);
    let subscribe = |request| app.hub.subscribe(request);
    let asked = subscribe(Subscribe::default().topics(three())).everything();
    assert!(matches!(
        asked.rejection(),
        Some(SubscribeRejection::TooManyTopics { given: 3, limit: 2 })
    ));
    let mut given = subscribe(Subscribe::default()).topics(three());
    assert!(matches!(
        given.rejection(),
        Some(SubscribeRejection::TooManyTopicsAllowed { given: 3, limit: 2 })
    ));
    let ended = served.block_on(in_time("the end", given.next()));
    assert_eq!(ended, Some(Received::Closed(CloseReason::Failed)));
    assert_eq!(app.hub.stats().topics_refused, 4);

    // By default there may be 100.
    let (served, app) = serve(server, |hub| hub);
    let topics = "topic=a&".repeat(100);
    let target = format!("/events?{topics}");
    assert_eq!(client::open(served.address(), &target, "").unwrap().head.status, 200);
    let target = format!("/events?{topics}topic=b");
    assert_eq!(client::open(served.address(), &target, "").unwrap().head.status, 400);
    assert_eq!(app.hub.stats().topics_refused, 1);
}

fn a_longer_query_than_allowed_is_refused(server: Server) {
    for (limit, served) in [(100, serve(server, |hub| hub.max_query_bytes(100)))]
        .into_iter()
        .chain([(8 << 10, serve(server, |hub| hub))])
    {
        let (served, app) = served;
        for (bytes, status) in [(limit, 200), (limit + 1, 414)] {
            let target = format!("/events?{}", "q".repeat(bytes));
            let opened = client::open(served.address(), &target, "").unwrap();
            assert_eq!(opened.head.status, status, "{bytes}");
        }
        assert_eq!(app.hub.stats().queries_refused, 1);
    }
}

/// A log that is used by whoever gets past a lock.
struct Held(Arc<Mutex<()>>);

impl Hooks for Held {
    fn append(&self, log: &dyn EventLog, batches: &[Batch]) -> Result<Appended, AppendError> {
        let _held = self.0.lock().unwrap();
        log.append(batches)
    }

    fn read(
        &self,
        log: &dyn EventLog,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        let _held = self.0.lock().unwrap();
        log.read(after, until, topics, visit)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_read_the_log_as_are_allowed_and_the_others_wait() {
    for readers in [1, 3] {
        let held = Arc::new(Mutex::new(()));
        let hub =
            Hub::<Note>::builder(Hooked(Held(held.clone()))).tail_events(0).log_readers(readers);
        let hub = hub.start().await.unwrap();
        // The newest is in memory, however little may be.
        for text in ["1", "2"] {
            hub.publish(Note { text: text.into() }).await.unwrap();
        }
        let shut = held.lock().unwrap();
        let reading: Vec<_> = (0..5)
            .map(|_| {
                let subscription = hub.subscribe(Subscribe::default()).start(Start::Oldest);
                let mut stream = subscription.everything();
                tokio::spawn(async move { stream.next().await })
            })
            .collect();
        let waiting = 5 - readers;
        eventually("the others wait", || hub.stats().log_reads_waiting == waiting);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(hub.stats().log_reads_waiting, waiting);
        assert_eq!(hub.stats().log_reads_delayed, waiting as u64);
        // Who gives up waits no more.
        reading.iter().for_each(JoinHandle::abort);
        eventually("they have gone", || hub.stats().log_reads_waiting == 0);
        drop(shut);
        let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
        let first = in_time("an event", stream.next()).await;
        assert!(matches!(first, Some(Received::Event(_))), "{first:?}");
        in_time("the end", hub.shutdown()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_too_large_or_must_wait_is_counted() {
    let held = Arc::new(Mutex::new(()));
    let hub =
        Hub::<Note>::builder(Hooked(Held(held.clone()))).max_event_bytes(100).queue_bytes(200);
    let hub = hub.start().await.unwrap();
    let large = hub.publish(note(100)).await;
    assert!(matches!(large, Err(PublishError::EventTooLarge { limit: 100, .. })));
    let large = hub.publish_all([note(50), note(50)]).await;
    assert!(matches!(large, Err(PublishError::BatchTooLarge { limit: 200, .. })));
    assert_eq!(hub.stats().publishes_too_large, 2);

    let shut = held.lock().unwrap();
    let first = hub.try_publish(note(50)).unwrap();
    assert_eq!(hub.stats().publishes_delayed, 0);
    let full = hub.try_publish(note(50)).unwrap_err();
    assert!(matches!(full.error, PublishError::QueueFull));
    assert_eq!(hub.stats().publishes_delayed, 1);
    let mut second = std::pin::pin!(hub.publish(note(50)).into_future());
    assert!(poll_once(second.as_mut()).is_pending());
    assert_eq!(hub.stats().publishes_delayed, 2);
    drop(shut);
    assert_eq!((first.await.unwrap().seq(), second.await.unwrap().seq()), (1, 2));
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn note(length: usize) -> Note {
    Note { text: "x".repeat(length) }
}

/// Also who gets no stream can store where it goes on later, and then misses nothing.
#[tokio::test]
async fn who_gets_no_stream_stands_where_it_would_have_begun() {
    let hub = Hub::<Note>::builder(MemoryLog::new()).max_subscriptions(0);
    let hub = hub.retention(Retention::forever().events(10)).start().await.unwrap();
    let trimmed = hub.publish(note(1)).await.unwrap();
    hub.publish_all((0..30).map(|_| note(1))).await.unwrap();
    let before = hub.publish(note(1)).await.unwrap();
    let newest = hub.publish(note(1)).await.unwrap();
    let head = async |id: Option<EventId>| {
        let mut head = axum::http::Request::head("/events");
        if let Some(id) = id {
            head = head.header("Last-Event-ID", id.to_string());
        }
        let (mut parts, ()) = head.body(()).unwrap().into_parts();
        Subscribe::from_request_parts(&mut parts, &()).await.unwrap()
    };
    let plain = |id: Option<EventId>| match id {
        Some(id) => Subscribe::default().after(id.to_string()),
        None => Subscribe::default(),
    };
    for (id, stands) in
        [(None, newest), (Some(newest), newest), (Some(before), before), (Some(trimmed), trimmed)]
    {
        let refused = hub.subscribe(plain(id)).everything();
        assert!(refused.rejection().is_some());
        assert_eq!(refused.position(), stands);
        let start = id.map_or(Start::New, Start::After);
        assert_eq!(hub.subscribe(plain(None)).start(start).everything().position(), stands);
        assert_eq!(hub.subscribe(head(id).await).everything().position(), stands);
    }
    assert_eq!(hub.stats().subscriptions_refused, 8, "and a HEAD request is not");
}

// ANCHOR: limits
fn limits(hub: HubBuilder<Note>) -> HubBuilder<Note> {
    hub.max_subscriptions(20_000)
        .max_subscriptions_per_key(6)
        .max_topics(50)
        .max_query_bytes(2 << 10)
        .max_event_bytes(64 << 10)
        .queue_bytes(8 << 20)
        .log_readers(8)
}
// ANCHOR_END: limits

#[tokio::test]
async fn all_limits_can_be_set() {
    let hub = limits(Hub::builder(MemoryLog::new())).start().await.unwrap();
    let subscribe = || hub.subscribe(Subscribe::default()).key(7).everything();
    let six: Vec<_> = (0..6).map(|_| subscribe()).collect();
    assert!(six.iter().all(|subscription| subscription.rejection().is_none()));
    assert!(matches!(
        subscribe().rejection(),
        Some(SubscribeRejection::TooManySubscriptionsOfKey { limit: 6, .. })
    ));
}

#[tokio::test]
async fn by_default_a_key_has_a_hundred_subscriptions_and_a_hub_a_hundred_thousand() {
    let hub = Hub::<Note>::in_memory().unwrap();
    let of_ann = || hub.subscribe(Subscribe::default()).key("ann").everything();
    let ann: Vec<_> = (0..100).map(|_| of_ann()).collect();
    assert!(ann.iter().all(|subscription| subscription.rejection().is_none()));
    assert!(of_ann().rejection().is_some());
    let anybody = || hub.subscribe(Subscribe::default()).everything();
    let all: Vec<_> = (0..99_900).map(|_| anybody()).collect();
    assert!(all.iter().all(|subscription| subscription.rejection().is_none()));
    assert!(matches!(
        anybody().rejection(),
        Some(SubscribeRejection::TooManySubscriptions { limit: 100_000, .. })
    ));
}
