//! The grammar of `text/event-stream`, and nothing else.
//!
//! Server-Sent Events are defined in the [WHATWG HTML standard, section 9.2]. This module writes
//! the format ([`Frame`], [`write_event`], [`HEARTBEAT`]) and reads it ([`Decoder`]). It knows
//! nothing of HTTP, of hubs or of logs; a hub renders its frames through it, so most apps never
//! need it.
//!
//! What is written reads the same in every client that follows the standard: lines end with LF, a
//! field is always `name: value` with one space, the stream never starts with a byte order mark,
//! and no value can end its own line and begin a field or an event of its own choosing.
//!
//! [WHATWG HTML standard, section 9.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html

mod decode;
mod encode;
mod lines;

pub use decode::{DEFAULT_LIMIT, Decoded, DecodedEvent, Decoder, TooLarge};
pub use encode::{Frame, FrameError, HEARTBEAT, MAX_ID_LENGTH, MAX_RETRY, write_event};
pub(crate) use encode::{check_event, write_checked_event};
