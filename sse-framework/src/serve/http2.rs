//! HTTP/2 without TLS, on the same port.

use super::connection::{Server, answer};
use super::outgoing::Outgoing;
use super::socket::Socket;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tower_service::Service;

/// What an HTTP/2 client sends first (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A proxy may send the streams of many users over one connection, and one more than this would
/// wait, without a word, for another to end. hyper's default is 200.
const MAX_STREAMS: u32 = 10_000;

/// A connection, by what its client speaks. Nothing of it has been read, as far as hyper sees.
pub(super) enum Spoken {
    Http1(Socket),
    Http2(Socket),
}

/// How long a client may take to say what it speaks, as long as hyper gives it for a head.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads until it is clear what the client speaks, which is after one byte if not HTTP/2. None if
/// the client goes, says nothing, or has said nothing when the server stops.
pub(super) async fn recognise(
    socket: Socket,
    mut stopping: watch::Receiver<bool>,
) -> Option<Spoken> {
    tokio::select! {
        recognised = tokio::time::timeout(PATIENCE, read_preface(socket)) => recognised.ok()?.ok(),
        Ok(_) = stopping.wait_for(|stopping| *stopping) => None,
    }
}

async fn read_preface(socket: Socket) -> io::Result<Spoken> {
    let (stream, mut read_before) = socket.into_parts();
    let mut socket = Socket::new(stream);
    let mut read = [0; PREFACE.len()];
    let mut length = read_before.len().min(read.len());
    read[..length].copy_from_slice(&read_before.split_to(length));
    while length < read.len() && PREFACE.starts_with(&read[..length]) {
        match socket.read_more(&mut read[length..]).await? {
            0 => break,
            more => length += more,
        }
    }
    let is_http2 = read == *PREFACE;
    let socket = socket.with_read([&read[..length], &read_before].concat().into());
    Ok(if is_http2 { Spoken::Http2(socket) } else { Spoken::Http1(socket) })
}

impl<S> Server<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(super) async fn http2(self: Arc<Self>, socket: Socket, peer: SocketAddr) {
        let app = self.app();
        let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(Outgoing::plain(answer(app, request, peer).await)) }
        });
        let mut builder = http2::Builder::new(TokioExecutor::new());
        // WebSockets over HTTP/2 begin with it (RFC 8441).
        builder.timer(TokioTimer::new()).enable_connect_protocol();
        builder.max_concurrent_streams(MAX_STREAMS);
        // A stream waits for events, and its client has nothing to say: the ping finds who has vanished.
        let half = self.write_timeout / 2;
        builder.keep_alive_interval(half).keep_alive_timeout(half);
        let mut served = pin!(builder.serve_connection(TokioIo::new(socket), service));
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.stops() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%error, "a connection failed");
        }
    }
}
