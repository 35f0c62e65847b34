//! What the derive's code names. No part of the public API: it changes without notice.

pub use core::convert::From;
pub use core::marker::{Send, Sized};
pub use core::option::Option;
pub use core::primitive::u8;
pub use core::result::Result;
pub use std::vec::Vec;

pub use schemars::JsonSchema;
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;

pub use super::described::HasSchema;
pub use super::parts::{Flat, Own, Parts, are_distinct, count, flatten};
pub use super::payload::{Json, Payload, Variants, json, variants};
pub use super::topic_text::{TopicText, TopicValue};
pub use super::upcast::{Upcasted, previous, upcast};
pub use super::{DecodeError, EncodeError, EventType, EventTypeError, RawEvent, SseEvent};
pub use crate::topic::Topic;

use super::name::{has_name, has_name_of};

/// The impl of a payload that a set delegates to, named once, so that a missing impl is one
/// error and not five.
#[derive(Debug)]
#[allow(missing_docs, clippy::type_complexity)]
pub struct Delegate<P> {
    pub types: &'static [EventType],
    pub event_type: fn(&P) -> &'static EventType,
    pub topic: fn(&P) -> Result<Option<Topic>, EncodeError>,
    pub encode: fn(&P, &mut Vec<u8>) -> Result<(), EncodeError>,
    pub decode: fn(RawEvent<'_>) -> Result<P, DecodeError>,
}

/// The impl of `P`.
#[must_use]
pub const fn delegate<P: SseEvent>() -> Delegate<P> {
    Delegate {
        types: P::TYPES,
        event_type: P::event_type,
        topic: P::topic,
        encode: P::encode,
        decode: P::decode,
    }
}

impl<P> Delegate<P> {
    /// Whether the payload can be an event of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        has_name(self.types, name)
    }
}

/// The topic of an event that has none.
///
/// # Errors
///
/// None.
pub const fn no_topic() -> Result<Option<Topic>, EncodeError> {
    Ok(None)
}

/// The answer to a name that no type of the set has.
///
/// # Errors
///
/// Always [`DecodeError::UnknownType`].
pub fn unknown<T>(event: RawEvent<'_>) -> Result<T, DecodeError> {
    Err(DecodeError::UnknownType { name: event.name.to_owned() })
}

/// Fails compilation if a type of the part at `place` has a bad name, or one that occurs in a part
/// before, unless that is `settled` by [`are_distinct`] for all parts in one go.
#[track_caller]
#[allow(clippy::panic, reason = "evaluated by the compiler, where it is the error's text")]
pub const fn assert_distinct(settled: bool, parts: &[&[EventType]], place: usize) {
    if settled {
        return;
    }
    let (others, this) = parts.split_at(place);
    let types = this[0];
    if let Err(error) = EventType::check_all(types) {
        let (what, name) = explain(error);
        panic!("{}", Message::new(what, name).as_str());
    }
    let mut place = 0;
    while place < types.len() {
        let mut other = 0;
        while other < others.len() {
            if has_name_of(others[other], &types[place]) {
                let what = "another variant of the set has an event type of this name already, \
                            and one of the two needs another: ";
                panic!("{}", Message::new(what, types[place].name()).as_str());
            }
            other += 1;
        }
        place += 1;
    }
}

const fn explain(error: EventTypeError) -> (&'static str, &'static str) {
    match error {
        EventTypeError::Empty => ("an event type's name is empty", ""),
        EventTypeError::TooLong { name } => ("an event type's name is too long: ", name),
        EventTypeError::ControlCharacter { .. } => {
            ("an event type's name has control characters", "")
        }
        EventTypeError::OuterSpace { name } => {
            ("an event type's name begins or ends with a space: ", name)
        }
        EventTypeError::BrowserEvent { name } => {
            ("EventSource has an event of its own of this name: ", name)
        }
        EventTypeError::Reserved { name } => {
            ("names that begin with `sse-` are the framework's own: ", name)
        }
        EventTypeError::Duplicate { name } => {
            ("this event type occurs twice in one event set: ", name)
        }
    }
}

/// Text put together at compile time. What does not fit is cut.
struct Message {
    text: [u8; 256],
    length: usize,
}

impl Message {
    const fn new(what: &str, name: &str) -> Self {
        let message = Message { text: [0; 256], length: 0 }.with(what.as_bytes());
        if name.is_empty() {
            return message;
        }
        message.with(b"`").with(name.as_bytes()).with(b"`")
    }

    const fn with(mut self, text: &[u8]) -> Self {
        let mut place = 0;
        while place < text.len() && self.length < self.text.len() {
            self.text[self.length] = text[place];
            self.length += 1;
            place += 1;
        }
        self
    }

    const fn as_str(&self) -> &str {
        let (text, _) = self.text.split_at(self.length);
        match core::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "an event type's name does not work",
        }
    }
}
