//! Records that are not as today's, made today's where their types are not known.

use super::caught::read_caught;
use super::unread::{Told, Unread};
use super::{DecodeError, EventType, RawEvent, SseEvent};
use crate::wire;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Makes of a record what the event set writes today.
///
/// Where every event type has version 1 and the schema that it has always had, as long as nothing has been
/// changed, records cost a comparison.
#[derive(Clone)]
pub(crate) struct Renewal {
    types: &'static [EventType],
    /// None if all have version 1 and records of that version are as they are.
    known: Option<Arc<HashMap<&'static str, Known>>>,
    renew: fn(RawEvent<'_>, &mut Vec<u8>) -> Result<&'static str, DecodeError>,
    told: Arc<Told>,
}

/// Which records of an event type are as they are.
#[derive(Clone, Copy, Debug)]
struct Known {
    version: u32,
    /// Those before this seq are not.
    since: u64,
}

impl Renewal {
    /// For the records of a hub of this set, of whose event types `outdated` has those whose records before a
    /// seq are not as today's, though they are of its version.
    pub(crate) fn of<E: SseEvent>(outdated: &HashMap<&str, u64>) -> Self {
        let known = E::TYPES.iter().map(|event_type| {
            let since = outdated.get(event_type.name()).copied().unwrap_or(0);
            (event_type.name(), Known { version: event_type.version(), since })
        });
        let known: HashMap<_, _> = known.collect();
        let is_first = |known: &Known| known.version == 1 && known.since == 0;
        Renewal {
            types: E::TYPES,
            known: (!known.values().all(is_first)).then(|| Arc::new(known)),
            renew: renew::<E>,
            told: Arc::default(),
        }
    }

    /// For records of no event set.
    #[cfg(all(test, loom))]
    pub(crate) fn none() -> Self {
        let renew = |record: RawEvent<'_>, _: &mut Vec<u8>| super::private::unknown(record);
        Renewal { types: &[], known: None, renew, told: Arc::default() }
    }

    /// Whether a record is not as its event type's are today. One of a type that the set does not have is as
    /// it is.
    pub(crate) fn is_due(&self, name: &str, version: u32, seq: u64) -> bool {
        match &self.known {
            None if version == 1 => false,
            None => EventType::find(self.types, name).is_some(),
            Some(known) => {
                known.get(name).is_some_and(|today| today.version != version || seq < today.since)
            }
        }
    }

    /// For what is to be logged of records that cannot be read.
    pub(crate) fn unread(&self) -> Unread {
        Unread::new(&self.told)
    }

    /// Appends the payload as it is written today, and gives the event type's name. Code of the app's that
    /// panics makes the record one that cannot be read.
    pub(crate) fn renew(
        &self,
        record: RawEvent<'_>,
        out: &mut Vec<u8>,
    ) -> Result<&'static str, DecodeError> {
        read_caught(record, || (self.renew)(record, out))
    }
}

fn renew<E: SseEvent>(
    record: RawEvent<'_>,
    out: &mut Vec<u8>,
) -> Result<&'static str, DecodeError> {
    let event = E::decode(record)?;
    let today = event.event_type();
    let failed = |source| DecodeError::Upcast {
        name: record.name.to_owned(),
        found: record.version,
        known: today.version(),
        source,
    };
    event.encode(out).map_err(|error| failed(error.into()))?;
    wire::check_event(today.name(), out).map_err(|error| failed(error.into()))?;
    Ok(today.name())
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal").field("known", &self.known).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SseEvent;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(name = "stock", crate = "crate")]
    struct StockV1 {
        left: u32,
    }

    #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(name = "stock", version = 2, upcast = from_v1, crate = "crate")]
    struct Stock {
        pieces: u32,
    }

    fn from_v1(old: StockV1) -> Stock {
        Stock { pieces: old.left }
    }

    #[derive(Deserialize, JsonSchema, SseEvent)]
    #[sse(name = "stock", version = 2, upcast = unwritable_from_v1, crate = "crate")]
    struct Unwritable;

    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("it cannot be written")
        }
    }

    fn unwritable_from_v1(_: StockV1) -> Unwritable {
        Unwritable
    }

    #[test]
    fn a_panic_is_an_error_of_its_record() {
        let record = RawEvent { name: "stock", version: 1, data: br#"{"left":7}"# };
        let renewed = Renewal::of::<Unwritable>(&HashMap::new()).renew(record, &mut Vec::new());
        let Err(DecodeError::Panicked { name }) = renewed else { panic!("{renewed:?}") };
        assert_eq!(name, "stock");
    }

    #[test]
    fn only_records_that_are_not_as_todays_are_made_anew() {
        let first = Renewal::of::<StockV1>(&HashMap::new());
        let due = |renewal: &Renewal, name, version| renewal.is_due(name, version, 9);
        assert!(!due(&first, "stock", 1) && !due(&first, "gone", 1) && !due(&first, "gone", 2));
        assert!(due(&first, "stock", 2));
        let second = Renewal::of::<Stock>(&HashMap::new());
        assert!(due(&second, "stock", 1) && !due(&second, "stock", 2) && !due(&second, "gone", 1));
        let outdated = Renewal::of::<StockV1>(&HashMap::from([("stock", 10), ("gone", 10)]));
        assert!(due(&outdated, "stock", 1) && !due(&outdated, "gone", 1));
        assert!(!outdated.is_due("stock", 1, 10) && outdated.is_due("stock", 2, 10));
    }

    #[test]
    fn a_record_becomes_what_is_written_today() {
        let (renewal, mut out) = (Renewal::of::<Stock>(&HashMap::new()), Vec::new());
        let record = RawEvent { name: "stock", version: 1, data: br#"{"left":7}"# };
        assert_eq!(renewal.renew(record, &mut out).unwrap(), "stock");
        assert_eq!(out, br#"{"pieces":7}"#);
        let record = RawEvent { version: 3, ..record };
        assert!(matches!(
            renewal.renew(record, &mut out),
            Err(DecodeError::Version { found: 3, known: 2, .. })
        ));
    }
}
