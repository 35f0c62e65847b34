//! Publishes on their way to the committer.

use super::pressure::{Limit, Pressure};
use super::publish::PublishError;
use crate::id::EventId;
use crate::log::Batch;
use crate::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

/// A queue bounded by bytes: who finds it full waits, in order. A record that is larger has it alone.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    bell: Condvar,
    /// A permit a byte.
    room: Arc<Semaphore>,
    capacity: u32,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// A batch to be appended, and who wants to know.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) ack: oneshot::Sender<Result<EventId, PublishError>>,
    /// Given back when the batch is stored.
    pub(super) room: OwnedSemaphorePermit,
}

pub(super) type Ack = oneshot::Receiver<Result<EventId, PublishError>>;

/// The most payload bytes that one commit takes from the queue, unless one batch alone has more.
const COMMIT_BYTES: usize = 4 << 20;
/// What a record takes beside its payload, roughly.
const RECORD_OVERHEAD: usize = 64;

impl Queue {
    /// A queue that holds so many bytes, but at least one, and no more than there can be permits.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, Semaphore::MAX_PERMITS);
        let capacity = u32::try_from(capacity).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(capacity as usize));
        Queue { waiting: Mutex::default(), bell: Condvar::new(), room, capacity }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.waiting().closed
    }

    /// Queues a batch, waiting for room. Dropped before it is done, it has queued nothing.
    pub(super) async fn push(
        &self,
        batch: Batch,
        pressure: &Pressure,
    ) -> Result<Ack, PublishError> {
        let size = self.size(&batch, pressure)?;
        let room = match self.room_at_once(size, pressure) {
            Err(PublishError::QueueFull) => {
                let room = self.room.clone().acquire_many_owned(size).await;
                room.map_err(|_| PublishError::Closed)?
            }
            at_once => at_once?,
        };
        self.push_into(room, batch)
    }

    /// Queues a batch if there is room.
    pub(super) fn try_push(&self, batch: Batch, pressure: &Pressure) -> Result<Ack, PublishError> {
        let room = self.room_at_once(self.size(&batch, pressure)?, pressure)?;
        self.push_into(room, batch)
    }

    fn room_at_once(
        &self,
        size: u32,
        pressure: &Pressure,
    ) -> Result<OwnedSemaphorePermit, PublishError> {
        self.room.clone().try_acquire_many_owned(size).map_err(|error| match error {
            TryAcquireError::Closed => PublishError::Closed,
            TryAcquireError::NoPermits => {
                pressure.met(Limit::QueueBytes);
                PublishError::QueueFull
            }
        })
    }

    /// Lets nothing more in. What is queued will still be stored.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.room.close();
        self.bell.notify_one();
    }

    /// Closes the queue and tells those who are still in it.
    pub(super) fn abandon(&self) {
        self.close();
        let jobs = std::mem::take(&mut self.waiting().jobs);
        jobs.into_iter().for_each(|job| drop(job.ack.send(Err(PublishError::Closed))));
    }

    /// What has piled up, up to a limit; waits for the first. None when the queue is closed and
    /// empty.
    pub(super) fn take(&self) -> Option<Vec<Job>> {
        let mut waiting = self.waiting();
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let mut bytes = 0;
        let fitting = waiting.jobs.iter().take_while(|job| {
            bytes += job.room.num_permits();
            bytes <= COMMIT_BYTES
        });
        let count = fitting.count().max(1);
        Some(waiting.jobs.drain(..count).collect())
    }

    fn push_into(&self, room: OwnedSemaphorePermit, batch: Batch) -> Result<Ack, PublishError> {
        let (ack, outcome) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(PublishError::Closed);
        }
        waiting.jobs.push_back(Job { batch, ack, room });
        drop(waiting);
        self.bell.notify_one();
        Ok(outcome)
    }

    /// The room that a batch takes.
    fn size(&self, batch: &Batch, pressure: &Pressure) -> Result<u32, PublishError> {
        let bytes = batch.records.iter().map(|record| record.data.len() + RECORD_OVERHEAD).sum();
        let limit = self.capacity;
        let fits = u32::try_from(bytes).ok().filter(|bytes| *bytes <= limit);
        // How large one record may be is for others to say.
        let alone = (batch.records.len() <= 1).then_some(limit);
        fits.or(alone).ok_or_else(|| {
            pressure.met(Limit::PublishBytes);
            PublishError::BatchTooLarge { bytes, limit: limit as usize }
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
