//! What a schema says, taken apart: one of some shapes.

use super::number::Number;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// A schema in the document in which its references are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    root: &'a Value,
    pub(super) schema: &'a Value,
    budget: &'a Budget,
    /// Whether serde keeps the value in its memory before it is read, as it does with what is flattened,
    /// untagged or tagged within. Not everything can be read from there.
    buffered: bool,
    /// Whether the type refuses fields that it does not know, though its schema does not say so.
    picky: bool,
}

/// How much may still be looked at: enums that are flattened side by side make as many shapes as there are
/// combinations of their variants.
#[derive(Debug)]
pub(super) struct Budget(Cell<u32>);

impl Budget {
    /// So much is looked at in less than a second.
    pub(super) fn new() -> Self {
        Budget(Cell::new(100_000))
    }

    /// None if nothing is left.
    pub(super) fn spend(&self, steps: usize) -> Option<()> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.0.get().checked_sub(steps));
        self.0.set(left.unwrap_or(0));
        left.map(|_| ())
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// What a value can be. Only keywords whose meaning is known here make one.
#[derive(Clone, Debug)]
pub(super) enum Shape<'a> {
    /// Anything at all.
    Any,
    Null,
    Bool,
    /// This very value.
    Const(&'a Value),
    Number(Number),
    Text(BTreeMap<&'a str, &'a Value>),
    List(List<'a>),
    Object(Object<'a>),
}

/// An array.
#[derive(Clone, Debug)]
pub(super) struct List<'a> {
    /// Those at the beginning.
    pub(super) first: Vec<Place<'a>>,
    /// The others.
    pub(super) rest: Option<Place<'a>>,
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) unique: bool,
}

/// An object.
#[derive(Clone, Debug, Default)]
pub(super) struct Object<'a> {
    pub(super) fields: BTreeMap<&'a str, Place<'a>>,
    pub(super) required: Vec<&'a str>,
    /// Of fields that are not named. None if nothing is said of them.
    pub(super) others: Option<Others<'a>>,
    /// Whether that is said beside these fields, and not of all that the schema knows.
    pub(super) sealed: bool,
    /// Of fields whose names fit a pattern.
    pub(super) patterns: Vec<(&'a str, Place<'a>)>,
    /// Whether fields that are not named may be refused, though the schema does not say so.
    pub(super) picky: bool,
    /// Whether the name of its only field tells what it is, as that of a variant.
    named: bool,
}

/// What is said of fields that are not named.
#[derive(Clone, Copy, Debug)]
pub(super) enum Others<'a> {
    /// There are none.
    Refused,
    Fit(Place<'a>),
}

/// What says nothing of which values there can be.
const NOTES: [&str; 14] = [
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "example",
    "examples",
    "externalDocs",
    "readOnly",
    "title",
    "writeOnly",
];

/// Whether a keyword says nothing of which values there can be.
pub(super) fn is_note(keyword: &str) -> bool {
    NOTES.contains(&keyword) || keyword.starts_with("x-")
}

/// Deeper than any schema that is written by people.
const MOST_NESTED: usize = 64;

/// Types of the standard library's that refuse fields which they do not know, as their definitions are
/// called. schemars does not say it of them.
const PICKY: [&str; 6] =
    ["Bound_of_", "Duration", "OsString", "Range_of_", "Result_of_", "SystemTime"];

fn is_picky(name: &str) -> bool {
    let is = |known: &&str| match known.ends_with('_') {
        true => name.starts_with(known),
        // Others of the same name have a number behind it.
        false => name.trim_end_matches(|c: char| c.is_ascii_digit()) == *known,
    };
    PICKY.iter().any(is)
}

/// What `serde_json::Value` says of itself.
static ANYTHING: Value = Value::Bool(true);

impl<'a> Place<'a> {
    pub(super) fn root(root: &'a Value, budget: &'a Budget) -> Self {
        Place { root, schema: root, budget, buffered: false, picky: false }
    }

    pub(super) fn at(self, schema: &'a Value) -> Self {
        Place { schema, picky: false, ..self }
    }

    /// Whether it is read in as many ways as the other is, if both say the same.
    pub(super) fn is_read_like(self, other: Place<'_>) -> bool {
        other.buffered || !self.buffered
    }

    /// What distinguishes it from others.
    pub(super) fn key(self) -> (*const Value, bool) {
        (std::ptr::from_ref(self.schema), self.buffered)
    }

