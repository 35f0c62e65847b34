//! What else speaks on the same port.

use super::{Count, Leaves, app, hub, listener, open, publish, serve};
use axum::extract::{ConnectInfo, WebSocketUpgrade};
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_framework::Hub;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::parser;
use support::raw::Raw;
use support::served::{Served, Server, in_time};
use tokio::net::TcpStream;

support::by_every_server!(websockets_are_upgraded, http2_streams_and_pages_are_served);

fn websockets_are_upgraded(server: Server) {
    let echo = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket| {
            while let Some(Ok(message)) = socket.recv().await {
                let _ = socket.send(message).await;
            }
        })
    };
    let (served, hub) = serve(server, |app| app.route("/ws", get(echo)));
    let client = listener(&served, "/events");
    open(&hub, server, Leaves::Hyper, 1);
    let mut socket = Raw::open(served.address());
    // The key, and its answer, are those of RFC 6455, section 1.3; the frames those of 5.7.
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let mut handshake = b"GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    // The first frame comes before the answer, the second after it.
    handshake.extend_from_slice(hello);
    socket.send(handshake);
    let answer = socket.until("\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    for _ in 0..2 {
        assert_eq!(socket.exactly(7), b"\x81\x05Hello");
        socket.send(hello);
    }
    publish(&served, &hub, 1);
    client.data(1);
}

fn http2_streams_and_pages_are_served(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let client = listener(&served, "/events");
    served.block_on(in_time("HTTP/2", http2_client(served.address(), &hub, server)));
    assert_eq!(client.data(1), [r#"{"n":1}"#]);
    drop(client);
    super::nobody(&hub);
}

async fn http2_client(address: SocketAddr, hub: &Hub<Count>, server: Server) {
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), socket).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut get = async |path: &str| {
        let uri = format!("http://{address}{path}");
        let request = axum::http::Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        sender.send_request(request).await.unwrap()
    };
    let (mut first, mut second) = (get("/events").await, get("/events").await);
    let page = get("/page").await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&page[..], b"a page");
    let by_writer = usize::from(server == Server::Framework);
    super::served_by(hub, by_writer, 3 - by_writer);
    hub.publish(super::count(1)).await.unwrap();
    for stream in [first.body_mut(), second.body_mut()] {
        let mut read = Vec::new();
        while !read.ends_with(b"data: {\"n\":1}\n\n") {
            read.extend(stream.frame().await.unwrap().unwrap().into_data().unwrap());
        }
    }
    drop((first, second, get));
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[test]
fn the_clients_address_is_there_for_every_handler() {
    let (served, hub) = serve(Server::Framework, |app| {
        let address = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| format!("[{peer}]");
        app.route("/me", get(address))
    });
    let mut client = Raw::open(served.address());
    let me = format!("[{}]", client.socket().local_addr().unwrap());
    for _ in 0..2 {
        client.get("/me");
        client.until(&me);
        client.get("/events");
        client.until("sse-open");
        open(&hub, Server::Framework, Leaves::Hyper, 1);
        hub.disconnect_all();
        client.until("0\r\n\r\n");
    }
}

