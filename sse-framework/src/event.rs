//! Events: values with a name and, if they want one, a topic.

mod caught;
mod described;
mod json;
mod name;
mod parts;
mod payload;
pub mod private;
mod renewal;
mod topic_text;
mod unread;
mod upcast;
mod variant;

pub use name::{EventTypeError, MAX_EVENT_NAME_LENGTH};

pub(crate) use caught::decode_caught;
use described::Described;
pub(crate) use described::{Schemas, decoded, used};
pub(crate) use renewal::Renewal;
pub(crate) use unread::Unread;

use crate::topic::{Topic, TopicError};
use crate::wire::FrameError;

/// An event type or a set of them. Use `#[derive(SseEvent)]`.
///
/// The [derive](derive@crate::SseEvent) takes the name from the type, the topic from an attribute, and
/// the payload from serde:
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use sse_framework::{RawEvent, SseEvent};
///
/// /// An order was accepted.
/// #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
/// #[sse(topic = "shops/{shop}/orders")]
/// struct OrderPlaced {
///     shop: String,
///     id: u64,
/// }
///
/// let placed = OrderPlaced { shop: "berlin".into(), id: 7 };
/// assert_eq!(placed.event_type().name(), "order-placed");
/// assert_eq!(placed.event_type().description(), "An order was accepted.");
/// assert_eq!(placed.topic()?.map(|topic| topic.to_string()), Some("shops/berlin/orders".into()));
///
/// let mut data = Vec::new();
/// placed.encode(&mut data)?;
/// assert_eq!(data, br#"{"shop":"berlin","id":7}"#);
/// let read = OrderPlaced::decode(RawEvent::new("order-placed", 1, &data))?;
/// assert_eq!(read, placed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # By hand
///
/// An impl by hand is for payloads that serde does not write. It must keep what the derive keeps:
/// [`EventType::check_all`] passes for `TYPES`, [`event_type`](SseEvent::event_type) is one of them,
/// and the payload is one line of JSON. A hub refuses at its start the names that do not pass.
///
/// ```
/// use sse_framework::{DecodeError, EncodeError, EventType, RawEvent, SseEvent, Topic};
///
/// /// The server lives.
/// struct Beat;
///
/// impl SseEvent for Beat {
///     const TYPES: &'static [EventType] = &[EventType::new("beat")];
///
///     fn event_type(&self) -> &'static EventType {
///         &Self::TYPES[0]
///     }
///
///     fn topic(&self) -> Result<Option<Topic>, EncodeError> {
///         Ok(None)
///     }
///
///     fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
///         out.extend_from_slice(b"null");
///         Ok(())
///     }
///
///     fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
///         match event.name {
///             "beat" => Ok(Beat),
///             name => Err(DecodeError::UnknownType { name: name.to_owned() }),
///         }
///     }
/// }
///
/// assert_eq!(EventType::check_all(Beat::TYPES), Ok(()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "neither an event type nor a set of them",
    note = "if `{Self}` is an event: write `#[derive(SseEvent)]` on it",
    note = "if it is plain data in a variant of an event set: mark the variant `#[sse(json)]`"
)]
pub trait SseEvent: Sized + Send + 'static {
    /// Every event type that a value of `Self` can be.
    const TYPES: &'static [EventType];

    /// Which of [`TYPES`](SseEvent::TYPES) this value is.
    fn event_type(&self) -> &'static EventType;

    /// The topic that this value is published to, unless the publisher names another.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Topic`] if the value of a field makes no topic, say because it is empty.
    fn topic(&self) -> Result<Option<Topic>, EncodeError>;

    /// Appends the value's payload, one line of JSON, to `out`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Json`] if the value's `Serialize` fails.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads back what [`encode`](SseEvent::encode) wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the type is none of [`TYPES`](SseEvent::TYPES) or the payload is not one
    /// of its values.
    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError>;
}

impl<E: SseEvent> SseEvent for Box<E> {
    const TYPES: &'static [EventType] = E::TYPES;

    fn event_type(&self) -> &'static EventType {
        E::event_type(self)
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        E::topic(self)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        E::encode(self, out)
    }

    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
        E::decode(event).map(Box::new)
    }
}

/// An event type: what stands in the `event:` field, and what is known of it.
///
/// ```
/// use sse_framework::EventType;
///
/// const STOCK: EventType = EventType::new("stock").with_description("Items came or went.");
/// assert_eq!((STOCK.name(), STOCK.version()), ("stock", 1));
/// assert_eq!(STOCK.description(), "Items came or went.");
/// assert_eq!(STOCK.deprecated(), None);
/// assert_eq!(STOCK.with_deprecated("use `left`").deprecated(), Some("use `left`"));
/// ```
///
/// Two are equal if all but their schemas is: [`schema`](EventType::schema) gives these, to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    name: &'static str,
    /// The compiler tells most names apart by it, at a fraction of the steps that their bytes take.
    hash: u32,
    version: u32,
    description: &'static str,
    deprecated: Option<&'static str>,
    described: Described,
    previous: Option<&'static EventType>,
}

