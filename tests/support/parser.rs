//! The judge: a parser of `text/event-stream` that shares no code or idea with the framework's.
//!
//! It takes the whole stream at once and works in the order in which WHATWG HTML 9.2.5 is written:
//! decode everything, drop one byte order mark, make all line ends alike, cut into lines, read
//! each line by the grammar, and fold.

/// What a client has seen when the stream ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The comments, in order: the whole line after its colon.
    pub comments: Vec<String>,
    /// What the next request sends as `Last-Event-ID`, if it is not empty.
    pub last_event_id: String,
    /// The reconnection time: decimal digits of milliseconds without leading zeros.
    pub retry: Option<String>,
}

/// An event as it is dispatched.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Event {
    /// The event type.
    pub name: String,
    /// The data, its lines joined with LF.
    pub data: String,
    /// The last event id at that moment.
    pub id: String,
}

impl Event {
    /// An event with these three.
    pub fn new(name: impl Into<String>, data: impl Into<String>, id: impl Into<String>) -> Self {
        Event { name: name.into(), data: data.into(), id: id.into() }
    }
}

/// Reads a client's first stream.
pub fn read(stream: &[u8]) -> Transcript {
    read_after("", stream)
}

/// Reads the stream of a client that reconnects with this last event id.
pub fn read_after(last_event_id: &str, stream: &[u8]) -> Transcript {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    // What follows the last line end is not a line.
    lines.pop();

    let mut seen = Transcript { last_event_id: last_event_id.to_owned(), ..Default::default() };
    let mut id = last_event_id.to_owned();
    for block in lines.split_inclusive(|line| line.is_empty()) {
        let lines: Vec<Line<'_>> = block.iter().map(|line| Line::read(line)).collect();
        seen.comments.extend(lines.iter().filter_map(Line::comment).map(str::to_owned));
        let all = |wanted| lines.iter().filter_map(move |line| line.value_of(wanted));
        if let Some(digits) = all("retry").rfind(|digits| is_number(digits)) {
            seen.retry = Some(without_leading_zeros(digits));
        }
        if let Some(new) = all("id").rfind(|id| !id.contains('\0')) {
            id = new.to_owned();
        }
        if block.last() != Some(&"") {
            break;
        }
        seen.last_event_id = id.clone();
        let data: Vec<&str> = all("data").collect();
        if !data.is_empty() {
            let name =
                all("event").next_back().filter(|name| !name.is_empty()).unwrap_or("message");
            seen.events.push(Event::new(name, data.join("\n"), &id));
        }
    }
    seen
}

enum Line<'a> {
    Blank,
    Comment(&'a str),
    Field { name: &'a str, value: &'a str },
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        match line.split_once(':') {
            None if line.is_empty() => Line::Blank,
            None => Line::Field { name: line, value: "" },
            Some(("", comment)) => Line::Comment(comment),
            Some((name, value)) => {
                Line::Field { name, value: value.strip_prefix(' ').unwrap_or(value) }
            }
        }
    }

    fn comment(&self) -> Option<&'a str> {
        if let Line::Comment(text) = self { Some(text) } else { None }
    }

    fn value_of(&self, wanted: &str) -> Option<&'a str> {
        match self {
            Line::Field { name, value } if *name == wanted => Some(value),
            _ => None,
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn without_leading_zeros(digits: &str) -> String {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}
