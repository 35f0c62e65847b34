//! A server in which streams of events cost what their bytes cost.

mod connection;
#[cfg(feature = "http2")]
mod http2;
mod outgoing;
mod socket;
mod writer;

use self::connection::Server;
use self::socket::Socket;
use self::writer::Writer;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::Listener;
use std::convert::Infallible;
use std::fmt;
use std::future::{IntoFuture, Pending, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower_service::Service;

/// Serves an app, as [`axum::serve()`] does, and streams of events at far less cost.
///
/// Under `axum::serve` every open stream keeps a task, hyper's buffers and a timer. Here a stream
/// leaves all that behind as soon as its head has been sent: one thread, the *writer*, drives the
/// response bodies of all streams, each of which takes with one write everything that has piled up
/// for it. For the app nothing changes: the same router, extractors and layers, and the same bytes
/// on the wire.
///
/// The stream stays with hyper where the writer cannot take it: over HTTP/2, over HTTP/1.0, as long
/// as a [snapshot](crate::Subscription::snapshot) is being computed, with a
/// [filter](crate::SubscriptionBuilder::filter) of the app's own, or if a layer has changed the
/// body, for example by compressing it. [`Hub::stats`](crate::Hub::stats) tells how many are where.
/// A layer that leaves the first bytes as they are goes on seeing all of them, but on the writer's
/// thread, where it must not block.
///
/// The app is a `Router`, or any service of requests that can be cloned and sent to other threads.
/// [`ConnectInfo<SocketAddr>`] is there for every handler, without more, and no `ConnectInfo` of another type.
/// The listener is one of TCP connections, such as tokio's, perhaps
/// with [`tap_io`](axum::serve::ListenerExt::tap_io); for TLS use a server that terminates it, or
/// `axum::serve`. Upgrades work, and so does HTTP/2 without TLS with the feature `http2`.
///
/// ```no_run
/// # async fn run<E: sse_framework::SseEvent>(
/// #     hub: sse_framework::Hub<E>) -> std::io::Result<()> {
/// let app: axum::Router = axum::Router::new().route("/events", hub.endpoint());
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let stop = async { drop(tokio::signal::ctrl_c().await) };
/// sse_framework::serve(listener, app).with_graceful_shutdown(hub.drained_by(stop)).await
/// # }
/// ```
///
/// Give it the router itself. What `into_make_service` or `into_make_service_with_connect_info` makes of one
/// answers connections and not requests. With that, the compiler expects a `Response`, and finds a `Router` or
/// an `AddExtension`:
///
/// ```compile_fail,E0271
/// # use axum::Router;
/// # use std::net::SocketAddr;
/// # fn run(listener: tokio::net::TcpListener, router: Router) {
/// let app = router.into_make_service_with_connect_info::<SocketAddr>();
/// let server = sse_framework::serve(listener, app);
/// # }
/// ```
///
/// [`ConnectInfo<SocketAddr>`]: axum::extract::ConnectInfo
pub fn serve<L, S>(listener: L, app: S) -> Serve<L, S>
where
    L: Listener<Io = TcpStream, Addr = SocketAddr>,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let limits = Limits { write: Duration::from_secs(60), shutdown: Duration::from_secs(10) };
    Serve { listener, app, limits, signal: pending() }
}

/// Less is no time on a network.
const SHORTEST_WRITE: Duration = Duration::from_millis(100);
/// Clocks do not reach any further than some times are long.
const LONGEST_WRITE: Duration = Duration::from_secs(24 * 3600);

/// A server that starts when it is awaited; see [`serve`].
///
/// Without a [graceful shutdown](Self::with_graceful_shutdown) it never resolves, but for an error.
///
/// # Errors
///
/// When the system has no thread or no descriptor for the writer, and when the writer has ended, since the system
/// failed it or by a defect: its streams have ended, and no more connections are accepted.
///
/// # Cancel safety
///
/// Dropped, it accepts no more connections; those that are open go on.
#[must_use = "a server does nothing unless it is awaited"]
pub struct Serve<L, S, F = Pending<()>> {
    listener: L,
    app: S,
    limits: Limits,
    signal: F,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How long a client may take nothing of what is there for it.
    write: Duration,
    /// How long requests and streams may last after the signal to shut down.
    shutdown: Duration,
}

