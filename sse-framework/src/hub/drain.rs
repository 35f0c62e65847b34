//! Ending streams politely, so that a server can stop.

use super::Hub;
use crate::event::SseEvent;
use std::future::Future;

impl<E: SseEvent> Hub<E> {
    /// Waits for `signal`, then ends every stream, present and future, with an `sse-close` event
    /// whose `retry:` is spread out, so that clients do not all come back at once. Publishing goes
    /// on.
    ///
    /// A server that shuts down gracefully waits for its responses, be it [`serve`](fn@crate::serve)
    /// or `axum::serve`, and a stream of events never ends by itself: this is what ends it.
    ///
    /// ```no_run
    /// # async fn serve<E: sse_framework::SseEvent>(
    /// #     hub: sse_framework::Hub<E>, listener: tokio::net::TcpListener, app: axum::Router,
    /// #     stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    /// axum::serve(listener, app).with_graceful_shutdown(hub.drained_by(stop)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped before the signal came, it drains nothing.
    pub fn drained_by<S>(&self, signal: S) -> impl Future<Output = ()> + Send + use<S, E>
    where
        S: Future<Output: Send> + Send,
    {
        // Not a handle of the hub: waiting for a signal does not keep a hub alive.
        let subscribers = self.core().subscribers.clone();
        async move {
            signal.await;
            subscribers.end(true);
        }
    }
}
