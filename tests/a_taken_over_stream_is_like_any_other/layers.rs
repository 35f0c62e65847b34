//! What layers make of a stream, and what becomes of them.

use super::{Leaves, listener, nobody, open, publish, serve};
use axum::body::Body;
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::Router;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body::Frame;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use support::client::{Client, End, Seen};
use support::http::{Connection, Request};
use support::parser;
use support::served::{Server, eventually};
use support::stopwatch::without_pauses;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{ResponseBodyTimeoutLayer, TimeoutLayer};
use tower_http::trace::TraceLayer;

support::by_every_server!(
    layers_that_pass_bytes_on_do_no_harm,
    a_compressed_stream_is_decoded_to_the_same,
    a_body_that_was_replaced_is_what_is_sent,
    a_layer_that_changes_later_pieces_goes_on_doing_so,
    a_body_may_wait_for_timers,
    what_a_body_holds_is_held_as_long_as_the_stream_lasts,
);

fn layers_that_pass_bytes_on_do_no_harm(server: Server) {
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(9));
    let body_timeout = ResponseBodyTimeoutLayer::new(Duration::from_secs(60));
    let (served, hub) = serve(server, |app| {
        let app = app.layer(TraceLayer::new_for_http()).layer(CompressionLayer::new());
        app.layer(RequestBodyLimitLayer::new(100)).layer(timeout).layer(body_timeout)
    });
    let client = listener(&served, "/events");
    open(&hub, server, Leaves::Hyper, 1);
    publish(&served, &hub, 1);
    assert_eq!(client.data(1), [r#"{"n":1}"#]);
    drop(client);
    nobody(&hub);
}

fn a_compressed_stream_is_decoded_to_the_same(server: Server) {
    let all = |_: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| true;
    let (served, hub) = serve(server, |app| app.layer(CompressionLayer::new().compress_when(all)));
    let request = Request::stream("/events", "").header("Accept-Encoding", "gzip");
    let connection = Connection::open(served.address()).unwrap();
    let (head, mut body) = connection.into_stream(&request).unwrap();
    assert_eq!(head.header("content-encoding"), Some("gzip"));
    open(&hub, server, Leaves::Nothing, 1);
    for n in 1..=3 {
        publish(&served, &hub, n);
    }
    let reader = std::thread::spawn(move || {
        let mut compressed = Vec::new();
        while let Some(piece) = body.piece().unwrap() {
            compressed.extend(piece);
        }
        compressed
    });
    std::thread::sleep(Duration::from_millis(50));
    hub.disconnect_all();
    let mut plain = Vec::new();
    GzDecoder::new(&reader.join().unwrap()[..]).read_to_end(&mut plain).unwrap();
    let names: Vec<_> = parser::read(&plain).events.into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["sse-open", "count", "count", "count", "sse-close"]);
}

/// Its pieces, and then nothing for ever.
struct Pieces(Vec<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.pop().map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(Frame::data(piece)))))
    }
}

fn a_body_that_was_replaced_is_what_is_sent(server: Server) {
    // Of the response, all but the body is ours.
    async fn replace(response: Response) -> Response {
        let mut pieces =
            vec![Bytes::from_static(b"data: b\n\n"), Bytes::from_static(b"data: a\n\n")];
        // The bytes are those of an opening, but not the opening's.
        pieces.push(Bytes::from_static(b"event: sse-open\ndata: {}\n\n"));
        response.map(|_| Body::new(Pieces(pieces)))
    }
    async fn full(response: Response) -> Response {
        response.map(|_| Body::from("data: whole\n\n"))
    }
    let (served, hub) = serve(server, |app| {
        let other = app.clone().layer(map_response(full));
        app.layer(map_response(replace)).merge(Router::new().nest("/full", other))
    });
    let client = listener(&served, "/events");
    client.wait("the pieces", |seen| seen.events.len() == 3);
    open(&hub, server, Leaves::Nothing, 0);
    let seen = Client::connect(served.address(), "/full/events", "").ended();
    assert_eq!((seen.events[0].data.as_str(), seen.end), ("whole", Some(End::Whole)));
    nobody(&hub);
}

/// A body that adds a comment to every piece but the first, and holds something.
struct Chatty {
    body: Body,
    begun: bool,
    _held: Option<Arc<()>>,
}

impl http_body::Body for Chatty {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let Poll::Ready(Some(Ok(frame))) = polled else { return polled };
        let data = frame.into_data().unwrap();
        let data = match std::mem::replace(&mut self.begun, true) {
            true => [&data[..], b":\n"].concat().into(),
            false => data,
        };
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

fn a_layer_that_changes_later_pieces_goes_on_doing_so(server: Server) {
    let chatty = map_response(async |response: Response| {
        response.map(|body| Body::new(Chatty { body, begun: false, _held: None }))
    });
    let (served, hub) = serve(server, |app| app.layer(chatty));
    let client = listener(&served, "/events");
    open(&hub, server, Leaves::Hyper, 1);
    for n in 1..=3_usize {
        publish(&served, &hub, n as u64);
        client.wait("a comment", |seen| seen.comments == n && seen.ordinary().count() == n);
    }
}

fn a_body_may_wait_for_timers(server: Server) {
    let timeout = Duration::from_secs(1);
    without_pauses(timeout / 2, |pauses| {
        let (served, hub) = serve(server, |app| app.layer(ResponseBodyTimeoutLayer::new(timeout)));
        pauses.look();
        let (quiet, other) = (listener(&served, "/events?topic=a"), listener(&served, "/events"));
        let mut by_writer = 0;
        for n in 1..=15 {
            std::thread::sleep(timeout / 10);
            publish(&served, &hub, n);
            by_writer = by_writer.max(hub.stats().streams_by_writer);
            pauses.look();
        }
        let quiet = quiet.ended();
        let all = |seen: &Seen| seen.ordinary().count() == 15 || seen.end.is_some();
        let other = other.wait("all events", all);
        pauses.look();
        move || {
            assert_eq!(by_writer, if server == Server::Framework { 2 } else { 0 });
            assert_eq!(quiet.end, Some(End::Broken), "the layer has given up");
            assert_eq!(other.end, None, "for this one it has not");
        }
    });
}

fn what_a_body_holds_is_held_as_long_as_the_stream_lasts(server: Server) {
    let held = Arc::new(());
    let guard = held.clone();
    let layer = map_response(move |response: Response| {
        let _held = Some(guard.clone());
        std::future::ready(response.map(|body| Body::new(Chatty { body, begun: false, _held })))
    });
    let (served, hub) = serve(server, |app| app.layer(layer));
    let before = Arc::strong_count(&held);
    let streams = || Arc::strong_count(&held) - before;
    let clients: Vec<_> = (0..3).map(|_| listener(&served, "/events")).collect();
    open(&hub, server, Leaves::Hyper, 3);
    publish(&served, &hub, 1);
    clients.iter().for_each(|client| drop(client.data(1)));
    assert!(streams() >= 3, "{}", streams());
    for (gone, client) in clients.into_iter().enumerate() {
        assert!(streams() >= 3 - gone);
        drop(client);
        // The router's copies go with its connections.
        eventually("what it held is free", || hub.stats().subscriptions == 2 - gone);
    }
    nobody(&hub);
    eventually("nothing is held", || streams() == 0);
}
