//! Inputs that nobody thought of: a corpus that is replayed, and mutations of it.

use crate::random::{self, Random};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Calls `target` with every input of the corpus, and then with `usual` mutations of it, or with
/// as many as there is time for if `SSE_FUZZ_SECONDS` is set. It judges by
/// panicking, and says whether the input came further than a first refusal.
///
/// The corpus has one input on each line, escaped as by [`slice::escape_ascii`]. An input that does
/// harm is printed so, to be added to the corpus.
///
/// # Panics
///
/// If `target` does.
pub fn fuzz(name: &str, corpus: &str, usual: u64, target: impl FnMut(&[u8]) -> bool) {
    fuzz_with(name, corpus.lines().map(unescape).collect(), usual, target);
}

/// The same with a corpus that is made while the test runs.
///
/// # Panics
///
/// If `target` does.
pub fn fuzz_with(
    name: &str,
    corpus: Vec<Vec<u8>>,
    usual: u64,
    mut target: impl FnMut(&[u8]) -> bool,
) {
    let mut run = |input: &[u8]| {
        catch_unwind(AssertUnwindSafe(|| target(input))).unwrap_or_else(|panic| {
            eprintln!("{name} is harmed by this input:\n{}", input.escape_ascii());
            resume_unwind(panic)
        })
    };
    for input in &corpus {
        run(input);
    }
    let (mut random, began) = (Random::new(random::seed()), Instant::now());
    let time = random::fuzz_seconds().map(Duration::from_secs);
    let (mut count, mut far) = (0, 0);
    while time.map_or(count < usual, |time| began.elapsed() < time) {
        far += u64::from(run(&mutated(&corpus, &mut random)));
        count += 1;
    }
    eprintln!(
        "{name}: {} inputs of the corpus, {count} mutations, {far} of them not refused",
        corpus.len()
    );
    assert!(far * 50 > count, "hardly any input gets past the first check");
}

/// Bytes that mean something somewhere.
const TELLING: &[u8] = b"\r\n\0:/*%-+ ,;=?&.0129az{}\"\\\x7f\x80\xef\xbb\xbf\xff";

fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = some(corpus, random).clone();
    for _ in 0..=random.below(8) {
        let at = random.below(input.len() + 1);
        let end = at + random.below((input.len() - at).min(24) + 1);
        match random.below(9) {
            0 => input.insert(at, random.pick(TELLING)),
            1 => input.insert(at, random.bits() as u8),
            2 => drop(input.drain(at..end)),
            3 => input.truncate(at),
            4 => {
                let repeated = input[at..end].repeat(1 + random.below(3));
                drop(input.splice(at..at, repeated));
            }
            5 => {
                let other = some(corpus, random);
                let from = random.below(other.len() + 1);
                drop(input.splice(at..end, other[from..].iter().copied()));
            }
            _ if input.is_empty() => {}
            6 => input[at.saturating_sub(1)] ^= 1 << random.below(8),
            7 => input[at.saturating_sub(1)] = random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            _ => input[at.saturating_sub(1)] = random.pick(TELLING),
        }
    }
    input
}

fn some<'a>(corpus: &'a [Vec<u8>], random: &mut Random) -> &'a Vec<u8> {
    &corpus[random.below(corpus.len())]
}

fn unescape(line: &str) -> Vec<u8> {
    let (mut bytes, mut out) = (line.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        out.push(match (byte, escaped) {
            (_, Some(b'n')) => b'\n',
            (_, Some(b'r')) => b'\r',
            (_, Some(b't')) => b'\t',
            (_, Some(b'x')) => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).ok();
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                byte.expect("two hexadecimal digits after \\x")
            }
            (_, Some(other)) => other,
            (byte, None) => byte,
        });
    }
    out
}

#[test]
fn what_is_escaped_can_be_read() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(unescape(&all.escape_ascii().to_string()), all);
}
