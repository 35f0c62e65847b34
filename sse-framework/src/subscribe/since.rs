//! A time that somebody asks for.

use super::request::shortened;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time since which events are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Since {
    /// In milliseconds since 1970, as the log has it. Rounded down: what is published after a time must not
    /// be earlier.
    pub(super) time_ms: u64,
    /// As it was asked for, if that is not too long.
    pub(super) text: String,
}

/// Where the offset of a time begins at the earliest.
const DATE: usize = "2026-11-26".len();

impl Since {
    pub(super) fn new(time: SystemTime) -> Self {
        let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let time_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time_ms) * 1_000_000);
        // A time after the year 9999 has no such text.
        let text = time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default();
        Since { time_ms, text }
    }

    /// Reads a time of RFC 3339. In a query, `+` stands for a space: where only the sign of an offset can be, a
    /// space is one that was not encoded.
    pub(super) fn read(given: &str) -> Option<Self> {
        let text = match given.rfind(' ') {
            Some(place) if place > DATE => [&given[..place], "+", &given[place + 1..]].concat(),
            _ => given.to_owned(),
        };
        let time_ms =
            OffsetDateTime::parse(&text, &Rfc3339).ok()?.unix_timestamp_nanos() / 1_000_000;
        // All times are as good as 1970 that are before it.
        Some(Since { time_ms: u64::try_from(time_ms).unwrap_or(0), text: shortened(given) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &str) -> Option<u64> {
        Since::read(given).map(|since| since.time_ms)
    }

    /// 2026-11-26T07:00:00Z
    const SEVEN: u64 = 1_795_676_400_000;

    #[test]
    fn times_are_read_as_they_are_written() {
        let cases = [
            ("2026-11-26T07:00:00Z", SEVEN),
            ("2026-11-26t07:00:00z", SEVEN),
            ("2026-11-26 07:00:00Z", SEVEN),
            ("2026-11-26T07:00:00.000Z", SEVEN),
            ("2026-11-26T07:00:00.25Z", SEVEN + 250),
            ("2026-11-26T07:00:00.123999999Z", SEVEN + 123),
            ("2026-11-26T07:00:00-00:00", SEVEN),
            ("2026-11-26T08:30:00+01:30", SEVEN),
            ("2026-11-26T08:30:00 01:30", SEVEN),
            ("2026-11-26 08:30:00 01:30", SEVEN),
            ("2026-11-26T02:00:00-05:00", SEVEN),
            ("2026-11-27T00:00:00.5+17:00", SEVEN + 500),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", 0),
            ("0000-01-01T00:00:00Z", 0),
            ("2016-12-31T23:59:60Z", 1_483_228_799_999),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ];
        for (given, time_ms) in cases {
            assert_eq!(read(given), Some(time_ms), "{given}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_guessed_at() {
        let cases = [
            " ",
            "yesterday",
            "2026-11-26",
            "2026-11-26T07:00:00",
            "2026-11-26T07:00Z",
            "2026-11-26T07:00:00.Z",
            "2026-11-26T07:00:00Z ",
            " 2026-11-26T07:00:00Z",
            "2026-11-26T07:00:00+0100",
            "2026-11-26T07:00:00+25:00",
            "2026-11-26T24:00:00Z",
            "2026-02-29T07:00:00Z",
            "2026-13-26T07:00:00Z",
            "10000-01-01T00:00:00Z",
            "1795676400",
            "1795676400000",
            "-1h",
            "earliest",
            "\u{661}\u{662}26-11-26T07:00:00Z",
            "2026-11-26\u{1f600}07:00:00 01:00",
        ];
        for given in cases {
            assert_eq!(read(given), None, "{given}");
        }
        assert_eq!(read(&"1".repeat(1_000_000)), None);
    }

    #[test]
    fn a_time_of_the_app_is_told_as_clients_write_it() {
        let time = UNIX_EPOCH + Duration::from_micros(SEVEN * 1000 + 1500);
        let since = Since::new(time);
        assert_eq!((since.time_ms, &*since.text), (SEVEN + 1, "2026-11-26T07:00:00.001Z"));
        assert_eq!(Since::new(UNIX_EPOCH - Duration::from_secs(1)).time_ms, 0);
        let far = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
        assert_eq!(Since::new(far).text, "");
    }
}
