//! No value, in whatever field of whatever way to make a frame, can end its line, its frame or its
//! field and say something else than itself: it arrives as it was given, or it is refused.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use sse_framework::wire::{self, Frame};
use sse_framework::{DecodeError, EncodeError, Epoch, EventId, EventType, RawEvent};
use sse_framework::{SseEvent, Topic};
use std::time::Duration;
use support::parser::{self, Event, Transcript};
use support::{random, vectors};

/// Every public way to make a frame. A new way belongs in here.
const WAYS: &[Way] = &[
    Way { name: "Frame", make: frame, expect: expect_frame },
    Way { name: "write_event of a JSON string", make: json_event, expect: expect_json_event },
    Way { name: "write_event of raw bytes", make: raw_event, expect: expect_raw_event },
];

struct Way {
    name: &'static str,
    /// Appends the frame, or refuses.
    make: fn(&Values, &mut Vec<u8>) -> bool,
    /// What a client then sees, or nothing if the values have to be refused.
    expect: fn(&Values) -> Option<Seen>,
}

/// What one frame adds to what a client has seen.
#[derive(Default)]
struct Seen {
    event: Option<Event>,
    comments: Vec<String>,
    retry: Option<String>,
}

#[derive(Clone, Debug)]
struct Values {
    id: Option<String>,
    event: Option<String>,
    retry_ms: Option<u64>,
    data: Option<String>,
    comment: Option<String>,
    /// For ways that take a typed event.
    position: (u64, u64),
    event_type: usize,
}

#[test]
fn hostile_values_arrive_as_they_are_or_are_refused() {
    let seed = random::seed();
    let mut runner = TestRunner::new(Config {
        cases: random::cases(100_000),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&values(), |values| {
        for way in WAYS {
            check(way, &values)?;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\nto repeat: SSE_SEED={seed}");
    }
}

/// Makes the frame between two others, and has the judge read all three.
fn check(way: &Way, values: &Values) -> Result<(), TestCaseError> {
    const BEFORE: &[u8] = b"id: before\ndata: before\n\n";
    const AFTER: &[u8] = b"data: after\n\n";
    let mut stream = BEFORE.to_vec();
    let made = (way.make)(values, &mut stream);
    let expected = (way.expect)(values);
    prop_assert_eq!(made, expected.is_some(), "{}: made or refused", way.name);
    if !made {
        prop_assert_eq!(&stream, BEFORE, "{}: refused, yet wrote", way.name);
    }
    // It reads the same as the first frame of a stream.
    for start in [0, BEFORE.len()] {
        let stream = [&stream[start..], AFTER].concat();
        let expected = transcript(expected.as_ref(), start == 0);
        let shown = String::from_utf8_lossy(&stream);
        prop_assert_eq!(parser::read(&stream), expected, "{}: {:?}", way.name, shown);
    }
    Ok(())
}

fn transcript(seen: Option<&Seen>, after_another: bool) -> Transcript {
    let mut all = Transcript::default();
    if after_another {
        all.events.push(Event::new("message", "before", "before"));
        all.last_event_id = "before".into();
    }
    if let Some(Seen { event, comments, retry }) = seen {
        if let Some(mut event) = event.clone() {
            if event.id.is_empty() {
                event.id.clone_from(&all.last_event_id);
            }
            all.last_event_id.clone_from(&event.id);
            all.events.push(event);
        }
        all.comments.clone_from(comments);
        all.retry.clone_from(retry);
    }
    all.events.push(Event::new("message", "after", &all.last_event_id));
    all
}

fn frame(values: &Values, out: &mut Vec<u8>) -> bool {
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
    typed_event(values, Payload::Json(data(values)), out)
}

fn expect_json_event(values: &Values) -> Option<Seen> {
    let text = serde_json::to_string(data(values)).unwrap();
    expect_typed_event(values, text)
}

fn raw_event(values: &Values, out: &mut Vec<u8>) -> bool {
    typed_event(values, Payload::Raw(data(values)), out)
}

fn expect_raw_event(values: &Values) -> Option<Seen> {
    let text = data(values);
    if text.contains(['\r', '\n']) { None } else { expect_typed_event(values, text.into()) }
}

fn typed_event(values: &Values, payload: Payload<'_>, out: &mut Vec<u8>) -> bool {
    let event = Hostile { event_type: values.event_type, data: payload.bytes() };
    let mut data = Vec::new();
    event.encode(&mut data).unwrap();
    let raw = RawEvent { name: event.event_type().name(), version: 1, data: &data };
    let before = out.len();
    match wire::write_event(out, id(values), raw) {
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
    let event = Event::new(shown, data, id(values).to_string());
    is_safe_name(name).then(|| Seen { event: Some(event), ..Seen::default() })
}

fn id(values: &Values) -> EventId {
    EventId::new(Epoch::from_token(values.position.0), values.position.1)
}

fn data(values: &Values) -> &str {
    values.data.as_deref().unwrap_or_default()
}

enum Payload<'a> {
    Json(&'a str),
    Raw(&'a str),
}

impl Payload<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Payload::Json(text) => serde_json::to_vec(text).unwrap(),
            Payload::Raw(text) => text.as_bytes().to_vec(),
        }
    }
}

/// An event set that is written by hand and keeps none of the derive's rules.
struct Hostile {
    event_type: usize,
    data: Vec<u8>,
}

impl SseEvent for Hostile {
    const TYPES: &'static [EventType] = &[
        EventType::new("note"),
        EventType::new(""),
        EventType::new(" note"),
        EventType::new(": note"),
        EventType::new("note\ndata: pwn"),
        EventType::new("note\rdata: pwn"),
        EventType::new("note\r\n\r\ndata: pwn"),
        EventType::new("note\0"),
        EventType::new("\u{feff}note\u{2028}data: pwn\u{85}"),
    ];

    fn event_type(&self) -> &'static EventType {
        &Self::TYPES[self.event_type]
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        Ok(None)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.data);
        Ok(())
    }

    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
        Ok(Hostile { event_type: 0, data: event.data.to_vec() })
    }
}

fn values() -> impl Strategy<Value = Values> {
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
    const PIECES: &[&str] = &[
        "\n",
        "\n",
        "\r",
        "\r",
        "\r\n",
        "\n\n",
        "\r\r",
        "\n\r",
        "\0",
        ":",
        ": ",
        " ",
        "\u{feff}",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{b}",
        "\u{c}",
        "data",
        "data: pwn",
        "\ndata: pwn\n\n",
        "\revent: pwn\r",
        "\nid: pwn\n",
        "id:",
        "event:",
        "\nretry: 1\n",
        "retry",
        ":\n",
        "{}",
        "\\n",
        "\"",
        "a",
        "é",
        "€",
        "😀",
        "\t",
        "0",
    ];
    let piece = prop_oneof![
        12 => prop::sample::select(PIECES).prop_map(str::to_owned),
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

#[test]
fn the_encoder_vectors_hold() {
    let vectors = vectors::load().encoder;
    assert!(vectors.len() >= 28);
    for vector in vectors {
        let give = vector.give;
        let values = Values {
            id: give.id,
            event: give.event,
            retry_ms: give.retry_ms,
            data: give.data,
            comment: give.comment,
            position: (0, 1),
            event_type: 0,
        };
        let mut stream = Vec::new();
        assert_eq!(frame(&values, &mut stream), !vector.refuse, "{}", vector.name);
        assert_eq!(stream.is_empty(), vector.refuse, "{}", vector.name);
        assert_eq!(parser::read(&stream).events, vector.see, "{}", vector.name);
    }
}
