//! The JSON Schema of an event type's payload.

use super::EventType;
use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};
use std::fmt;

/// How the schema of a payload is made: a function, and what of its result it is.
#[derive(Clone, Copy)]
pub(super) struct Described {
    make: Option<fn(&mut SchemaGenerator) -> Schema>,
    part: Part,
}

/// What of a type's schema is the payload's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Whole,
    /// Of an enum's, that of a variant's content, by the names that serde gives the variant when it writes
    /// and when it reads.
    Variant {
        written: &'static str,
        read: &'static str,
    },
    /// Nothing: a variant without content is `null`.
    Null,
}

impl Described {
    pub(super) const NOT: Described = Described { make: None, part: Part::Whole };
}

/// Two functions cannot be compared, and types of one name in one program have one.
impl PartialEq for Described {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Described {}

impl fmt::Debug for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Described").field(&self.make.is_some()).field(&self.part).finish()
    }
}

/// What has a JSON Schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema",
    label = "what its payload looks like is not known without `JsonSchema`",
    note = "write `#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]` on `{Self}`, with \
            `use schemars::JsonSchema;` above it and `schemars = \"1\"` in Cargo.toml"
)]
pub trait HasSchema: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> HasSchema for T {}

impl EventType {
    /// The same type with the JSON Schema of its payload, as `JsonSchema::json_schema` makes it; by the derive
    /// that of the payload's type.
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use sse_framework::EventType;
    ///
    /// const BEAT: EventType = EventType::new("beat").with_schema(<()>::json_schema);
    /// assert_eq!(BEAT.schema().unwrap().get("type").unwrap(), "null");
    /// assert_eq!(EventType::new("beat").schema(), None);
    /// ```
    #[must_use]
    pub const fn with_schema(self, make: fn(&mut SchemaGenerator) -> Schema) -> Self {
        EventType { described: Described { make: Some(make), part: Part::Whole }, ..self }
    }

    /// The same with the schema of one variant of a set.
    pub(super) const fn with_part(
        self,
        make: fn(&mut SchemaGenerator) -> Schema,
        part: Part,
    ) -> Self {
        EventType { described: Described { make: Some(make), part }, ..self }
    }

    /// The JSON Schema, draft 2020-12, of the payload as it is written and stands in `data:`. None if it is not
    /// known, as that of an event by hand may be.
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    /// use sse_framework::SseEvent;
    ///
    /// /// An order was accepted.
    /// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// struct OrderPlaced {
    ///     shop: String,
    /// }
    ///
    /// let schema = OrderPlaced::TYPES[0].schema().unwrap();
    /// assert_eq!(schema.get("description").unwrap(), "An order was accepted.");
    /// assert_eq!(schema.pointer("/properties/shop/type").unwrap(), "string");
    /// ```
    pub fn schema(&self) -> Option<Schema> {
        self.schema_of(Contract::Serialize)
    }

    /// The same of what can be read: a field with `#[serde(default)]` is always written, and need not be there
    /// to be read.
    pub fn schema_of(&self, contract: Contract) -> Option<Schema> {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
        let meta_schema = settings.meta_schema.as_deref().map(Value::from);
        let mut generator = settings.into_generator();
        let mut schema = self.schema_in(&mut generator)?;
        let root = schema.ensure_object();
        if let Some(meta_schema) = meta_schema {
            root.insert("$schema".to_owned(), meta_schema);
        }
        let definitions = used(root, generator.take_definitions(true));
        if !definitions.is_empty() {
            root.insert("$defs".to_owned(), definitions.into());
        }
        Some(schema)
    }

    /// The same within a document of several, whose generator collects the definitions that they share. It is
    /// not put among these itself.
    pub fn schema_in(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        let Described { make, part } = self.described;
        let mut schema = match part {
            Part::Null => Schema::from(Map::from_iter([("type".to_owned(), "null".into())])),
            Part::Whole => make?(generator),
            Part::Variant { written, read } => {
                let is_read = generator.contract().is_deserialize();
                content(&make?(generator), if is_read { read } else { written })?
            }
        };
        let root = schema.ensure_object();
        if !self.description.is_empty() && !root.contains_key("description") {
            root.insert("description".to_owned(), self.description.into());
        }
        if self.deprecated.is_some() {
            root.insert("deprecated".to_owned(), true.into());
        }
        Some(schema)
    }
}

/// The schema of a variant's content, out of that of an enum which serde lays out in its default way.
fn content(set: &Schema, variant: &str) -> Option<Schema> {
    let branches = set.get("oneOf")?.as_array()?;
    let content = branches.iter().find_map(|branch| {
        let required = branch.get("required")?.as_array()?;
        let [name] = required.as_slice() else { return None };
        (name == variant).then(|| branch.get("properties")?.get(variant))?
    })?;
    Schema::try_from(content.clone()).ok()
}

/// Those of the definitions that a schema speaks of, also by way of others.
fn used(root: &Map<String, Value>, mut all: Map<String, Value>) -> Map<String, Value> {
    let mut used = Map::new();
    let mut names = Vec::new();
    root.values().for_each(|value| references(value, &mut names));
    while let Some(name) = names.pop() {
        if let Some(definition) = all.remove(&name) {
            references(&definition, &mut names);
            used.insert(name, definition);
        }
    }
    used
}

/// Collects the names of the definitions that a value refers to.
fn references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
                    Some(name) if key == "$ref" => names.push(decoded(name)),
                    _ => references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

/// A name as it stands in `$defs`, from how a reference writes it.
fn decoded(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let escaped = escaped.filter(|_| first == b'%');
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}
