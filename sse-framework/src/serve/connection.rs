//! One connection: hyper serves it until a stream of events is taken over.

use super::outgoing::{Outgoing, Slot, Taken, Terms};
use super::socket::Socket;
use super::writer::{Adoption, Writer};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower_service::Service;

/// What all connections share. It lives for as long as one of them does.
pub(super) struct Server<S> {
    /// Each connection has a clone.
    pub(super) app: Mutex<S>,
    pub(super) writer: Writer,
    /// Whether no further requests are served.
    pub(super) stopping: watch::Receiver<bool>,
    /// How long connections may last after that.
    pub(super) shutdown_timeout: Duration,
    /// How long a client may give no sign of life when one is due.
    pub(super) write_timeout: Duration,
}

/// What hyper left of a connection that was taken over.
struct Handed {
    stream: TcpStream,
    /// Requests that came after the one that is being answered.
    read_before: Bytes,
    taken: Taken,
}

/// Where a connection goes when its stream has ended and it may serve another request.
pub(super) trait Return: Send + Sync {
    fn give_back(self: Arc<Self>, stream: TcpStream, read_before: Bytes);
}

impl<S> Return for Server<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    fn give_back(self: Arc<Self>, stream: TcpStream, read_before: Bytes) {
        if let (Ok(peer), Ok(runtime)) = (stream.peer_addr(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(self.connection(Socket::new(stream).with_read(read_before), peer));
        }
    }
}

impl<S> Server<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Serves a connection to its end, or to where the writer goes on.
    // Not an async fn, which could not prove that it is `Send`: `Return` comes back here.
    pub(super) fn connection(
        self: Arc<Self>,
        socket: Socket,
        peer: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let cut_off = self.cut_off();
            tokio::select! {
                handed = self.clone().serve(socket, peer) => {
                    if let Some(handed) = handed {
                        self.adopt(handed);
                    }
                }
                () = cut_off => tracing::debug!(%peer, "a connection is cut off"),
            }
        })
    }

    /// Resolves when the server has been stopping for long enough.
    fn cut_off(&self) -> impl Future<Output = ()> + Send + use<S> {
        let (stops, timeout) = (self.stops(), self.shutdown_timeout);
        async move {
            stops.await;
            tokio::time::sleep(timeout).await;
        }
    }

    /// Resolves when the server is told to stop.
    pub(super) fn stops(&self) -> impl Future<Output = ()> + Send + use<S> {
        let mut stopping = self.stopping.clone();
        async move {
            // An error means that the server is gone without stopping: connections go on.
            if stopping.wait_for(|stopping| *stopping).await.is_err() {
                pending().await
            }
        }
    }

    #[cfg(feature = "http2")]
    async fn serve(self: Arc<Self>, socket: Socket, peer: SocketAddr) -> Option<Handed> {
        match super::http2::recognise(socket, self.stopping.clone()).await? {
            super::http2::Spoken::Http1(socket) => self.http1(socket, peer).await,
            super::http2::Spoken::Http2(socket) => {
                self.http2(socket, peer).await;
                None
            }
        }
    }

    #[cfg(not(feature = "http2"))]
    async fn serve(self: Arc<Self>, socket: Socket, peer: SocketAddr) -> Option<Handed> {
        self.http1(socket, peer).await
    }

    fn adopt(self: Arc<Self>, Handed { stream, read_before, taken }: Handed) {
        let Taken { body, heartbeat, keep_alive } = taken;
        let owner = self.clone();
        let adoption = Adoption { stream, read_before, body, heartbeat, keep_alive, owner };
        self.writer.adopt(adoption);
    }

    async fn http1(self: Arc<Self>, socket: Socket, peer: SocketAddr) -> Option<Handed> {
        let (slot, line) = (Slot::default(), socket.line());
        let (app, write_timeout) = (self.app(), self.write_timeout);
        let (offered, limited) = (slot.clone(), line.clone());
        let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
            let (app, offered, line) = (app.clone(), offered.clone(), limited.clone());
            let terms = Terms::of(&request);
            async move {
                let response = answer(app, request, peer).await;
                let limit = || line.limit(write_timeout);
                Ok::<_, Infallible>(Outgoing::response(response, terms, &offered, limit))
            }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new());
        let served = builder.serve_connection(TokioIo::new(socket), service);
        let mut served = served.with_upgrades();
        let mut stop = pin!(self.stops());
        let mut stopped = false;
        let taken = poll_fn(|cx| {
            if !stopped && stop.as_mut().poll(cx).is_ready() {
                stopped = true;
                Pin::new(&mut served).graceful_shutdown();
            }
            match Pin::new(&mut served).poll(cx) {
                Poll::Ready(Ok(())) => Poll::Ready(None),
                Poll::Ready(Err(error)) => {
                    tracing::trace!(%error, "a connection failed");
                    Poll::Ready(None)
                }
                // What hyper has not written yet would be lost.
                Poll::Pending if line.is_blocked() || !slot.is_filled() => Poll::Pending,
                Poll::Pending => Poll::Ready(slot.take()),
            }
        })
        .await?;
        let parts = served.into_parts()?;
        let (stream, unread) = parts.io.into_inner().into_parts();
        let read_before = join(parts.read_buf, unread);
        Some(Handed { stream, read_before, taken })
    }

    /// The app, for one connection.
    pub(super) fn app(&self) -> S {
        self.app.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the app answers.
pub(super) async fn answer<S>(
    mut app: S,
    request: http::Request<Incoming>,
    peer: SocketAddr,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let ready: Result<(), Infallible> = poll_fn(|cx| app.poll_ready(cx)).await;
    ready.unwrap_or_else(|never| match never {});
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    app.call(request).await.unwrap_or_else(|never| match never {})
}

/// Empty bytes may hold the buffer that they were read into.
fn join(first: Bytes, second: Bytes) -> Bytes {
    match (first.is_empty(), second.is_empty()) {
        (true, true) => Bytes::new(),
        (false, true) => first,
        (true, false) => second,
        (false, false) => [first, second].concat().into(),
    }
}
