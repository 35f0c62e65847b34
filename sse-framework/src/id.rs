//! Event ids: which opening of a log wrote a record, and where it stands; and how clients are told.

mod digits;
mod opaque;
mod style;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use opaque::IdKey;
pub use style::IdStyle;
pub(crate) use style::Ids;

/// One opening of a log for writing.
///
/// Every opening begins a new epoch with a random token, so that an id is never given to two
/// payloads: not after a crash that lost records, and not after an older copy of the log was put
/// back. On the wire it is 13 characters of `[0-9a-z]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

/// 13 characters of 5 bits hold 64 bits; the first holds only 4.
const EPOCH_LENGTH: usize = 13;

impl Epoch {
    /// A new one, from the operating system's random bytes.
    ///
    /// # Errors
    ///
    /// If the system has none to give.
    pub fn generate() -> std::io::Result<Self> {
        getrandom::u64().map(Epoch).map_err(std::io::Error::other)
    }

    /// The epoch with this token.
    pub const fn from_token(token: u64) -> Self {
        Epoch(token)
    }

    /// The random token behind the epoch.
    pub const fn token(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: [u8; EPOCH_LENGTH] = digits::write(self.0.into());
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({self})")
    }
}

impl FromStr for Epoch {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let text: &[u8; EPOCH_LENGTH] =
            text.as_bytes().try_into().map_err(|_| ParseIdError::new())?;
        let token = digits::read(text).and_then(|token| u64::try_from(token).ok());
        token.map(Epoch).ok_or_else(ParseIdError::new)
    }
}

/// Which event it is, and where it stands: `<epoch>-<seq>`.
///
/// The seq is the record's position in the log, counted from 1. As a cursor, an id with seq 0
/// stands before the first record. [`Display`](fmt::Display) and [`FromStr`] are inverses, and serde writes and
/// reads the same text; it is at most 34 characters of `[0-9a-z-]`. With that, and its [`JsonSchema`], it can be
/// a field of an event. It is for the app. What stands in an event's
/// `id:` field is the same text, unless the hub has [`IdStyle::Opaque`]: then clients get, and
/// send, what [`Hub::encode_id`](crate::Hub::encode_id) makes of it.
///
/// ```
/// use sse_framework::EventId;
///
/// let id: EventId = "0000000001bv4-17".parse()?;
/// assert_eq!(id.seq(), 17);
/// assert_eq!(id.to_string(), "0000000001bv4-17");
/// assert!("17".parse::<EventId>().is_err());
/// assert_eq!(serde_json::to_string(&id)?, r#""0000000001bv4-17""#);
/// assert_eq!(serde_json::from_str::<EventId>(r#""0000000001bv4-17""#)?, id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId {
    epoch: Epoch,
    seq: u64,
}

impl EventId {
    /// The id of position `seq` in `epoch`.
    pub const fn new(epoch: Epoch, seq: u64) -> Self {
        EventId { epoch, seq }
    }

    /// The epoch that wrote the record.
    pub const fn epoch(self) -> Epoch {
        self.epoch
    }

    /// The record's position in the log, from 1.
    pub const fn seq(self) -> u64 {
        self.seq
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (epoch, seq) = text.split_once('-').ok_or_else(ParseIdError::new)?;
        let canonical = seq == "0" || !seq.starts_with('0');
        if !canonical || !seq.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseIdError::new());
        }
        let seq = seq.parse().map_err(|_| ParseIdError::new())?;
        Ok(EventId { epoch: epoch.parse()?, seq })
    }
}

/// As text.
impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From text.
impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Text of a pattern.
impl JsonSchema for EventId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EventId".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "sse_framework::EventId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9a-z]{13}-(0|[1-9][0-9]{0,19})$",
        })
    }
}

/// The text is not an event id: neither `<epoch>-<seq>` nor, for a hub with
/// [`IdStyle::Opaque`], one that its log has given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event id: expected the text of an `id:` field, as this hub sends it")]
pub struct ParseIdError(());

impl ParseIdError {
    pub(crate) const fn new() -> Self {
        ParseIdError(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parse_is_the_inverse_of_display(token: u64, seq: u64) {
            let id = EventId::new(Epoch::from_token(token), seq);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(id.to_string().len() <= 64);
        }

        #[test]
        fn any_text_either_parses_to_itself_or_is_refused(text in "[0-9a-z-]{0,40}|\\PC*") {
            if let Ok(id) = text.parse::<EventId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn near_misses_are_refused() {
        let epoch = Epoch::from_token(u64::MAX).to_string();
        for seq in ["", "-1", "+1", "01", "00", " 1", "1 ", "1-2", "18446744073709551616", "x"] {
            assert_eq!(
                format!("{epoch}-{seq}").parse::<EventId>(),
                Err(ParseIdError::new()),
                "{seq:?}"
            );
        }
        for epoch in ["", "1", "zzzzzzzzzzzzz", "0000000000O00", "00000000000000"] {
            assert_eq!(
                format!("{epoch}-1").parse::<EventId>(),
                Err(ParseIdError::new()),
                "{epoch:?}"
            );
        }
    }
}
