//! What goes out, and what is refused.

mod event;
mod frame;

use std::str::Utf8Error;
use std::time::Duration;

pub use event::write_event;
pub(crate) use event::{check_event, write_checked_event};
pub use frame::Frame;

/// A comment that keeps a quiet connection alive.
///
/// It is one line without a blank line after it: some clients take `:` and a blank line for an
/// empty event, and the standard lets a comment stand anywhere between two lines.
pub const HEARTBEAT: &[u8] = b":\n";

/// The most bytes of an id. A client sends the id back in a request header, and browsers begin to
/// ask for a CORS preflight above 128 bytes.
pub const MAX_ID_LENGTH: usize = 64;

/// The longest reconnection time, 2³¹ - 1 milliseconds: clients keep it in an `int`.
pub const MAX_RETRY: Duration = Duration::from_millis(i32::MAX as u64);

/// A value cannot be sent in the field it was meant for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// An empty id, which would make the client forget where it is.
    #[error("the id is empty, which would reset the client's last event id")]
    EmptyId,
    /// An id that is too long to be sent back in a header.
    #[error("the id has {length} bytes, the most is {MAX_ID_LENGTH}")]
    LongId {
        /// The id's length in bytes.
        length: usize,
    },
    /// A character that an id may not have.
    #[error("the id contains {character:?}, allowed are a-z, 0-9 and `-`")]
    IdCharacter {
        /// The first such character.
        character: char,
    },
    /// A line break or NUL in the event type.
    #[error("the event type contains {character:?}")]
    NameCharacter {
        /// The first such character.
        character: char,
    },
    /// A reconnection time over [`MAX_RETRY`].
    #[error("the retry of {retry:?} is over 2147483647 ms")]
    LongRetry {
        /// The reconnection time.
        retry: Duration,
    },
    /// An id, event type or retry without data, or nothing at all. The standard dispatches
    /// nothing for it, but some clients an empty event.
    #[error("a frame other than a comment needs data")]
    NoData,
    /// The payload of a typed event has a CR or LF. JSON escapes them within strings, so this is
    /// JSON laid out on several lines, or no JSON.
    #[error("the payload is not on one line")]
    PayloadLines,
    /// The payload of a typed event is not text.
    #[error("the payload is not UTF-8")]
    PayloadUtf8 {
        /// Where it stops to be UTF-8.
        source: Utf8Error,
    },
}

fn check_id(id: &str) -> Result<(), FrameError> {
    if id.is_empty() {
        return Err(FrameError::EmptyId);
    }
    if id.len() > MAX_ID_LENGTH {
        return Err(FrameError::LongId { length: id.len() });
    }
    match id.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        Some(character) => Err(FrameError::IdCharacter { character }),
        None => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), FrameError> {
    match name.chars().find(|c| matches!(c, '\r' | '\n' | '\0')) {
        Some(character) => Err(FrameError::NameCharacter { character }),
        None => Ok(()),
    }
}
