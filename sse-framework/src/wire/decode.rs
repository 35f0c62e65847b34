//! The parser: what comes in.

use super::lines::Lines;
use std::time::Duration;

/// The limit of a [`Decoder`] that was given no other: 16 MiB.
pub const DEFAULT_LIMIT: usize = 16 << 20;

/// An incremental parser of `text/event-stream`.
///
/// Give it the body's bytes as they come, cut anywhere, and take out what they completed. It
/// follows [section 9.2.6] of the standard to the letter: bytes that are not UTF-8 are replaced by
/// U+FFFD, one leading byte order mark is dropped, a line ends with LF, CRLF or CR, and what
/// stands after the last blank line when the stream ends is not an event. A CR ends its line at
/// once, without waiting for an LF that may follow.
///
/// ```
/// use sse_framework::wire::{Decoded, Decoder};
///
/// let mut decoder = Decoder::new();
/// let mut prices = Vec::new();
/// for chunk in ["id: 7\nevent: pri", "ce\ndata: 12\n", "\n: a comment\nda"] {
///     decoder.push(chunk.as_bytes());
///     for decoded in decoder.by_ref() {
///         if let Decoded::Event(event) = decoded? {
///             assert_eq!(event.name, "price");
///             prices.push(event.data);
///         }
///     }
/// }
/// assert_eq!(prices, ["12"]);
/// // The connection is lost: ask for what comes after this id, and go on with it.
/// assert_eq!(decoder.last_event_id(), "7");
/// let decoder = Decoder::resume(decoder.last_event_id());
/// # let _ = decoder;
/// # Ok::<(), sse_framework::wire::TooLarge>(())
/// ```
///
/// The iterator's `None` means "not yet": it goes on after the next [`push`](Decoder::push).
///
/// # Errors
///
/// The only error is [`TooLarge`]. It is given once; from then on the decoder takes and gives
/// nothing, and its last event id is still the one to reconnect with.
///
/// [section 9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Debug)]
#[must_use]
pub struct Decoder {
    lines: Lines,
    state: State,
    limit: usize,
    failed: bool,
}

impl Decoder {
    /// A parser of a client's first stream.
    pub fn new() -> Self {
        Self::resume("")
    }

    /// A parser of the stream that a client gets when it reconnects with this id, which then is
    /// the id of events that bring none.
    pub fn resume(last_event_id: impl Into<String>) -> Self {
        let id = last_event_id.into();
        let state = State { last_event_id: id.clone(), id, ..State::default() };
        Decoder { lines: Lines::default(), state, limit: DEFAULT_LIMIT, failed: false }
    }

    /// The same parser with another limit in place of [`DEFAULT_LIMIT`]: the most bytes of one
    /// event that are held, which are the line that is being read and the data, type and id of
    /// the lines before it. `usize::MAX` is no limit, as in the standard.
    pub fn limit(self, bytes: usize) -> Self {
        Decoder { limit: bytes, ..self }
    }

    /// Takes the next bytes of the stream. A chunk is kept until everything in it has been taken
    /// out.
    pub fn push(&mut self, chunk: &[u8]) {
        if !self.failed {
            self.lines.push(chunk);
        }
    }

    /// What the next request sends as `Last-Event-ID`, if it is not empty. The id of a block that
    /// is not yet complete does not count.
    pub fn last_event_id(&self) -> &str {
        &self.state.last_event_id
    }

    /// How long the server asked to wait before a reconnection, if it did; `u64::MAX` milliseconds
    /// if the number is larger than that.
    pub fn retry(&self) -> Option<Duration> {
        self.state.retry
    }

    fn fail(&mut self) -> TooLarge {
        self.failed = true;
        self.lines = Lines::default();
        TooLarge { limit: self.limit }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Iterator for Decoder {
    type Item = Result<Decoded, TooLarge>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(line) = self.lines.next_line() {
            if line.len().saturating_add(self.state.held()) > self.limit {
                return Some(Err(self.fail()));
            }
            if let Some(decoded) = self.state.line(line) {
                return Some(Ok(decoded));
            }
        }
        let held = self.lines.unfinished().saturating_add(self.state.held());
        (held > self.limit && !self.failed).then(|| Err(self.fail()))
    }
}

/// What a [`Decoder`] found in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decoded {
    /// An event.
    Event(DecodedEvent),
    /// A comment: the whole line after its colon. It carries nothing, but it is a sign of life.
    Comment(String),
}

