//! What a body and a server that takes its socket over know of each other.

use crate::hub::Streams;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// Stands among a response's extensions, and says how its body is to be driven without a task.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "serve"), expect(dead_code, reason = "only `serve` takes bodies over"))]
pub(crate) struct Handover {
    /// The very bytes that the body yields first, unless something lies around it that changes
    /// them.
    pub(crate) first: Bytes,
    /// Without an event it must be polled this often.
    pub(crate) heartbeat: Duration,
    pub(crate) state: Arc<HandoverState>,
}

/// Shared by a body and who drives it.
#[derive(Debug)]
pub(crate) struct HandoverState {
    stage: AtomicU8,
    streams: Arc<Streams>,
}

const STARTING: u8 = 0;
const LIVE: u8 = 1;
const TAKEN: u8 = 2;

impl HandoverState {
    pub(super) fn new(streams: Arc<Streams>) -> Self {
        streams.by_body.fetch_add(1, Ordering::Relaxed);
        HandoverState { stage: AtomicU8::new(STARTING), streams }
    }

    /// From here on the body runs no code of the app's own.
    pub(super) fn goes_live(&self) {
        let _ = self.stage.compare_exchange(STARTING, LIVE, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether the body is polled often enough to need no timer.
    pub(super) fn is_taken(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == TAKEN
    }
}

#[cfg(feature = "serve")]
impl HandoverState {
    pub(crate) fn is_live(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == LIVE
    }

    /// The body is driven without a task from now on.
    pub(crate) fn take(&self) {
        if self.stage.swap(TAKEN, Ordering::Relaxed) != TAKEN {
            self.streams.by_body.fetch_sub(1, Ordering::Relaxed);
            self.streams.by_writer.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The body holds it for as long as the stream lives, and so may layers that keep extensions.
impl Drop for HandoverState {
    fn drop(&mut self) {
        let count = match self.is_taken() {
            true => &self.streams.by_writer,
            false => &self.streams.by_body,
        };
        count.fetch_sub(1, Ordering::Relaxed);
    }
}
