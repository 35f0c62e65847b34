//! Whether what one schema describes as written is read by what another describes.
//!
//! Every rule here says "it fits" only where that is certain. What it does not understand fits only if both
//! schemas say the same.

use super::shape::{Budget, List, Object, Others, Place, Shape, is_integer, is_note};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// serde's `Deserialize`.
    Decoder,
    /// A client, which takes no harm from fields that it does not know.
    Client,
}

/// Something that is written and not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Where in the JSON, as `items[].price`.
    pub(super) path: String,
    pub(super) what: String,
}

/// What `reader` would not read of what `writer` describes; empty if it reads all of it.
pub(super) fn compare(writer: &Value, reader: &Value, who: Reader) -> Vec<Mismatch> {
    let budget = Budget::new();
    let mut comparison = Comparison {
        who,
        budget: &budget,
        path: Vec::new(),
        found: Vec::new(),
        under_way: Vec::new(),
    };
    comparison.fits(Place::root(writer, &budget), Place::root(reader, &budget));
    comparison.found
}

struct Comparison<'a> {
    who: Reader,
    budget: &'a Budget,
    path: Vec<String>,
    found: Vec<Mismatch>,
    /// Pairs that are being compared: within one it holds, else it would not be reached.
    under_way: Vec<[(*const Value, bool); 2]>,
}

