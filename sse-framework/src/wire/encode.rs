//! Frames: what goes out.

use crate::event::RawEvent;
use crate::id::EventId;
use std::fmt::Display;
use std::io::Write;
use std::ops::Range;
use std::str::Utf8Error;
use std::time::Duration;

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

/// One frame: the lines of one event, or of a comment.
///
/// A setter that is called again replaces what it set before. Nothing is checked until
/// [`write_to`](Frame::write_to).
///
/// ```
/// use sse_framework::wire::Frame;
/// use std::time::Duration;
///
/// let mut out = Vec::new();
/// Frame::new()
///     .id("0000000001bv4-17")
///     .event("greeting")
///     .retry(Duration::from_secs(3))
///     .data("hello\nworld")
///     .write_to(&mut out)?;
/// assert_eq!(
///     String::from_utf8_lossy(&out),
///     "id: 0000000001bv4-17\nevent: greeting\nretry: 3000\ndata: hello\ndata: world\n\n",
/// );
/// # Ok::<(), sse_framework::wire::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a frame is not sent until it is written"]
pub struct Frame<'a> {
    comment: Option<&'a str>,
    id: Option<&'a str>,
    event: Option<&'a str>,
    retry: Option<Duration>,
    data: Option<&'a str>,
}

impl<'a> Frame<'a> {
    /// A frame without any line.
    pub const fn new() -> Self {
        Frame { comment: None, id: None, event: None, retry: None, data: None }
    }

    /// The id, which the client sends back as `Last-Event-ID` when it reconnects: 1 to
    /// [`MAX_ID_LENGTH`] characters of `[a-z0-9-]`, so that it passes through every client, header
    /// and proxy unchanged.
    pub const fn id(self, id: &'a str) -> Self {
        Frame { id: Some(id), ..self }
    }

    /// The event type, without CR, LF and NUL. An empty one is left out, and the client sees
    /// `message`.
    pub const fn event(self, name: &'a str) -> Self {
        Frame { event: Some(name), ..self }
    }

    /// How long the client waits before it reconnects, at most [`MAX_RETRY`]; rounded up to whole
    /// milliseconds.
    pub const fn retry(self, wait: Duration) -> Self {
        Frame { retry: Some(wait), ..self }
    }

    /// The payload, any text. It is sent in as many `data:` lines as it has lines, split at LF,
    /// CRLF and CR, and the client joins them with LF: a CR never arrives as one. An empty
    /// payload is an event with empty data.
    pub const fn data(self, text: &'a str) -> Self {
        Frame { data: Some(text), ..self }
    }

    /// A comment, any text, in as many comment lines as it has lines. Clients ignore it.
    pub const fn comment(self, text: &'a str) -> Self {
        Frame { comment: Some(text), ..self }
    }

    /// Appends the frame to `out`: comment, id, event, retry, data, and the blank line that makes
    /// the client dispatch it. A comment alone is written without a blank line.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if a value cannot be sent as it is; `out` is then as it was before.
    pub fn write_to(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let retry = self.checked_retry()?;
        self.check()?;
        write_lines(out, ":", self.comment);
        write_lines(out, "id:", self.id);
        write_lines(out, "event:", self.event.filter(|name| !name.is_empty()));
        write_lines(out, "retry:", retry.as_deref());
        write_lines(out, "data:", self.data);
        if self.data.is_some() {
            out.push(b'\n');
        }
        Ok(())
    }

    fn check(&self) -> Result<(), FrameError> {
        self.id.map_or(Ok(()), check_id)?;
        self.event.map_or(Ok(()), check_name)?;
        let only_comment = self.comment.is_some()
            && self.id.is_none()
            && self.event.is_none()
            && self.retry.is_none();
        if self.data.is_some() || only_comment { Ok(()) } else { Err(FrameError::NoData) }
    }

    fn checked_retry(&self) -> Result<Option<String>, FrameError> {
        match self.retry {
            Some(wait) if wait > MAX_RETRY => Err(FrameError::LongRetry { retry: wait }),
            wait => Ok(wait.map(|wait| wait.as_nanos().div_ceil(1_000_000).to_string())),
        }
    }
}

/// Appends the frame of one event, as a hub sends it, and returns where in `out` its payload is.
///
/// ```
/// use sse_framework::{EventId, RawEvent, wire};
///
/// let id: EventId = "0000000001bv4-17".parse()?;
/// let event = RawEvent { name: "stock", version: 1, data: br#"{"left":3}"# };
/// let mut out = Vec::new();
/// let payload = wire::write_event(&mut out, id, event)?;
/// assert_eq!(out, b"id: 0000000001bv4-17\nevent: stock\ndata: {\"left\":3}\n\n");
/// assert_eq!(&out[payload], event.data);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`FrameError`] if the name has a CR, LF or NUL, or the payload is not one line of UTF-8; `out`
/// is then as it was before.
pub fn write_event(
    out: &mut Vec<u8>,
    id: EventId,
    event: RawEvent<'_>,
) -> Result<Range<usize>, FrameError> {
    check_event(event.name, event.data)?;
    Ok(write_checked_event(out, id, event.name, event.data))
}