impl EventType {
    /// An event type of version 1 without a description.
    pub const fn new(name: &'static str) -> Self {
        EventType {
            name,
            hash: name::hash(name.as_bytes()),
            version: 1,
            description: "",
            deprecated: None,
            described: Described::NOT,
            previous: None,
        }
    }

    /// The same type with another version of its payload's schema; by the derive the `version`.
    #[must_use]
    pub const fn with_version(self, version: u32) -> Self {
        EventType { version, ..self }
    }

    /// The same type after this one: what its records of the version before were written as, and how
    /// they are still read. By the derive what `upcast` takes.
    #[must_use]
    pub const fn with_previous(self, previous: &'static EventType) -> Self {
        EventType { previous: Some(previous), ..self }
    }

    /// The same type with a description, by the derive the doc comment.
    #[must_use]
    pub const fn with_description(self, description: &'static str) -> Self {
        EventType { description, ..self }
    }

    /// The same type, no longer to be used; by the derive what `#[deprecated]` says.
    #[must_use]
    pub const fn with_deprecated(self, reason: &'static str) -> Self {
        EventType { deprecated: Some(reason), ..self }
    }

    /// The name on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The version of the payload's schema, kept in every record.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// What the type's doc comment says.
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// Why the type is no longer to be used, empty if no reason is given; `None` if it is in use.
    pub const fn deprecated(&self) -> Option<&'static str> {
        self.deprecated
    }

    /// The type as it was in the version before, if its records are still read.
    pub const fn previous(&self) -> Option<&'static EventType> {
        self.previous
    }
}

/// An event as it stands in the log or on the wire.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use sse_framework::{DecodeError, RawEvent, SseEvent};
///
/// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
/// struct StockChanged { left: u32 }
///
/// let raw = RawEvent::new("stock-changed", 1, br#"{"left":"many"}"#);
/// let Err(DecodeError::Payload { name, path, .. }) = StockChanged::decode(raw) else { panic!() };
/// assert_eq!((name.as_str(), path.as_str()), ("stock-changed", "left"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawEvent<'a> {
    /// The event type's name.
    pub name: &'a str,
    /// The version of the schema that the payload was written with.
    pub version: u32,
    /// The payload, JSON.
    pub data: &'a [u8],
}

impl<'a> RawEvent<'a> {
    /// An event of this type's name, whose payload was written with this version of the schema.
    pub const fn new(name: &'a str, version: u32, data: &'a [u8]) -> Self {
        RawEvent { name, version, data }
    }
}

/// A value could not be made an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// `Serialize` refused the value.
    #[error("event `{name}` cannot be written as JSON")]
    Json {
        /// The event type.
        name: &'static str,
        /// What serde_json says.
        source: serde_json::Error,
    },
    /// The topic could not be built from the value's fields.
    #[error("event `{name}` has no valid topic")]
    Topic {
        /// The event type.
        name: &'static str,
        /// What is wrong with the topic.
        source: TopicError,
    },
    /// What [`SseEvent::encode`] wrote cannot stand in a frame. The derive's never does that.
    #[error("event `{name}` was encoded to something that is not one line of JSON")]
    Frame {
        /// The event type.
        name: &'static str,
        /// What is wrong with it.
        source: FrameError,
    },
}

/// A record is no event of the set it was read as.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The set has no event type of this name.
    #[error("no event type `{name}` in this event set")]
    UnknownType {
        /// The name that was read.
        name: String,
    },
    /// The payload does not read as the event type's value.
    #[error("event `{name}`: the payload does not fit at `{path}`")]
    Payload {
        /// The event type.
        name: String,
        /// Where in the JSON, for example `items[3].price`.
        path: String,
        /// What serde_json says.
        source: serde_json::Error,
    },
    /// The record was written with another version of the event type, and the set knows no way from that to
    /// its own: a later one, or an earlier one without an `upcast`.
    #[error("event `{name}`: the record is of version {found}, which version {known} cannot read")]
    Version {
        /// The event type.
        name: String,
        /// The record's version.
        found: u32,
        /// The set's version.
        known: u32,
    },
    /// The event type's `upcast` failed, or panicked.
    #[error("event `{name}`: the record of version {found} cannot be made one of version {known}")]
    Upcast {
        /// The event type.
        name: String,
        /// The version that the `upcast` was given.
        found: u32,
        /// The version that it is to give.
        known: u32,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The app's code panicked, for example a `Deserialize`, when a hub read the record for a subscription, or
    /// wrote it as it is written today.
    #[error("event `{name}`: the app's code for the record panicked")]
    Panicked {
        /// The event type.
        name: String,
    },
}
