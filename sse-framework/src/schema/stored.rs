//! The schemas as they are kept with the log.

use super::compare::is_same;
use crate::event::{EventType, Schemas};
use schemars::generate::Contract;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The format that is written, and the only one that is read.
const FORMAT: u32 = 1;

/// With which schemas the records of a log were written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    format: u32,
    /// By the event type's name; in order.
    pub(super) types: BTreeMap<String, Vec<Written>>,
}

/// A schema, and since when records are written with it: until the next one's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    /// The seq of the first record that could be.
    pub(super) since: u64,
    pub(super) version: u32,
    /// What is written. None if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<Value>,
    /// What could be read then, if that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) read: Option<Value>,
    /// By whom its records need not be read: what the event type was when that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) accepted: Option<Value>,
    /// What clients who know it are shown from then on: what the event type was when that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shown: Option<Value>,
    /// Whether its records were looked for, and none is kept any more.
    #[serde(skip)]
    pub(super) is_gone: bool,
}

/// An event type of today, and its schemas.
pub(super) struct Today {
    pub(super) event_type: &'static EventType,
    pub(super) written: Written,
}

impl Today {
    pub(super) fn of(event_type: &'static EventType) -> Self {
        Today { event_type, written: Written::of(event_type) }
    }

    /// All event types of a set.
    pub(super) fn all(types: &'static [EventType]) -> Vec<Self> {
        let mut schemas = Schemas::default();
        let today =
            |event_type| Today { event_type, written: Written::by(&mut schemas, event_type) };
        types.iter().map(today).collect()
    }
}

/// Why what is kept cannot be read.
#[derive(Debug, PartialEq)]
pub(super) enum Unread {
    Damage(String),
    /// It is another version's, which would lose what it says.
    Format(String),
}

impl Default for Stored {
    fn default() -> Self {
        Stored { format: FORMAT, types: BTreeMap::new() }
    }
}

impl Stored {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Unread> {
        /// What every format begins with.
        #[derive(Deserialize)]
        struct Any {
            format: u32,
        }
        let damage = |error: serde_json::Error| Unread::Damage(error.to_string());
        let Any { format } = serde_json::from_slice(bytes).map_err(damage)?;
        if format != FORMAT {
            return Err(Unread::Format(format!(
                "their format is {format}, which another version of sse-framework has written and can read; \
                 this one reads format {FORMAT}"
            )));
        }
        serde_json::from_slice(bytes).map_err(damage)
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self).map(|mut bytes| {
            bytes.push(b'\n');
            bytes
        })
    }

    /// Forgets schemas of which no record is kept, but for the last of each event type.
    pub(super) fn forget_before(&mut self, first: u64) {
        for written in self.types.values_mut() {
            let gone = written.iter().skip(1).take_while(|next| next.since <= first).count();
            written.drain(..gone);
        }
    }

    /// Notes the schemas of today, with which the records from `since` on are written.
    pub(super) fn note(&mut self, all: Vec<Today>, since: u64) {
        // If the log has lost its end, what is written from here on may have seqs of before.
        for written in self.types.values_mut().flatten() {
            written.since = written.since.min(since);
        }
        for Today { event_type, written: today } in all {
            let today = Written { since, ..today };
            let written = self.types.entry(event_type.name().to_owned()).or_default();
            match written.last_mut() {
                // Nothing but notes may have changed.
                Some(last) if last.is_like(&today) => {
                    *last = Written { since: last.since, ..today }
                }
                // No record was written with it.
                Some(last) if last.since >= since => *last = today,
                _ => written.push(today),
            }
        }
    }
}

impl Written {
    /// As an event type is, since the first record.
    pub(super) fn of(event_type: &EventType) -> Self {
        Written::by(&mut Schemas::default(), event_type)
    }

    fn by(schemas: &mut Schemas, event_type: &EventType) -> Self {
        let mut schema =
            |contract| schemas.of(event_type, contract).map(schemars::Schema::to_value);
        let both = schema(Contract::Serialize).zip(schema(Contract::Deserialize));
        let (written, read) = both.unzip();
        let read = read.filter(|read| written.as_ref() != Some(read));
        let version = event_type.version();
        Written {
            since: 0,
            version,
            schema: written,
            read,
            accepted: None,
            shown: None,
            is_gone: false,
        }
    }

    /// What could be read.
    pub(super) fn read(&self) -> Option<&Value> {
        self.read.as_ref().or(self.schema.as_ref())
    }

    /// What is kept of the type by which it need not be read.
    pub(super) fn mark(today: Option<&Today>) -> Value {
        let today = today.map(|today| &today.written);
        json!({
            "version": today.map(|today| today.version),
            "read": today.and_then(Written::read),
        })
    }

