//! A subscription, as a stream of typed events or as a response.

mod builder;

pub use builder::SubscriptionBuilder;

use super::body::{EventBody, Opening, Source};
use super::control::{self, CloseReason};
use super::cursor::{Cursor, Step};
use super::exclusive::Exclusive;
use super::filter::{Filter, MOST_HIDDEN, Panicked, Sieve, decode};
use super::received::Received;
use super::request::SubscribeRejection;
use super::snapshot::{Pending, Pieces, Snapshot};
use super::unopened::{Unopened, nothing, stream};
use super::unreadable::Unreadable;
use crate::event::{DecodeError, SseEvent};
use crate::hub::Core;
use crate::id::EventId;
use crate::tail::Record;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::task::coop::poll_proceed;

/// A client's stream of events: everything that it may see after its position, in order, once.
///
/// As a **response** it is `200` with `text/event-stream`. The first event is `sse-open`; see the
/// book's chapter on the endpoint for the events whose names begin with `sse-`. It ends when the
/// client goes, or with `sse-close`. A client that comes back to what was
/// [complete](super::CloseReason::Complete) gets `204 No Content`, after which a browser does not come again.
///
/// As a **stream** within the process it yields [`Received`]. Events that cannot be decoded, or whose
/// `Deserialize` panics, come as a [`Gap`](super::Gap) of reason [`Unreadable`](super::GapReason::Unreadable).
///
/// # Lagging
///
/// A subscriber that is slow loses nothing and slows nobody: it reads later, from memory or from
/// the log. Only if retention overtakes it does it miss events, and it is told.
///
/// # Closing
///
/// When the hub ends it, a stream within the process first yields what was published until then; of
/// this, after a [shutdown](crate::Hub::shutdown), what is still in memory, since the log is closed.
/// A response ends at once, since its client comes back for the rest.
///
/// # Limits
///
/// At one of the hub's limits there is no stream, and [`rejection`](Self::rejection) says why. If there are
/// too many subscriptions, in all or of the [key](SubscriptionBuilder::key), the response to a client
/// that asks for `text/event-stream` by name is a stream of one event, `sse-close` with
/// [`CloseReason::Overloaded`], and the client comes back after its `retry:`. That is between half and
/// one and a half of five times the hub's [`retry`](crate::HubBuilder::retry), another for each client. With any
/// other status a browser's `EventSource` would not come back. Other clients get `503 Service Unavailable`
/// with `Retry-After`. For the other limits, see [`SubscribeRejection`]. A stream within the process
/// yields [`Received::Closed`] and ends.
///
/// A `HEAD` request begins no stream either, and takes no room: as a response there are the headers, as a stream
/// there is nothing.
///
/// # Cancel safety
///
/// [`next`](Subscription::next) may be dropped at any time and loses no event.
///
/// ```
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// use sse_framework::{Hub, Received, SseEvent, Start, Subscribe};
///
/// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent, Debug, PartialEq)]
/// # struct Tick { n: u64 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::<Tick>::in_memory()?;
/// hub.publish(Tick { n: 1 }).await?;
///
/// let mut ticks = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
/// let Some(Received::Event(first)) = ticks.next().await else { panic!("an event") };
/// assert_eq!(first.event, Tick { n: 1 });
/// # Ok(())
/// # }
/// ```
#[must_use = "a subscription is a response or a stream"]
pub struct Subscription<E>(Result<Opened<E>, Unopened>);

struct Opened<E> {
    resumed: bool,
    fresh: bool,
    refused: bool,
    /// Sent first in a response.
    snapshot: Option<Exclusive<Pending>>,
    cursor: Cursor<Vec<Record>>,
    /// Read, but not yet yielded.
    records: VecDeque<Record>,
    /// What the first of these comes to, if the gap before it was yielded: the filter is not asked again.
    looked_at: Option<Box<Exclusive<Received<E>>>>,
    unreadable: Unreadable,
    /// Comes after the gap that was yielded last.
    next: Option<Step<Vec<Record>>>,
    filter: Option<Filter<E>>,
    /// The filter panicked.
    failed: bool,
}

