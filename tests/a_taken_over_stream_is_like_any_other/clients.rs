//! Clients that go without a word, or that do not read.

use super::{Count, Leaves, app, hub, listener, nobody, number, open, publish, serve};
use axum::routing::get;
use sse_framework::{Hub, MemoryLog};
use std::future::IntoFuture;
use std::time::{Duration, Instant};
use support::client::Client;
use support::parser;
use support::random::{Random, seed};
use support::raw::Raw;
use support::served::{Served, Server, eventually};
use support::stopwatch::{Stopwatch, without_pauses};

support::by_every_server!(
    a_client_that_goes_is_noticed_within_a_second,
    a_client_that_goes_before_its_stream_begins_is_not_kept,
    a_reset_at_any_byte_harms_nobody_else,
    a_client_that_reads_again_goes_on_where_it_was,
);

fn a_client_that_goes_is_noticed_within_a_second(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let _stays = listener(&served, "/events?topic=a");
    for leave in [drop as fn(Raw), Raw::reset, |client| client.finish()] {
        let mut client = Raw::open(served.address());
        client.get("/events?topic=a");
        client.until("\n\n\r\n");
        open(&hub, server, Leaves::Hyper, 2);
        let watch = Stopwatch::start();
        leave(client);
        open(&hub, server, Leaves::Hyper, 1);
        assert!(watch.elapsed() < Duration::from_secs(1), "{:?}", watch.elapsed());
    }
}

fn a_client_that_goes_before_its_stream_begins_is_not_kept(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let stays = listener(&served, "/events");
    for n in 0..300 {
        let mut client = Raw::open(served.address());
        client.get("/events");
        if n % 2 == 0 { client.reset() } else { drop(client) }
    }
    open(&hub, server, Leaves::Hyper, 1);
    publish(&served, &hub, 1);
    stays.data(1);
    drop(stays);
    nobody(&hub);
}

fn a_reset_at_any_byte_harms_nobody_else(server: Server) {
    const REQUEST: &str = "GET /events HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut random = Random::new(seed());
    let (served, hub) = serve(server, |app| app);
    let healthy: Vec<_> = (0..4).map(|_| listener(&served, "/events")).collect();
    let mut published = 0;
    for round in 0..400 {
        let mut client = Raw::open(served.address());
        // In the request, in the head, in an event, or with much unread.
        match round % 4 {
            0 => client.send(&REQUEST[..random.below(REQUEST.len())]),
            kind => {
                client.send(REQUEST);
                client.exactly(1 + random.below(100 * kind));
            }
        }
        for _ in 0..random.below(4) {
            published += 1;
            let padding = "x".repeat(random.below(20_000));
            served.block_on(hub.publish(Count { n: published, padding })).unwrap();
        }
        client.reset();
    }
    for client in healthy {
        let enough = |seen: &support::client::Seen| seen.ordinary().count() as u64 == published;
        let seen = client.wait("all events", enough);
        assert!(seen.ordinary().map(number).eq(1..=published), "in order");
        drop(client);
    }
    nobody(&hub);
}

fn a_client_that_reads_again_goes_on_where_it_was(server: Server) {
    const EVENTS: u64 = 200;
    let (served, hub) = serve(server, |app| app);
    let mut client = Raw::open_narrow(served.address());
    client.get("/events");
    let mut read = client.until("\n\n\r\n").into_bytes();
    open(&hub, server, Leaves::Hyper, 1);
    let padding = "x".repeat(64 << 10);
    let events = (1..=EVENTS).map(|n| Count { n, padding: padding.clone() });
    served.block_on(hub.publish_all(events)).unwrap();
    // By now the socket takes nothing more.
    std::thread::sleep(Duration::from_millis(300));
    client.widen();
    let newest = format!("id: {}\n", hub.last_event_id());
    read.extend(client.until(&newest).into_bytes());
    read.extend(client.until("\n\n\r\n").into_bytes());
    let seen = parser::read(&body(&read));
    let numbers = seen.events.iter().filter(|event| event.name == "count").map(number);
    assert!(numbers.eq(1..=EVENTS), "all of them, in order");
}

/// Serves with a tail that is soon left behind, and lets clients go that take nothing for this
/// long.
fn with_write_timeout(time: Duration) -> (Served, Hub<Count>) {
    Served::by(async |listener| {
        let hub = Hub::builder(MemoryLog::new()).tail_bytes(256 << 10).tail_events(1000);
        let hub = hub.heartbeat(Duration::from_millis(200)).start().await.unwrap();
        (sse_framework::serve(listener, app(&hub)).write_timeout(time).into_future(), hub)
    })
}

#[test]
fn a_client_that_takes_nothing_is_let_go_and_resumes_without_loss() {
    const EVENTS: u64 = 400;
    // Longer than a client that reads may take on a busy machine.
    let timeout = Duration::from_secs(4);
    let (served, hub) = with_write_timeout(timeout);
    let mut client = Raw::open_narrow(served.address());
    client.get("/events");
    let mut read = client.until("\n\n\r\n").into_bytes();
    open(&hub, Server::Framework, Leaves::Hyper, 1);
    let healthy = listener(&served, "/events");
    let padding = "x".repeat(64 << 10);
    let began = Instant::now();
    for n in 1..=EVENTS {
        let event = Count { n, padding: padding.clone() };
        served.block_on(hub.publish(event)).unwrap();
    }
    healthy.wait("all events", |seen| seen.ordinary().count() as u64 == EVENTS);
    eventually("it is let go", || hub.stats().subscriptions == 1);
    assert!(began.elapsed() > timeout, "{:?}", began.elapsed());

    read.extend(client.to_end());
    let seen = parser::read(&body(&read));
    let first = seen.events.iter().filter(|event| event.name == "count").count() as u64;
    assert!(first < EVENTS, "the client was not slow: the test shows nothing");
    let back = Client::connect(served.address(), "/events", &seen.last_event_id);
    let rest = back.wait("the rest", |seen| seen.ordinary().count() as u64 == EVENTS - first);
    assert!(rest.ordinary().map(number).eq(first + 1..=EVENTS), "{first} before");
    assert!(rest.named("sse-gap").is_empty());
}

