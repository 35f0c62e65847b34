//! How long something takes, without the time in which the machine stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(10);

/// For what has to be done soon. A thread counts ticks: while it gets no processor, neither does what
/// is measured.
#[derive(Debug)]
pub struct Stopwatch(Arc<AtomicU32>);

impl Stopwatch {
    /// Begins to count.
    #[must_use]
    pub fn start() -> Self {
        let ticks = Arc::new(AtomicU32::new(0));
        let watch = Stopwatch(Arc::clone(&ticks));
        // As long as somebody looks.
        thread::spawn(move || {
            while Arc::strong_count(&ticks) > 1 {
                thread::sleep(TICK);
                ticks.fetch_add(1, Ordering::Relaxed);
            }
        });
        watch
    }

    /// Not more than has passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        TICK * self.0.load(Ordering::Relaxed)
    }
}