impl<E: SseEvent> Subscription<E> {
    /// The next event, or what else happened; none after [`Received::Closed`].
    ///
    /// On a task of tokio's, each counts for its [cooperative budget](tokio::task::coop): who is far behind lets others
    /// have their turn now and then. So to be pending is not to be at the end.
    pub async fn next(&mut self) -> Option<Received<E>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Where this stream stands: a later subscription with `Start::After(position)` goes on with what
    /// this one has not yielded. Store it together with what you have made of the events.
    ///
    /// It is the id of the event that was yielded last, or further on, past events that this
    /// subscription does not see. Who stores only the ids of events keeps an old one as long as nothing
    /// comes, and when the retention has passed that, is told of a [`Gap`](super::Gap) where there may be
    /// none. So store it now and then also when nothing comes: after a call of [`next`](Self::next)
    /// that was dropped it is up to date.
    ///
    /// A gap that has not been yielded yet is told to the later subscription, too, unless this one
    /// began after something that is no id. One that is [rejected](Self::rejection) stands where it would
    /// have begun. One that begins at a [time](super::Start::Since) stands before the oldest event that is
    /// kept until it has been polled, since that is when the time is looked up.
    ///
    /// ```
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use sse_framework::{Hub, Start, Subscribe, SseEvent};
    /// use std::time::Duration;
    ///
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent, Debug, PartialEq)]
    /// # struct Tick { n: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = Hub::<Tick>::in_memory()?;
    /// let mut mails = hub.subscribe(Subscribe::default()).topics(["mail".parse()?]);
    /// let news = hub.publish(Tick { n: 1 }).topic("news").await?;
    ///
    /// let next = tokio::time::timeout(Duration::from_millis(50), mails.next()).await;
    /// assert!(next.is_err(), "no mail");
    /// let stored = mails.position();
    /// assert_eq!(stored, news);
    ///
    /// let later = hub.subscribe(Subscribe::default()).start(Start::After(stored));
    /// # let _ = later.everything();
    /// # Ok(())
    /// # }
    /// ```
    pub fn position(&self) -> EventId {
        match &self.0 {
            Ok(opened) => opened.position(),
            Err(unopened) => unopened.position(),
        }
    }

    /// This subscription; or if one of the hub's limits is met, why there is none: for a handler that then does not go
    /// on, with `?`. The rejection's response is the one that the subscription would have been, but for a client that
    /// would be told not to come back (`204`): it is asked to, as the others are.
    ///
    /// ```
    /// # use axum::extract::State;
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// # use sse_framework::{Hub, SseEvent, Subscribe, SubscribeRejection, Subscription};
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// # struct Tick { n: u64 }
    /// # #[derive(Clone)] struct Audit;
    /// # impl Audit { async fn opened(&self) {} }
    /// # #[derive(Clone)] struct App { hub: Hub<Tick>, audit: Audit }
    /// async fn events(
    ///     State(app): State<App>,
    ///     request: Subscribe,
    /// ) -> Result<Subscription<Tick>, SubscribeRejection> {
    ///     let ticks = app.hub.subscribe(request).everything().accepted()?;
    ///     app.audit.opened().await;
    ///     Ok(ticks)
    /// }
    /// # let _: axum::Router<App> = axum::Router::new().route("/events", axum::routing::get(events));
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubscribeRejection`], the same that [`rejection`](Self::rejection) gives.
    pub fn accepted(self) -> Result<Self, SubscribeRejection> {
        match self.0 {
            Err(Unopened::Rejected { rejection, .. }) => Err(rejection),
            accepted => Ok(Subscription(accepted)),
        }
    }

    /// Why there is no stream, if one of the hub's limits is met: for a handler that wants to
    /// answer in its own way. See also [`accepted`](Self::accepted).
    pub fn rejection(&self) -> Option<&SubscribeRejection> {
        self.0.as_ref().err().and_then(Unopened::rejection)
    }

    /// Sends the state of things first, computed by the app, and then every change after it.
    ///
    /// `snapshot` is called with the position of the newest event, when the response has begun. It is
    /// not called for a client that goes on where it was, nor for one that asks for everything that is
    /// kept or for what was published since a time, unless there is a gap, nor for a `HEAD` request. Its events reach this client only, carry no ids, and are followed by
    /// an `sse-cursor` event with the id of the snapshot's [position](Snapshot); events that the
    /// subscription may not see are left out. If the snapshot fails, or panics when it is made or written,
    /// the stream ends with `sse-close`, and the client tries again.
    ///
    /// It is rendered in pieces, each when the client has taken the one before. Until the last is sent,
    /// its events are held in memory.
    ///
    /// It is part of a response. Used as a stream within the process, the subscription has none.
    ///
    /// ```
    /// # use axum::{extract::State, response::IntoResponse};
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// # use sse_framework::{Hub, Snapshot, SseEvent, Subscribe};
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// # struct StockChanged { item: String, left: u32 }
    /// # #[derive(Clone)] struct Warehouse;
    /// # impl Warehouse {
    /// #     async fn stock(&self) -> Result<Vec<StockChanged>, std::io::Error> { Ok(vec![]) }
    /// # }
    /// async fn events(hub: Hub<StockChanged>, db: Warehouse, request: Subscribe) -> impl IntoResponse {
    ///     hub.subscribe(request)
    ///         .everything()
    ///         .snapshot(async move |_at| Ok(Snapshot::from(db.stock().await?)))
    /// }
    /// ```
    pub fn snapshot<F, S>(mut self, snapshot: F) -> Self
    where
        F: FnOnce(EventId) -> S + Send + 'static,
        S: Future<Output = Result<Snapshot<E>, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        if let Ok(opened) = &mut self.0
            && (opened.fresh || opened.cursor.is_seeking())
        {
            let (core, topics) = (opened.cursor.core().clone(), opened.cursor.topics().clone());
            let filter = opened.filter.clone();
            let pieces = async move {
                let history = core.history();
                let at = history.id(history.last());
                let state = snapshot(at).await?;
                Ok(Pieces::of(core, topics, filter, at, state))
            };
            opened.snapshot = Some(Exclusive::new(Box::pin(pieces)));
        }
        self
    }
}