#[test]
fn a_client_that_goes_after_many_early_requests_is_noticed() {
    let (served, hub) = serve(Server::Framework, |app| app);
    let _stays = listener(&served, "/events?topic=a");
    for leave in [drop as fn(Raw), Raw::reset, |client| client.finish()] {
        let mut client = Raw::open(served.address());
        client.get("/events?topic=a");
        client.until("\n\n\r\n");
        open(&hub, Server::Framework, Leaves::Hyper, 2);
        // More than the writer reads before their turn.
        client.send("GET /page HTTP/1.1\r\nHost: test\r\n\r\n".repeat(3000));
        std::thread::sleep(Duration::from_millis(200));
        let watch = Stopwatch::start();
        leave(client);
        open(&hub, Server::Framework, Leaves::Hyper, 1);
        assert!(watch.elapsed() < Duration::from_secs(1), "{:?}", watch.elapsed());
    }
}

#[test]
fn a_client_that_takes_little_at_a_time_is_not_let_go() {
    let timeout = Duration::from_secs(1);
    without_pauses(timeout / 2, |pauses| {
        let (served, hub) = with_write_timeout(timeout);
        // More than there is room for at once.
        let padding = "x".repeat(200 << 10);
        let events = (1..=40).map(|n| Count { n, padding: padding.clone() });
        served.block_on(hub.publish_all(events)).unwrap();
        pauses.look();
        let mut client = Raw::open_narrow(served.address());
        client.get("/events?last_event_id=earliest");
        client.until("\n\n\r\n");
        open(&hub, Server::Framework, Leaves::Hyper, 1);
        // The system says that there is room only when a third of what it holds, megabytes, is gone.
        let began = Instant::now();
        let stays = || hub.stats().subscriptions == 1;
        while began.elapsed() < 3 * timeout && stays() {
            client.exactly(2 << 10);
            std::thread::sleep(timeout / 50);
            pauses.look();
        }
        let (stayed, took) = (stays(), began.elapsed());
        pauses.look();
        eventually("it takes nothing any more", || hub.stats().subscriptions == 0);
        move || assert!(stayed, "it is let go after {took:?}")
    });
}

/// Whether the writer had it or hyper.
#[test]
fn the_write_timeout_ends_with_the_stream() {
    const LENGTH: usize = 1 << 20;
    let timeout = Duration::from_millis(500);
    let (served, hub) = Served::by(async |listener| {
        let hub = hub().await;
        let finite = || async { ([("content-type", "text/event-stream")], ": nothing\n\n") };
        let app = app(&hub).route("/finite", get(finite));
        (sse_framework::serve(listener, app).write_timeout(timeout).into_future(), hub)
    });
    for path in ["/events", "/finite"] {
        let mut client = Raw::open_narrow(served.address());
        client.get(path);
        if path == "/events" {
            client.until("sse-open");
            open(&hub, Server::Framework, Leaves::Hyper, 1);
            hub.disconnect_all();
            client.until("0\r\n\r\n");
        } else {
            client.until("nothing\n\n");
        }
        let head = "POST /echo HTTP/1.1\r\nHost: test\r\n";
        client.send(format!("{head}Content-Length: {LENGTH}\r\n\r\n"));
        client.send("x".repeat(LENGTH));
        std::thread::sleep(6 * timeout);
        client.until("\r\n\r\n");
        assert!(client.exactly(LENGTH).iter().all(|byte| *byte == b'x'), "{path}");
    }
}

/// What stands in the chunks of an answer, as far as it goes.
fn body(answer: &[u8]) -> Vec<u8> {
    let place = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).position(|at| at == text);
    let mut rest = &answer[place(answer, b"\r\n\r\n").unwrap() + 4..];
    let mut body = Vec::new();
    while let Some(line) = place(rest, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        rest = &rest[line + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = &rest[(size + 2).min(rest.len())..];
    }
    body
}

#[test]
fn a_client_that_vanishes_is_let_go() {
    let (served, hub) = with_write_timeout(Duration::from_secs(1));
    let stays = listener(&served, "/events");
    let mut gone: Vec<_> = (0..5).map(|_| Raw::open(served.address())).collect();
    for client in &mut gone {
        client.get("/events");
        client.until("\n\n\r\n");
    }
    open(&hub, Server::Framework, Leaves::Hyper, 6);
    let began = Instant::now();
    gone.iter().for_each(Raw::vanish);
    open(&hub, Server::Framework, Leaves::Hyper, 1);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    // Nothing has arrived since: it is the system that gave them up.
    assert!(took > Duration::from_millis(500), "{took:?}");
    publish(&served, &hub, 1);
    stays.data(1);
}
