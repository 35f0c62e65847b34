//! What a hub is below its types.

use super::queue::Queue;
use crate::log::{EventLog, LogError, RecordRef};
use crate::tail::{Subscribers, Tail};
use crate::topic::TopicSelection;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// The untyped hub, shared by handles, subscriptions and the committer.
pub(crate) struct Core {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) tail: Tail,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) queue: Queue,
    pub(crate) settings: Settings,
    /// Permits to read the log: readers beyond the number of cores gain nothing.
    readers: Arc<Semaphore>,
    /// True once the committer has closed the log.
    closed: watch::Sender<bool>,
    close_error: Mutex<Option<LogError>>,
}

/// What a hub's users have chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) max_event_bytes: usize,
    pub(crate) heartbeat: Duration,
    pub(crate) retry: Duration,
}

const READERS: u32 = 4;
/// A page is read in milliseconds; this is for a disk that hangs.
const READERS_LEAVE_WITHIN: Duration = Duration::from_secs(5);

impl Core {
    pub(super) fn new(
        log: Arc<dyn EventLog>,
        tail: Tail,
        subscribers: Arc<Subscribers>,
        queue: Queue,
        settings: Settings,
    ) -> Self {
        let readers = Arc::new(Semaphore::new(READERS as usize));
        let (closed, close_error) = (watch::Sender::new(false), Mutex::default());
        Core { log, tail, subscribers, queue, settings, readers, closed, close_error }
    }

    /// Reads the log on a thread that may block: what `take` makes of the records after `after`,
    /// until it breaks, and the seq up to which all that are selected have been shown.
    pub(crate) async fn read<P: Send + 'static>(
        &self,
        after: u64,
        until: u64,
        topics: Arc<TopicSelection>,
        mut page: P,
        take: fn(&mut P, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(P, u64), LogError> {
        let permit = self.readers.clone().acquire_owned().await.map_err(|_| LogError::Closed)?;
        let log = self.log.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let until = log.read(after, until, &topics, &mut |record| take(&mut page, record))?;
            // The log's handle goes before the permit: who has all permits has the log alone.
            drop((log, topics));
            drop(permit);
            Ok((page, until))
        });
        reading.await.unwrap_or(Err(LogError::Closed))
    }

    /// Closes the log when no reader is in it any more.
    pub(super) fn close_log(&self) {
        self.readers.close();
        let deadline = Instant::now() + READERS_LEAVE_WITHIN;
        while self.readers.available_permits() < READERS as usize && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Err(error) = self.log.close() {
            tracing::error!(error = &error as &dyn std::error::Error, "closing the log failed");
            *self.close_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        self.closed.send_replace(true);
    }

    pub(super) async fn shutdown(&self) -> Result<(), LogError> {
        self.queue.close();
        let mut closed = self.closed.subscribe();
        // An error would mean that the sender is gone, which `self` holds.
        let _ = closed.wait_for(|closed| *closed).await;
        let error = self.close_error.lock().unwrap_or_else(PoisonError::into_inner).take();
        error.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("settings", &self.settings).finish_non_exhaustive()
    }
}
