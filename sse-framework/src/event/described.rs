//! The JSON Schema of an event type's payload.

use super::EventType;
use schemars::consts::meta_schemas::DRAFT2020_12;
use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::ptr::fn_addr_eq;

/// How the schema of a payload is made: a function, and what of its result it is.
#[derive(Clone, Copy)]
pub(super) struct Described {
    make: Option<Make>,
    part: Part,
}

type Make = fn(&mut SchemaGenerator) -> Schema;

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
        Schemas::default().of(self, contract)
    }

    /// The same within a document of several, whose generator collects the definitions that they share. It is
    /// not put among these itself.
    pub fn schema_in(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        let contract = generator.contract().clone();
        let make = self.described.make;
        self.describe(&contract, || make.map(|make| Cow::Owned(make(generator))))
    }

    /// Whether it was given a schema, though perhaps one of which the payload's cannot be told.
    pub(crate) fn is_described(&self) -> bool {
        self.described.make.is_some()
    }

    /// What `whole` says of this event type.
    fn describe<'a>(
        &self,
        contract: &Contract,
        whole: impl FnOnce() -> Option<Cow<'a, Schema>>,
    ) -> Option<Schema> {
        let part = self.described.part;
        let mut schema = match part {
            Part::Null => Schema::from(Map::from_iter([("type".to_owned(), "null".into())])),
            Part::Whole => whole()?.into_owned(),
            Part::Variant { written, read } => {
                content(&*whole()?, if contract.is_deserialize() { read } else { written })?
            }
        };
        let root = schema.ensure_object();
        // What a variant's fields bring along is not of the variant.
        let is_own = matches!(part, Part::Variant { .. }) || !root.contains_key("description");
        if !self.description.is_empty() && is_own {
            root.insert("description".to_owned(), self.description.into());
        }
        if self.deprecated.is_some() {
            root.insert("deprecated".to_owned(), true.into());
        }
        Some(schema)
    }
}

/// Makes schemas. That of an enum is made once for all of its variants, if they are asked for in a row.
#[derive(Default)]
pub(crate) struct Schemas {
    /// For writing, and for reading.
    last: [Option<Whole>; 2],
}

/// The schema of a type as a whole.
struct Whole {
    make: Make,
    schema: Schema,
    definitions: Map<String, Value>,
}

impl Schemas {
    /// The schema of an event type.
    pub(crate) fn of(&mut self, event_type: &EventType, contract: Contract) -> Option<Schema> {
        let make = event_type.described.make?;
        let last = &mut self.last[usize::from(contract.is_deserialize())];
        let whole = match last.take() {
            Some(whole) if fn_addr_eq(whole.make, make) => whole,
            _ => Whole::new(make, contract.clone()),
        };
        let Whole { schema, definitions, .. } = last.insert(whole);
        let mut schema = event_type.describe(&contract, || Some(Cow::Borrowed(schema)))?;
        let root = schema.ensure_object();
        root.insert("$schema".to_owned(), DRAFT2020_12.into());
        let definitions = used(root, definitions);
        if !definitions.is_empty() {
            root.insert("$defs".to_owned(), definitions.into());
        }
        Some(schema)
    }
}

impl Whole {
    fn new(make: Make, contract: Contract) -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
        let mut generator = settings.into_generator();
        let schema = make(&mut generator);
        Whole { make, schema, definitions: generator.take_definitions(true) }
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
pub(crate) fn used(root: &Map<String, Value>, all: &Map<String, Value>) -> Map<String, Value> {
    let mut used = Map::new();
    let mut names = Vec::new();
    references_in(root, &mut names);
    while let Some(name) = names.pop() {
        if let Some(definition) = all.get(&name)
            && !used.contains_key(&name)
        {
            references(definition, &mut names);
            used.insert(name, definition.clone());
        }
    }
    used
}

/// Collects the names of the definitions that a value refers to.
fn references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => references_in(fields, names),
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

fn references_in(fields: &Map<String, Value>, names: &mut Vec<String>) {
    for (key, value) in fields {
        match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
            Some(name) if key == "$ref" => names.push(decoded(name)),
            _ => references(value, names),
        }
    }
}

/// A name as it stands in `$defs`, from how a reference writes it.
pub(crate) fn decoded(name: &str) -> String {
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
