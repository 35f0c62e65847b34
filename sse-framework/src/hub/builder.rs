//! Settings of a hub, and its start.

use super::closed::ClosedTopics;
use super::core::{Core, Settings};
use super::idempotency::Keys;
use super::queue::Queue;
use super::{Handle, Hub, committer};
use crate::event::{EventType, EventTypeError, Renewal, SseEvent};
use crate::id::{IdStyle, Ids};
use crate::log::{EventLog, LogError, OpenLog, Retention, Window};
use crate::schema::{self, Choices, OnSchemaChange, Refused, SchemaError};
use crate::sync::thread;
use crate::tail::{Room, Subscribers, Tail};
use crate::wire;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// Settings for a [`Hub`]; each has a default. All but the history, which is kept for ever, are
/// bounded.
///
/// ```no_run
/// # use sse_framework::{Hub, Retention, SledLog, SseEvent};
/// # use std::time::Duration;
/// # async fn start<ShopEvent: SseEvent>() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::<ShopEvent>::builder(SledLog::new("data/events"))
///     .retention(Retention::forever().age(Duration::from_secs(7 * 24 * 3600)))
///     .heartbeat(Duration::from_secs(20))
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "the hub begins with `start`"]
pub struct HubBuilder<E> {
    log: Box<dyn OpenLog>,
    retention: Retention,
    keys: Window,
    settings: Settings,
    ids: IdStyle,
    schemas: Choices,
    room: Room,
    queue_bytes: usize,
    tail_bytes: usize,
    tail_events: usize,
    events: PhantomData<fn() -> E>,
}

impl<E: SseEvent> HubBuilder<E> {
    pub(super) fn new(log: Box<dyn OpenLog>) -> Self {
        HubBuilder {
            log,
            retention: Retention::forever(),
            keys: Window::DEFAULT,
            settings: Settings {
                max_event_bytes: 256 << 10,
                heartbeat: Duration::from_secs(15),
                retry: Duration::from_secs(2),
                coalesce: Duration::from_millis(10),
                drain_window: Duration::from_secs(5),
                max_topics: 100,
                max_query_bytes: 8 << 10,
                log_readers: 4,
            },
            ids: IdStyle::default(),
            schemas: Choices::default(),
            room: Room { all: 100_000, per_key: 100 },
            queue_bytes: 16 << 20,
            tail_bytes: 16 << 20,
            tail_events: 65_536,
            events: PhantomData,
        }
    }

    /// How much history is kept. By default all of it.
    pub fn retention(self, retention: Retention) -> Self {
        HubBuilder { retention, ..self }
    }

    /// For how long a publish with an [idempotency key](crate::Publish::idempotency_key) is known
    /// when it is tried again: so long after it was stored, if not so many others with keys have
    /// been stored since. By default 10 minutes and 100,000 keys; at least one key, at most 10 million.
    ///
    /// It should be longer than anybody goes on trying. Each key takes 220 bytes of memory at most, and
    /// about 100 on the disk. The time is that of the system's clock, as with
    /// [`Retention::age`](Retention::age).
    pub fn idempotency_window(self, age: Duration, keys: usize) -> Self {
        HubBuilder { keys: Window { age, count: keys.clamp(1, 10_000_000) }, ..self }
    }

