//! State first, then every change after it.

use super::control;
use super::filter::Filter;
use super::page::PAGE_BYTES;
use super::start::{Beginning, OnGap, Start};
use crate::event::{EncodeError, SseEvent};
use crate::hub::Core;
use crate::id::EventId;
use crate::planted::planted;
use crate::topic::{Topic, TopicSelection};
use crate::unwind::caught;
use crate::wire::Frame;
use bytes::Bytes;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The state of things at some position of the log, as events: what a new client is sent first.
///
/// Made from events alone, `Snapshot::from(events)`, it counts as the state at the position that
/// [`Subscription::snapshot`](super::Subscription::snapshot) gave to the app. Nothing is missing then if
/// the app changes its state before it publishes, and an event that the state already includes may
/// follow once more. If the app stores the id of the last event with its state, [`at`](Snapshot::at)
/// makes it exact: nothing is missing, and nothing comes twice.
#[derive(Clone, Debug)]
#[must_use]
pub struct Snapshot<E> {
    events: Vec<E>,
    at: Option<EventId>,
}

impl<E> Snapshot<E> {
    /// The same state, known to be that after the event `id` and before the next. If what follows can no
    /// longer be had, the client is told with an `sse-gap` behind the state.
    pub fn at(self, id: EventId) -> Self {
        Snapshot { at: Some(id), ..self }
    }
}

impl<E> From<Vec<E>> for Snapshot<E> {
    fn from(events: Vec<E>) -> Self {
        Snapshot { events, at: None }
    }
}

/// What a snapshot that could not be had is logged as.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// The same, of one that panicked: what the panic says may quote a payload.
pub(super) const PANICKED: &str = "it panicked";

/// A snapshot on its way.
pub(super) type Pending = Pin<Box<dyn Future<Output = Result<Pieces, BoxError>> + Send>>;

/// A snapshot's frames, rendered piece by piece, each when the client has taken the one before.
///
/// None of its frames has an id but the last, an `sse-cursor` or, if the app's position cannot be
/// had, an `sse-gap`: a client that is cut off before it comes back as the stranger that it was, and
/// gets the snapshot anew.
pub(super) struct Pieces(Box<dyn FnMut() -> Result<Piece, BoxError> + Send>);

/// A piece of a snapshot.
pub(super) enum Piece {
    /// Perhaps nothing, if what was looked at is hidden.
    Frames(Bytes),
    /// And where the stream goes on after them.
    Last(Bytes, u64),
}

impl Pieces {
    pub(super) fn of<E: SseEvent>(
        core: Arc<Core>,
        topics: Arc<TopicSelection>,
        filter: Option<Filter<E>>,
        given: EventId,
        snapshot: Snapshot<E>,
    ) -> Self {
        let at = snapshot.at.unwrap_or(given);
        let mut events = snapshot.events.into_iter();
        Pieces(Box::new(move || {
            let copies = core.tail.copies();
            let (mut frames, most) = (Vec::new(), copies.page_bytes(PAGE_BYTES));
            for event in events.by_ref().take(MOST_LOOKED_AT) {
                let topic = event.topic()?;
                let topic = topic.as_ref().map(Topic::as_str);
                let selected = topics.includes(topic) || planted("snapshot-without-filter");
                if selected && filter.as_ref().map_or(Ok(true), |filter| filter.shows(&event))? {
                    write(&event, &mut frames)?;
                }
                if frames.len() >= most {
                    break;
                }
            }
            if events.len() > 0 {
                return Ok(Piece::Frames(copies.hold(frames)));
            }
            let (end, position) = end(&core, at);
            frames.extend_from_slice(&end);
            Ok(Piece::Last(copies.hold(frames), position))
        }))
    }

    /// The next piece; nothing is to be asked after the last, nor after an error.
    pub(super) fn next(&mut self) -> Result<Piece, BoxError> {
        caught(&mut self.0).unwrap_or_else(|_| Err(PANICKED.into()))
    }
}

/// So many events are looked at for one piece, before others have their turn.
const MOST_LOOKED_AT: usize = 1024;

/// What moves the client to the snapshot's position, or as near to it as can be by now; a gap must be
/// told by the very frame that moves it behind the gap.
fn end(core: &Core, at: EventId) -> (Bytes, u64) {
    let history = core.log.history();
    let Beginning { at: position, gap, .. } =
        Beginning::find(&history, &core.ids, None, Start::After(at), OnGap::Notify);
    let frame = match gap {
        Some(gap) => control::gap(&core.ids, &gap, true),
        None => control::cursor(&core.ids, history.id(position)),
    };
    (frame, position)
}

fn write<E: SseEvent>(event: &E, frames: &mut Vec<u8>) -> Result<(), BoxError> {
    let name = event.event_type().name();
    let mut data = Vec::new();
    event.encode(&mut data)?;
    let data = String::from_utf8(data)?;
    let frame = Frame::new().event(name).data(&data);
    frame.write_to(frames).map_err(|source| EncodeError::Frame { name, source })?;
    Ok(())
}
