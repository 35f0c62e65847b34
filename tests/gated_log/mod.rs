//! A log in memory that a test can hold up and make fail.

use sse_framework::{
    AppendError, Appended, Batch, EventLog, History, IdKey, LogError, MemoryLog, OpenLog, Read,
    RecordRef, Retention, TopicSelection,
};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};

/// Lets appends through, holds them up, or fails them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    shut: bool,
    /// It stands behind the append and not before it: the log has the records, and nobody knows.
    behind: bool,
    waiting: bool,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Refused,
    OutcomeUnknown,
    #[allow(dead_code, reason = "not every test that has this module uses all of it")]
    Panic,
}

impl Gate {
    /// A log behind this gate.
    pub(crate) fn log(&self) -> impl OpenLog + use<> {
        Gated { gate: self.clone(), log: Box::new(MemoryLog::new()) }
    }

    #[allow(dead_code, reason = "not every test that has this module uses all of it")]
    pub(crate) fn shut(&self) {
        self.0.0.lock().unwrap().shut = true;
    }

    /// Lets records into the log, and holds up who would tell of them.
    #[allow(dead_code, reason = "not every test that has this module uses all of it")]
    pub(crate) fn shut_behind(&self) {
        let mut state = self.0.0.lock().unwrap();
        (state.shut, state.behind) = (true, true);
    }

    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().shut = false;
        self.0.1.notify_all();
    }

    /// Makes every append fail from now on.
    pub(crate) fn fail(&self, failure: Failure) {
        self.0.0.lock().unwrap().failure = Some(failure);
    }

    /// Lets appends succeed again.
    #[allow(dead_code, reason = "not every test that has this module uses all of it")]
    pub(crate) fn mend(&self) {
        self.0.0.lock().unwrap().failure = None;
    }

    /// Waits until an append stands before the shut gate.
    pub(crate) fn wait(&self) {
        let state = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(state, |state| !state.waiting).unwrap());
    }

    fn pass(&self) -> Option<Failure> {
        let mut state = self.0.0.lock().unwrap();
        state.waiting = true;
        self.0.1.notify_all();
        let mut state = self.0.1.wait_while(state, |state| state.shut).unwrap();
        state.waiting = false;
        state.failure
    }
}

struct Gated {
    gate: Gate,
    log: Box<MemoryLog>,
}

impl OpenLog for Gated {
    fn open(self: Box<Self>, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        Ok(Box::new(OpenGated { gate: self.gate, log: self.log.open(retention)? }))
    }
}

struct OpenGated {
    gate: Gate,
    log: Box<dyn EventLog>,
}

impl EventLog for OpenGated {
    fn append(&self, batches: &[Batch]) -> Result<Appended, AppendError> {
        let behind = self.gate.0.0.lock().unwrap().behind;
        if behind {
            let appended = self.log.append(batches);
            self.gate.pass();
            return appended;
        }
        match self.gate.pass() {
            None => self.log.append(batches),
            Some(Failure::Refused) => Err(AppendError::Refused(LogError::Closed)),
            Some(Failure::OutcomeUnknown) => Err(AppendError::OutcomeUnknown(LogError::Closed)),
            Some(Failure::Panic) => panic!("as a test asked for"),
        }
    }

    fn read(
        &self,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        self.log.read(after, until, topics, visit)
    }

    fn history(&self) -> History {
        self.log.history()
    }

    fn id_key(&self) -> Result<IdKey, LogError> {
        self.log.id_key()
    }

    fn close(&self) -> Result<(), LogError> {
        self.log.close()
    }
}
