//! The threads beside the appends: one seals, trims and removes, another syncs.

use super::shelf::Segment;
use super::{Core, Durability, io, locked, report};
use crate::log::LogError;
use crate::log::times::now_ms;
use crate::unwind::caught;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How often the retention by age is looked at, and what failed is tried again.
const PERIOD: Duration = Duration::from_secs(1);
/// No thread goes round without a rest.
const SHORTEST: Duration = Duration::from_millis(1);

/// An hour, in milliseconds.
const FAR: u64 = 3_600_000;

impl Core {
    /// Starts the thread, and if it is needed one that syncs, which waits for nothing else. Also if
    /// one cannot be started, `threads` has those that were.
    pub(crate) fn maintain(
        self: &Arc<Self>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), LogError> {
        threads.push(self.run("sse-log", PERIOD, Core::tend)?);
        if let Durability::Buffered { sync_every } = self.settings.durability {
            threads.push(self.run("sse-log-sync", sync_every / 2, Core::sync_if_due)?);
        }
        Ok(())
    }

    fn run(
        self: &Arc<Self>,
        name: &'static str,
        period: Duration,
        round: fn(&Core),
    ) -> Result<JoinHandle<()>, LogError> {
        let core = self.clone();
        Builder::new()
            .name(name.into())
            .spawn(move || {
                while !core.pause(period) {
                    if let Err(panic) = caught(|| round(&core)) {
                        tracing::error!(
                            panic = panic.message(),
                            thread = name,
                            "a thread of the log goes on after a panic"
                        );
                    }
                }
            })
            .map_err(io("starting a thread for", &self.directory))
    }

    /// Waits for the next round. Returns whether there is none.
    fn pause(&self, period: Duration) -> bool {
        let resting = locked(&self.resting);
        if self.stopped.load(Ordering::Acquire) {
            return true;
        }
        let pause = self.wake.wait_timeout(resting, period.max(SHORTEST));
        drop(pause.unwrap_or_else(PoisonError::into_inner));
        self.stopped.load(Ordering::Acquire)
    }

    /// One round. What fails is told, and tried again in the next.
    pub(crate) fn tend(&self) {
        #[cfg(test)]
        self.settings.faults.panic(super::faults::TEND);
        // What retention can remove goes before a log that has failed looks for room.
        self.tidy();
        self.each_second();
        // One that fails now is not tried again before the next round, however long this one takes.
        let now = Instant::now();
        while let Some(segment) = self.next_to_seal(now) {
            let sealed = self.seal(&segment, &mut self.between_records(&segment));
            let done = match sealed {
                Ok(sealed) => sealed,
                Err(error) => {
                    segment.seal_later(Instant::now());
                    report("sealing a segment", Err(error));
                    true
                }
            };
            drop(segment);
            if !done || self.stopped.load(Ordering::Acquire) {
                break;
            }
            self.tidy();
        }
        self.sweep();
    }

    /// What is done once a second, however often there is something else to do.
    fn each_second(&self) {
        let mut last = locked(&self.second);
        if last.is_some_and(|last| last.elapsed() < PERIOD / 2) {
            return;
        }
        *last = Some(Instant::now());
        self.recover();
        self.check_clock();
        let mark = locked(&self.writer).mark.take_unsynced();
        let path = self.directory.join("mark");
        let synced = mark.map_or(Ok(()), |mark| mark.sync_data().map_err(io("syncing", &path)));
        report("syncing the mark", synced);
    }

    /// Tells if the time of the last record is far ahead of the clock: until that has caught up, no record grows
    /// older than the others.
    pub(crate) fn check_clock(&self) {
        let ahead = locked(&self.writer).time_ms.saturating_sub(now_ms(0));
        let is_far = ahead > FAR;
        if !self.is_ahead.swap(is_far, Ordering::Relaxed) && is_far {
            let hours = ahead / FAR;
            tracing::warn!(hours, "the log's last time is ahead of the clock: was that set back?");
        }
    }

    /// What cannot wait until all segments are sealed.
    fn tidy(&self) {
        report("noting where a failed segment ends", self.note_end(&mut locked(&self.writer)));
        self.trim();
        report("removing segments", self.remove_segments());
        report("removing keys", self.forget_keys());
        self.sweep();
    }

    /// What is done for each record while a segment is sealed.
    fn between_records(&self, segment: &Segment) -> impl FnMut() -> ControlFlow<()> {
        let mut records: u64 = 0;
        move || {
            records += 1;
            if !records.is_multiple_of(256) {
                return ControlFlow::Continue(());
            }
            self.trim_ahead();
            match self.stopped.load(Ordering::Acquire) || segment.end() < self.history().first() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }

    fn sync_if_due(&self) {
        let Durability::Buffered { sync_every } = self.settings.durability else { return };
        let since = locked(&self.writer).unsynced_since;
        if since.is_some_and(|since| since.elapsed() >= sync_every / 2) {
            report("syncing", self.sync());
        }
    }

    /// Ends the rounds of all threads.
    pub(crate) fn stop(&self) {
        let resting = locked(&self.resting);
        self.stopped.store(true, Ordering::Release);
        drop(resting);
        self.wake.notify_all();
    }
}
