//! An app that is served in this process, on a real socket.

use axum::Router;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// A runtime with an app on it. Ends with it, and with it all its connections.
#[derive(Debug)]
pub struct Served {
    runtime: Option<Runtime>,
    address: SocketAddr,
    serving: Option<JoinHandle<std::io::Result<()>>>,
}

impl Served {
    /// Serves what `app` makes, within the runtime that serves it.
    pub fn new<T>(app: impl AsyncFnOnce() -> (Router, T)) -> (Self, T) {
        Served::until(async || {
            let (app, kept) = app().await;
            (app, std::future::pending(), kept)
        })
    }

    /// Serves until the future that comes with the app resolves, and then shuts down gracefully.
    pub fn until<T, S>(app: impl AsyncFnOnce() -> (Router, S, T)) -> (Self, T)
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (listener, (app, stop, kept)) = runtime.block_on(async {
            (TcpListener::bind(("127.0.0.1", 0)).await.expect("a port"), app().await)
        });
        let address = listener.local_addr().expect("an address");
        let serving = async move { axum::serve(listener, app).with_graceful_shutdown(stop).await };
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
