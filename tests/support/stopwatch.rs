//! How long something takes, without the time in which the machine stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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

/// For how long a test that ought to look often did not.
#[derive(Debug, Default)]
pub struct Pauses {
    last: Option<Instant>,
    longest: Duration,
}

impl Pauses {
    /// To be called where it must be in time from here on, often, and where that is over.
    pub fn look(&mut self) {
        let now = Instant::now();
        let last = self.last.replace(now).unwrap_or(now);
        self.longest = self.longest.max(now - last);
    }
}

/// For what must be done in time, by the test too: tries again, a few times, if the test stood still for
/// longer than this. What the test gives back judges an attempt in which it did not.
///
/// # Panics
///
/// If the judgement does, or the test stood still each time.
pub fn without_pauses<J: FnOnce()>(most: Duration, mut test: impl FnMut(&mut Pauses) -> J) {
    for _ in 0..5 {
        let mut pauses = Pauses::default();
        let judge = test(&mut pauses);
        if pauses.longest <= most {
            return judge();
        }
        eprintln!("it stood still for {:?}", pauses.longest);
    }
    panic!("the machine is too busy for this test");
}
