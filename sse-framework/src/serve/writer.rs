//! The thread that writes the streams of events.

mod bell;
mod chunk;
mod round;
mod stream;

use self::bell::{BELL, Bell};
use self::round::Rounds;
use super::connection::Return;
use axum::body::Body;
use bytes::Bytes;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// The handle of a writer: one thread that drives the bodies of many responses.
///
/// # Ordering
///
/// A stream's bytes are those that its body yields, in that order, each piece as one chunk.
///
/// # Rounds
///
/// A body that has news rings the bell. In every round the writer polls the bodies that have rung,
/// and writes what they yield, so what has piled up since the last round goes out in one write. A
/// stream whose client does not take what there is is left alone until the client does: its body is
/// not polled, so it falls behind, and reads from the log later.
///
/// # Closing
///
/// The thread ends when there is neither a handle nor a stream. Streams end with their runtime.
#[derive(Clone)]
pub(super) struct Writer(Arc<Handle>);

/// A response that hyper has begun.
pub(super) struct Adoption {
    pub(super) stream: TcpStream,
    /// Requests that came after this one.
    pub(super) read_before: Bytes,
    pub(super) body: Body,
    /// Without news, the body wants to be polled this often.
    pub(super) heartbeat: Duration,
    pub(super) keep_alive: bool,
    /// Gets the connection back when the response has ended.
    pub(super) owner: Arc<dyn Return>,
}

struct Handle {
    orders: Arc<Orders>,
}

/// What the writer is to do, from other threads.
struct Orders {
    bell: Arc<Bell>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    adoptions: Vec<Adoption>,
    /// Streams that last longer are cut off.
    stop_at: Option<Instant>,
    /// No more orders come.
    abandoned: bool,
    /// Nobody follows orders any more.
    closed: bool,
}

impl Waiting {
    /// Takes no more; what waited is given out, to be dropped when nothing is locked.
    fn close(&mut self) -> Self {
        std::mem::replace(self, Waiting { closed: true, ..Waiting::default() })
    }
}

impl Orders {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, order: impl FnOnce(&mut Waiting)) {
        order(&mut self.waiting());
        self.bell.ring();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.orders.give(|waiting| waiting.abandoned = true);
    }
}

/// Dropped with the runtime, it ends all streams: there, hyper's connections end, too.
struct EndOfRuntime(Arc<Orders>);

impl Drop for EndOfRuntime {
    fn drop(&mut self) {
        self.0.give(|waiting| waiting.stop_at = Some(Instant::now()));
    }
}

impl Writer {
    /// Starts the thread, within the runtime that its bodies belong to.
    pub(super) fn start(write_timeout: Duration) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), BELL)?;
        let bell = Arc::new(Bell::new(move || waker.wake()));
        let orders = Arc::new(Orders { bell, waiting: Mutex::default() });
        let rounds = Rounds::new(poll, orders.clone(), write_timeout);
        let runtime = tokio::runtime::Handle::current();
        let (runs, has_run) = oneshot::channel::<Infallible>();
        let with_runtime = EndOfRuntime(orders.clone());
        let run = move || {
            let _entered = runtime.enter();
            rounds.run();
            drop(runs);
        };
        std::thread::Builder::new().name("sse-writer".to_owned()).spawn(run)?;
        tokio::spawn(async move {
            let _with_runtime = with_runtime;
            drop(has_run.await);
        });
        Ok(Writer(Arc::new(Handle { orders })))
    }

    /// Takes a response over. It breaks off if the writer has come to grief.
    pub(super) fn adopt(&self, adoption: Adoption) {
        self.0.orders.give(|waiting| {
            if !waiting.closed {
                waiting.adoptions.push(adoption);
            }
        });
    }

    /// Cuts off the streams that have not ended by then.
    pub(super) fn stop_within(&self, time: Duration) {
        // What is beyond the clock never comes.
        let stop_at = Instant::now().checked_add(time);
        self.0.orders.give(|waiting| waiting.stop_at = stop_at);
    }
}
