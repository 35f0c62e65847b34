//! The schemas of several event types, and what they share, for a document of them all.

use crate::event::{EventType, decoded, used};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a document says of event types.
pub(super) struct Collected {
    /// Each event type's payload, in the order of the types.
    pub(super) payloads: Vec<Payload>,
    /// What the payloads refer to as `#/$defs/..`.
    pub(super) definitions: Map<String, Value>,
}

pub(super) struct Payload {
    pub(super) event: EventType,
    /// With the type's description and version, of which there may be nothing but these.
    pub(super) schema: Value,
    /// Whether more is known than that it is JSON.
    pub(super) is_known: bool,
}

/// Which version of the event type it is. Validators do not look at what begins with `x-`.
const VERSION: &str = "x-sse-version";

impl Collected {
    pub(super) fn of(types: impl IntoIterator<Item = EventType>) -> Self {
        let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let payload = |event: EventType| {
            let schema = event.schema_in(&mut generator);
            let is_known = schema.is_some();
            let mut schema = schema.unwrap_or_else(|| unknown(event));
            schema.insert(VERSION.to_owned(), event.version().into());
            Payload { event, schema: schema.into(), is_known }
        };
        let payloads: Vec<_> = types.into_iter().map(payload).collect();
        let named = payloads.iter().map(|payload| (payload.event.name(), payload.schema.clone()));
        let roots = named.map(|(name, schema)| (name.to_owned(), schema)).collect();
        let definitions = used(&roots, &generator.take_definitions(true));
        Collected { payloads, definitions }
    }

    /// Gives each definition another name. References to them begin with `place` then.
    pub(super) fn rename(&mut self, place: &str, mut name: impl FnMut(&str) -> String) {
        let definitions = std::mem::take(&mut self.definitions);
        let names = definitions.keys().map(|before| (before.clone(), name(before)));
        let names = Renamed { place, names: names.collect() };
        self.payloads.iter_mut().for_each(|payload| names.in_schema(&mut payload.schema));
        self.definitions = definitions
            .into_iter()
            .map(|(before, mut schema)| {
                names.in_schema(&mut schema);
                (names.names.get(&before).cloned().unwrap_or(before), schema)
            })
            .collect();
    }
}

/// The names in a document, no two of which are the same.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// This name, or the nearest that is free.
    pub(super) fn take(&mut self, mut name: String) -> String {
        while name.is_empty() || !self.0.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}

/// What is said of a payload whose schema is not known.
fn unknown(event: EventType) -> Schema {
    let mut schema = Schema::default();
    if !event.description().is_empty() {
        schema.insert("description".to_owned(), event.description().into());
    }
    if event.deprecated().is_some() {
        schema.insert("deprecated".to_owned(), true.into());
    }
    schema
}

struct Renamed<'a> {
    place: &'a str,
    names: BTreeMap<String, String>,
}

impl Renamed<'_> {
    fn in_schema(&self, schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(keyword, value)| self.in_keyword(keyword, value));
            }
            Value::Array(schemas) => schemas.iter_mut().for_each(|schema| self.in_schema(schema)),
            _ => {}
        }
    }

    fn in_keyword(&self, keyword: &str, value: &mut Value) {
        match (keyword, value) {
            // Values, and no schemas.
            ("const" | "default" | "enum" | "examples", _) => {}
            ("$ref", Value::String(reference)) => {
                if let Some(renamed) = self.reference(reference) {
                    *reference = renamed;
                }
            }
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                Value::Object(schemas),
            ) => {
                schemas.values_mut().for_each(|schema| self.in_schema(schema));
            }
            (_, value) => self.in_schema(value),
        }
    }

    fn reference(&self, reference: &str) -> Option<String> {
        let path = reference.strip_prefix("#/$defs/")?;
        let (name, within) = path.split_at(path.find('/').unwrap_or(path.len()));
        let name = self.names.get(&decoded(name))?;
        Some(format!("{}{}{within}", self.place, encoded(name)))
    }
}

/// A name as a reference writes it, from how it stands in `$defs`.
pub(super) fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.replace('~', "~0").replace('/', "~1").into_bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
