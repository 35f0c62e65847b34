//! State first, then every change after it.

use super::control;
use super::filter::Filter;
use super::request::Asked;
use super::start::{Beginning, OnGap, Start};
use crate::event::{EncodeError, SseEvent};
use crate::hub::Core;
use crate::id::EventId;
use crate::planted::planted;
use crate::topic::{Topic, TopicSelection};
use crate::wire::Frame;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;

/// The state of things at some position of the log, as events: what a new client is sent first.
///
/// Made from events alone, `Snapshot::from(events)`, it counts as the state at the position that
/// [`Subscription::snapshot`](super::Subscription::snapshot) gave to the app. That is as good as
/// the app's state is fresh: an event that the state already includes may follow once more. If the
/// app stores the id of the last event with its state, [`at`](Snapshot::at) makes it exact.
#[derive(Clone, Debug)]
#[must_use]
pub struct Snapshot<E> {
    events: Vec<E>,
    at: Option<EventId>,
}

impl<E> Snapshot<E> {
    /// The same state, known to be that after the event `id` and before the next.
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

/// A snapshot on its way.
pub(super) type Pending = Pin<Box<dyn Future<Output = Result<Rendered, BoxError>> + Send>>;

/// A snapshot as frames, and where the stream goes on after them.
pub(super) struct Rendered {
    pub(super) frames: Vec<u8>,
    pub(super) position: u64,
}

/// Renders a snapshot. None of its frames has an id but the last, an `sse-cursor` or, if the app's
/// position cannot be had, an `sse-gap`: a client that is cut off before it comes back as the stranger that it was, and gets the snapshot anew.
pub(super) fn render<E: SseEvent>(
    core: &Core,
    topics: &TopicSelection,
    filter: Option<&Filter<E>>,
    given: EventId,
    snapshot: Snapshot<E>,
) -> Result<Rendered, BoxError> {
    let mut frames = Vec::new();
    for event in &snapshot.events {
        let topic = event.topic()?;
        let topic = topic.as_ref().map(Topic::as_str);
        let selected = topics.includes(topic) || planted("snapshot-without-filter");
        if selected && filter.map_or(Ok(true), |filter| filter.shows(event))? {
            write(event, &mut frames)?;
        }
    }
    let history = core.log.history();
    let at = Asked::Id(snapshot.at.unwrap_or(given));
    let Beginning { at: position, gap, .. } =
        Beginning::find(&history, Some(at), Start::New, OnGap::Notify);
    // Either moves the client; a gap must be told by the very frame that moves it behind the gap.
    frames.extend_from_slice(&match gap {
        Some(gap) => control::gap(&gap, true),
        None => control::cursor(history.id(position)),
    });
    Ok(Rendered { frames, position })
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