#[test]
fn a_listener_may_look_at_its_connections() {
    let seen = Arc::new(AtomicUsize::new(0));
    let (served, hub) = Served::by(async |listener| {
        let hub = hub().await;
        let counted = seen.clone();
        let listener = listener.tap_io(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        (sse_framework::serve(listener, app(&hub)).into_future(), hub)
    });
    let clients: Vec<_> = (0..3).map(|_| listener(&served, "/events")).collect();
    open(&hub, Server::Framework, Leaves::Hyper, 3);
    assert_eq!(seen.load(Ordering::Relaxed), clients.len());
}

/// As many as a proxy may send over one connection. One of them is not read, and holds nobody up; nor
/// does it lose anything.
#[test]
fn one_of_500_streams_over_http2_is_not_read_and_the_others_are_served() {
    const STREAMS: usize = 500;
    let (served, hub) = serve(Server::Framework, |app| app);
    // For each step, as long as for one stream elsewhere: all together take as long as they take.
    served.block_on(async {
        let socket = TokioIo::new(TcpStream::connect(served.address()).await.unwrap());
        let mut client = http2::Builder::new(TokioExecutor::new());
        // As browsers have it: room for far more on the connection than on a stream.
        client.initial_stream_window_size(8 << 10).initial_connection_window_size(64 << 20);
        let (sender, connection) = in_time("HTTP/2", client.handshake(socket)).await.unwrap();
        let connection = tokio::spawn(connection);
        let uri = format!("http://{}/events", served.address());
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let request = axum::http::Request::get(&uri).body(Empty::<Bytes>::new()).unwrap();
            let answer = in_time("an answer", sender.clone().send_request(request)).await;
            streams.push(answer.unwrap());
        }
        let mut unread = streams.swap_remove(STREAMS / 2);
        // More than the stream's window.
        let padding = "x".repeat(2_000);
        for n in 1..=10 {
            let count = Count { n, padding: padding.clone() };
            in_time("an acknowledgement", hub.publish(count)).await.unwrap();
        }
        for stream in &mut streams {
            in_time("the tenth event", read_to_the_tenth(stream.body_mut())).await;
        }
        in_time("the tenth event", read_to_the_tenth(unread.body_mut())).await;
        drop((streams, unread, sender));
        in_time("the end", connection).await.unwrap().unwrap();
    });
    super::nobody(&hub);
}

async fn read_to_the_tenth(body: &mut hyper::body::Incoming) {
    let mut read = Vec::new();
    let is_tenth = |read: &[u8]| {
        let last = &read[read.len().saturating_sub(3_000)..];
        last.ends_with(b"\n\n") && last.windows(7).any(|at| at == b"\"n\":10,")
    };
    while !is_tenth(&read) {
        read.extend(body.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    let seen = parser::read(&read);
    let numbers = seen.events.iter().filter(|event| event.name == "count").map(super::number);
    assert!(numbers.eq(1..=10));
}

#[test]
fn a_write_timeout_that_is_never_is_no_trouble() {
    let (served, _hub) = Served::by(async |listener| {
        let hub = hub().await;
        let serving = sse_framework::serve(listener, app(&hub));
        (serving.write_timeout(Duration::MAX).into_future(), hub)
    });
    let mut client = Raw::open(served.address());
    client.get("/page");
    client.until("a page");
    let page = served.block_on(in_time("HTTP/2", async {
        let socket = TokioIo::new(TcpStream::connect(served.address()).await.unwrap());
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), socket).await.unwrap();
        tokio::spawn(connection);
        let uri = format!("http://{}/page", served.address());
        let request = axum::http::Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes()
    }));
    assert_eq!(&page[..], b"a page");
}

/// A client that answers no ping has vanished, though the system goes on to take what is sent to it.
#[test]
fn who_has_vanished_is_found_over_http2() {
    let (served, hub) = Served::by(async |listener| {
        let hub = hub().await;
        let serving = sse_framework::serve(listener, app(&hub));
        (serving.write_timeout(Duration::from_secs(1)).into_future(), hub)
    });
    let mut client = Raw::open(served.address());
    // Settings, none of them; then GET /events in a static table of HPACK (RFC 7541, appendix A).
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00");
    let request = b"\x82\x86\x04\x07/events\x01\x04test";
    let began = Instant::now();
    client.send(
        [&[0, 0, u8::try_from(request.len()).unwrap(), 1, 5, 0, 0, 0, 1], &request[..]].concat(),
    );
    open(&hub, Server::Framework, Leaves::Nothing, 1);
    super::nobody(&hub);
    assert!(began.elapsed() > Duration::from_millis(500), "{:?}", began.elapsed());
}
