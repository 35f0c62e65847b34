//! A TypeScript module: the types of an event set's payloads, and a client that knows them.

mod names;
mod types;

use crate::event::EventType;
use names::Names;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::fmt::Write;
use types::{Types, documentation, is_wide};

/// The client, which is the same for every event set.
const CLIENT: &str = include_str!("client.ts");

const HEAD: &str = "\
// Generated from the events of the server. What is changed here is lost.
/* eslint-disable */
";

/// What the module itself declares beside the client.
const DECLARED: [&str; 3] = ["EventMap", "EVENT_NAMES", "connect"];

const TAIL: &str = "\
/** Follows the events of a URL. */
export function connect(url: string | URL, options?: Options): EventStream<EventMap> {
  return new EventStream<EventMap>(url, EVENT_NAMES, options);
}
";

/// A TypeScript module for these event types, usually `E::TYPES` of an event set `E`: the types of their payloads, and a
/// client that knows them. It needs no other, and a browser that has `EventSource`.
///
/// A payload's type is that of its JSON Schema. What TypeScript cannot say is left out, so a type may
/// have more values than the schema allows, down to `unknown` where there is no schema, but never fewer. The client's
/// own documentation is in the module.
///
/// Write it to a file in a build step, or in a test that fails if the file is another:
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use sse_framework::{SseEvent, typescript};
///
/// /// An order was accepted.
/// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
/// struct OrderPlaced {
///     shop: String,
///     gift: Option<bool>,
/// }
///
/// let module = typescript(OrderPlaced::TYPES);
/// assert!(module.contains(
///     r#"
/// /** An order was accepted. */
/// export type OrderPlaced = {
///   gift: boolean | null;
///   shop: string;
/// };
/// "#
/// ));
/// ```
#[must_use]
pub fn typescript(types: &[EventType]) -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let described = |event: &EventType| Described {
        name: event.name(),
        description: event.description(),
        deprecated: event.deprecated(),
        schema: event.schema_in(&mut generator).map(Into::into),
    };
    let described: Vec<Described> = types.iter().map(described).collect();
    module(&described, &generator.take_definitions(true))
}

/// An event type as the module tells of it.
struct Described {
    name: &'static str,
    description: &'static str,
    deprecated: Option<&'static str>,
    /// The payload's; none if it is not known.
    schema: Option<Value>,
}

impl Described {
    fn documentation(&self, indent: usize) -> String {
        let said = self.schema.as_ref().and_then(|schema| schema.get("description")?.as_str());
        let text = if self.description.is_empty() { said } else { Some(self.description) };
        let is_wide = self.schema.as_ref().is_some_and(is_wide);
        documentation(text.unwrap_or_default(), self.deprecated, is_wide, indent)
    }
}

/// The module. The schemas refer to `definitions` as `#/$defs/..`.
fn module(types: &[Described], definitions: &Map<String, Value>) -> String {
    let names = Names::of(types, definitions, &DECLARED, CLIENT);
    let shapes = Types::new(definitions, &names);
    let mut out = HEAD.to_owned();
    for (event, name) in types.iter().zip(&names.events) {
        // One whose payload occurs in another's, too, is declared with the definitions.
        if names.definitions.values().any(|definition| definition == name) {
            continue;
        }
        let schema = event.schema.as_ref().unwrap_or(&Value::Bool(true));
        out.push('\n');
        out.push_str(&event.documentation(0));
        let _ = writeln!(out, "export type {name} = {};", shapes.of(schema, 0));
    }
    for (definition, schema) in definitions {
        let Some(name) = names.definitions.get(definition.as_str()) else { continue };
        let mut events = types.iter().zip(&names.events);
        out.push('\n');
        out.push_str(&match events.find(|(_, event)| *event == name) {
            Some((event, _)) => event.documentation(0),
            None => shapes.documentation(schema, 0),
        });
        let _ = writeln!(out, "export type {name} = {};", shapes.of_definition(definition, schema));
    }
    out.push_str("\n/** The payload of each event type. */\nexport type EventMap = {\n");
    for (event, name) in types.iter().zip(&names.events) {
        out.push_str(&event.documentation(2));
        let _ = writeln!(out, "  {}: {name};", Value::from(event.name));
    }
    out.push_str("};\n\n/** The event types. */\nexport const EVENT_NAMES = [\n");
    for event in types {
        let _ = writeln!(out, "  {},", Value::from(event.name));
    }
    out.push_str("] as const;\n\n");
    // A union of several lines begins on the next.
    let mut out = out.replace(" \n", "\n");
    out.push_str(TAIL);
    out.push('\n');
    out.push_str(CLIENT);
    out
}

#[cfg(test)]
mod tests;