    /// Whether its records need not be read by this type.
    pub(super) fn is_accepted_by(&self, today: Option<&Today>) -> bool {
        is_mark(self.accepted.as_ref(), &Written::mark(today), "read")
    }

    /// What is kept of the type that clients are shown from then on.
    pub(super) fn mark_shown(today: &Today) -> Value {
        json!({ "version": today.written.version, "schema": today.written.schema })
    }

    /// Whether it was accepted that clients are shown this type from then on.
    pub(super) fn is_shown_as(&self, today: &Today) -> bool {
        is_mark(self.shown.as_ref(), &Written::mark_shown(today), "schema")
    }

    /// Whether nothing but notes is different.
    pub(super) fn is_like(&self, other: &Written) -> bool {
        let same = |this: Option<&Value>, that: Option<&Value>| match (this, that) {
            (Some(this), Some(that)) => is_same(this, that),
            (this, that) => this == that,
        };
        self.version == other.version
            && same(self.schema.as_ref(), other.schema.as_ref())
            && same(self.read(), other.read())
    }
}

/// Whether a mark is that of a type, of which the notes may have changed since.
fn is_mark(mark: Option<&Value>, today: &Value, schema: &str) -> bool {
    let same = |mark: &Value| {
        mark["version"] == today["version"] && is_same(&mark[schema], &today[schema])
    };
    mark.is_some_and(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;

    const TEXT: &[EventType] = &[EventType::new("a").with_schema(String::json_schema)];
    const NUMBER: &[EventType] = &[EventType::new("a").with_schema(u8::json_schema)];

    fn note(stored: &mut Stored, types: &'static [EventType], since: u64) {
        stored.note(Today::all(types), since);
    }

    fn since(stored: &Stored) -> Vec<u64> {
        stored.types["a"].iter().map(|written| written.since).collect()
    }

    #[test]
    fn a_schema_is_kept_since_its_first_record() {
        let mut stored = Stored::default();
        note(&mut stored, TEXT, 1);
        note(&mut stored, TEXT, 5);
        assert_eq!(since(&stored), [1], "nothing has changed");
        note(&mut stored, NUMBER, 7);
        assert_eq!(since(&stored), [1, 7]);
        note(&mut stored, TEXT, 7);
        assert_eq!(since(&stored), [1, 7], "nothing was written between");
        stored.forget_before(6);
        assert_eq!(since(&stored), [1, 7]);
        stored.forget_before(7);
        assert_eq!(since(&stored), [7]);
        stored.forget_before(100);
        assert_eq!(since(&stored), [7], "the latest is what clients know");
    }

    #[test]
    fn types_that_all_speak_of_each_other_are_compared_in_no_time() {
        let schema = |note: &str| {
            let names: Vec<_> = (0..40).map(|n| format!("T{n}")).collect();
            let to = |name: &String| (name.clone(), json!({ "$ref": format!("#/$defs/{name}") }));
            let fields: serde_json::Map<_, _> = names.iter().map(to).collect();
            let one = json!({ "type": "object", "description": note, "properties": fields });
            let all: serde_json::Map<_, _> =
                names.into_iter().map(|name| (name, one.clone())).collect();
            json!({ "$ref": "#/$defs/T0", "$defs": all })
        };
        assert!(is_same(&schema("before"), &schema("after")));
        let mut other = schema("after");
        other["$defs"]["T39"]["type"] = "array".into();
        assert!(!is_same(&schema("before"), &other));
    }

    #[test]
    fn a_log_that_has_lost_its_end_forgets_no_schema_of_what_comes_in_its_place() {
        let mut stored = Stored::default();
        note(&mut stored, TEXT, 1);
        note(&mut stored, NUMBER, 100);
        note(&mut stored, NUMBER, 91);
        assert_eq!(since(&stored), [1, 91]);
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let mut stored = Stored::default();
        note(&mut stored, NUMBER, 1);
        assert_eq!(Stored::parse(&stored.to_bytes().unwrap()), Ok(stored));
        assert!(matches!(Stored::parse(b""), Err(Unread::Damage(_))));
        assert!(matches!(Stored::parse(br#"{"format":1}"#), Err(Unread::Damage(_))));
    }

    #[test]
    fn another_format_is_told_from_damage_whatever_it_looks_like() {
        for later in [r#"{"format":2,"types":{}}"#, r#"{"format":2,"all":[]}"#] {
            let Err(Unread::Format(reason)) = Stored::parse(later.as_bytes()) else {
                panic!("{later}")
            };
            assert!(reason.contains("format is 2"), "{reason}");
        }
    }
}
