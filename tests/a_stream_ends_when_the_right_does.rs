//! A stream ends when the app decides so, or when its time is over: this one, soon, and no other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{CloseReason, Hub, Received, Snapshot, SseEvent, Subscribe, Subscription};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use support::client::{self, Client};
use support::served::{Served, Server, eventually, in_time};
use support::stopwatch::Stopwatch;

support::by_every_server!(
    who_is_disconnected_is_out_within_a_second_and_nobody_else,
    a_disconnected_client_comes_back_only_if_the_app_lets_it,
    no_stream_of_a_revoked_user_is_left,
    a_snapshot_that_takes_long_is_ended_too,
    a_stream_ends_when_its_time_is_over_and_not_before,
    a_stream_whose_time_was_over_shows_nothing,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
}

#[derive(Clone)]
struct App {
    hub: Hub<Count>,
    revoked: Arc<Mutex<HashSet<String>>>,
}

async fn events(State(app): State<App>, Path(user): Path<String>, request: Subscribe) -> Response {
    if app.revoked.lock().unwrap().contains(&user) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    app.hub.subscribe(request).key(user).everything().into_response()
}

// ANCHOR: look_again
async fn careful(State(app): State<App>, Path(user): Path<String>, request: Subscribe) -> Response {
    let stream = app.hub.subscribe(request).key(&user).everything();
    match app.may_read(&user).await {
        true => stream.into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}
// ANCHOR_END: look_again

async fn until(State(app): State<App>, Path(ms): Path<u64>, request: Subscribe) -> Response {
    let expiry = SystemTime::now() + Duration::from_millis(ms);
    app.hub.subscribe(request).key("lent").until(expiry).everything().into_response()
}

async fn expired(State(app): State<App>, request: Subscribe) -> Subscription<Count> {
    app.hub.subscribe(request).until(SystemTime::UNIX_EPOCH).everything()
}

async fn endless(State(app): State<App>, request: Subscribe) -> Subscription<Count> {
    let everything = app.hub.subscribe(request).key("waits").everything();
    everything.snapshot(async |_| {
        std::future::pending::<()>().await;
        Ok(Snapshot::from(Vec::new()))
    })
}

fn serve(server: Server) -> (Served, App) {
    Served::new(server, async || {
        let app = App { hub: Hub::in_memory().unwrap(), revoked: Arc::default() };
        let router = Router::new()
            .route("/events/{user}", get(events))
            .route("/careful/{user}", get(careful))
            .route("/until/{ms}", get(until))
            .route("/expired", get(expired))
            .route("/endless", get(endless))
            .route("/public", app.hub.endpoint())
            .with_state(app.clone());
        (router, app)
    })
}

impl App {
    async fn may_read(&self, user: &str) -> bool {
        tokio::task::yield_now().await;
        !self.revoked.lock().unwrap().contains(user)
    }

    fn publish(&self, served: &Served, n: u64) {
        served.block_on(self.hub.publish(Count { n })).unwrap();
    }
}

fn who_is_disconnected_is_out_within_a_second_and_nobody_else(server: Server) {
    let (served, app) = serve(server);
    let connect = |target: &str| {
        let client = Client::connect(served.address(), target, "");
        client.wait("its beginning", |seen| !seen.events.is_empty());
        client
    };
    let revoked: Vec<_> = (0..20).map(|_| connect("/events/ann")).collect();
    let mut others: Vec<_> = (0..20).map(|n| connect(&format!("/events/user-{n}"))).collect();
    // Names that are like hers.
    for name in ["Ann", "ann%20", "ann%2F", "an", "anna", "%61nn%00"] {
        others.push(connect(&format!("/events/{name}")));
    }
    others.push(connect("/public"));
    let mut typed = app.hub.subscribe(Subscribe::default()).key("ann").everything();
    assert_eq!(app.hub.subscriber_count_of("ann"), 21);

    let watch = Stopwatch::start();
    assert_eq!(app.hub.disconnect("ann"), 21);
    for client in revoked {
        client.ended().closed_for("disconnected");
    }
    let last = served.block_on(in_time("the end", typed.next()));
    assert_eq!(last, Some(Received::Closed(CloseReason::Disconnected)));
    assert!(watch.elapsed() < Duration::from_secs(1), "{:?}", watch.elapsed());
    drop(typed);
    eventually("she is gone", || app.hub.subscriber_count_of("ann") == 0);
    assert_eq!((app.hub.disconnect("ann"), app.hub.disconnect("nobody")), (0, 0));

    app.publish(&served, 1);
    for client in others {
        assert_eq!(client.data(1), [r#"{"n":1}"#]);
        assert_eq!(client.seen().end, None);
    }
    eventually("nobody is left", || app.hub.subscriber_count() == 0);
    assert_eq!(app.hub.subscriber_count_of("user-1"), 0);
}

fn a_disconnected_client_comes_back_only_if_the_app_lets_it(server: Server) {
    let (served, app) = serve(server);
    let client = Client::connect(served.address(), "/events/ann", "");
    app.publish(&served, 1);
    client.data(1);
    app.hub.disconnect("ann");
    let seen = client.ended();
    seen.closed_for("disconnected");
    assert!(seen.retry.is_some());
    // She may: the end was for those streams, not for her.
    let client = Client::connect(served.address(), "/events/ann", &seen.last_event_id);
    app.publish(&served, 2);
    assert_eq!(client.data(1), [r#"{"n":2}"#]);

    app.revoked.lock().unwrap().insert("ann".to_owned());
    app.hub.disconnect("ann");
    let id = client.ended().last_event_id;
    let head = client::open(served.address(), "/events/ann", &id).unwrap().head;
    assert_eq!(head.status, 401, "after which a browser does not come back");
}

/// Requests come in while the right is taken away.
fn no_stream_of_a_revoked_user_is_left(server: Server) {
    let (served, app) = serve(server);
    for round in 0..50 {
        let target = format!("/careful/user-{round}");
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (address, target) = (served.address(), target.clone());
                std::thread::spawn(move || client::open(address, &target, "").unwrap())
            })
            .collect();
        std::thread::sleep(Duration::from_micros(40 * round));
        let user = format!("user-{round}");
        app.revoked.lock().unwrap().insert(user.clone());
        app.hub.disconnect(&user);
        for client in clients {
            let opened = client.join().unwrap();
            if opened.head.status == 200 {
                opened.read().ended().closed_for("disconnected");
            }
        }
        eventually("none is left", || app.hub.subscriber_count_of(&user) == 0);
    }
}

fn a_snapshot_that_takes_long_is_ended_too(server: Server) {
    let (served, app) = serve(server);
    let client = Client::connect(served.address(), "/endless", "");
    client.wait("its beginning", |seen| !seen.events.is_empty());
    assert_eq!(app.hub.disconnect("waits"), 1);
    client.ended().closed_for("disconnected");
}

fn a_stream_ends_when_its_time_is_over_and_not_before(server: Server) {
    let (served, app) = serve(server);
    let (began, watch) = (Instant::now(), Stopwatch::start());
    let connect = |ms: u64| (ms, Client::connect(served.address(), &format!("/until/{ms}"), ""));
    let lent: Vec<_> = [2_900, 2_300, 2_300, 2_310, 3_500, 3_600_000].map(connect).into();
    let in_process = |ms| {
        let expiry = SystemTime::now() + Duration::from_millis(ms);
        app.hub.subscribe(Subscribe::default()).until(expiry).everything()
    };
    let (mut typed, _other) = (in_process(2_600), in_process(2_700));
    app.publish(&served, 1);
    // Before the time of any of them is over.
    lent.iter().for_each(|(_, client)| drop(client.data(1)));
    served.block_on(async {
        let first = in_time("the event", typed.next()).await;
        assert_eq!(first.and_then(Received::event), Some(Count { n: 1 }));
        let last = in_time("the end", typed.next()).await;
        assert_eq!(last, Some(Received::Closed(CloseReason::Expired)));
    });
    on_time(began, &watch, 2_600);
    for (ms, client) in lent {
        if ms > 10_000 {
            eventually("the others are gone", || app.hub.subscriber_count_of("lent") == 1);
            assert_eq!(client.seen().end, None);
            continue;
        }
        let seen = client.ended();
        seen.closed_for("expired");
        assert_eq!(seen.ordinary().count(), 1);
        // Those before it have been waited for.
        if ms >= 2_900 {
            on_time(began, &watch, ms);
        }
    }
}

/// It did not come before its time, nor a second after it.
#[track_caller]
fn on_time(began: Instant, watch: &Stopwatch, ms: u64) {
    let due = Duration::from_millis(ms);
    assert!(began.elapsed() >= due, "{:?} is too early", began.elapsed());
    assert!(watch.elapsed() < due + Duration::from_secs(1), "{:?}", watch.elapsed());
}

fn a_stream_whose_time_was_over_shows_nothing(server: Server) {
    let (served, app) = serve(server);
    app.publish(&served, 1);
    let seen = Client::connect(served.address(), "/expired", "earliest").ended();
    seen.closed_for("expired");
    assert_eq!(seen.events.len(), 2, "{:?}", seen.events);
}
