//! Events of the framework's own, which tell a client about its stream. Their names begin with
//! `sse-`, which no event type's name does.

use crate::event::EventType;
use crate::id::{EventId, Ids};
use crate::log::{TOPIC_CLOSE, TopicClose};
use crate::wire::{Frame, MAX_RETRY};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Events that were asked for cannot be had. In the stream it is the event `sse-gap`.
///
/// A client that reads only some topics learns that events *may* be missing: whether any of the
/// gap were its own is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// The id that was asked for, as clients see it, or what was sent instead of one, such as a time,
    /// shortened. In the middle of a stream it is the position before what is missing.
    pub asked: String,
    /// The position after which the stream goes on.
    pub resumed_after: EventId,
}

/// Why there is a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum GapReason {
    /// The id is none that this log has given, or nothing of its time is kept.
    #[schemars(
        description = "The id is none that this server has given, or nothing of its time is kept."
    )]
    UnknownId,
    /// The events are older than the retention. Where a stream begins at a time, they may be.
    #[schemars(description = "The events are, or may be, older than what is kept.")]
    Trimmed,
    /// The log lost events that the client had seen, say because power failed before they were
    /// synced or an older copy of the log was put back.
    #[schemars(description = "Events that the client had seen were lost by the server.")]
    Lost,
    /// The events are there but cannot be read as events of this set. Those in a row, among the ones that the
    /// subscription may see, are one gap. In a response without a [filter](crate::SubscriptionBuilder::filter) a gap
    /// ends where a read of the log does, which looks at up to 65,536 records, of whatever topics: there they may be
    /// several.
    #[schemars(description = "Events are there but cannot be read.")]
    Unreadable,
    /// The client asked for [history](crate::SubscriptionBuilder::history) that the app does not let it ask for.
    #[schemars(description = "The client may not ask for history.")]
    NotAllowed,
    /// The events are of types that have [left the set](crate::HubBuilder::retired_types). Told within the process,
    /// and where the app has a [filter](crate::SubscriptionBuilder::filter); in a row, as one gap.
    #[schemars(description = "The events are of types that are gone.")]
    RemovedType,
}

/// Why a stream ended that the client did not end. In the stream it is the event `sse-close`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server stops, or the hub has been shut down.
    #[schemars(description = "The server stops.")]
    Drain,
    /// The app ended it; the client may come back.
    #[schemars(description = "The app ended it; come back.")]
    Disconnected,
    /// The time that the app gave it is over; the client may come back, and be asked anew.
    #[schemars(description = "Its time is over; come back, to be asked anew.")]
    Expired,
    /// The log could not be read, or a snapshot or a filter of the app's failed, or the subscription was
    /// given [more topics](crate::HubBuilder::max_topics) than it may have. The client may try again.
    #[schemars(description = "Something failed on the server; try again.")]
    Failed,
    /// All topics that the subscription reads have been closed: there is nothing more to come.
    #[schemars(description = "There is nothing more to come.")]
    Complete,
    /// There are as many subscriptions as there [may be](crate::HubBuilder::max_subscriptions), in all or of
    /// its key, so this one did not begin. The client may try again later.
    #[schemars(description = "There is no room for one more; try again later.")]
    Overloaded,
}

/// The framework's own events, as their documentation has them. Their payloads are the structs below, and a topic's
/// close.
pub(crate) const CONTROL: [EventType; 5] = [
    EventType::new("sse-open")
        .with_description("The stream begins. Without an id, a gap or a snapshot follows.")
        .with_schema(Open::json_schema),
    EventType::new("sse-gap")
        .with_description("Events that were asked for are, or may be, missing here.")
        .with_schema(Told::json_schema),
    EventType::new("sse-cursor")
        .with_description("The client has seen all up to this position. It ends a snapshot, too.")
        .with_schema(Cursor::json_schema),
    EventType::new(TOPIC_CLOSE)
        .with_description("The topic was closed: nothing more comes of it.")
        .with_schema(TopicClose::json_schema),
    EventType::new("sse-close")
        .with_description("The server ends the stream.")
        .with_schema(Close::json_schema),
];

#[derive(Serialize, JsonSchema)]
struct Open<'a> {
    #[schemars(description = "Where the stream begins: an id to come back with.")]
    cursor: &'a str,
    #[schemars(description = "Whether it goes on where the client was.")]
    resumed: bool,
}

#[derive(Serialize, JsonSchema)]
struct Told<'a> {
    reason: GapReason,
    #[schemars(
        description = "What the client had asked for, shortened; amid a stream, the position before what is missing."
    )]
    asked: &'a str,
    #[schemars(description = "The position after which the stream goes on.")]
    resumed_after: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct Cursor<'a> {
    #[schemars(description = "The position, which is also the event's id.")]
    cursor: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct Close {
    reason: CloseReason,
}

/// `sse-open`, with a `retry:` between half and one and a half of the usual, since a server that dies tells
/// nobody when to come back. It carries no id when a gap or a snapshot follows: a client that is cut off before it
/// has read that must come back with its old id, and be told then.
pub(super) fn open(ids: &Ids, at: EventId, with_id: bool, resumed: bool, retry: Duration) -> Bytes {
    let cursor = &*ids.position(at);
    let retry = Some(scattered(retry));
    frame("sse-open", with_id.then_some(cursor), retry, &Open { cursor, resumed })
}

/// `sse-gap`, which moves the client behind the gap unless a snapshot is to do that.
pub(super) fn gap(ids: &Ids, gap: &Gap, with_id: bool) -> Bytes {
    let resumed_after = &*ids.position(gap.resumed_after);
    let told = Told { reason: gap.reason, asked: &gap.asked, resumed_after };
    frame("sse-gap", with_id.then_some(resumed_after), None, &told)
}

/// `sse-cursor`, which moves the client to a position.
pub(super) fn cursor(ids: &Ids, at: EventId) -> Bytes {
    let cursor = &*ids.position(at);
    frame("sse-cursor", Some(cursor), None, &Cursor { cursor })
}

/// `sse-close`, with a `retry:` between half and one and a half of the usual. It carries an id if the
/// stream is complete: who comes back with that is told that there is no more.
pub(super) fn close(reason: CloseReason, completed: Option<&str>, retry: Duration) -> Bytes {
    close_until(reason, completed, scattered(retry))
}

/// A time between half and one and a half of this one.
pub(super) fn scattered(time: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    time.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
}

/// `sse-close`, with this `retry:`.
pub(super) fn close_until(reason: CloseReason, completed: Option<&str>, retry: Duration) -> Bytes {
    frame("sse-close", completed, Some(retry), &Close { reason })
}

fn frame(
    name: &'static str,
    id: Option<&str>,
    retry: Option<Duration>,
    data: &impl Serialize,
) -> Bytes {
    // None of this can fail: the name and the id are ours, and JSON of strings is one line.
    let data = serde_json::to_string(data).unwrap_or_default();
    let mut frame = Frame::new().event(name).data(&data);
    if let Some(id) = id {
        frame = frame.id(id);
    }
    if let Some(retry) = retry {
        frame = frame.retry(retry.min(MAX_RETRY));
    }
    let mut out = Vec::new();
    let written = frame.write_to(&mut out);
    debug_assert_eq!(written, Ok(()));
    out.into()
}
