//! One clock for all subscriptions of a hub that end at a time of their own.

use super::subscribers::Subscribers;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Says when it is time to look for subscriptions that have expired.
///
/// Its thread begins with the first subscription that needs it, and ends with the hub's last
/// subscription or handle, or with who [waits](crate::Hub::drained_by) to drain it. In between it sleeps until the next one expires.
///
/// # Cost
///
/// A subscription costs a place in an ordered set, and no timer. All that expire within a tenth of a
/// second are ended at once.
#[derive(Debug, Default)]
pub(super) struct Clock {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: Option<Instant>,
    runs: bool,
    stops: bool,
}

/// It looks no more often than this.
const TICK: Duration = Duration::from_millis(100);

impl Clock {
    /// Makes sure that somebody looks at this time.
    pub(super) fn set(
        self: &Arc<Self>,
        at: Instant,
        subscribers: &Arc<Subscribers>,
    ) -> io::Result<()> {
        let mut state = self.state();
        state.expect(Some(at));
        if !state.runs {
            let (clock, subscribers) = (self.clone(), Arc::downgrade(subscribers));
            let run = move || {
                while let Some(now) = clock.wait() {
                    let Some(subscribers) = subscribers.upgrade() else { return };
                    let next = subscribers.end_expired(now);
                    clock.state().expect(next);
                    // It may be the last: dropping it stops the clock.
                    drop(subscribers);
                    thread::sleep(TICK);
                }
            };
            thread::Builder::new().name("sse-clock".to_owned()).spawn(run)?;
            state.runs = true;
        }
        drop(state);
        self.bell.notify_one();
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.state().stops = true;
        self.bell.notify_one();
    }

    /// Waits until it is time. None when it is to stop.
    fn wait(&self) -> Option<Instant> {
        let mut state = self.state();
        while !state.stops {
            let now = Instant::now();
            state = match state.next {
                Some(next) if next <= now => {
                    state.next = None;
                    return Some(now);
                }
                Some(next) => {
                    let waiting = self.bell.wait_timeout(state, next - now);
                    waiting.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.bell.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expect(&mut self, at: Option<Instant>) {
        self.next = self.next.into_iter().chain(at).min();
    }
}