impl Comparison<'_> {
    fn fits(&mut self, writer: Place<'_>, reader: Place<'_>) -> bool {
        let (Some(writer), Some(reader)) = (writer.resolved(), reader.resolved()) else {
            return self.no("it refers to what is not there");
        };
        let pair = [writer.key(), reader.key()];
        if self.under_way.contains(&pair) {
            return true;
        }
        self.under_way.push(pair);
        let fits = self.fits_resolved(writer, reader);
        self.under_way.pop();
        fits
    }

    fn fits_resolved(&mut self, writer: Place<'_>, reader: Place<'_>) -> bool {
        match (writer.shapes(), reader.shapes()) {
            (_, Some(shapes)) if matches!(shapes.as_slice(), [Shape::Any]) => true,
            (Some(written), Some(read)) => {
                // Each is looked at, so that all that does not fit is told.
                let fit: Vec<bool> =
                    written.iter().map(|shape| self.fits_one_of(shape, &read)).collect();
                fit.into_iter().all(|fits| fits)
            }
            _ if reader.is_read_like(writer) && same(writer, reader, &mut HashSet::new()) => true,
            _ => self.no(UNKNOWN),
        }
    }

    fn fits_one_of(&mut self, written: &Shape<'_>, read: &[Shape<'_>]) -> bool {
        let (path, found) = (self.path.clone(), std::mem::take(&mut self.found));
        let mut closest: Option<Vec<Mismatch>> = None;
        for shape in read {
            if self.budget.spend(1).is_none() {
                (self.path, self.found) = (path, found);
                return self.no(UNKNOWN);
            }
            if is_other(written, shape) {
                continue;
            }
            if self.fits_shape(written, shape) {
                (self.path, self.found) = (path, found);
                return true;
            }
            let tried = std::mem::take(&mut self.found);
            if is_alike(written, shape) && closest.is_none() {
                closest = Some(tried);
            }
            self.path.clone_from(&path);
        }
        self.found = found;
        match closest {
            Some(tried) if !tried.is_empty() => self.found.extend(tried),
            _ if read.is_empty() => _ = self.no("nothing is read here any more"),
            _ => {
                let read: Vec<_> = read.iter().map(name).collect();
                _ = self.no(format!("{} is written, {} is read", name(written), read.join(" or ")));
            }
        }
        false
    }

    fn fits_shape(&mut self, written: &Shape<'_>, read: &Shape<'_>) -> bool {
        match (written, read) {
            (_, Shape::Any) | (Shape::Null, Shape::Null) | (Shape::Bool, Shape::Bool) => true,
            (Shape::Const(written), read) => reads(read, written),
            (Shape::Number(written), Shape::Number(read)) => written.fits(read),
            (Shape::Text(written), Shape::Text(read)) => {
                let says = |(word, value): (&&str, &&Value)| written.get(word) == Some(value);
                read.iter().all(says)
            }
            (Shape::List(written), Shape::List(read)) => self.fits_list(written, read),
            (Shape::Object(written), Shape::Object(read)) => self.fits_object(written, read),
            _ => false,
        }
    }

    fn fits_list(&mut self, written: &List<'_>, read: &List<'_>) -> bool {
        if written.least < read.least || written.most > read.most {
            return self.no("the number of elements is another");
        }
        if read.unique && !written.unique {
            return self.no("the same element twice is refused");
        }
        let mut fits = true;
        let most = written.first.len().max(read.first.len());
        for place in 0..most {
            if place as u64 >= written.most {
                break;
            }
            let [this, that] =
                [written, read].map(|list| list.first.get(place).copied().or(list.rest));
            fits &= self.within(format!("[{place}]"), this, that);
        }
        if most as u64 >= written.most {
            return fits;
        }
        fits & self.within("[]".to_owned(), written.rest, read.rest)
    }

    fn fits_object(&mut self, written: &Object<'_>, read: &Object<'_>) -> bool {
        let mut fits = true;
        for name in &read.required {
            if !written.required.contains(name) {
                let what = match written.fields.contains_key(name) {
                    true => "it is required, and not always written",
                    false if self.who == Reader::Client => "the field is gone",
                    false => "it is required, and was not written",
                };
                fits &= self.field(name, |this| this.no(what));
            } else if !written.fields.contains_key(name) {
                fits &= self.field(name, |this| this.no(UNKNOWN));
            }
        }
        for (name, place) in &written.fields {
            fits &= self.field(name, |this| this.fits_field(name, *place, read));
        }
        if let Some(Others::Fit(place)) = written.others {
            fits &= self.field("*", |this| this.fits_others(written, place, read));
        } else if self.who == Reader::Client {
            let gone = read.fields.keys().filter(|name| !read.required.contains(name));
            for name in gone.filter(|name| !written.fields.contains_key(*name)) {
                fits &= self.field(name, |this| this.no("the field is gone"));
            }
        }
        for (pattern, place) in &written.patterns {
            fits &= self.field("*", |this| this.fits_pattern(pattern, *place, read));
        }
        fits
    }

    /// A field that is written by its name.
    fn fits_field(&mut self, name: &str, place: Place<'_>, read: &Object<'_>) -> bool {
        if let Some(reader) = read.fields.get(name) {
            return self.fits(place, *reader);
        }
        // Which integers are keys is not said.
        if read.patterns.iter().any(|(pattern, _)| may_match(pattern, name)) {
            return self.no(UNKNOWN);
        }
        self.fits_others_of(place, read)
    }

    /// A field that the reader does not name.
    fn fits_others_of(&mut self, place: Place<'_>, read: &Object<'_>) -> bool {
        match (read.others, self.who) {
            (_, Reader::Decoder) if read.picky => self.no(UNKNOWN),
            (None, _) => true,
            (Some(Others::Refused), Reader::Client) => true,
            (Some(Others::Refused), Reader::Decoder) => self.no("the field is refused"),
            (Some(Others::Fit(reader)), _) => self.fits(place, reader),
        }
    }

    /// Fields of any other name: each that the reader names could be among them.
    fn fits_others(&mut self, written: &Object<'_>, place: Place<'_>, read: &Object<'_>) -> bool {
        if !read.patterns.is_empty() && read.patterns.len() != written.patterns.len() {
            return self.no(UNKNOWN);
        }
        let named = read.fields.iter().filter(|(name, _)| !written.fields.contains_key(*name));
        let mut fits = true;
        for (_, reader) in named {
            fits &= self.fits(place, *reader);
        }
        fits & self.fits_others_of(place, read)
    }

    /// Fields whose names fit a pattern.
    fn fits_pattern(&mut self, pattern: &str, place: Place<'_>, read: &Object<'_>) -> bool {
        if read.fields.keys().any(|name| may_match(pattern, name)) {
            return self.no(UNKNOWN);
        }
        match read.patterns.as_slice() {
            [] => self.fits_others_of(place, read),
            [(other, reader)] if *other == pattern => self.fits(place, *reader),
            _ => self.no(UNKNOWN),
        }
    }

    fn within(
        &mut self,
        step: String,
        written: Option<Place<'_>>,
        read: Option<Place<'_>>,
    ) -> bool {
        self.path.push(step);
        let fits = match (written, read) {
            (_, None) => true,
            (Some(written), Some(read)) => self.fits(written, read),
            (None, Some(_)) => self.no(UNKNOWN),
        };
        self.path.pop();
        fits
    }

    fn field(&mut self, name: &str, check: impl FnOnce(&mut Self) -> bool) -> bool {
        self.path.push(if self.path.is_empty() { name.to_owned() } else { format!(".{name}") });
        let fits = check(self);
        self.path.pop();
        fits
    }

    /// Notes why it does not fit.
    fn no(&mut self, what: impl Into<String>) -> bool {
        let path = self.path.concat();
        let what = match self.budget.is_spent() {
            true => "the schemas are too large to be compared".to_owned(),
            false => what.into(),
        };
        if !self.found.iter().any(|found| found.path == path && found.what == what) {
            self.found.push(Mismatch { path, what });
        }
        false
    }
}

