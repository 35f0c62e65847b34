//! Values that try to be more than a value.

use crate::hostile::Hostile;
use proptest::prelude::*;
use sse_framework::{Epoch, EventId, SseEvent};

/// What a frame is made of; each way takes what it has a place for.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) retry_ms: Option<u64>,
    pub(crate) data: Option<String>,
    pub(crate) comment: Option<String>,
    /// For ways that take a typed event.
    pub(crate) position: (u64, u64),
    pub(crate) event_type: usize,
}

impl Values {
    pub(crate) fn event_id(&self) -> EventId {
        EventId::new(Epoch::from_token(self.position.0), self.position.1)
    }

    pub(crate) fn payload(&self) -> &str {
        self.data.as_deref().unwrap_or_default()
    }
}

pub(crate) fn hostile_values() -> impl Strategy<Value = Values> {
    let id = prop_oneof![2 => safe_id(), 1 => hostile_text(), 1 => Just(String::new())];
    let name = prop_oneof![2 => harmless_text(), 1 => hostile_text()];
    let retry = prop_oneof![2 => 0..1u64 << 31, 1 => any::<u64>(), 1 => Just(1 << 31)];
    let data = prop::option::weighted(0.9, hostile_text());
    let comment = prop::option::weighted(0.3, hostile_text());
    (
        (prop::option::of(id), prop::option::of(name), prop::option::weighted(0.3, retry)),
        (data, comment),
        (any::<(u64, u64)>(), 0..Hostile::TYPES.len()),
    )
        .prop_map(|((id, event, retry_ms), (data, comment), (position, event_type))| Values {
            id,
            event,
            retry_ms,
            data,
            comment,
            position,
            event_type,
        })
}

fn hostile_text() -> impl Strategy<Value = String> {
    const MARKS: &[&str] = &[
        "\n", "\n", "\r", "\r", "\r\n", "\n\n", "\r\r", "\n\r", "\0", ":", ": ", " ", "\u{feff}",
        "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\u{c}", "data", "id:", "event:", "retry",
        ":\n", "{}", "\\n", "\"", "a", "é", "€", "😀", "\t", "0",
    ];
    const FORGERIES: &[&str] =
        &["data: pwn", "\ndata: pwn\n\n", "\revent: pwn\r", "\nid: pwn\n", "\nretry: 1\n"];
    let piece = prop_oneof![
        12 => prop::sample::select(MARKS).prop_map(str::to_owned),
        2 => prop::sample::select(FORGERIES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn harmless_text() -> impl Strategy<Value = String> {
    let characters = prop::sample::select(&[' ', ':', 'a', '\u{feff}', '\u{2028}', 'z', '0'][..]);
    prop::collection::vec(characters, 0..8).prop_map(String::from_iter)
}

fn safe_id() -> impl Strategy<Value = String> {
    let characters = prop::sample::select(&['a', 'z', '0', '9', '-'][..]);
    prop::collection::vec(characters, 0..70).prop_map(String::from_iter)
}
