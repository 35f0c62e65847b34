//! A type for each JSON Schema.
//!
//! A type says no more than its schema. What cannot be said in TypeScript is left out, so a type may
//! have more values than the schema allows, down to `unknown`, but never fewer.

use super::names::{Names, is_plain};
use crate::event::decoded;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

pub(super) struct Types<'a> {
    definitions: &'a Map<String, Value>,
    names: &'a Names<'a>,
}

/// A type, and how it must stand within another.
#[derive(Clone, PartialEq)]
pub(super) struct Type {
    text: String,
    kind: Kind,
}

/// What is before another needs no parentheses within it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Kind {
    One,
    All,
    Any,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Type {
    fn one(text: impl Into<String>) -> Self {
        Type { text: text.into(), kind: Kind::One }
    }

    fn unknown() -> Self {
        Type::one("unknown")
    }

    fn is(&self, text: &str) -> bool {
        self.text == text
    }

    /// As it stands within a type of another kind.
    fn within(self, kind: Kind) -> String {
        if self.kind <= kind { self.text } else { format!("({})", self.text) }
    }

    fn joined(mut types: Vec<Type>, by: &str, kind: Kind) -> Self {
        if types.len() == 1 {
            return types.remove(0);
        }
        let texts: Vec<String> = types.into_iter().map(|one| one.within(kind)).collect();
        Type { text: texts.join(by), kind }
    }

    fn any(types: impl IntoIterator<Item = Type>) -> Self {
        let mut different = Vec::new();
        for one in types {
            if one.is("unknown") {
                return one;
            }
            if !one.is("never") && !different.contains(&one) {
                different.push(one);
            }
        }
        match different.is_empty() {
            true => Type::one("never"),
            false => Type::joined(different, " | ", Kind::Any),
        }
    }

    fn all(types: Vec<Type>) -> Self {
        let known: Vec<Type> = types.into_iter().filter(|one| !one.is("unknown")).collect();
        match known.is_empty() {
            true => Type::unknown(),
            false => Type::joined(known, " & ", Kind::All),
        }
    }

    fn array(self) -> Self {
        Type::one(format!("{}[]", self.within(Kind::One)))
    }
}

/// One of several that a value must be.
struct Part {
    is_map: bool,
    kind: Type,
}

/// What a map says of every key, TypeScript would take to be said of the others' keys, too.
fn combined(mut parts: Vec<Part>) -> Type {
    let count = parts.len();
    if count > 1 {
        parts.retain(|part| !part.is_map);
    }
    let is_object = parts.iter().any(|part| part.kind.text.starts_with('{'));
    let mut kinds: Vec<Type> = parts.into_iter().map(|part| part.kind).collect();
    if is_object && kinds.len() < count {
        kinds.push(Type::one("{ [key: string]: unknown }"));
    }
    Type::all(kinds)
}

impl<'a> Types<'a> {
    pub(super) fn new(definitions: &'a Map<String, Value>, names: &'a Names<'a>) -> Self {
        Types { definitions, names }
    }

    /// The type of a schema that stands so far to the right.
    pub(super) fn of(&self, schema: &Value, indent: usize) -> Type {
        let fields = match schema {
            Value::Object(fields) => fields,
            Value::Bool(false) => return Type::one("never"),
            _ => return Type::unknown(),
        };
        let mut all = Vec::new();
        let part =
            |schema: &Value| Part { is_map: self.is_map(schema), kind: self.of(schema, indent) };
        if let Some(reference) = fields.get("$ref") {
            let target = definition(reference).and_then(|name| self.definitions.get(&name));
            let is_map = target.is_some_and(|target| self.is_map(target));
            all.push(Part { is_map, kind: self.reference(reference) });
        }
        if let Some(values) = literals(fields) {
            all.push(Part { is_map: false, kind: Type::any(values.iter().map(literal)) });
        } else if let Some(types) = fields.get("type")
            && (says_more(fields) || !has_parts(fields) || fields.contains_key("properties"))
        {
            let one =
                |name: &Value| self.by_type(name.as_str().unwrap_or_default(), fields, indent);
            let kind = match types {
                Value::Array(names) => Type::any(names.iter().map(one)),
                name => one(name),
            };
            all.push(Part { is_map: is_map_itself(fields), kind });
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(branches) = fields.get(key).and_then(Value::as_array) {
                let is_map = branches.iter().any(|branch| self.is_map(branch));
                all.push(Part { is_map, kind: self.union(branches, indent) });
            }
        }
        let parts = fields.get("allOf").and_then(Value::as_array).into_iter().flatten();
        all.extend(parts.map(part));
        combined(all)
    }