pub(super) const UNKNOWN: &str = "whether this fits cannot be told from the schemas";

/// Whether one value is read by its shape alone.
fn reads(shape: &Shape<'_>, value: &Value) -> bool {
    match (shape, value) {
        (Shape::Const(expected), value) => *expected == value,
        (Shape::Any, _) | (Shape::Null, Value::Null) | (Shape::Bool, Value::Bool(_)) => true,
        (Shape::Text(said), Value::String(_)) => said.is_empty(),
        (Shape::Number(number), value) => number.reads(value),
        _ => false,
    }
}

/// Whether the two could be an older and a newer state of one thing, for what is told.
fn is_alike(this: &Shape<'_>, that: &Shape<'_>) -> bool {
    match (this, that) {
        (Shape::Object(this), Shape::Object(that)) => tags(this) == tags(that),
        (Shape::List(_), Shape::List(_)) => true,
        _ => false,
    }
}

/// Whether two objects have the same tag, and with different values: then neither is read as the other.
fn is_other(this: &Shape<'_>, that: &Shape<'_>) -> bool {
    let (Shape::Object(this), Shape::Object(that)) = (this, that) else { return false };
    this.required.iter().any(|name| {
        let tag = |object: &Object<'_>| object.fields.get(name)?.tag().cloned();
        tag(this).zip(tag(that)).is_some_and(|(this, that)| this != that)
    })
}

/// What distinguishes an object from others of one enum: its fields of one value, or its only field.
fn tags<'a>(object: &Object<'a>) -> BTreeMap<&'a str, Option<&'a Value>> {
    let of_value =
        object.fields.iter().filter_map(|(name, place)| Some((*name, Some(place.tag()?))));
    let tags: BTreeMap<_, _> = of_value.collect();
    let only = (object.sealed && object.fields.len() == 1 && object.required.len() == 1)
        .then(|| object.fields.keys().map(|name| (*name, None)));
    match only {
        Some(only) if tags.is_empty() => only.collect(),
        _ => tags,
    }
}

/// For people.
fn name(shape: &Shape<'_>) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Bool => "a boolean".to_owned(),
        Shape::Const(value) => value.to_string(),
        Shape::Number(number) => number.name(),
        Shape::Text(said) => match said.get("format").and_then(|format| format.as_str()) {
            Some(format) => format!("text ({format})"),
            None if said.is_empty() => "text".to_owned(),
            None => "text of a certain kind".to_owned(),
        },
        Shape::List(_) => "an array".to_owned(),
        Shape::Object(object) => match tags(object).into_iter().next() {
            Some((name, Some(value))) => format!("an object with {name:?}: {value}"),
            Some((name, None)) => format!("an object with {name:?}"),
            None => "an object".to_owned(),
        },
    }
}

/// Whether a name may fit a pattern. Only of those that schemars writes for integers is that known.
fn may_match(pattern: &str, name: &str) -> bool {
    if !is_integer(pattern) {
        return true;
    }
    let sign = if pattern.starts_with("^-?") { name.strip_prefix('-') } else { None };
    let digits = sign.unwrap_or(name);
    !digits.is_empty() && digits.chars().all(char::is_numeric)
}

/// Whether two schemas say the same, but for notes and for what their definitions are called.
pub(super) fn is_same(this: &Value, that: &Value) -> bool {
    let budget = Budget::new();
    let [one, two] = [this, that].map(|schema| Place::root(schema, &budget));
    this == that || same(one, two, &mut HashSet::new())
}