impl<E: SseEvent> Opened<E> {
    fn position(&self) -> EventId {
        let (core, gap) = (self.cursor.core(), self.cursor.gap());
        let position = || core.log.history().id(self.cursor.passed());
        self.yielded().or_else(|| untold(core, gap)).unwrap_or_else(position)
    }

    /// The position before what has been read and not yet yielded, if there is something.
    fn yielded(&self) -> Option<EventId> {
        let core = self.cursor.core();
        let gap = || match &self.next {
            Some(Step::Gap(gap)) => untold(core, Some(gap)),
            _ => None,
        };
        let record = || {
            self.records.front().map(|next| core.log.history().id(next.id.seq().saturating_sub(1)))
        };
        self.unreadable.before().or_else(gap).or_else(record)
    }

    /// What a record is to this subscriber; none if the filter hides it.
    fn look_at(&self, record: &Record) -> Result<Option<Received<E>>, DecodeError> {
        if let Some(topic) = record.closes() {
            return Ok(Some(Received::TopicClosed { id: record.id, topic: topic.clone() }));
        }
        let delivered = decode::<E>(record)?;
        let shows = self.filter.as_ref().map_or(Ok(true), |filter| filter.shows(&delivered.event));
        Ok(match shows {
            Ok(true) => Some(Received::Event(delivered)),
            Ok(false) => None,
            Err(Panicked) => Some(Received::Closed(CloseReason::Failed)),
        })
    }

