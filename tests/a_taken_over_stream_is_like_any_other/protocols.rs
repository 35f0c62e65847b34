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
    let stats = hub.stats();
    assert_eq!((stats.streams_by_writer, stats.streams_by_body), (by_writer, 3 - by_writer));
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
