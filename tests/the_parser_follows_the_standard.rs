//! Whatever stream comes in, however it is cut: `wire::Decoder` sees what the standard says.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use sse_framework::wire::{Decoded, Decoder};
use std::time::{Duration, Instant};
use support::parser::{self, Event, Transcript};
use support::random::{self, Random};
use support::vectors;

#[test]
fn the_vectors_read_the_same_at_any_cut() {
    let mut random = Random::new(random::seed());
    let vectors = vectors::load().stream;
    assert!(vectors.len() >= 53);
    for vector in vectors {
        let (name, resume, expected) = (&vector.name, &vector.resume, vector.expected());
        let chunks = vector.chunks();
        let stream = chunks.concat();
        assert_eq!(parser::read_after(resume, &stream), expected, "{name}: independent parser");

        let expected = in_range(expected);
        assert_eq!(decode(resume, &chunks), expected, "{name}: as written");
        assert_eq!(decode(resume, [&stream]), expected, "{name}: whole");
        assert_eq!(decode(resume, stream.chunks(1)), expected, "{name}: byte by byte");
        assert_eq!(decode(resume, stream.chunks(2)), expected, "{name}: two by two");
        for _ in 0..100 {
            let pieces = random.cut(&stream);
            assert_eq!(decode(resume, &pieces), expected, "{name}: cut into {pieces:?}");
        }
    }
}

#[test]
fn any_bytes_read_the_same_at_any_cut() {
    let mut random = Random::new(random::seed());
    for _ in 0..random::cases(100_000) {
        let stream = hostile_stream(&mut random);
        let expected = in_range(parser::read(&stream));
        let pieces = random.cut(&stream);
        let shown = || pieces.iter().map(|piece| piece.escape_ascii().to_string());
        assert_eq!(decode("", [&stream]), expected, "whole: {}", stream.escape_ascii());
        assert_eq!(decode("", &pieces), expected, "cut: {:?}", shown().collect::<Vec<_>>());
    }
}

#[test]
fn a_carriage_return_at_the_end_of_a_chunk_ends_the_line_at_once() {
    let mut decoder = Decoder::new();
    decoder.push(b"data: x\r\r");
    assert!(matches!(decoder.next(), Some(Ok(Decoded::Event(event))) if event.data == "x"));
    decoder.push(b"\ndata: y\r\n\r");
    assert!(matches!(decoder.next(), Some(Ok(Decoded::Event(event))) if event.data == "y"));
    decoder.push(b"\n");
    assert_eq!(decoder.next(), None);
}

/// Megabytes byte by byte: a parser that looks at a byte more than once or twice needs hours.
#[test]
fn the_cost_of_a_long_line_grows_with_its_length_only() {
    let payload = "x".repeat(8 << 20);
    let stream = format!("data: {payload}\n\n");
    let in_time = deadline();
    let seen = decode("", stream.as_bytes().chunks(1).inspect(|_| in_time()));
    assert_eq!(seen.events, [Event::new("message", payload, "")]);
}

#[test]
fn the_cost_of_a_backlog_grows_with_its_length_only() {
    const EVENTS: usize = 2_000_000;
    let in_time = deadline();
    let mut decoder = Decoder::new();
    decoder.push(&b"data: x\n\n".repeat(EVENTS));
    for _ in 0..EVENTS {
        in_time();
        decoder.push(b":\n");
        assert!(matches!(decoder.next(), Some(Ok(Decoded::Event(event))) if event.data == "x"));
    }
    assert_eq!(decoder.count(), EVENTS);
}

fn deadline() -> impl Fn() {
    let started = Instant::now();
    move || assert!(started.elapsed() < Duration::from_secs(60), "too slow")
}

/// Everything that the decoder gives, taking it out after each chunk as a client does.
fn decode<C: AsRef<[u8]>>(resume: &str, chunks: impl IntoIterator<Item = C>) -> Transcript {
    let mut decoder = Decoder::resume(resume);
    let mut seen = Transcript::default();
    for chunk in chunks {
        decoder.push(chunk.as_ref());
        for decoded in decoder.by_ref() {
            match decoded.unwrap() {
                Decoded::Event(event) => {
                    seen.events.push(Event::new(event.name, event.data, event.last_event_id));
                }
                Decoded::Comment(text) => seen.comments.push(text),
                other => panic!("{other:?}"),
            }
        }
    }
    seen.last_event_id = decoder.last_event_id().to_owned();
    seen.retry = decoder.retry().map(|wait| wait.as_millis().to_string());
    seen
}

/// The decoder documents that a reconnection time over `u64::MAX` counts as that.
fn in_range(mut expected: Transcript) -> Transcript {
    if let Some(digits) = &mut expected.retry
        && digits.parse::<u64>().is_err()
    {
        *digits = u64::MAX.to_string();
    }
    expected
}

fn hostile_stream(random: &mut Random) -> Vec<u8> {
    const PIECES: &[&[u8]] = &[
        b"\n",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r",
        b"\r\n",
        b"\r\n\r\n",
        b":",
        b": ",
        b" ",
        b"\0",
        b"data",
        b"data:",
        b"data: ",
        b"\ndata: x\n\n",
        b"event:",
        b"event: e",
        b"id",
        b"id: ",
        b"\nid: 7\n",
        b"retry:",
        b"\nretry: 10\n",
        b"99999999999",
        b"0",
        b"+1",
        b"x",
        b"Data",
        b"\xef\xbb\xbf",
        b"\xef",
        b"\xbb",
        b"\xbf",
        b"\xe2\x80\xa8",
        b"\xe2\x80",
        b"\xc2\x85",
        b"\xff",
        b"\xc3",
        b"\xf0\x9f\x98",
        b"\xf0\x9f\x98\x80",
        b"\xed\xa0\x80",
        b"\x0b\x0c",
    ];
    let mut stream = Vec::new();
    for _ in 0..random.below(24) {
        match random.below(20) {
            0 => stream.push(random.bits() as u8),
            _ => stream.extend_from_slice(random.pick(PIECES)),
        }
    }
    stream
}
