//! What a hub is below its types.

use super::closed::ClosedTopics;
use super::idempotency::Keys;
use super::pages::RecentPages;
use super::pressure::Pressure;
use super::queue::Queue;
use crate::event::Renewal;
use crate::id::{EventId, Ids};
use crate::log::{EventLog, History, LogError, Position, Read, RecordRef};
use crate::sync::{Mutex, MutexGuard, thread};
use crate::tail::{Copies, Subscribers, Tail};
use crate::topic::TopicSelection;
use crate::unwind::caught;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, watch};

/// The untyped hub, shared by handles, subscriptions and the committer.
pub(crate) struct Core {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) tail: Tail,
    pub(crate) closed: ClosedTopics,
    pub(super) keys: Mutex<Keys>,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) queue: Queue,
    pub(crate) settings: Settings,
    pub(crate) ids: Ids,
    pub(crate) renewal: Renewal,
    pub(crate) streams: Arc<Streams>,
    pub(crate) pressure: Pressure,
    pub(crate) pages: RecentPages,
    /// Permits to read the log.
    readers: Arc<Semaphore>,
    /// True once the committer has closed the log.
    ended: watch::Sender<bool>,
    close_error: Mutex<Option<LogError>>,
}

/// What a hub's users have chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) max_event_bytes: usize,
    pub(crate) heartbeat: Duration,
    pub(crate) retry: Duration,
    pub(crate) coalesce: Duration,
    pub(crate) drain_window: Duration,
    pub(crate) max_topics: usize,
    pub(crate) max_query_bytes: usize,
    pub(crate) log_readers: usize,
}

/// How many responses are open, by who drives them.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) by_body: AtomicUsize,
    pub(crate) by_writer: AtomicUsize,
}

/// A page that was read from the log.
pub(crate) struct PageRead<P> {
    pub(crate) page: P,
    /// The seq of the last record in it.
    pub(crate) shown: u64,
    pub(crate) read: Result<Read, LogError>,
}

/// If the log's close has waited for readers for so long, that is logged.
const LONG: Duration = Duration::from_secs(5);

/// An implementation of the log has panicked.
pub(super) fn panicked(action: &'static str) -> LogError {
    LogError::other(action, "it panicked")
}