    /// The definition that `reference` names.
    pub(super) fn find(self, reference: &str) -> Option<Self> {
        if reference == "#" {
            return Some(self.at(self.root));
        }
        let name = crate::event::decoded(reference.strip_prefix("#/$defs/")?);
        let schema = self.root.get("$defs")?.get(&name)?;
        Some(Place { schema, picky: is_picky(&name), ..self })
    }

    /// What it is behind references that stand alone.
    pub(super) fn resolved(self) -> Option<Self> {
        let mut place = self;
        for _ in 0..MOST_NESTED {
            let Some(reference) = place.lone_reference() else { return Some(place) };
            place = place.find(reference)?;
        }
        None
    }

    fn lone_reference(self) -> Option<&'a str> {
        let keywords = self.schema.as_object()?;
        let alone = keywords.keys().all(|keyword| keyword == "$ref" || is_note(keyword));
        keywords.get("$ref").filter(|_| alone)?.as_str()
    }

    /// The value that it is by its own words, as that of a tag is.
    pub(super) fn tag(self) -> Option<&'a Value> {
        self.schema.get("const")
    }

    /// The shapes of which a value has one. None if something is said that is not understood, or if it is too
    /// much.
    pub(super) fn shapes(self) -> Option<Vec<Shape<'a>>> {
        self.shapes_within(0)
    }

    fn shapes_within(self, depth: usize) -> Option<Vec<Shape<'a>>> {
        let place = self.resolved().filter(|_| depth < MOST_NESTED)?;
        self.budget.spend(1)?;
        let keywords = match place.schema {
            Value::Bool(true) => return Some(vec![Shape::Any]),
            Value::Bool(false) => return Some(Vec::new()),
            Value::Object(keywords) => keywords,
            _ => return None,
        };
        let said = keywords.iter().filter(|(keyword, _)| !is_note(keyword));
        let (parts, own): (Vec<_>, Vec<_>) = said
            .map(|(keyword, value)| (keyword.as_str(), value))
            .partition(|(keyword, _)| matches!(*keyword, "$ref" | "allOf" | "anyOf" | "oneOf"));
        let mut shapes = match own.as_slice() {
            [] => None,
            own => Some(place.plain(own)?),
        };
        let is_tag = matches!(shapes.as_deref(), Some([Shape::Object(own)]) if own.is_tag());
        if let Some([Shape::Object(own)]) = shapes.as_deref_mut() {
            own.picky |= is_tag && parts.is_empty();
        }
        // What stands beside fields is flattened, or the content of a variant beside its tag.
        let inner = Place { buffered: place.buffered || !own.is_empty(), ..place };
        for (keyword, value) in parts {
            for mut part in inner.parts(keyword, value, depth)? {
                for shape in &mut part {
                    // Such a variant takes the whole of an object, unless it is flattened.
                    if let Shape::Object(object) = shape
                        && is_tag
                    {
                        object.picky |= object.named;
                    }
                }
                shapes = Some(match shapes {
                    Some(shapes) => place.join(&shapes, &part)?,
                    None => part,
                });
            }
        }
        Some(shapes.unwrap_or_else(|| vec![Shape::Any]))
    }

    /// What a keyword says that is made of schemas: shapes of which a value has one, of each of these.
    fn parts(self, keyword: &str, value: &'a Value, depth: usize) -> Option<Vec<Vec<Shape<'a>>>> {
        let shapes = |place: Place<'a>| place.shapes_within(depth + 1);
        match (keyword, value) {
            ("$ref", Value::String(name)) => Some(vec![shapes(self.find(name)?)?]),
            ("allOf", Value::Array(all)) => all.iter().map(|one| shapes(self.at(one))).collect(),
            ("anyOf" | "oneOf", Value::Array(all)) => {
                let buffered = self.buffered || is_buffered(keyword, all);
                let mut any = Vec::new();
                for schema in all {
                    any.extend(match schema.as_object() {
                        // Of what is flattened, there may be nothing.
                        Some(keywords) if keywords.is_empty() && self.buffered => {
                            vec![Shape::Object(Object::default())]
                        }
                        _ => shapes(Place { schema, buffered, ..self })?,
                    });
                    let last = any.last_mut().filter(|_| schema.get("properties").is_some());
                    if let Some(Shape::Object(object)) = last {
                        object.named |= object.is_named();
                        // If a variant beside it is untagged, it is as if it was not flattened.
                        object.picky |= object.named && self.buffered && keyword == "anyOf";
                    }
                }
                Some(vec![any])
            }
            _ => None,
        }
    }

    /// The shapes that keywords make which speak of the value itself.
    fn plain(self, keywords: &[(&'a str, &'a Value)]) -> Option<Vec<Shape<'a>>> {
        let get = |word: &str| keywords.iter().find(|(found, _)| *found == word).map(|(_, v)| *v);
        let only = |words: &[&str]| keywords.iter().all(|(keyword, _)| words.contains(keyword));
        if let Some(value) = get("const") {
            return only(&["const", "type"]).then(|| vec![Shape::Const(value)]);
        }
        if let Some(values) = get("enum") {
            let values = values.as_array().filter(|_| only(&["enum", "type"]))?;
            return Some(values.iter().map(Shape::Const).collect());
        }
        let types: Vec<&str> = match get("type")? {
            Value::String(one) => vec![one],
            Value::Array(all) => all.iter().map(Value::as_str).collect::<Option<_>>()?,
            _ => return None,
        };
        let known = |keyword| keyword == "type" || types.iter().any(|t| speaks_of(keyword, t));
        if !keywords.iter().all(|(keyword, _)| known(keyword)) {
            return None;
        }
        types.into_iter().map(|one| self.shape(one, &get)).collect()
    }

    fn shape(self, kind: &str, get: &dyn Fn(&str) -> Option<&'a Value>) -> Option<Shape<'a>> {
        Some(match kind {
            "null" => Shape::Null,
            "boolean" => Shape::Bool,
            "integer" | "number" => {
                let format = get("format").map(Value::as_str);
                if self.buffered && matches!(format, Some(Some("int128" | "uint128"))) {
                    return None;
                }
                let bounds = [get("minimum"), get("maximum")];
                Shape::Number(Number::new(kind == "integer", format.flatten(), bounds))
            }
            "string" => {
                let said = OF_TEXT.iter().filter_map(|word| Some((*word, get(word)?)));
                Shape::Text(said.collect())
            }
            "array" => Shape::List(self.list(get)?),
            "object" => Shape::Object(self.object(get)?),
            _ => return None,
        })
    }

    fn list(self, get: &dyn Fn(&str) -> Option<&'a Value>) -> Option<List<'a>> {
        let first = match get("prefixItems") {
            Some(items) => items.as_array()?.iter().map(|item| self.at(item)).collect(),
            None => Vec::new(),
        };
        let number = |word, without| get(word).map_or(Some(without), Value::as_u64);
        Some(List {
            first,
            rest: get("items").map(|items| self.at(items)),
            least: number("minItems", 0)?,
            most: number("maxItems", u64::MAX)?,
            unique: get("uniqueItems").is_some_and(|unique| *unique != Value::Bool(false)),
        })
    }

    fn object(self, get: &dyn Fn(&str) -> Option<&'a Value>) -> Option<Object<'a>> {
        let fields = |word| match get(word) {
            Some(fields) => fields.as_object().map(Some),
            None => Some(None),
        };
        let places = |fields: Option<&'a Map<String, Value>>| {
            let fields = fields.into_iter().flatten();
            fields.map(|(name, schema)| (name.as_str(), self.at(schema))).collect::<Vec<_>>()
        };
        let required = match get("required") {
            Some(names) => names.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        let others = |word| {
            get(word).map(|schema| match schema {
                Value::Bool(false) => Others::Refused,
                schema => Others::Fit(self.at(schema)),
            })
        };
        let (own, all) = (others("additionalProperties"), others("unevaluatedProperties"));
        if own.is_some() && all.is_some() {
            return None;
        }
        let object = Object {
            fields: places(fields("properties")?).into_iter().collect(),
            required,
            sealed: own.is_some(),
            others: own.or(all),
            patterns: places(fields("patternProperties")?),
            picky: self.picky,
            named: false,
        };
        // Keys that are integers are not read from serde's memory, so not of what is flattened.
        let is_flat = self.buffered
            || !matches!(object.others, Some(Others::Refused))
            || !object.fields.is_empty();
        let of_integers = object.patterns.iter().any(|(pattern, _)| is_integer(pattern));
        (!(is_flat && of_integers)).then_some(object)
    }

    /// The shapes of what has one of these and one of those. None if that cannot be told.
    fn join(self, these: &[Shape<'a>], those: &[Shape<'a>]) -> Option<Vec<Shape<'a>>> {
        let mut joined = Vec::new();
        for this in these {
            for that in those {
                let both = self.both(this, that)?;
                self.budget.spend(both.as_ref().map_or(1, Shape::size))?;
                joined.extend(both);
            }
        }
        Some(joined)
    }

    /// The shape of what has this and that, if there is any. None if that cannot be told.
    fn both(self, this: &Shape<'a>, that: &Shape<'a>) -> Option<Option<Shape<'a>>> {
        Some(match (this, that) {
            // It is written beside the fields, and may have any other.
            (Shape::Any, Shape::Object(object)) | (Shape::Object(object), Shape::Any) => {
                let others = object.others.or(Some(Others::Fit(self.at(&ANYTHING))));
                Some(Shape::Object(Object { others, picky: false, ..object.clone() }))
            }
            (Shape::Any, other) | (other, Shape::Any) => Some(other.clone()),
            (Shape::Null, Shape::Null) => Some(Shape::Null),
            (Shape::Bool, Shape::Bool) => Some(Shape::Bool),
            (Shape::Const(this), Shape::Const(that)) if this == that => Some(Shape::Const(this)),
            (Shape::Object(this), Shape::Object(that)) => Some(Shape::Object(this.and(that)?)),
            _ => return None,
        })
    }
}

