//! How streams tell the writer that they have news.

use crate::sync::{AtomicU64, Mutex, MutexGuard};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Wake;

/// The streams that have rung, and a writer that may be asleep.
///
/// # Wake-up
///
/// The writer falls asleep under the same lock under which the streams ring, and only if none has:
/// so either it sees that one has rung, or that one sees that it sleeps, and wakes it.
pub(super) struct Bell {
    rung: Mutex<Rung>,
    /// Wakes the writer.
    rouse: Box<dyn Fn() -> io::Result<()> + Send + Sync>,
}

#[derive(Debug, Default)]
struct Rung {
    streams: Vec<usize>,
    /// Somebody rang who is no stream.
    orders: bool,
    asleep: bool,
}

/// The waker's events; streams have smaller numbers.
pub(super) const BELL: mio::Token = mio::Token(usize::MAX);

impl Bell {
    pub(super) fn new(rouse: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        Bell { rung: Mutex::default(), rouse: Box::new(rouse) }
    }

    /// Tells the writer that there are orders.
    pub(super) fn ring(&self) {
        self.wake(|rung| rung.orders = true);
    }

    /// Says whether the writer may sleep; until [`awake`](Bell::awake) it counts as asleep.
    pub(super) fn falls_asleep(&self) -> bool {
        let mut rung = self.rung();
        rung.asleep = rung.streams.is_empty() && !rung.orders;
        rung.asleep
    }

    /// Gives out the streams that have rung, in their order, and whether there are orders.
    pub(super) fn awake(&self, streams: &mut Vec<usize>) -> bool {
        let mut rung = self.rung();
        rung.asleep = false;
        std::mem::swap(streams, &mut rung.streams);
        std::mem::take(&mut rung.orders)
    }

    fn wake(&self, note: impl FnOnce(&mut Rung)) {
        let mut rung = self.rung();
        note(&mut rung);
        let asleep = std::mem::take(&mut rung.asleep);
        drop(rung);
        if asleep && let Err(error) = (self.rouse)() {
            tracing::error!(%error, "waking the writer");
        }
    }

    fn rung(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker that a stream's body is polled with.
pub(super) struct StreamBell {
    bell: Arc<Bell>,
    stream: usize,
    state: AtomicU64,
}

/// A ring tells the writer.
const SILENT: u64 = 0;
/// The writer is about to poll the body, and looks afterwards whether it has rung.
const SERVED: u64 = 1;
/// The writer knows.
const RUNG: u64 = 2;

impl StreamBell {
    pub(super) fn new(bell: Arc<Bell>, stream: usize) -> Self {
        StreamBell { bell, stream, state: AtomicU64::new(SILENT) }
    }

    /// The body is going to be polled: what rings from here on may be news to it, and what has rung
    /// in vain is seen by it. A store would see nothing of what the ring brought.
    pub(super) fn is_served(&self) {
        self.state.swap(SERVED, Ordering::AcqRel);
    }

    /// Whether the body, which has been polled, may rest: if it has rung meanwhile, it is to be
    /// polled again, but does not ring.
    pub(super) fn may_rest(&self) -> bool {
        self.state.compare_exchange(SERVED, SILENT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Wake for StreamBell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, Ordering::AcqRel) == SILENT {
            self.bell.wake(|rung| rung.streams.push(self.stream));
        }
    }
}

#[cfg(all(test, loom))]
mod schedules;
