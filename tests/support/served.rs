//! An app that is served in this process, on a real socket.

use axum::Router;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// What serves an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// `sse_framework::serve`, whose writer takes streams over.
    Framework,
    /// `axum::serve`, by which a response's body is driven to its end.
    Axum,
}

/// Runs tests by every server: each is a function of a [`Server`], and becomes two tests that are
/// named after it and the server.
#[macro_export]
macro_rules! by_every_server {
    ($($(#[$attribute:meta])* $test:ident),* $(,)?) => {
        $(mod $test {
            #[test]
            $(#[$attribute])*
            fn framework() {
                super::$test($crate::served::Server::Framework);
            }

            #[test]
            $(#[$attribute])*
            fn axum() {
                super::$test($crate::served::Server::Axum);
            }
        })*
    };
}

impl Server {
    /// All of them.
    pub const ALL: [Server; 2] = [Server::Framework, Server::Axum];

    /// As programs call it that can be served by either.
    pub fn name(self) -> &'static str {
        match self {
            Server::Framework => "framework",
            Server::Axum => "axum",
        }
    }

    /// Serves until `stop` resolves.
    async fn serve<S>(self, listener: TcpListener, app: Router, stop: S) -> std::io::Result<()>
    where
        S: Future<Output = ()> + Send + 'static,
    {
        match self {
            Server::Framework => {
                sse_framework::serve(listener, app).with_graceful_shutdown(stop).await
            }
            Server::Axum => axum::serve(listener, app).with_graceful_shutdown(stop).await,
        }
    }
}

/// A runtime with an app on it. Ends with it, and with it all its connections.
#[derive(Debug)]
pub struct Served {
    runtime: Option<Runtime>,
    address: SocketAddr,
    serving: Option<JoinHandle<std::io::Result<()>>>,
}

impl Served {
    /// Serves what `app` makes, within the runtime that serves it.
    pub fn new<T>(server: Server, app: impl AsyncFnOnce() -> (Router, T)) -> (Self, T) {
        Served::until(server, async || {
            let (app, kept) = app().await;
            (app, std::future::pending(), kept)
        })
    }

    /// Serves until the future that comes with the app resolves, and then shuts down gracefully.
    pub fn until<T, S>(server: Server, app: impl AsyncFnOnce() -> (Router, S, T)) -> (Self, T)
    where
        S: Future<Output = ()> + Send + 'static,
    {
        Served::by(async |listener| {
            let (app, stop, kept) = app().await;
            (server.serve(listener, app, stop), kept)
        })
    }

    /// Serves by what `serve` makes of a listener.
    pub fn by<T, F>(serve: impl AsyncFnOnce(TcpListener) -> (F, T)) -> (Self, T)
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (address, serving, kept) = runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let (serving, kept) = serve(listener).await;
            (address, serving, kept)
        });
        let serving = Some(runtime.spawn(serving));
        (Served { runtime: Some(runtime), address, serving }, kept)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs a future on the app's runtime.
    pub fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        let runtime = self.runtime.as_ref().expect("it runs until it is dropped");
        runtime.block_on(async { future.await })
    }

    /// Waits for the graceful shutdown to be over; how long that took, or none if it did not end.
    pub fn stopped(&mut self, within: Duration) -> Option<Duration> {
        let began = Instant::now();
        let serving = self.serving.take().expect("it stops once");
        let stopped = self.block_on(async { tokio::time::timeout(within, serving).await });
        stopped.ok()?.expect("serving does not panic").expect("serving does not fail");
        Some(began.elapsed())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits for what must come by itself. Unlike tokio's `timeout` it does not look once more when the
/// time is over, which would wake a sleeper whose wake-up was lost.
pub async fn in_time<F: IntoFuture>(what: &str, future: F) -> F::Output {
    tokio::select! {
        biased;
        () = tokio::time::sleep(crate::http::PATIENCE) => panic!("{what} did not come"),
        output = async { future.await } => output,
    }
}

/// Waits for a condition that nothing announces.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + crate::http::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {:?}", crate::http::PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
}