    /// A definition that is nothing but itself, or that and others, cannot be declared.
    pub(super) fn of_definition(&self, name: &str, schema: &Value) -> Type {
        match self.leads_to(schema, name) {
            true => Type::unknown(),
            false => self.of(schema, 0),
        }
    }

    pub(super) fn documentation(&self, schema: &Value, indent: usize) -> String {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let is_deprecated = schema.get("deprecated") == Some(&Value::Bool(true));
        documentation(text, is_deprecated.then_some(""), is_wide(schema), indent)
    }

    fn reference(&self, reference: &Value) -> Type {
        let name = definition(reference).and_then(|name| self.names.definitions.get(&*name));
        name.map_or_else(Type::unknown, Type::one)
    }

    fn by_type(&self, name: &str, schema: &Map<String, Value>, indent: usize) -> Type {
        match name {
            "null" | "boolean" | "string" | "number" => Type::one(name),
            "integer" => Type::one("number"),
            "array" => self.array(schema, indent),
            "object" => self.object(schema, indent),
            _ => Type::unknown(),
        }
    }

    fn array(&self, schema: &Map<String, Value>, indent: usize) -> Type {
        let items = schema.get("items");
        let rest = || items.map_or_else(Type::unknown, |items| self.of(items, indent)).array();
        let Some(first) = schema.get("prefixItems").and_then(Value::as_array) else {
            return rest();
        };
        let length = |key| schema.get(key).and_then(Value::as_u64);
        let count = first.len() as u64;
        if length("minItems").is_none_or(|least| least < count) {
            return Type::unknown().array();
        }
        let mut texts: Vec<String> =
            first.iter().map(|item| self.of(item, indent).to_string()).collect();
        if length("maxItems") != Some(count) && items != Some(&Value::Bool(false)) {
            texts.push(format!("...{}", rest()));
        }
        Type::one(format!("[{}]", texts.join(", ")))
    }

    fn object(&self, schema: &Map<String, Value>, indent: usize) -> Type {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        let inner = indent + 2;
        let mut lines = Vec::new();
        let mut kinds = Vec::new();
        for (name, property) in properties {
            let optional = if is_required(name) { "" } else { "?" };
            let kind = self.of(property, inner);
            let key = if is_plain(name) { name.clone() } else { Value::from(&**name).to_string() };
            let text = self.documentation(property, inner);
            lines.push(format!("{text}{:inner$}{key}{optional}: {kind};\n", ""));
            kinds.push(kind);
            if !optional.is_empty() {
                kinds.push(Type::one("undefined"));
            }
        }
        if let Some(others) = self.other_properties(schema, inner) {
            // In TypeScript it holds for the named ones, too.
            let others = Type::any([others].into_iter().chain(kinds));
            lines.push(format!("{:inner$}[key: string]: {others};\n", ""));
        }
        Type::one(format!("{{\n{}{:indent$}}}", lines.concat(), ""))
    }