/// Whether serde keeps what is one of these in its memory before it is read. An `Option` is not kept, nor
/// is content beside a tag, if that comes first as serde writes it.
fn is_buffered(keyword: &str, all: &[Value]) -> bool {
    if keyword == "anyOf" {
        let is_null = |one: &Value| one.get("type").is_some_and(|kind| kind == "null");
        // Of what has a type of its own, an `Option` is one of that type or null.
        let is_of_option = |one: &Value| {
            ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|word| one.get(word).is_some())
        };
        return !matches!(all, [some, none] if is_null(none) && is_of_option(some));
    }
    let is_tag = |schema: &&Value| schema.get("const").is_some();
    let fields = all.iter().filter_map(|one| one.get("properties")?.as_object());
    let tagged = fields.filter(|fields| fields.values().any(|schema| is_tag(&schema)));
    let beside = tagged.flat_map(|fields| fields.iter().filter(|(_, schema)| !is_tag(schema)));
    beside.map(|(name, _)| name).collect::<BTreeSet<_>>().len() > 1
}

/// Whether it is the pattern of keys that are integers.
pub(super) fn is_integer(pattern: &str) -> bool {
    [r"^\d+$", r"^-?\d+$"].contains(&pattern)
}

impl Shape<'_> {
    /// How much there is to look at.
    pub(super) fn size(&self) -> usize {
        match self {
            Shape::Object(object) => 1 + object.fields.len(),
            _ => 1,
        }
    }
}

