//! Ending streams politely, so that a server can stop.

use super::Hub;
use crate::event::SseEvent;
use crate::tail::Subscribers;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

impl<E: SseEvent> Hub<E> {
    /// Resolves with `signal`, and from then on ends every stream with an `sse-close` event whose
    /// `retry:` differs from client to client.
    ///
    /// Streams that begin later end at once. Those that are open end one after the other, over
    /// [a few seconds](crate::HubBuilder::drain_window) if there are many: their clients come back
    /// to whoever serves them next, and must not come all in the same instant. Meanwhile
    /// [`health`](Hub::health) says [`Draining`](crate::Health::Draining), and publishing goes on.
    ///
    /// A server that shuts down gracefully waits for its responses, be it [`serve`](fn@crate::serve)
    /// or `axum::serve`, and most streams of events never end by themselves: this is what ends them.
    /// Who cannot wait calls [`shutdown`](Hub::shutdown), which ends all that is left.
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
    /// Dropped before the signal came, it drains nothing. Once it has resolved, the streams end
    /// whatever becomes of it, as long as its tokio runtime runs; outside of a runtime all of them end
    /// with the signal.
    pub fn drained_by<S>(&self, signal: S) -> impl Future<Output = ()> + Send + use<S, E>
    where
        S: Future<Output: Send> + Send,
    {
        // Not a handle of the hub: waiting for a signal does not keep a hub alive.
        let subscribers = self.core().subscribers.clone();
        let window = self.core().settings.drain_window;
        async move {
            signal.await;
            let numbers = subscribers.drain();
            let last_of_each = numbers.chunks(at_once(numbers.len(), window));
            let ends = last_of_each.filter_map(|numbers| Some(*numbers.last()? + 1)).collect();
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(end(subscribers, ends))),
                Err(_) => subscribers.end_all(),
            }
        }
    }
}

/// Time from one group of streams to the next.
const STEP: Duration = Duration::from_millis(50);
/// So few clients are no crowd.
const SMALLEST_GROUP: usize = 100;

/// How many of these streams end together, so that all have ended within the window.
fn at_once(streams: usize, window: Duration) -> usize {
    let steps = usize::try_from(window.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX);
    streams.div_ceil(steps.max(1)).max(SMALLEST_GROUP)
}

/// Ends the subscriptions below each of these numbers, one group after the other.
async fn end(subscribers: Arc<Subscribers>, below: Vec<u64>) {
    for below in below {
        subscribers.end_below(below);
        tokio::time::sleep(STEP).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_ends_over_the_window_and_few_at_once() {
        let window = Duration::from_secs(5);
        assert_eq!(at_once(0, window), 100);
        assert_eq!(at_once(10_000, window), 100);
        assert_eq!(at_once(100_000, window), 1_000);
        assert_eq!(at_once(100_000, Duration::ZERO), 100_000);
        assert_eq!(at_once(100_000, Duration::MAX), 100);
    }
}