/// Whether [`write_checked_event`] may be called with these.
pub(crate) fn check_event(name: &str, data: &[u8]) -> Result<(), FrameError> {
    check_name(name)?;
    if has_line_break(data) {
        return Err(FrameError::PayloadLines);
    }
    std::str::from_utf8(data).map_err(|source| FrameError::PayloadUtf8 { source })?;
    Ok(())
}

/// [`write_event`] for what has passed [`check_event`], and an id that an `id:` field may carry.
pub(crate) fn write_checked_event(
    out: &mut Vec<u8>,
    id: impl Display,
    name: &str,
    data: &[u8],
) -> Range<usize> {
    debug_assert_eq!(check_event(name, data), Ok(()));
    debug_assert_eq!(check_id(&id.to_string()), Ok(()));
    const FIELDS: usize = "id: \nevent: \ndata: \n\n".len();
    out.reserve(FIELDS + MAX_ID_LENGTH + name.len() + data.len());
    // Writing into a Vec cannot fail.
    let _ = write!(out, "id: {id}\nevent: {name}\ndata: ");
    let start = out.len();
    out.extend_from_slice(data);
    let end = out.len();
    out.extend_from_slice(b"\n\n");
    start..end
}

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

fn has_line_break(data: &[u8]) -> bool {
    // No early exit within 64 bytes, so that they are compared all at once.
    data.chunks(64).any(|bytes| bytes.iter().fold(false, |found, &b| found | is_line_break(b)))
}

fn is_line_break(byte: u8) -> bool {
    (byte == b'\n') | (byte == b'\r')
}

fn write_lines(out: &mut Vec<u8>, field: &str, text: Option<&str>) {
    for line in text.into_iter().flat_map(lines) {
        out.extend_from_slice(field.as_bytes());
        // A comment may be empty; a client strips one space from a field, so it always gets one.
        if field != ":" || !line.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
}

/// The lines of `text` as the standard ends them; unlike [`str::lines`] also at a lone CR, and
/// with the empty line that a line break at the end begins.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else {
            return rest.take();
        };
        let (line, after) = text.split_at(end);
        rest = after.strip_prefix("\r\n").or_else(|| after.get(1..));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Epoch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_path_writes_what_frame_writes(
            token: u64,
            seq: u64,
            name in "[^\r\n\0]{1,20}",
            data in "[^\r\n]{0,200}",
        ) {
            let id = EventId::new(Epoch::from_token(token), seq);
            let event = RawEvent { name: &name, version: 1, data: data.as_bytes() };
            let mut fast = b"before".to_vec();
            let payload = write_event(&mut fast, id, event)?;
            let mut slow = b"before".to_vec();
            let text = id.to_string();
            Frame::new().id(&text).event(&name).data(&data).write_to(&mut slow)?;
            prop_assert_eq!(&fast[payload], data.as_bytes());
            prop_assert_eq!(fast, slow);
        }

        #[test]
        fn a_line_break_is_found_wherever_it_is(before in 0usize..200, after in 0usize..200) {
            for line_break in [b'\r', b'\n'] {
                let mut data = vec![b'x'; before + after];
                prop_assert!(!has_line_break(&data));
                data.insert(before, line_break);
                prop_assert!(has_line_break(&data));
            }
        }
    }

    #[test]
    fn a_frame_that_clients_would_misread_is_refused() {
        let frames = [
            Frame::new(),
            Frame::new().id("1"),
            Frame::new().retry(Duration::from_secs(1)),
            Frame::new().event("a").comment("b"),
        ];
        for frame in frames {
            let mut out = b"before".to_vec();
            assert_eq!(frame.write_to(&mut out), Err(FrameError::NoData));
            assert_eq!(out, b"before");
        }
    }

    #[test]
    fn an_empty_comment_is_a_heartbeat() {
        let mut out = Vec::new();
        assert_eq!(Frame::new().comment("").write_to(&mut out), Ok(()));
        assert_eq!(out, HEARTBEAT);
    }

    #[test]
    fn a_wait_is_never_rounded_down_to_none() {
        let mut out = Vec::new();
        let frame = Frame::new().data("").retry(Duration::from_nanos(1));
        assert_eq!(frame.write_to(&mut out), Ok(()));
        assert_eq!(out, b"retry: 1\ndata: \n\n");
    }
}
