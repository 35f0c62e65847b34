//! Events of the framework's own, which tell a client about its stream. Their names begin with
//! `sse-`, which no event type's name does.

use crate::id::{EventId, Ids};
use crate::wire::{Frame, MAX_RETRY};
use bytes::Bytes;
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
    /// shortened.
    pub asked: String,
    /// The position after which the stream goes on.
    pub resumed_after: EventId,
}

/// Why there is a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GapReason {
    /// The id is none that this log has given, or nothing of its time is kept.
    UnknownId,
    /// The events are older than the retention. Where a stream begins at a time, they may be.
    Trimmed,
    /// The log lost events that the client had seen, say because power failed before they were
    /// synced or an older copy of the log was put back.
    Lost,
    /// The events are there but cannot be read as events of this set.
    Unreadable,
    /// The client asked for [history](crate::SubscriptionBuilder::history) that the app does not let it ask for.
    NotAllowed,
    /// The event is of a type that has [left the set](crate::HubBuilder::retired_types). Told within the process,
    /// and where the app has a [filter](crate::SubscriptionBuilder::filter).
    RemovedType,
}

/// Why a stream ended that the client did not end. In the stream it is the event `sse-close`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CloseReason {
    /// The server stops, or the hub has been shut down.
    Drain,
    /// The app ended it; the client may come back.
    Disconnected,
    /// The time that the app gave it is over; the client may come back, and be asked anew.
    Expired,
    /// The log could not be read, or a snapshot or a filter of the app's failed, or the subscription was
    /// given [more topics](crate::HubBuilder::max_topics) than it may have. The client may try again.
    Failed,
    /// All topics that the subscription reads have been closed: there is nothing more to come.
    Complete,
    /// There are as many subscriptions as there [may be](crate::HubBuilder::max_subscriptions), in all or of
    /// its key, so this one did not begin. The client may try again later.
    Overloaded,
}

/// `sse-open`. It carries no id when a gap or a snapshot follows: a client that is cut off before it
/// has read that must come back with its old id, and be told then.
pub(super) fn open(ids: &Ids, at: EventId, with_id: bool, resumed: bool, retry: Duration) -> Bytes {
    #[derive(Serialize)]
    struct Open<'a> {
        cursor: &'a str,
        resumed: bool,
    }
    let cursor = &*ids.position(at);
    frame("sse-open", with_id.then_some(cursor), Some(retry), &Open { cursor, resumed })
}

/// `sse-gap`, which moves the client behind the gap unless a snapshot is to do that.
pub(super) fn gap(ids: &Ids, gap: &Gap, with_id: bool) -> Bytes {
    #[derive(Serialize)]
    struct Told<'a> {
        reason: GapReason,
        asked: &'a str,
        resumed_after: &'a str,
    }
    let resumed_after = &*ids.position(gap.resumed_after);
    let told = Told { reason: gap.reason, asked: &gap.asked, resumed_after };
    frame("sse-gap", with_id.then_some(resumed_after), None, &told)
}

/// `sse-cursor`, which moves the client to a position.
pub(super) fn cursor(ids: &Ids, at: EventId) -> Bytes {
    #[derive(Serialize)]
    struct Cursor<'a> {
        cursor: &'a str,
    }
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
    #[derive(Serialize)]
    struct Close {
        reason: CloseReason,
    }
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