    /// What the next record that was read comes to; none if it comes to nothing by itself.
    fn look_on(&mut self, record: Record) -> Option<Received<E>> {
        let looked_at = match self.looked_at.take() {
            Some(received) => Ok(Some(received.into_inner())),
            None => self.look_at(&record),
        };
        let received = match looked_at {
            Ok(received) => received?,
            Err(error) => return self.unreadable.add(record.id, error).map(Received::Gap),
        };
        if let Some(gap) = self.unreadable.end() {
            self.records.push_front(record);
            self.looked_at = Some(Box::new(Exclusive::new(received)));
            return Some(Received::Gap(gap));
        }
        self.failed = matches!(received, Received::Closed(_));
        if self.failed {
            self.records.push_front(record);
        }
        Some(received)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Received<E>>> {
        let mut hidden = 0;
        loop {
            if self.failed {
                return Poll::Ready(None);
            }
            while let Some(record) = self.records.pop_front() {
                if let Some(received) = self.look_on(record) {
                    return Poll::Ready(Some(received));
                }
                hidden += 1;
            }
            if hidden >= MOST_HIDDEN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let polled = match self.next.take() {
                Some(next) => Poll::Ready(Some(next)),
                None => self.cursor.poll_next(cx),
            };
            if let Some(gap) = self.unreadable.turn_page(self.cursor.goes_on(&polled)) {
                self.next = if let Poll::Ready(next) = polled { next } else { None };
                return Poll::Ready(Some(Received::Gap(gap)));
            }
            match ready!(polled) {
                Some(Step::Page { page, .. }) => self.records = page.into(),
                Some(Step::Gap(gap)) => return Poll::Ready(Some(Received::Gap(gap))),
                Some(Step::Closed(reason)) => return Poll::Ready(Some(Received::Closed(reason))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn into_response(mut self) -> Response {
        if self.refused {
            return nothing();
        }
        if let Some(yielded) = self.yielded() {
            // The response goes on after what has been yielded, not after what has been read.
            self.cursor.go_to(yielded.seq());
        }
        let snapshot = self.snapshot.map(Exclusive::into_inner);
        let opening = Opening { resumed: self.resumed, fresh: self.fresh, snapshot };
        let source = match self.filter {
            None => Source::Shared(self.cursor.for_response()),
            Some(filter) => {
                Source::Sifted(Box::new(Sieve::new(self.cursor.for_response(), filter)))
            }
        };
        let body = EventBody::new(opening, source);
        let handover = body.handover();
        let mut response = stream(Body::new(body));
        if let Some(handover) = handover {
            response.extensions_mut().insert(handover);
        }
        response
    }
}

/// The position before a gap that is to be told.
fn untold(core: &Core, gap: Option<&control::Gap>) -> Option<EventId> {
    gap.and_then(|gap| core.ids.read(&gap.asked).ok())
}

impl<E: SseEvent> Stream for Subscription<E> {
    type Item = Received<E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Received<E>>> {
        match &mut self.0 {
            Ok(opened) => {
                // Where there is always something to yield, others have their turn all the same.
                let turn = ready!(poll_proceed(cx));
                let polled = opened.poll_next(cx);
                if polled.is_ready() {
                    turn.made_progress();
                }
                polled
            }
            Err(unopened) => Poll::Ready(unopened.close().map(Received::Closed)),
        }
    }
}

impl<E: SseEvent> IntoResponse for Subscription<E> {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(opened) => opened.into_response(),
            Err(unopened) => unopened.into_response(),
        }
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opened = self.0.as_ref().map(|opened| &opened.cursor);
        f.debug_tuple("Subscription").field(&opened).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SseEvent;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use std::cell::Cell;

    /// An event that only one thread at a time may look at.
    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(crate = "crate")]
    struct Unshared {
        n: Cell<u32>,
    }

    #[test]
    fn it_can_be_held_by_a_future_that_goes_from_thread_to_thread_and_so_can_a_reference_to_it() {
        fn goes<T: Send + Sync>() {}
        goes::<SubscriptionBuilder<Unshared>>();
        goes::<Subscription<Unshared>>();
    }
}
