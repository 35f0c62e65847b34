//! A log in memory that a test can hold up and make fail.

use crate::log::{Hooked, Hooks};
use sse_framework::{AppendError, Appended, Batch, EventLog, LogError, OpenLog};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Lets appends through, holds them up, or fails them.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    shut: bool,
    /// It stands behind the append and not before it: the log has the records, and nobody knows.
    behind: bool,
    waiting: bool,
    failure: Option<Failure>,
}

/// How an append fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// [`AppendError::Refused`].
    Refused,
    /// [`AppendError::OutcomeUnknown`].
    OutcomeUnknown,
    /// A panic.
    Panic,
}

impl Gate {
    /// A log behind this gate.
    pub fn log(&self) -> impl OpenLog + use<> {
        Hooked(self.clone())
    }

    /// Holds up appends.
    pub fn shut(&self) {
        self.lock().shut = true;
    }

    /// Lets records into the log, and holds up who would tell of them.
    pub fn shut_behind(&self) {
        let mut state = self.lock();
        (state.shut, state.behind) = (true, true);
    }

    /// Lets through who is held up, and who comes.
    pub fn open(&self) {
        self.lock().shut = false;
        self.0.1.notify_all();
    }

    /// Makes every append fail from now on.
    pub fn fail(&self, failure: Failure) {
        self.lock().failure = Some(failure);
    }

    /// Lets appends succeed again.
    pub fn mend(&self) {
        self.lock().failure = None;
    }

    /// Waits until an append stands before the shut gate.
    pub fn wait(&self) {
        let state = self.lock();
        drop(self.0.1.wait_while(state, |state| !state.waiting));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) -> Option<Failure> {
        let mut state = self.lock();
        state.waiting = true;
        self.0.1.notify_all();
        let waited = self.0.1.wait_while(state, |state| state.shut);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting = false;
        state.failure
    }
}

impl Hooks for Gate {
    fn append(&self, log: &dyn EventLog, batches: &[Batch]) -> Result<Appended, AppendError> {
        if self.lock().behind {
            let appended = log.append(batches);
            self.pass();
            return appended;
        }
        match self.pass() {
            None => log.append(batches),
            Some(Failure::Refused) => Err(AppendError::Refused(LogError::Closed)),
            Some(Failure::OutcomeUnknown) => Err(AppendError::OutcomeUnknown(LogError::Closed)),
            Some(Failure::Panic) => panic!("as a test asked for"),
        }
    }
}
