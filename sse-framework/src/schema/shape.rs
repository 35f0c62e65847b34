//! What a schema says, taken apart: one of some shapes.

use super::number::Number;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A schema in the document in which its references are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) root: &'a Value,
    pub(super) schema: &'a Value,
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

impl<'a> Place<'a> {
    pub(super) fn root(root: &'a Value) -> Self {
        Place { root, schema: root }
    }

    pub(super) fn at(self, schema: &'a Value) -> Self {
        Place { schema, ..self }
    }

    /// The definition that `reference` names.
    pub(super) fn find(self, reference: &str) -> Option<Self> {
        if reference == "#" {
            return Some(self.at(self.root));
        }
        let name = crate::event::decoded(reference.strip_prefix("#/$defs/")?);
        self.root.get("$defs")?.get(&name).map(|schema| self.at(schema))
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

    /// The shapes of which a value has one. None if something is said that is not understood.
    pub(super) fn shapes(self) -> Option<Vec<Shape<'a>>> {
        self.shapes_within(0)
    }

    fn shapes_within(self, depth: usize) -> Option<Vec<Shape<'a>>> {
        let Place { schema, .. } = self.resolved().filter(|_| depth < MOST_NESTED)?;
        let keywords = match schema {
            Value::Bool(true) => return Some(vec![Shape::Any]),
            Value::Bool(false) => return Some(Vec::new()),
            Value::Object(keywords) => keywords,
            _ => return None,
        };
        let (mut own, mut joined) = (Vec::new(), Vec::new());
        for (keyword, value) in keywords.iter().filter(|(keyword, _)| !is_note(keyword)) {
            match (keyword.as_str(), value) {
                ("oneOf" | "anyOf", Value::Array(all)) => {
                    let all = all.iter().map(|one| self.at(one).shapes_within(depth + 1));
                    let all: Option<Vec<_>> = all.collect();
                    joined.push(all?.into_iter().flatten().collect());
                }
                ("allOf", Value::Array(all)) => {
                    for one in all {
                        joined.push(self.at(one).shapes_within(depth + 1)?);
                    }
                }
                ("$ref", Value::String(name)) => {
                    joined.push(self.find(name)?.shapes_within(depth + 1)?);
                }
                (keyword, value) => own.push((keyword, value)),
            }
        }
        let own = self.plain(&own)?;
        joined.into_iter().try_fold(own, |all, more| join(&all, &more))
    }

    /// The shapes that keywords make which speak of the value itself.
    fn plain(self, keywords: &[(&'a str, &'a Value)]) -> Option<Vec<Shape<'a>>> {
        if keywords.is_empty() {
            return Some(vec![Shape::Any]);
        }
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
        Some(Object {
            fields: places(fields("properties")?).into_iter().collect(),
            required,
            sealed: own.is_some(),
            others: own.or(all),
            patterns: places(fields("patternProperties")?),
        })
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

/// The shapes of what has one of these and one of those. None if that cannot be told.
fn join<'a>(these: &[Shape<'a>], those: &[Shape<'a>]) -> Option<Vec<Shape<'a>>> {
    let mut joined = Vec::new();
    for this in these {
        for that in those {
            joined.extend(both(this, that)?);
        }
    }
    Some(joined)
}

/// The shape of what has this and that, if there is any. None if that cannot be told.
fn both<'a>(this: &Shape<'a>, that: &Shape<'a>) -> Option<Option<Shape<'a>>> {
    Some(match (this, that) {
        (Shape::Any, other) | (other, Shape::Any) => Some(other.clone()),
        (Shape::Null, Shape::Null) => Some(Shape::Null),
        (Shape::Bool, Shape::Bool) => Some(Shape::Bool),
        (Shape::Const(this), Shape::Const(that)) if this == that => Some(Shape::Const(this)),
        (Shape::Const(_), Shape::Const(_)) => None,
        (Shape::Object(this), Shape::Object(that)) => Some(Shape::Object(this.and(that)?)),
        _ => return None,
    })
}

impl<'a> Object<'a> {
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
            let before = both.fields.insert(name, *place);
            if before.is_some_and(|before| before.schema != place.schema) {
                return None;
            }
        }
        both.required.extend(&that.required);
        both.patterns.extend(&that.patterns);
        (both.others, both.sealed) = (others, self.sealed || that.sealed);
        Some(both)
    }
}