/// An event as the client dispatches it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedEvent {
    /// The event type: `message` if the stream named none.
    pub name: String,
    /// The payload; its lines are joined with LF.
    pub data: String,
    /// The client's last event id at this event, which may stem from an earlier one; empty if
    /// there has been none.
    pub last_event_id: String,
}

/// An event is larger than the decoder's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than the limit of {limit} bytes")]
pub struct TooLarge {
    limit: usize,
}

impl TooLarge {
    /// The limit, in bytes.
    pub const fn limit(self) -> usize {
        self.limit
    }
}

/// What the standard keeps from line to line; `name`, `data` and `id` are its three buffers.
#[derive(Debug, Default)]
struct State {
    name: String,
    /// Every line is followed by LF, so that one empty line is not the same as no line.
    data: String,
    id: String,
    last_event_id: String,
    retry: Option<Duration>,
}

impl State {
    fn held(&self) -> usize {
        self.name.len() + self.data.len() + self.id.len()
    }

    /// Fields are told apart as bytes and decoded one by one: CR, LF, colon and space are never a
    /// part of a longer character, so this gives the same as decoding the stream first.
    fn line(&mut self, line: &[u8]) -> Option<Decoded> {
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            return if line.is_empty() { self.dispatch() } else { self.field(line, b"") };
        };
        let (field, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        if field.is_empty() {
            return Some(Decoded::Comment(text(value)));
        }
        self.field(field, value.strip_prefix(b" ").unwrap_or(value))
    }

    fn field(&mut self, field: &[u8], value: &[u8]) -> Option<Decoded> {
        match field {
            b"event" => self.name = text(value),
            b"data" => {
                self.data.push_str(&String::from_utf8_lossy(value));
                self.data.push('\n');
            }
            b"id" if !value.contains(&0) => self.id = text(value),
            b"retry" => self.retry = milliseconds(value).or(self.retry),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Decoded> {
        self.last_event_id.clone_from(&self.id);
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        // No line of data, no event.
        data.pop()?;
        let name = if name.is_empty() { "message".to_owned() } else { name };
        Some(Decoded::Event(DecodedEvent { name, data, last_event_id: self.id.clone() }))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn milliseconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(Duration::from_millis(digits.iter().fold(0, add)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(decoder: &mut Decoder) -> Vec<Result<String, TooLarge>> {
        decoder
            .map(|decoded| match decoded? {
                Decoded::Event(event) => Ok(event.data),
                Decoded::Comment(text) => Ok(text),
            })
            .collect()
    }

    #[test]
    fn the_limit_is_met_wherever_the_stream_is_cut() {
        let fits = b"data: 6789012\n\ndata: 6789\ndata: 12\n\n:123456789012\n";
        let stream = [fits, &b"data: 67890123\n\ndata: x\n\n"[..]].concat();
        let good = ["6789012", "6789\n12", "123456789012"].map(|text| Ok(text.to_owned()));
        let expected = [&good[..], &[Err(TooLarge { limit: 13 })]].concat();
        for size in 1..=stream.len() {
            let mut decoder = Decoder::new().limit(13);
            let mut seen = Vec::new();
            for chunk in stream.chunks(size) {
                decoder.push(chunk);
                seen.extend(data(&mut decoder));
            }
            assert_eq!(seen, expected, "in chunks of {size}");
        }
    }

    #[test]
    fn a_line_without_an_end_meets_the_limit() {
        let mut decoder = Decoder::new().limit(10);
        decoder.push(b"id: 1\n\n");
        decoder.push(b"0123456789");
        assert_eq!(data(&mut decoder), [Err(TooLarge { limit: 10 })]);
        decoder.push(b"\n\ndata: x\n\n");
        assert_eq!(data(&mut decoder), []);
        assert_eq!(decoder.last_event_id(), "1");
    }

    #[test]
    fn many_small_events_in_one_chunk_do_not_meet_the_limit() {
        let mut decoder = Decoder::new().limit(10);
        decoder.push(&b"data: x\n\n".repeat(1000));
        assert_eq!(data(&mut decoder).len(), 1000);
    }
}
