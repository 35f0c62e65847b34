//! Frames: five fields, divided by the byte 1.

use sse_framework::wire::{Decoded, Decoder, Frame};
use support::parser;

pub(crate) fn target(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let mut fields = text.split('\u{1}');
    let (data, name, id, comment) = (fields.next(), fields.next(), fields.next(), fields.next());
    let mut frame = Frame::new();
    if let Some(data) = data.filter(|data| *data != "none") {
        frame = frame.data(data);
    }
    if let Some(name) = name {
        frame = frame.event(name);
    }
    if let Some(id) = id {
        frame = frame.id(id);
    }
    if let Some(comment) = comment {
        frame = frame.comment(comment);
    }
    let mut out = b"data: before\n\n".to_vec();
    let before = out.clone();
    if frame.write_to(&mut out).is_err() {
        assert_eq!(out, before, "what is refused leaves nothing behind");
        return false;
    }
    out.extend(b"data: after\n\n");
    check(&out, data.filter(|data| *data != "none"), name, id);
    true
}

/// Exactly this event stands between the two others.
fn check(out: &[u8], data: Option<&str>, name: Option<&str>, id: Option<&str>) {
    let seen = parser::read(out);
    let mut expected = vec![parser::Event::new("message", "before", "")];
    let id = id.unwrap_or_default();
    if let Some(data) = data {
        let name = name.filter(|name| !name.is_empty()).unwrap_or("message");
        let data = data.replace("\r\n", "\n").replace('\r', "\n");
        expected.push(parser::Event::new(name, data, id));
    }
    expected.push(parser::Event::new("message", "after", id));
    assert_eq!(seen.events, expected);

    let mut decoder = Decoder::new();
    decoder.push(out);
    let events = decoder.by_ref().filter_map(|decoded| match decoded.unwrap() {
        Decoded::Event(event) => {
            Some(parser::Event::new(event.name, event.data, event.last_event_id))
        }
        _ => None,
    });
    assert_eq!(events.collect::<Vec<_>>(), expected);
}
