//! The one thread that appends.

use super::core::{Core, panicked};
use super::group::Group;
use super::queue::Job;
use crate::tail::Commit;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Appends what is queued, group by group, until the queue is closed; then closes the log. If the
/// log panics, that is the hub's end: nobody waits for what will never be.
pub(super) fn run(core: &Core) {
    while let Some(jobs) = core.queue.take() {
        if catch_unwind(AssertUnwindSafe(|| commit(core, jobs))).is_err() {
            core.fail(panicked("appending"));
            break;
        }
    }
    core.queue.abandon();
    core.subscribers.end_all();
    core.close_log();
}

pub(super) fn commit(core: &Core, jobs: Vec<Job>) {
    let mut group = Group::of(core, jobs);
    let batches = std::mem::take(&mut group.batches);
    if batches.is_empty() {
        return group.answer(Ok(None));
    }
    match core.log.append(&batches) {
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
}
