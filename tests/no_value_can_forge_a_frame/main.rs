//! No value, in whatever field of whatever way to make a frame, can end its line, its frame or its
//! field and say something else than itself: it arrives as it was given, or it is refused.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

mod hostile;
mod responses;
mod values;
mod ways;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use support::parser::{self, Event, Transcript};
use support::{random, vectors};
use values::{Values, hostile_values};
use ways::{Seen, WAYS, Way};

#[test]
fn hostile_values_arrive_as_they_are_or_are_refused() {
    run(|values| WAYS.iter().try_for_each(|way| check(way, values)));
}

#[test]
fn hostile_values_arrive_as_they_are_in_a_response() {
    let app = responses::App::new();
    run(|values| app.check(values));
}

fn run(check: impl Fn(&Values) -> Result<(), TestCaseError>) {
    let seed = random::seed();
    let mut runner = TestRunner::new(Config {
        cases: random::cases(100_000),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&hostile_values(), |values| check(&values));
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
    // Some clients take a blank line without data before it for an empty event.
    let events = expected.iter().filter_map(|seen| seen.event.as_ref()).count();
    prop_assert_eq!(blank_lines(&stream[BEFORE.len()..]), events, "{}: blank lines", way.name);
    // It reads the same as the first frame of a stream.
    for start in [0, BEFORE.len()] {
        let stream = [&stream[start..], AFTER].concat();
        let expected = transcript(expected.as_ref(), start == 0);
        let shown = String::from_utf8_lossy(&stream);
        prop_assert_eq!(parser::read(&stream), expected, "{}: {:?}", way.name, shown);
    }
    Ok(())
}

fn blank_lines(frame: &[u8]) -> usize {
    frame.split_inclusive(|&b| b == b'\n').filter(|line| *line == b"\n").count()
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
        assert_eq!(ways::frame(&values, &mut stream), !vector.refuse, "{}", vector.name);
        assert_eq!(stream.is_empty(), vector.refuse, "{}", vector.name);
        assert_eq!(parser::read(&stream).events, vector.see, "{}", vector.name);
    }
}