    /// What clients see of ids. By default they are [plain](IdStyle::Plain); if clients must not
    /// learn how much the hub carries for others, they have to be [opaque](IdStyle::Opaque).
    ///
    /// The app itself always sees plain ids: [`Hub::encode_id`] makes of one what clients see, and
    /// [`Hub::decode_id`] reads that. Ids that were given in the other style are unknown
    /// to the hub, so whoever was connected before a change of style is told of a gap.
    ///
    /// ```
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use sse_framework::{Hub, IdStyle, MemoryLog, Retention, SseEvent};
    ///
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// # struct Tick { n: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = Hub::<Tick>::builder(MemoryLog::new())
    ///     .retention(Retention::forever().events(1000))
    ///     .ids(IdStyle::Opaque)
    ///     .start()
    ///     .await?;
    /// let id = hub.publish(Tick { n: 1 }).await?;
    /// let for_clients = hub.encode_id(id);
    /// assert_ne!(for_clients, id.to_string());
    /// assert_eq!(hub.decode_id(&for_clients)?, id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ids(self, style: IdStyle) -> Self {
        HubBuilder { ids: style, ..self }
    }

    /// What happens if the event types no longer fit what the log was written with. By default the hub does
    /// not start, and [`StartError::Schema`] says why.
    ///
    /// The schemas of the set are kept with the log, and compared with those of the next start. A change that
    /// breaks nothing is only noted.
    pub fn on_schema_change(self, on_change: OnSchemaChange) -> Self {
        HubBuilder { schemas: Choices { on_change, ..self.schemas }, ..self }
    }

    /// Names of event types that have left the set on purpose: that the log has known them is no reason not to
    /// start.
    ///
    /// Their records stay in the log. A stream within the process, and a [filter](crate::SubscriptionBuilder::filter),
    /// cannot read them as events of the set, and are told of a gap of the reason
    /// [`RemovedType`](crate::GapReason::RemovedType). Other clients are shown them as they were written.
    pub fn retired_types<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.schemas.retired.extend(names.into_iter().map(Into::into));
        self
    }

    /// How many subscriptions there may be at a time, as responses and within the process together. By
    /// default 100,000.
    ///
    /// One more is refused: see [`Subscription`](crate::Subscription#limits) for what its client gets.
    /// It is counted in [`Stats::subscriptions_refused`](crate::Stats::subscriptions_refused).
    pub fn max_subscriptions(self, count: usize) -> Self {
        HubBuilder { room: Room { all: count, ..self.room }, ..self }
    }

    /// How many subscriptions of one [`key`](crate::SubscriptionBuilder::key) there may be at a time, so that
    /// one user's clients do not take everybody's room. By default 100. Subscriptions without a key are
    /// not limited by this.
    ///
    /// A connection that broke counts until the server notices, which a [heartbeat](Self::heartbeat)
    /// makes it do. One more is refused, as with [`max_subscriptions`](Self::max_subscriptions), and
    /// counted in [`Stats::subscriptions_refused_by_key`](crate::Stats::subscriptions_refused_by_key).
    pub fn max_subscriptions_per_key(self, count: usize) -> Self {
        HubBuilder { room: Room { per_key: count, ..self.room }, ..self }
    }

    /// How many topics and patterns one subscription may have: as many as this the client may ask for,
    /// and as many as this the app may [allow](crate::SubscriptionBuilder::topics). By default 100. Of a
    /// client's request never more than 1,000 are read.
    ///
    /// Who asks for more gets `400 Bad Request`; if the app allows more, which is its own mistake, the client
    /// gets `500 Internal Server Error`. Both count in [`Stats::topics_refused`](crate::Stats::topics_refused),
    /// but for requests with more than 1,000 topics, which never reach a hub.
    pub fn max_topics(self, count: usize) -> Self {
        HubBuilder { settings: Settings { max_topics: count, ..self.settings }, ..self }
    }

    /// How long the query of a request to subscribe may be, in bytes. By default 8 KiB. A `last_event_id` does
    /// not count, since only its first 256 bytes are looked at.
    ///
    /// With [`max_topics`](Self::max_topics) it bounds what a client makes the server keep as long as its stream
    /// lasts: at most 300 bytes for each topic or pattern that is asked for, and three times its length.
    ///
    /// A longer one gets `414 URI Too Long` and counts in
    /// [`Stats::queries_refused`](crate::Stats::queries_refused).
    pub fn max_query_bytes(self, bytes: usize) -> Self {
        HubBuilder { settings: Settings { max_query_bytes: bytes, ..self.settings }, ..self }
    }

    /// How many read the log at a time: those who catch up with what is no longer in memory. Others wait
    /// for their turn, a page each; see [`Stats::log_reads_waiting`](crate::Stats::log_reads_waiting). Each takes
    /// one of tokio's blocking threads. By default 4; at least 1, at most 256.
    pub fn log_readers(self, count: usize) -> Self {
        let log_readers = count.clamp(1, 256);
        HubBuilder { settings: Settings { log_readers, ..self.settings }, ..self }
    }

    /// The largest payload that is accepted, in bytes of JSON. By default 256 KiB; 16 MiB at most.
    pub fn max_event_bytes(self, bytes: usize) -> Self {
        let max_event_bytes = bytes.min(16 << 20);
        HubBuilder { settings: Settings { max_event_bytes, ..self.settings }, ..self }
    }

    /// How many bytes of events may wait to be stored; beyond that, publishing waits. It bounds a
    /// batch, too. One event that is larger waits until nothing else does: how large it may be is said by
    /// [`max_event_bytes`](Self::max_event_bytes) alone. By default 16 MiB; more than
    /// 4 GiB is taken as that.
    pub fn queue_bytes(self, bytes: usize) -> Self {
        HubBuilder { queue_bytes: bytes, ..self }
    }

    /// How much of the log's end is kept in memory, in bytes of frames. Who is further behind reads from the
    /// log. By default 16 MiB, and no more than [`tail_events`](Self::tail_events).
    pub fn tail_bytes(self, bytes: usize) -> Self {
        HubBuilder { tail_bytes: bytes, ..self }
    }

    /// How many events of the log's end are kept in memory. By default 65,536, and no more than
    /// [`tail_bytes`](Self::tail_bytes).
    pub fn tail_events(self, events: usize) -> Self {
        HubBuilder { tail_events: events, ..self }
    }

    /// After how long without an event a stream gets a comment that keeps proxies from closing it
    /// and shows a dead connection. By default 15 seconds, which is what the standard suggests
    /// (WHATWG HTML 9.2.7). At least 10 milliseconds, at most a day.
    pub fn heartbeat(self, heartbeat: Duration) -> Self {
        let heartbeat = heartbeat.clamp(SHORTEST, Duration::from_secs(24 * 3600));
        HubBuilder { settings: Settings { heartbeat, ..self.settings }, ..self }
    }

    /// How long browsers wait before they reconnect, the `retry:` field. By default 2 seconds; at
    /// least 10 milliseconds, at most [`wire::MAX_RETRY`]. Each stream is told another time, between half and
    /// one and a half of this, so that the clients of a server that dies do not all come back at once.
    pub fn retry(self, retry: Duration) -> Self {
        let retry = retry.clamp(SHORTEST, wire::MAX_RETRY);
        HubBuilder { settings: Settings { retry, ..self.settings }, ..self }
    }

    /// How long a response that the HTTP server drives by a task rests after it has sent something,
    /// if that was not the first within this time: many small writes cost far more than a few
    /// larger ones. An event that comes after a pause goes out at once. By default 10 milliseconds,
    /// at most a second; zero sends every event by itself.
    ///
    /// Responses that [`serve`](fn@crate::serve) has taken over need no rest: what piles up while the
    /// others are written goes out in one write.
    pub fn coalesce(self, interval: Duration) -> Self {
        let coalesce = interval.min(Duration::from_secs(1));
        HubBuilder { settings: Settings { coalesce, ..self.settings }, ..self }
    }

    /// The longest time over which [`drained_by`](Hub::drained_by) ends the streams: up to 100 of them
    /// end every 50 milliseconds, and more only if it would take longer than this. By default 5
    /// seconds, at most an hour; zero ends all of them at once.
    ///
    /// It must be shorter than what the server gives them, such as the
    /// [`shutdown_timeout`](crate::Serve::shutdown_timeout) of [`serve`](fn@crate::serve).
    pub fn drain_window(self, window: Duration) -> Self {
        let drain_window = window.min(Duration::from_secs(3600));
        HubBuilder { settings: Settings { drain_window, ..self.settings }, ..self }
    }

    /// Opens the log and starts the hub. Blocking work is done on tokio's blocking threads.
    ///
    /// # Errors
    ///
    /// [`StartError`] if an event type's name is not allowed, if the log cannot be opened, if the event types do
    /// not fit what the log was written with, or if the system has no thread to give. A log that the event types
    /// do not fit is left as it is, except that records found lost may be noted, and damaged files put aside with
    /// [`OnDamage::Salvage`](crate::OnDamage::Salvage): what was started on it before can be started again.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(self) -> Result<Hub<E>, StartError> {
        let starting = tokio::task::spawn_blocking(move || self.start_now());
        starting.await.map_err(|error| StartError::Thread(error.into()))?
    }

    pub(super) fn start_now(self) -> Result<Hub<E>, StartError> {
        EventType::check_all(E::TYPES)?;
        let retention = Retention { keys: self.keys, ..self.retention };
        let mut checked = None;
        let log = self.log.open_if(retention, &mut |log| {
            checked.insert(schema::check(E::TYPES, log, &self.schemas)).is_ok()
        })?;
        // What has not been looked at is not opened either.
        let schemas = checked.ok_or(LogError::Closed)??;
        let log: Arc<dyn EventLog> = log.ok_or(LogError::Closed)?.into();
        let opened = log.clone();
        let begin = || {
            schemas.keep(&*log)?;
            let known = (ClosedTopics::of(&*log)?, Keys::of(&*log, self.keys)?);
            let ids = match self.ids {
                IdStyle::Plain => Ids::Plain,
                IdStyle::Opaque => {
                    Ids::opaque(&log.id_key()?).map_err(LogError::no_random_bytes)?
                }
            };
            let tail = Tail::new(log.history().last(), self.tail_bytes, self.tail_events);
            let subscribers = Arc::new(Subscribers::new(self.room));
            let queue = Queue::new(self.queue_bytes);
            let renewal = Renewal::of::<E>(&schemas.outdated());
            let core =
                Core::new(log, known, tail, subscribers, queue, self.settings, (ids, renewal));
            let core = Arc::new(core);
            let committed = core.clone();
            thread::Builder::new()
                .name("sse-committer".to_owned())
                .spawn(move || committer::run(&committed))
                .map_err(StartError::Thread)?;
            Ok(Hub { handle: Arc::new(Handle { core }), events: PhantomData })
        };
        begin().inspect_err(|_| {
            // The next to open it must not find a log that was not closed.
            if let Err(error) = opened.close() {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "closing a log that is not used");
            }
        })
    }
}

/// Shorter times would be a flood.
const SHORTEST: Duration = Duration::from_millis(10);

/// A hub could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The event set has a type whose name does not work. The derive finds that at compile time.
    #[error("the event set cannot be used")]
    EventType(#[from] EventTypeError),
    /// The log could not be opened.
    #[error("the log cannot be opened")]
    Log(#[from] LogError),
    /// The event types no longer fit what the log was written with.
    #[error("the event types cannot be used with this log")]
    Schema(#[from] SchemaError),
    /// The system has no thread to give, or the thread that opened the log came to grief.
    #[error("no thread for the hub")]
    Thread(#[source] std::io::Error),
}

impl From<Refused> for StartError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Log(error) => error.into(),
            Refused::Schema(error) => error.into(),
        }
    }
}

impl<E> fmt::Debug for HubBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubBuilder")
            .field("retention", &self.retention)
            .field("settings", &self.settings)
            .field("ids", &self.ids)
            .finish_non_exhaustive()
    }
}
