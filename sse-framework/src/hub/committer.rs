//! The one thread that appends.

use super::core::{Core, panicked};
use super::publish::PublishError;
use super::queue::Job;
use crate::id::EventId;
use crate::log::AppendError;
use crate::tail::Commit;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Appends what is queued, group by group, until the queue is closed; then closes the log. If the
/// log panics, that is the hub's end: nobody waits for what will never be.
pub(super) fn run(core: &Core) {
    while let Some(jobs) = core.queue.take() {
        if catch_unwind(AssertUnwindSafe(|| commit(core, jobs))).is_err() {
            core.fail(panicked("appending to"));
            break;
        }
    }
    core.queue.abandon();
    core.subscribers.end_all();
    core.close_log();
}

pub(super) fn commit(core: &Core, jobs: Vec<Job>) {
    let (mut batches, mut waiting) = (Vec::with_capacity(jobs.len()), Vec::new());
    for Job { batch, ack, room } in jobs {
        waiting.push((ack, batch.records.len() as u64, room));
        batches.push(batch);
    }
    match core.log.append(&batches) {
        Ok(appended) => {
            let commit = Commit::render(appended, batches);
            let topics = commit.topics();
            core.tail.push(commit);
            let mut seq = appended.first.seq();
            for (ack, count, _room) in waiting {
                // A publisher that has gone does not want to know.
                let _ = ack.send(Ok(EventId::new(appended.first.epoch(), seq)));
                seq += count;
            }
            core.subscribers.wake(&topics, appended.first.seq(), core.tail.head());
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "the log failed to take events");
            let share = shared(error);
            waiting.into_iter().for_each(|(ack, ..)| drop(ack.send(Err(share()))));
        }
    }
}

/// The same error for every publisher of a commit.
fn shared(error: AppendError) -> impl Fn() -> PublishError {
    let (source, refused) = match error {
        AppendError::Refused(source) => (Arc::new(source), true),
        AppendError::OutcomeUnknown(source) => (Arc::new(source), false),
    };
    move || match refused {
        true => PublishError::Refused(source.clone()),
        false => PublishError::OutcomeUnknown(source.clone()),
    }
}
