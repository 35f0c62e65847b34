//! Frames of any text, checked when they are written.

use super::{FrameError, MAX_RETRY, check_id, check_name};
use std::time::Duration;

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
    /// [`MAX_ID_LENGTH`](crate::wire::MAX_ID_LENGTH) characters of `[a-z0-9-]`, so that it passes
    /// through every client, header and proxy unchanged.
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
    use crate::wire::HEARTBEAT;

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
