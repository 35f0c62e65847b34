//! What types are called in TypeScript.

use super::Described;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The names of a module's types, all of them different, and none of them that of anything else.
pub(super) struct Names<'a> {
    /// Of each event type's payload, in their order.
    pub(super) events: Vec<String>,
    pub(super) definitions: BTreeMap<&'a str, String>,
}

impl<'a> Names<'a> {
    pub(super) fn of(
        types: &[Described],
        definitions: &'a Map<String, Value>,
        declared: &[&str],
        client: &str,
    ) -> Self {
        let mut taken: BTreeSet<String> = declared.iter().map(|name| (*name).to_owned()).collect();
        taken.extend(identifiers(client).map(str::to_owned));
        let mut names = Names { events: Vec::new(), definitions: BTreeMap::new() };
        for event in types {
            let name = free(identifier(event.name), &mut taken);
            let same = |(_, schema): &(&String, &Value)| {
                event.schema.as_ref().is_some_and(|own| shape(own) == shape(schema))
            };
            // The payload itself, which another payload contains, or this one, further down.
            let definition = definitions.iter().filter(same);
            let mut definition =
                definition.filter(|(own, _)| identifier(own) == identifier(event.name));
            if let Some((definition, _)) = definition.next() {
                names.definitions.entry(definition).or_insert_with(|| name.clone());
            }
            names.events.push(name);
        }
        for definition in definitions.keys() {
            if !names.definitions.contains_key(definition.as_str()) {
                let name = free(identifier(definition), &mut taken);
                names.definitions.insert(definition, name);
            }
        }
        names
    }
}

/// A schema without what it says about itself.
fn shape(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(schema) = schema.as_object_mut() {
        schema
            .retain(|key, _| !["$schema", "title", "description", "deprecated"].contains(&&**key));
    }
    schema
}

/// This name, or with a number if that is taken.
fn free(name: String, taken: &mut BTreeSet<String>) -> String {
    let mut found = name.clone();
    for number in 2.. {
        if taken.insert(found.clone()) {
            break;
        }
        found = format!("{name}{number}");
    }
    found
}

/// `OrderPlaced` for `order-placed`: letters and digits of ASCII, and `_` for others.
fn identifier(name: &str) -> String {
    let mut identifier = String::new();
    let mut begins = true;
    for letter in name.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() => {
                identifier.push(if begins { letter.to_ascii_uppercase() } else { letter });
                begins = false;
            }
            '_' => identifier.push('_'),
            letter if letter.is_ascii() => begins = true,
            _ => identifier.push('_'),
        }
    }
    if !identifier.starts_with(|first: char| first.is_ascii_uppercase()) {
        identifier.insert(0, '_');
    }
    identifier
}

/// Whatever a program calls by a name, be it its own or the browser's, and some words of its texts.
fn identifiers(program: &str) -> impl Iterator<Item = &str> {
    let code = program.lines().filter(|line| !line.trim_start().starts_with(['*', '/']));
    code.flat_map(|line| {
        line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
    })
}

/// Whether this can stand as a property's name without quotes.
pub(super) fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
