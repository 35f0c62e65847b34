//! The one thread that appends.

use super::core::Core;
use super::publish::PublishError;
use super::queue::Job;
use crate::id::EventId;
use crate::log::AppendError;
use crate::tail::Commit;
use std::error::Error;
use std::sync::Arc;

/// Appends what is queued, group by group, until the queue is closed; then closes the log.
pub(super) fn run(core: &Core) {
    let _end = End(core);
    while let Some(jobs) = core.queue.take() {
        commit(core, jobs);
    }
}

/// The hub's end, also if a log's implementation panics: nobody waits for what will never be.
struct End<'c>(&'c Core);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.queue.abandon();
        self.0.subscribers.end(true);
        self.0.close_log();
    }
}

fn commit(core: &Core, jobs: Vec<Job>) {
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
            core.subscribers.wake(&topics, appended.first.seq(), core.tail.head());
            let mut seq = appended.first.seq();
            for (ack, count, _room) in waiting {
                // A publisher that has gone does not want to know.
                let _ = ack.send(Ok(EventId::new(appended.first.epoch(), seq)));
                seq += count;
            }
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
