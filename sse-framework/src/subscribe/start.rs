//! Where a stream begins.

use super::control::{Gap, GapReason};
use super::since::Since;
use crate::id::{EventId, Ids};
use crate::log::{History, Position};
use std::time::SystemTime;

/// Where a stream begins if the client does not say where to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the next event.
    #[default]
    New,
    /// With the oldest event that is kept.
    Oldest,
    /// With the event after this one; if that cannot be had, with a gap.
    After(EventId),
    /// With the oldest event that was published at this time or later, to a millisecond; if some of these
    /// are no longer kept, or may be no longer, with a gap. If there is none yet, with the next event.
    Since(SystemTime),
}

/// What happens when events that a client asks for cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnGap {
    /// The stream says so with an `sse-gap` event and goes on: after what was trimmed or lost; from
    /// now on if the id is not known, since a made-up id must not buy the whole history.
    #[default]
    Notify,
    /// The stream says so and goes on with the oldest event that is kept.
    Oldest,
    /// The stream says so and goes on with the next event.
    Live,
    /// There is no response but `204 No Content`, after which a browser's `EventSource` stops for
    /// good. A stream within the process says so and goes on, as with `Notify`; and so does one that
    /// begins at a time, since its response has begun when that has been looked up.
    Refuse,
}

/// Where a stream was asked to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// After this id, given as this text.
    Id(EventId, String),
    Earliest,
    Since(Since),
    /// History that the app does not let clients ask for, as they asked for it.
    NotAllowed(String),
    /// After something that is no id, as far as it can be shown.
    Unknown(String),
}

impl Asked {
    /// The same, if the app does not let clients ask for history.
    pub(super) fn without_history(self) -> Self {
        match self {
            Asked::Earliest => Asked::NotAllowed("earliest".to_owned()),
            Asked::Since(since) => Asked::NotAllowed(since.text),
            asked => asked,
        }
    }
}

/// How a stream begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The seq that the stream goes on after.
    pub(super) at: u64,
    /// What is to be told first.
    pub(super) gap: Option<Gap>,
    /// Whether the client goes on where it was.
    pub(super) resumed: bool,
    /// Whether the client knows nothing of what is before: it asked for no position, or for one
    /// that cannot be had.
    pub(super) fresh: bool,
    /// No stream at all.
    pub(super) refused: bool,
    /// Where it goes on has yet to be looked up in the log. Until then `at` is as far back as it may be.
    pub(super) sought: Option<Sought>,
}

/// A time that is to be looked up in the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sought {
    pub(super) since: Since,
    on_gap: OnGap,
    /// The newest record when the stream was asked for: what comes later is not passed over, whatever
    /// its time.
    newest: u64,
}

impl Sought {
    /// The seq that the stream goes on after, and what is to be told first.
    pub(super) fn found(self, history: History, position: Position) -> (u64, Option<Gap>) {
        let Sought { since, on_gap, newest } = self;
        let history = history.until(newest);
        match position {
            Position::After(seq) => (seq.min(newest), None),
            Position::Trimmed | Position::Lost(_) | Position::Unknown => {
                let (reason, oldest) = (GapReason::Trimmed, history.first() - 1);
                let Beginning { at, gap, .. } = gap(&history, on_gap, reason, since.text, oldest);
                (at, gap)
            }
        }
    }
}

impl Beginning {
    pub(super) fn find(
        history: &History,
        ids: &Ids,
        asked: Option<Asked>,
        start: Start,
        on_gap: OnGap,
    ) -> Self {
        let (oldest, newest) = (history.first() - 1, history.last());
        let fresh = asked.is_none();
        let asked = match (asked, start) {
            (None, Start::After(id)) => Some(Asked::Id(id, ids.position(id))),
            (None, Start::Since(time)) => Some(Asked::Since(Since::new(time))),
            (asked, _) => asked,
        };
        match asked {
            Some(Asked::Id(id, text)) => {
                let (reason, at) = match history.find(id) {
                    Position::After(seq) => return Beginning { resumed: !fresh, fresh, ..at(seq) },
                    Position::Trimmed => (GapReason::Trimmed, oldest),
                    Position::Lost(seq) => (GapReason::Lost, seq),
                    Position::Unknown => (GapReason::UnknownId, newest),
                };
                gap(history, on_gap, reason, text, at)
            }
            Some(Asked::Unknown(text)) => gap(history, on_gap, GapReason::UnknownId, text, newest),
            Some(Asked::NotAllowed(text)) => {
                gap(history, on_gap, GapReason::NotAllowed, text, newest)
            }
            Some(Asked::Earliest) => at(oldest),
            Some(Asked::Since(since)) => {
                let sought = Some(Sought { since, on_gap, newest });
                Beginning { fresh, sought, ..at(oldest) }
            }
            None if start == Start::Oldest => Beginning { fresh: true, ..at(oldest) },
            None => Beginning { fresh: true, ..at(newest) },
        }
    }
}

