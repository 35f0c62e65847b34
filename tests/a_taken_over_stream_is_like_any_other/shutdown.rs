//! How a server ends.

use super::{Count, Leaves, app, builder, hub, listener, nobody, open};
use sse_framework::Hub;
use std::future::IntoFuture;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use support::client::{Client, End};
use support::raw::Raw;
use support::served::{Served, Server, eventually};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

support::by_every_server!(a_runtime_that_ends_ends_its_streams);

/// What is served, and what stops it.
type Stoppable = (Served, (Hub<Count>, oneshot::Sender<()>));

/// Of an event that no system takes as a whole for a client that does not read: in bytes, and what is
/// allowed for it.
const LARGE: usize = 12 << 20;
const LARGEST: usize = 16 << 20;

/// Serves until it is told to stop, and lets streams last for this long after it: nothing else ends
/// them.
fn serve_without_drain(timeout: Duration) -> Stoppable {
    Served::by(async |listener| {
        let hub = builder().max_event_bytes(LARGEST).start().await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = sse_framework::serve(listener, app(&hub)).shutdown_timeout(timeout);
        let serving = serving.with_graceful_shutdown(async { drop(stopped.await) });
        (serving.into_future(), (hub, stop))
    })
}

fn serve_with_drain() -> Stoppable {
    Served::by(async |listener| {
        let hub = hub().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = sse_framework::serve(listener, app(&hub));
        let serving = serving.with_graceful_shutdown(hub.drained_by(stopped));
        (serving.into_future(), (hub, stop))
    })
}

/// What is held up until it is cut off takes ten seconds, unless a test says otherwise.
const SOON: Duration = Duration::from_secs(9);

/// Waits for the end of the server, which must come soon.
#[track_caller]
fn stops(served: &mut Served) {
    assert!(served.stopped(SOON).is_some(), "it does not end within {SOON:?}");
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let (mut served, (hub, stop)) = serve_with_drain();
    let mut kept_alive = Raw::open(served.address());
    kept_alive.get("/page");
    kept_alive.until("a page");
    let mut after_a_stream = Raw::open(served.address());
    after_a_stream.get("/events");
    after_a_stream.until("sse-open");
    open(&hub, Server::Framework, Leaves::Hyper, 1);
    hub.disconnect_all();
    after_a_stream.until("0\r\n\r\n");
    let mut silent = Raw::open(served.address());
    let client = listener(&served, "/events");
    stop.send(()).unwrap();
    stops(&mut served);
    let seen = client.ended();
    assert_eq!(seen.events.last().unwrap().name, "sse-close");
    assert_eq!(seen.end, Some(End::Whole));
    for client in [&mut kept_alive, &mut after_a_stream, &mut silent] {
        assert!(client.to_end().is_empty());
    }
    nobody(&hub);
}

#[test]
fn what_does_not_end_is_cut_off_in_time() {
    let timeout = Duration::from_millis(700);
    let (mut served, (hub, stop)) = serve_without_drain(timeout);
    let client = listener(&served, "/events");
    let mut half_a_head = Raw::open(served.address());
    half_a_head.send("GET /page HTTP/1.1\r\nHo");
    let mut half_a_body = Raw::open(served.address());
    half_a_body.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhe");
    // As it does not read, it has a part of an event.
    let mut stalled = Raw::open_narrow(served.address());
    stalled.get("/events");
    stalled.until("sse-open");
    open(&hub, Server::Framework, Leaves::Hyper, 2);
    let padding = "x".repeat(LARGE);
    served.block_on(hub.publish(Count { n: 1, padding })).unwrap();
    client.data(1);
    let began = Instant::now();
    stop.send(()).unwrap();
    stops(&mut served);
    assert!(began.elapsed() >= timeout, "{:?}", began.elapsed());
    let seen = client.ended();
    assert_eq!(seen.end, Some(End::Whole), "it was between two chunks");
    assert!(seen.named("sse-close").is_empty(), "nobody told the hub");
    assert!(!stalled.to_end().ends_with(b"0\r\n\r\n"), "a part of an event is no end");
    half_a_head.to_end();
    half_a_body.to_end();
    nobody(&hub);
}

#[test]
fn limits_have_no_value_that_breaks_the_server() {
    for extreme in [Duration::ZERO, Duration::MAX] {
        let (mut served, (hub, stop)) = Served::by(async |listener| {
            let hub = hub().await;
            let (stop, stopped) = oneshot::channel::<()>();
            let serving = sse_framework::serve(listener, app(&hub));
            let serving = serving.shutdown_timeout(extreme).write_timeout(extreme);
            (serving.with_graceful_shutdown(hub.drained_by(stopped)).into_future(), (hub, stop))
        });
        let client = listener(&served, "/events");
        open(&hub, Server::Framework, Leaves::Hyper, 1);
        super::publish(&served, &hub, 1);
        client.data(1);
        stop.send(()).unwrap();
        stops(&mut served);
        assert_eq!(client.ended().end, Some(End::Whole), "{extreme:?}");
    }
}

#[test]
fn a_server_that_is_dropped_takes_nobody_new_and_lets_streams_go_on() {
    let (drop_it, dropped) = oneshot::channel::<()>();
    let (mut served, hub) = Served::by(async |listener| {
        let hub = hub().await;
        let serving = sse_framework::serve(listener, app(&hub)).into_future();
        let serving = async {
            tokio::select! {
                ended = serving => ended,
                _ = dropped => Ok(()),
            }
        };
        (serving, hub)
    });
    let client = listener(&served, "/events");
    let mut page = Raw::open(served.address());
    page.get("/page");
    page.until("a page");
    open(&hub, Server::Framework, Leaves::Hyper, 1);
    drop_it.send(()).unwrap();
    stops(&mut served);
    assert!(TcpStream::connect(served.address()).is_err(), "nobody listens");
    super::publish(&served, &hub, 1);
    client.data(1);
    page.get("/page");
    page.until("a page");
    hub.disconnect_all();
    assert_eq!(client.ended().end, Some(End::Whole));
    nobody(&hub);
}

/// As with any server on it. The hub is older than the runtime, and stays.
fn a_runtime_that_ends_ends_its_streams(server: Server) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let hub = runtime.block_on(hub());
    let (served, ()) = Served::new(server, async || (app(&hub), ()));
    let clients: Vec<Client> = (0..5).map(|_| listener(&served, "/events")).collect();
    open(&hub, server, Leaves::Hyper, 5);
    let began = Instant::now();
    drop(served);
    for client in &clients {
        client.ended();
    }
    eventually("nobody is left", || hub.stats().subscriptions == 0);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    nobody(&hub);
}