    /// What has a name that is not said.
    fn other_properties(&self, schema: &Map<String, Value>, indent: usize) -> Option<Type> {
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let patterns = patterns.into_iter().flat_map(Map::values);
        let mut kinds: Vec<Type> = patterns.map(|pattern| self.of(pattern, indent)).collect();
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => {}
            Some(others @ Value::Object(_)) => kinds.push(self.of(others, indent)),
            _ if kinds.is_empty() && schema.contains_key("properties") => {}
            _ => return Some(Type::unknown()),
        }
        match kinds.is_empty() {
            // An object without properties is no `{}`, which is anything.
            true if !schema.contains_key("properties") => Some(Type::unknown()),
            true => None,
            false => Some(Type::any(kinds)),
        }
    }

    fn union(&self, branches: &[Value], indent: usize) -> Type {
        let any = Type::any(branches.iter().map(|branch| self.of(branch, indent)));
        let are_told = branches.iter().any(|branch| branch.get("description").is_some());
        if any.kind != Kind::Any || !are_told {
            return any;
        }
        // Each with what is said of it.
        let inner = indent + 2;
        let mut text = String::new();
        for branch in branches {
            let branch_text = self.documentation(branch, inner);
            let kind = self.of(branch, inner).within(Kind::Any);
            text.push_str(&format!("\n{branch_text}{:inner$}| {kind}", ""));
        }
        Type { text, kind: Kind::Any }
    }

    /// Whether it has properties of any name.
    fn is_map(&self, schema: &Value) -> bool {
        // Where there are parts, they say what kind of object it is.
        let says = |fields: &&Map<String, Value>| says_more(fields) || !has_parts(fields);
        self.direct(schema).0.into_iter().filter(says).any(is_map_itself)
    }

    /// Whether it is, or may be, what this definition is.
    fn leads_to(&self, schema: &Value, name: &str) -> bool {
        self.direct(schema).1.contains(name)
    }

    /// The schema and those of which its values have all, or one, and the definitions among them.
    fn direct<'s>(&'s self, schema: &'s Value) -> (Vec<&'s Map<String, Value>>, BTreeSet<String>) {
        let (mut found, mut names, mut ahead) = (Vec::new(), BTreeSet::new(), vec![schema]);
        while let Some(schema) = ahead.pop() {
            let Some(fields) = schema.as_object() else { continue };
            found.push(fields);
            let parts = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| fields.get(key));
            ahead.extend(parts.filter_map(Value::as_array).flatten());
            if let Some(name) = fields.get("$ref").and_then(definition)
                && names.insert(name.clone())
            {
                ahead.extend(self.definitions.get(&name));
            }
        }
        (found, names)
    }
}

fn is_map_itself(schema: &Map<String, Value>) -> bool {
    let is_object = schema.get("type").is_some_and(|types| match types {
        Value::Array(types) => types.iter().any(|one| one == "object"),
        one => one == "object",
    });
    is_object && (says_more(schema) || !schema.contains_key("properties"))
}

/// Whether it says what properties are that it does not name.
fn says_more(schema: &Map<String, Value>) -> bool {
    let others = schema.get("additionalProperties");
    others.is_some_and(Value::is_object) || schema.contains_key("patternProperties")
}

fn has_parts(schema: &Map<String, Value>) -> bool {
    ["$ref", "oneOf", "anyOf", "allOf"].into_iter().any(|key| schema.contains_key(key))
}

/// The values that it allows, if they are listed.
fn literals(schema: &Map<String, Value>) -> Option<&[Value]> {
    let one = schema.get("const").map(std::slice::from_ref);
    one.or_else(|| schema.get("enum")?.as_array().map(Vec::as_slice))
}

/// JSON's literals are TypeScript's.
fn literal(value: &Value) -> Type {
    match value {
        Value::Array(_) | Value::Object(_) => Type::unknown(),
        one => Type::one(one.to_string()),
    }
}

/// Whether an integer is in it that a `number` may not hold.
pub(super) fn is_wide(schema: &Value) -> bool {
    let has_format = schema.get("format").and_then(Value::as_str);
    let formats = ["int64", "uint64", "int", "uint", "int128", "uint128"];
    let below = |key| schema.get(key).is_some_and(is_wide);
    let among =
        |key| schema.get(key).and_then(Value::as_array).is_some_and(|all| all.iter().any(is_wide));
    has_format.is_some_and(|format| formats.contains(&format))
        || ["items", "additionalProperties"].into_iter().any(below)
        || ["prefixItems", "anyOf"].into_iter().any(among)
}

/// A comment, if there is something to say.
pub(super) fn documentation(
    text: &str,
    deprecated: Option<&str>,
    is_wide: bool,
    indent: usize,
) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if is_wide {
        lines.push("An integer, exact up to 2^53.".to_owned());
    }
    if let Some(instead) = deprecated {
        lines.push(format!("@deprecated {}", instead.replace('\n', " ")));
    }
    for line in &mut lines {
        *line = line.replace("*/", "*\\/").trim_end().to_owned();
    }
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("{:indent$}/** {line} */\n", ""),
        lines => {
            let line =
                |line: &String| format!("{:indent$} * {line}", "").trim_end().to_owned() + "\n";
            let lines: String = lines.iter().map(line).collect();
            format!("{:indent$}/**\n{lines}{:indent$} */\n", "", "")
        }
    }
}

/// The name of the definition that a reference is to.
fn definition(reference: &Value) -> Option<String> {
    reference.as_str()?.strip_prefix("#/$defs/").map(decoded)
}