fn at(at: u64) -> Beginning {
    Beginning { at, gap: None, resumed: false, fresh: false, refused: false, sought: None }
}

fn gap(
    history: &History,
    on_gap: OnGap,
    reason: GapReason,
    asked: String,
    by_default: u64,
) -> Beginning {
    let position = match on_gap {
        OnGap::Notify | OnGap::Refuse => by_default,
        OnGap::Oldest => history.first() - 1,
        OnGap::Live => history.last(),
    };
    let gap = Gap { reason, asked, resumed_after: history.id(position) };
    let refused = on_gap == OnGap::Refuse;
    Beginning { gap: Some(gap), fresh: true, refused, ..at(position) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Epoch;
    use std::sync::Arc;

    const A: Epoch = Epoch::from_token(1);
    const B: Epoch = Epoch::from_token(2);

    /// Records 5 to 20 are kept, 11 and later by epoch B.
    fn find(asked: Asked, on_gap: OnGap) -> Beginning {
        let history = History::new(Arc::new([(A, 1), (B, 11)]), 5, 20);
        Beginning::find(&history, &Ids::Plain, Some(asked), Start::New, on_gap)
    }

    fn id(epoch: Epoch, seq: u64) -> Asked {
        let id = EventId::new(epoch, seq);
        Asked::Id(id, id.to_string())
    }

    fn reason(beginning: &Beginning) -> Option<GapReason> {
        beginning.gap.as_ref().map(|gap| gap.reason)
    }

    #[test]
    fn each_position_has_its_beginning() {
        let cases = [
            (id(A, 7), 7, None),
            (id(A, 4), 4, None),
            (id(A, 2), 4, Some(GapReason::Trimmed)),
            (id(A, 15), 10, Some(GapReason::Lost)),
            (id(Epoch::from_token(3), 15), 20, Some(GapReason::UnknownId)),
            (Asked::Unknown("x".into()), 20, Some(GapReason::UnknownId)),
            (Asked::Earliest, 4, None),
        ];
        for (asked, at, expected) in cases {
            let beginning = find(asked.clone(), OnGap::Notify);
            assert_eq!((beginning.at, reason(&beginning)), (at, expected), "{asked:?}");
            assert!(!beginning.refused);
        }
    }

    #[test]
    fn the_app_chooses_what_follows_a_gap() {
        let trimmed = || id(A, 2);
        assert_eq!(find(trimmed(), OnGap::Oldest).at, 4);
        assert_eq!(find(trimmed(), OnGap::Live).at, 20);
        assert_eq!(find(Asked::Unknown("x".into()), OnGap::Oldest).at, 4);
        assert!(find(trimmed(), OnGap::Refuse).refused);
        assert!(!find(id(A, 7), OnGap::Refuse).refused);
    }

    #[test]
    fn without_an_id_the_app_chooses_the_start() {
        let history = History::new(Arc::new([(A, 1), (B, 11)]), 5, 20);
        let start = |start| Beginning::find(&history, &Ids::Plain, None, start, OnGap::Notify);
        assert_eq!(start(Start::New).at, 20);
        assert_eq!(start(Start::Oldest).at, 4);
        let after = start(Start::After(EventId::new(B, 12)));
        assert_eq!(after.at, 12);
        assert!(after.fresh && !after.resumed, "it was nowhere");
        assert_eq!(reason(&start(Start::After(EventId::new(A, 12)))), Some(GapReason::Lost));
    }
}
