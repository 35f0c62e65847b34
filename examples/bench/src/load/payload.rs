//! The events that are sent: a number, a time, and padding.

use std::sync::OnceLock;
use std::time::Instant;

/// Nanoseconds since this process first asked.
pub(crate) fn now_ns() -> u64 {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    BEGINNING.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Adds the JSON of an event that is sent now, padded to so many bytes.
pub(super) fn write(out: &mut String, number: u64, bytes: usize) {
    let begins = out.len();
    out.push_str(&format!(r#"{{"n":{number},"t":{},"p":""#, now_ns()));
    let padding = bytes.saturating_sub(out.len() - begins + 2);
    out.push_str(&"x".repeat(padding));
    out.push_str(r#""}"#);
}

/// Number and time of the event that a line of a stream carries, if it is one of these.
pub(super) fn read(line: &[u8]) -> Option<(u64, u64)> {
    let (number, rest) = digits(line.strip_prefix(br#"data: {"n":"#)?)?;
    let (time, _) = digits(rest.strip_prefix(br#","t":"#)?)?;
    Some((number, time))
}

fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(count).filter(|(digits, _)| !digits.is_empty())?;
    let number = digits.iter().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let (before, mut text) = (now_ns(), "data: ".to_owned());
        write(&mut text, 1907, 200);
        assert_eq!(text.len(), 206);
        let (number, time) = read(text.as_bytes()).unwrap();
        assert_eq!(number, 1907);
        assert!((before..=now_ns()).contains(&time));
    }

    #[test]
    fn other_lines_are_no_events() {
        for line in ["", "data: {}", "id: 7", r#"data: {"n":,"t":1"#, r#"data: {"n":1}"#] {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }
}