impl<L: Listener, S, F> Serve<L, S, F> {
    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the listener cannot tell.
    ///
    /// ```
    /// # async fn run(app: axum::Router) -> std::io::Result<()> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let server = sse_framework::serve(listener, app);
    /// println!("http://{}", server.local_addr()?);
    /// server.await
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

impl<L, S, F> Serve<L, S, F> {
    /// Stops when `signal` resolves: accepts no more connections, lets requests be answered, waits
    /// for streams to end, and resolves.
    ///
    /// Most streams do not end by themselves. [`Hub::drained_by`](crate::Hub::drained_by) ends all of
    /// them politely; what is left after [`shutdown_timeout`](Self::shutdown_timeout) is cut off.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<L, S, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        let Serve { listener, app, limits, signal: _ } = self;
        Serve { listener, app, limits, signal }
    }

    /// How long requests and streams may last after the signal to shut down. By default 10 seconds.
    pub fn shutdown_timeout(self, timeout: Duration) -> Self {
        Serve { limits: Limits { shutdown: timeout, ..self.limits }, ..self }
    }

    /// How long a stream's client may take nothing of what is there for it, or acknowledge nothing
    /// of what was sent, until it is let go. It may come back and goes on where it was. By default
    /// a minute; at least 100 milliseconds, at most a day.
    ///
    /// A client that has vanished without a word is found within the
    /// [heartbeat](crate::HubBuilder::heartbeat)'s interval and this; over HTTP/2 by a ping, within this. On systems other than Linux
    /// that takes as long as TCP itself takes to give up.
    pub fn write_timeout(self, timeout: Duration) -> Self {
        let timeout = timeout.clamp(SHORTEST_WRITE, LONGEST_WRITE);
        Serve { limits: Limits { write: timeout, ..self.limits }, ..self }
    }
}

impl<L, S, F> IntoFuture for Serve<L, S, F>
where
    L: Listener<Io = TcpStream, Addr = SocketAddr>,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<L, S, F> Serve<L, S, F>
where
    L: Listener<Io = TcpStream, Addr = SocketAddr>,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    F: Future<Output = ()> + Send + 'static,
{
    async fn run(self) -> io::Result<()> {
        let writer = Writer::start(self.limits.write)?;
        self.run_by(writer).await
    }

    async fn run_by(self, writer: Writer) -> io::Result<()> {
        let Serve { mut listener, app, limits, signal } = self;
        let (stop, stopping) = watch::channel(false);
        let Limits { write: write_timeout, shutdown: shutdown_timeout } = limits;
        let server = Arc::new(Server {
            app: Mutex::new(app),
            writer: writer.clone(),
            stopping,
            shutdown_timeout,
            write_timeout,
        });
        let mut signal = pin!(signal);
        let mut ended = pin!(writer.ended());
        loop {
            let (socket, peer) = tokio::select! {
                connection = listener.accept() => connection,
                () = signal.as_mut() => break,
                () = ended.as_mut() => {
                    return Err(io::Error::other("the thread that writes streams has ended"));
                }
            };
            // An event is small and must not wait for the acknowledgement of the one before.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "a connection went before it was served");
                continue;
            }
            tokio::spawn(server.clone().connection(Socket::new(socket), peer));
        }
        drop((listener, server));
        stop.send_replace(true);
        writer.stop_within(limits.shutdown);
        // Every connection and every stream holds the server.
        stop.closed().await;
        Ok(())
    }
}

impl<L: fmt::Debug, S, F> fmt::Debug for Serve<L, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
