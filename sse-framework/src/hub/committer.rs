//! The one thread that appends.

use super::core::{Core, panicked};
use super::group::Group;
use super::queue::Job;
use crate::log::{AppendError, LogError};
use crate::tail::Commit;
use crate::unwind::caught;
use std::error::Error;

/// Appends what is queued, group by group, until the queue is closed; then closes the log. If the
/// log panics, or loses count, that is the hub's end: nobody waits for what will never be.
pub(super) fn run(core: &Core) {
    while let Some(jobs) = core.queue.take() {
        let committed = caught(|| commit(core, jobs));
        if let Err(error) = committed.unwrap_or_else(|_| Err(panicked("appending"))) {
            core.fail(error);
            break;
        }
    }
    core.queue.abandon();
    core.subscribers.end_all();
    core.close_log();
}

/// Appends what is to be stored of this, shows it and tells everybody. An error if nothing can be
/// appended behind it.
pub(super) fn commit(core: &Core, jobs: Vec<Job>) -> Result<(), LogError> {
    let mut group = Group::of(core, jobs);
    let batches = std::mem::take(&mut group.batches);
    if batches.is_empty() {
        group.answer(Ok(None));
        return Ok(());
    }
    let next = core.tail.head() + 1;
    match core.log.append(&batches) {
        Ok(appended) if appended.first.seq() != next => {
            let lost_count = || {
                let first = appended.first.seq();
                let reason = format!("its next record is that of seq {next}, and it says {first}");
                LogError::other("appending", reason)
            };
            group.answer(Err(AppendError::OutcomeUnknown(lost_count())));
            return Err(lost_count());
        }
        Ok(appended) => {
            let commit = Commit::render(&core.ids, appended, batches);
            let topics = commit.topics();
            group.note_stored(appended);
            core.tail.push(commit);
            group.answer(Ok(Some(appended)));
            core.subscribers.wake(&topics, appended.first.seq(), core.tail.head());
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "the log failed to take events");
            group.answer(Err(error));
        }
    }
    Ok(())
}