/// Whether two schemas say the same, but for notes and for what their definitions are called.
///
/// Each pair is looked at once: one that is not the same is the answer for all.
fn same<'a>(
    this: Place<'a>,
    that: Place<'a>,
    seen: &mut HashSet<(*const Value, *const Value)>,
) -> bool {
    if !seen.insert((std::ptr::from_ref(this.schema), std::ptr::from_ref(that.schema))) {
        return true;
    }
    match (this.schema, that.schema) {
        (Value::Object(a), Value::Object(b)) => {
            let said = |fields: &'a serde_json::Map<String, Value>| {
                fields.iter().filter(|(word, _)| !is_note(word)).collect::<Vec<_>>()
            };
            let (a, b) = (said(a), said(b));
            a.len() == b.len()
                && a.iter().all(|(word, value)| {
                    let other = b.iter().find(|(other, _)| other == word);
                    let Some((_, other)) = other else { return false };
                    match (word.as_str(), value, other) {
                        ("$ref", Value::String(one), Value::String(two)) => {
                            match (this.find(one), that.find(two)) {
                                (Some(one), Some(two)) => same(one, two, seen),
                                _ => false,
                            }
                        }
                        ("properties" | "patternProperties" | "dependentSchemas", ..) => {
                            fields_same(this.at(value), that.at(other), seen)
                        }
                        ("const" | "enum" | "required" | "dependentRequired", ..) => value == other,
                        _ => same(this.at(value), that.at(other), seen),
                    }
                })
        }
        (Value::Array(a), Value::Array(b)) => {
            let mut pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.all(|(a, b)| same(this.at(a), that.at(b), seen))
        }
        (a, b) => a == b,
    }
}

/// The same of fields, whose names may be those of notes.
fn fields_same<'a>(
    this: Place<'a>,
    that: Place<'a>,
    seen: &mut HashSet<(*const Value, *const Value)>,
) -> bool {
    let (Some(a), Some(b)) = (this.schema.as_object(), that.schema.as_object()) else {
        return false;
    };
    a.len() == b.len()
        && a.iter().all(|(name, value)| {
            b.get(name).is_some_and(|other| same(this.at(value), that.at(other), seen))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variants(names: impl Iterator<Item = String>) -> Vec<Value> {
        let object = |name: String| json!({ "type": "object", "properties": { &name: true }, "required": [name] });
        names.map(object).collect()
    }

    /// What a change of one field is called, beside all of this.
    fn change_beside(mut schema: Value) -> Vec<Mismatch> {
        schema["properties"] = json!({ "changed": { "type": "string" } });
        let before = schema.clone();
        schema["properties"]["changed"]["type"] = json!("null");
        compare(&before, &schema, Reader::Decoder)
    }

    #[test]
    fn what_is_too_large_is_not_judged_and_takes_no_time() {
        let flattened = |n: usize| json!({ "oneOf": variants((0..8).map(|m| format!("{n}-{m}"))) });
        let all: Vec<_> = (0..20).map(flattened).collect();
        let twice =
            |n: usize| json!({ "anyOf": vec![json!({ "$ref": format!("#/$defs/{n}") }); 2] });
        let mut nested: serde_json::Map<_, _> =
            (0..40).map(|n| (n.to_string(), twice(n + 1))).collect();
        nested.insert("40".to_owned(), json!({ "type": "object" }));
        for schema in [
            json!({ "type": "object", "allOf": all }),
            json!({ "type": "object", "allOf": [{ "$ref": "#/$defs/0" }], "$defs": nested }),
        ] {
            let found = change_beside(schema);
            assert!(found.iter().all(|it| it.what.contains("too large")), "{found:?}");
            assert!(!found.is_empty());
        }
    }

    #[test]
    fn large_enums_are_judged() {
        let variant = |n: usize| {
            let mut fields: serde_json::Map<_, _> =
                (0..9).map(|n| (n.to_string(), json!({ "type": "string" }))).collect();
            fields.insert("tag".to_owned(), json!({ "const": n }));
            json!({ "type": "object", "properties": fields, "required": ["tag"] })
        };
        let all = |from| json!({ "oneOf": (from..300).map(variant).collect::<Vec<_>>() });
        assert!(compare(&all(0), &all(0), Reader::Decoder).is_empty());
        let found = compare(&all(0), &all(1), Reader::Decoder);
        assert!(matches!(found.as_slice(), [one] if one.what.contains("is written")), "{found:?}");
    }
}