/// What can be said of text.
const OF_TEXT: [&str; 6] =
    ["contentEncoding", "contentMediaType", "format", "maxLength", "minLength", "pattern"];

/// Whether a keyword is known to speak of values of this type.
fn speaks_of(keyword: &str, kind: &str) -> bool {
    let words: &[&str] = match kind {
        "integer" | "number" => &["format", "maximum", "minimum"],
        "string" => &OF_TEXT,
        "array" => &["items", "maxItems", "minItems", "prefixItems", "uniqueItems"],
        "object" => &[
            "additionalProperties",
            "patternProperties",
            "properties",
            "required",
            "unevaluatedProperties",
        ],
        _ => &[],
    };
    words.contains(&keyword)
}

impl<'a> Object<'a> {
    /// Whether it has nothing but a tag. The content of a variant without fields is not seen, and other
    /// fields may be refused: those beside `tag` if it is a newtype of a unit struct, `content` in any case.
    fn is_tag(&self) -> bool {
        let tags = self.fields.values().filter(|place| place.tag().is_some());
        self.has_one() && tags.count() == 1
    }

    /// Whether it has one field that must be there, and whose name is that of a variant.
    fn is_named(&self) -> bool {
        self.has_one() && !self.is_tag()
    }

    fn has_one(&self) -> bool {
        let one = self.fields.len() == 1 && self.required.len() == 1;
        one && self.others.is_none() && self.patterns.is_empty()
    }

    /// An object that is both.
    fn and(&self, that: &Object<'a>) -> Option<Object<'a>> {
        let knows = |one: &Object<'_>, other: &Object<'_>| {
            !one.sealed || other.fields.keys().all(|name| one.fields.contains_key(name))
        };
        let others = match (self.others, that.others) {
            (Some(_), Some(_)) => return None,
            (one, other) => one.or(other),
        };
        if !(knows(self, that) && knows(that, self)) {
            return None;
        }
        let mut both = self.clone();
        for (name, place) in &that.fields {
            // Of two that have the same field only one gets it.
            if both.fields.insert(name, *place).is_some() {
                return None;
            }
        }
        both.required.extend(&that.required);
        both.patterns.extend(&that.patterns);
        (both.others, both.sealed) = (others, self.sealed || that.sealed);
        (both.picky, both.named) = (self.picky || that.picky, false);
        Some(both)
    }
}
