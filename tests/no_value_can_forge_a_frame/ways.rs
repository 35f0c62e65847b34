//! How frames are made, and what each then has to say.

use crate::hostile::Hostile;
use crate::values::Values;
use sse_framework::wire::{self, Frame};
use sse_framework::{RawEvent, SseEvent};
use std::time::Duration;
use support::parser::Event;

/// Every public way to make a frame. A new way belongs in here.
pub(crate) const WAYS: &[Way] = &[
    Way { name: "Frame", make: frame, expect: expect_frame },
    Way { name: "write_event of a JSON string", make: json_event, expect: expect_json_event },
    Way { name: "write_event of raw text", make: raw_event, expect: expect_raw_event },
    Way { name: "write_event of what is not UTF-8", make: binary_event, expect: refused },
];

pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// Appends the frame, or refuses.
    pub(crate) make: fn(&Values, &mut Vec<u8>) -> bool,
    /// What a client then sees, or nothing if the values have to be refused.
    pub(crate) expect: fn(&Values) -> Option<Seen>,
}

/// What one frame adds to what a client has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) event: Option<Event>,
    pub(crate) comments: Vec<String>,
    pub(crate) retry: Option<String>,
}

pub(crate) fn frame(values: &Values, out: &mut Vec<u8>) -> bool {
    let mut frame = Frame::new();
    if let Some(id) = &values.id {
        frame = frame.id(id);
    }
    if let Some(name) = &values.event {
        frame = frame.event(name);
    }
    if let Some(ms) = values.retry_ms {
        frame = frame.retry(Duration::from_millis(ms));
    }
    if let Some(text) = &values.data {
        frame = frame.data(text);
    }
    if let Some(text) = &values.comment {
        frame = frame.comment(text);
    }
    frame.write_to(out).is_ok()
}

fn expect_frame(values: &Values) -> Option<Seen> {
    let Values { id, event, retry_ms, data, comment, .. } = values;
    let id = id.clone().map_or(Some(String::new()), |id| is_safe_id(&id).then_some(id))?;
    let name = event.clone().filter(|name| !name.is_empty()).unwrap_or("message".into());
    let other_fields = values.id.is_some() || event.is_some() || retry_ms.is_some();
    let says_something = data.is_some() || (comment.is_some() && !other_fields);
    let fits = retry_ms.is_none_or(|ms| ms < 1 << 31) && is_safe_name(&name);
    (says_something && fits).then(|| Seen {
        event: data.as_ref().map(|text| Event::new(name, with_lf_only(text), id)),
        comments: comment.as_deref().map(comment_lines).unwrap_or_default(),
        retry: retry_ms.map(|ms| ms.to_string()),
    })
}

fn json_event(values: &Values, out: &mut Vec<u8>) -> bool {
    typed_event(values, json(values).into_bytes(), out)
}

fn expect_json_event(values: &Values) -> Option<Seen> {
    expect_typed_event(values, json(values))
}

fn raw_event(values: &Values, out: &mut Vec<u8>) -> bool {
    typed_event(values, values.payload().into(), out)
}

fn expect_raw_event(values: &Values) -> Option<Seen> {
    let text = values.payload();
    if text.contains(['\r', '\n']) { None } else { expect_typed_event(values, text.into()) }
}

fn binary_event(values: &Values, out: &mut Vec<u8>) -> bool {
    typed_event(values, [values.payload().as_bytes(), b"\xff"].concat(), out)
}

fn refused(_: &Values) -> Option<Seen> {
    None
}

fn typed_event(values: &Values, payload: Vec<u8>, out: &mut Vec<u8>) -> bool {
    let event = Hostile { event_type: values.event_type, data: payload };
    let mut data = Vec::new();
    event.encode(&mut data).unwrap();
    let raw = RawEvent::new(event.event_type().name(), 1, &data);
    let before = out.len();
    match wire::write_event(out, values.event_id(), raw) {
        Ok(payload) => {
            assert!(before < payload.start);
            assert_eq!(&out[payload], data);
            true
        }
        Err(_) => false,
    }
}

fn expect_typed_event(values: &Values, data: String) -> Option<Seen> {
    let name = Hostile::TYPES[values.event_type].name();
    let shown = if name.is_empty() { "message" } else { name };
    let event = Event::new(shown, data, values.event_id().to_string());
    is_safe_name(name).then(|| Seen { event: Some(event), ..Seen::default() })
}

fn json(values: &Values) -> String {
    serde_json::to_string(values.payload()).unwrap()
}

fn is_safe_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_safe_name(name: &str) -> bool {
    !name.contains(['\r', '\n', '\0'])
}

fn with_lf_only(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn comment_lines(text: &str) -> Vec<String> {
    let space = |line: &str| if line.is_empty() { String::new() } else { format!(" {line}") };
    with_lf_only(text).split('\n').map(space).collect()
}
