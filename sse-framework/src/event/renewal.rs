//! Records of other versions than today's, made today's where their types are not known.

use super::unread::{Told, Unread};
use super::upcast::message;
use super::{DecodeError, EventType, RawEvent, SseEvent};
use crate::wire;
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Makes of a record what the event set writes today.
///
/// Where every event type has version 1, as long as nothing has been changed, records cost a comparison.
#[derive(Clone)]
pub(crate) struct Renewal {
    types: &'static [EventType],
    /// None if all have version 1.
    versions: Option<Arc<HashMap<&'static str, u32>>>,
    renew: fn(RawEvent<'_>, &mut Vec<u8>) -> Result<&'static str, DecodeError>,
    told: Arc<Told>,
}

impl Renewal {
    /// For the records of a hub of this set.
    pub(crate) fn of<E: SseEvent>() -> Self {
        let is_first = |event_type: &EventType| event_type.version() == 1;
        let versions = || E::TYPES.iter().map(|it| (it.name(), it.version())).collect();
        Renewal {
            types: E::TYPES,
            versions: (!E::TYPES.iter().all(is_first)).then(|| Arc::new(versions())),
            renew: renew::<E>,
            told: Arc::default(),
        }
    }

    /// For records of no event set.
    #[cfg(all(test, loom))]
    pub(crate) fn none() -> Self {
        let renew = |record: RawEvent<'_>, _: &mut Vec<u8>| super::private::unknown(record);
        Renewal { types: &[], versions: None, renew, told: Arc::default() }
    }

    /// Whether a record is of another version than its event type. One of a type that the set does not have
    /// is as it is.
    pub(crate) fn is_due(&self, name: &str, version: u32) -> bool {
        match &self.versions {
            None if version == 1 => false,
            None => EventType::find(self.types, name).is_some(),
            Some(versions) => versions.get(name).is_some_and(|today| *today != version),
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
        let renewed = catch_unwind(AssertUnwindSafe(|| (self.renew)(record, out)));
        renewed.unwrap_or_else(|panic| {
            let known = EventType::find(self.types, record.name).map_or(0, EventType::version);
            let (name, found) = (record.name.to_owned(), record.version);
            Err(DecodeError::Upcast { name, found, known, source: message(&*panic).into() })
        })
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
        f.debug_struct("Renewal").field("versions", &self.versions).finish_non_exhaustive()
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
        let renewed = Renewal::of::<Unwritable>().renew(record, &mut Vec::new());
        let Err(DecodeError::Upcast { found: 1, known: 2, source, .. }) = renewed else {
            panic!("{renewed:?}")
        };
        assert_eq!(source.to_string(), "it panicked: it cannot be written");
    }

    #[test]
    fn only_records_of_another_version_are_made_anew() {
        let first = Renewal::of::<StockV1>();
        assert!(!first.is_due("stock", 1) && !first.is_due("gone", 1) && !first.is_due("gone", 2));
        assert!(first.is_due("stock", 2));
        let second = Renewal::of::<Stock>();
        assert!(
            second.is_due("stock", 1) && !second.is_due("stock", 2) && !second.is_due("gone", 1)
        );
    }

    #[test]
    fn a_record_becomes_what_is_written_today() {
        let (renewal, mut out) = (Renewal::of::<Stock>(), Vec::new());
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
