//! Finds where a time stands in a log. Times never run backwards, so that is found by halving.

use super::{EventLog, LogError, Position, Read, RecordRef};
use crate::topic::TopicSelection;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, but not before `previous`: a record's time never runs backwards.
pub(crate) fn now_ms(previous: u64) -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX).max(previous)
}

/// Records in a row, and the times of the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dated {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) first_time: u64,
    pub(crate) last_time: u64,
}

impl Dated {
    /// Whether the time lies within, so that the records must be looked at one by one.
    pub(crate) fn is_split_by(&self, time_ms: u64) -> bool {
        self.first_time < time_ms && time_ms <= self.last_time
    }
}

/// Where a time stands in a log that knows of times only what its records tell.
pub(crate) fn position_by_records<L: EventLog + ?Sized>(
    log: &L,
    time_ms: u64,
) -> Result<Position, LogError> {
    let history = log.history();
    let (first, end) = (history.first(), history.last() + 1);
    let begin = search(time_ms, first, end, |from, until| {
        first_readable(from, until, |after, until, topics, visit| {
            log.read(after, until, topics, visit)
        })
    })?;
    Ok(match begin == first && first > 1 {
        true => Position::Trimmed,
        false => Position::After(begin - 1),
    })
}

/// The first seq from `low` on behind which nothing is earlier than the time, `high` at the most.
///
/// `look` is given a range, and says when the first record was appended that can be read in it; it may know
/// more, as long as the time does not [split](Dated::is_split_by) that. What cannot be read before a record that
/// is not earlier may not be earlier either.
pub(crate) fn search(
    time_ms: u64,
    mut low: u64,
    mut high: u64,
    mut look: impl FnMut(u64, u64) -> Result<Option<Dated>, LogError>,
) -> Result<u64, LogError> {
    while low < high {
        let middle = low + (high - low) / 2;
        match look(middle, high - 1)? {
            Some(found) if found.last_time < time_ms => {
                low = found.last.clamp(middle, high - 1) + 1;
            }
            Some(found) => high = found.first.clamp(low, middle),
            None => high = middle,
        }
    }
    Ok(low.min(high))
}

/// When the first record was appended of those `from..=until` that can be read. `read` is that of
/// [`EventLog::read`], of all topics.
pub(crate) fn first_readable(
    mut from: u64,
    until: u64,
    mut read: impl FnMut(
        u64,
        u64,
        &TopicSelection,
        &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError>,
) -> Result<Option<Dated>, LogError> {
    let all = TopicSelection::everything();
    while from <= until {
        let mut found = None;
        let read = read(from - 1, until, &all, &mut |record| {
            found = Some((record.id.seq(), record.time_ms));
            ControlFlow::Break(())
        });
        if let Some((seq, time)) = found {
            return Ok(Some(Dated { first: seq, last: seq, first_time: time, last_time: time }));
        }
        let passed = match read {
            Ok(read) => read.until,
            Err(LogError::Damaged { last, .. } | LogError::Lost { last, .. }) => last,
            Err(error) => return Err(error),
        };
        from = passed.clamp(from, until) + 1;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, EventId};
    use proptest::prelude::*;

    /// What `search` finds among records of these times, of which some cannot be read, and how many
    /// looks it takes. A look tells of so many records in a row, where it may.
    fn found(times: &[Option<u64>], time_ms: u64, run: usize) -> (u64, u32) {
        let mut looks = 0;
        let found = search(time_ms, 1, times.len() as u64 + 1, |from, until| {
            looks += 1;
            let one = |seq: u64| times[seq as usize - 1].map(|time| (seq, time));
            let Some((seq, time)) = (from..=until).find_map(one) else { return Ok(None) };
            let single = Dated { first: seq, last: seq, first_time: time, last_time: time };
            let start = (seq - 1) / run as u64 * run as u64 + 1;
            let whole: Option<Vec<u64>> =
                (start..start + run as u64).map(|seq| one(seq).map(|(_, time)| time)).collect();
            let whole = whole.map(|times| Dated {
                first: start,
                last: start + run as u64 - 1,
                first_time: times[0],
                last_time: times[run - 1],
            });
            Ok(Some(whole.filter(|whole| !whole.is_split_by(time_ms)).unwrap_or(single)))
        });
        (found.unwrap(), looks)
    }

    /// By a look at all of them.
    fn expected(times: &[Option<u64>], time_ms: u64) -> u64 {
        let earlier = |time: &Option<u64>| time.is_some_and(|time| time < time_ms);
        times.iter().rposition(earlier).map_or(1, |place| place as u64 + 2)
    }

    #[test]
    fn what_cannot_be_harms_nothing() {
        let odd = [0, 1, 5, u64::MAX - 1, u64::MAX];
        for (first, last) in [(1, 1), (3, 9), (1, u64::MAX - 1), (u64::MAX - 1, u64::MAX - 1)] {
            for (told, kind) in odd.into_iter().flat_map(|told| [0, 1, 2].map(|kind| (told, kind)))
            {
                let mut looks = 0;
                let found = search(7, first, last + 1, |from, until| {
                    first_readable(from, until, |_, _, _, visit| {
                        looks += 1;
                        let id = EventId::new(Epoch::from_token(1), told);
                        match kind {
                            _ if looks > 200 => Err(LogError::Closed),
                            0 => Ok(Read::new(told, told)),
                            1 => Err(LogError::Lost { first: told, last: told }),
                            _ => {
                                let flow = visit(RecordRef::new(id, told, None, "x", 1, b""));
                                assert!(flow.is_break());
                                Ok(Read::new(told, told))
                            }
                        }
                    })
                });
                // Who gets on by one record at a time may take long.
                assert!(
                    matches!(found, Ok(seq) if (first..=last + 1).contains(&seq)) || looks > 200
                );
            }
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_a_look_at_all_finds(
            steps in prop::collection::vec((prop::option::weighted(0.8, 0u64..3), 0u64..3), 0..200),
            time_ms in 0u64..400,
            runs in 1usize..9,
        ) {
            let mut now = 0;
            let times: Vec<Option<u64>> = steps
                .into_iter()
                .map(|(step, lost)| {
                    now += step.unwrap_or(lost);
                    step.map(|_| now)
                })
                .collect();
            let run = if times.len().is_multiple_of(runs) { runs } else { 1 };
            let (found, looks) = found(&times, time_ms, run);
            prop_assert_eq!(found, expected(&times, time_ms));
            prop_assert!(looks <= 9, "{} looks at {} records", looks, times.len());
        }
    }
}
