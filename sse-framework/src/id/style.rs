//! How ids are shown to clients.

use super::opaque::{EVENT_LENGTH, Opaque};
use super::{EventId, IdKey, ParseIdError};
use std::fmt;
use std::sync::Arc;

/// What clients see of ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdStyle {
    /// `<epoch>-<seq>`: whoever sees two ids knows how many events the whole hub has carried in
    /// between.
    #[default]
    Plain,
    /// Encrypted: 26 characters for an event, 52 for a position between events, without order or
    /// meaning for who does not have the log's key.
    ///
    /// The same event always has the same id, also after a restart. A position, as in `sse-open` and
    /// `sse-gap`, has another text each time, so that it cannot be compared with anything. A
    /// text that a client has made up, changed, or taken from another log is as unknown as any other; so
    /// is a plain id.
    Opaque,
}

/// Writes ids for clients, and reads what they send.
#[derive(Clone, Debug, Default)]
pub(crate) enum Ids {
    #[default]
    Plain,
    Opaque(Arc<Opaque>),
}

impl Ids {
    /// Opaque ids under this key.
    pub(crate) fn opaque(key: &IdKey) -> std::io::Result<Self> {
        Ok(Ids::Opaque(Arc::new(Opaque::new(key)?)))
    }

    /// Whether clients must not learn what happens between the events that they see.
    pub(crate) fn are_opaque(&self) -> bool {
        matches!(self, Ids::Opaque(_))
    }

    /// The id of an event that the client sees, always the same.
    pub(crate) fn event(&self, id: EventId) -> EventText {
        match self {
            Ids::Plain => EventText::Plain(id),
            Ids::Opaque(opaque) => EventText::Opaque(opaque.event(id)),
        }
    }

    /// The id of a position. The event before it may be one that the client must know nothing of,
    /// so an opaque one is never the same again.
    pub(crate) fn position(&self, id: EventId) -> String {
        match self {
            Ids::Plain => id.to_string(),
            Ids::Opaque(opaque) => opaque.position(id),
        }
    }

    /// The id that a client gives back.
    pub(crate) fn read(&self, text: &str) -> Result<EventId, ParseIdError> {
        match self {
            Ids::Plain => text.parse(),
            Ids::Opaque(opaque) => opaque.read(text.as_bytes()).ok_or_else(ParseIdError::new),
        }
    }
}

/// What stands in an `id:` field.
pub(crate) enum EventText {
    Plain(EventId),
    Opaque([u8; EVENT_LENGTH]),
}

impl fmt::Display for EventText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventText::Plain(id) => id.fmt(f),
            EventText::Opaque(text) => {
                f.write_str(std::str::from_utf8(text).map_err(|_| fmt::Error)?)
            }
        }
    }
}