/// A lock whose data stays right when a thread that holds it panics.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(super) fn new(
        log: Arc<dyn EventLog>,
        (closed, keys): (ClosedTopics, Keys),
        tail: Tail,
        subscribers: Arc<Subscribers>,
        queue: Queue,
        settings: Settings,
        (ids, renewal): (Ids, Renewal),
    ) -> Self {
        let readers = Arc::new(Semaphore::new(settings.log_readers));
        let (ended, close_error) = (watch::Sender::new(false), Mutex::default());
        let (streams, pressure) = (Arc::default(), Pressure::default());
        Core {
            log,
            tail,
            closed,
            keys: Mutex::new(keys),
            subscribers,
            queue,
            settings,
            ids,
            renewal,
            streams,
            pressure,
            pages: RecentPages::default(),
            readers,
            ended,
            close_error,
        }
    }

    /// What subscribers can see of the log. The log itself is further on while a commit is on its way
    /// into the tail: who began behind that would wait for what has been told already.
    pub(crate) fn history(&self) -> History {
        self.log.history().until(self.tail.head())
    }

    /// Reads the log, on a thread that may block if there is a runtime to give one: a page that is begun
    /// when it is its turn, and what `take` makes of the records after `after`, until it breaks.
    pub(crate) async fn read<P: Send + 'static>(
        &self,
        after: u64,
        until: u64,
        topics: Arc<TopicSelection>,
        begin: fn(&Copies, &Ids, &Renewal) -> P,
        take: fn(&mut P, RecordRef<'_>) -> ControlFlow<()>,
    ) -> PageRead<P> {
        let (copies, ids) = (self.tail.copies().clone(), self.ids.clone());
        let renewal = self.renewal.clone();
        let read = self.with_log(move |log| {
            let (mut page, mut shown) = (begin(&copies, &ids, &renewal), after);
            let read = log.read(after, until, &topics, &mut |record| {
                let seq = record.id.seq();
                // What was not asked for, or comes again, has no place in a page.
                if seq <= shown || until < seq {
                    return ControlFlow::Continue(());
                }
                shown = seq;
                take(&mut page, record)
            });
            let read = read.map(|Read { first, until: to }| Read { first, until: to.min(until) });
            PageRead { page, shown, read }
        });
        read.await.unwrap_or_else(|error| {
            let page = begin(self.tail.copies(), &self.ids, &self.renewal);
            PageRead { page, shown: after, read: Err(error) }
        })
    }

    /// Finds where a time stands, as [`read`](Self::read) reads.
    pub(crate) async fn position_at(&self, time_ms: u64) -> Result<Position, LogError> {
        self.with_log(move |log| log.position_at(time_ms)).await?
    }

    /// Lets the log be read when it is this one's turn, on a thread that may block.
    async fn with_log<T: Send + 'static>(
        &self,
        run: impl FnOnce(&dyn EventLog) -> T + Send + 'static,
    ) -> Result<T, LogError> {
        let permit = self.permit_to_read().await.ok_or(LogError::Closed)?;
        let log = self.log.clone();
        let run = move || {
            let done = run(&*log);
            // The log's handle goes before the permit: who has all permits has the log alone.
            drop(log);
            drop(permit);
            done
        };
        let Ok(runtime) = Handle::try_current() else { return Ok(run()) };
        runtime.spawn_blocking(run).await.map_err(|error| match error.is_panic() {
            true => panicked("reading"),
            // The runtime is being shut down.
            false => LogError::Closed,
        })
    }

    /// The id of the record that closes a topic, if it is closed.
    pub(super) fn closed_at(&self, topic: &str) -> Option<EventId> {
        let history = self.log.history();
        let seq = self.closed.find(topic, history.first())?;
        Some(history.id(seq))
    }

    /// None when the log is closed.
    async fn permit_to_read(&self) -> Option<OwnedSemaphorePermit> {
        let tried = self.readers.clone().try_acquire_owned();
        if let Err(TryAcquireError::NoPermits) = tried {
            let _waiting = self.pressure.read_waits();
            return self.readers.clone().acquire_owned().await.ok();
        }
        tried.ok()
    }

    /// Closes the log when no reader is in it any more.
    pub(super) fn close_log(&self) {
        self.readers.close();
        let (begun, mut told) = (Instant::now(), false);
        loop {
            let readers = self.settings.log_readers - self.readers.available_permits();
            if readers == 0 {
                break;
            }
            if !told && begun.elapsed() >= LONG {
                told = true;
                tracing::warn!(
                    readers,
                    "the log is not closed yet: it waits for those who read it, so for the disk, or for an \
                     `upcast` or a `Deserialize` of the app's"
                );
            }
            thread::sleep(Duration::from_millis(if told { 50 } else { 1 }));
        }
        let closing = caught(|| self.log.close());
        if let Err(error) = closing.unwrap_or_else(|_| Err(panicked("closing"))) {
            self.fail(error);
        }
        self.ended.send_replace(true);
    }

    /// Notes why the hub ends, for whoever shuts it down; the first reason stays.
    pub(super) fn fail(&self, error: LogError) {
        tracing::error!(error = &error as &dyn std::error::Error, "the log failed");
        locked(&self.close_error).get_or_insert(error);
    }

    pub(super) async fn shutdown(&self) -> Result<(), LogError> {
        self.queue.close();
        let mut ended = self.ended.subscribe();
        // An error would mean that the sender is gone, which `self` holds.
        let _ = ended.wait_for(|ended| *ended).await;
        let error = locked(&self.close_error).take();
        error.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("settings", &self.settings).finish_non_exhaustive()
    }
}
