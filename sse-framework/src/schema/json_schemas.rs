//! The JSON Schemas of an event set in one document.

use super::collected::{Collected, Names, encoded};
use crate::event::EventType;
use serde_json::{Map, Value, json};

/// The JSON Schemas of these event types, usually `E::TYPES` of an event set `E`, as one document: draft 2020-12, of the
/// payloads as they are written.
///
/// `$defs` has each payload's schema by the name of its event type, with the type's version as `x-sse-version`, and what
/// the payloads share. The document itself is the schema of an event as an object of its name, `event`, and its payload,
/// `data`. The same types always make the same document.
///
/// For a build step, or a test that fails if a file is another; a hub serves it with
/// [`schema_routes`](crate::Hub::schema_routes).
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use sse_framework::{SseEvent, json_schemas};
///
/// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
/// struct OrderPlaced {
///     shop: String,
/// }
///
/// let document = json_schemas(OrderPlaced::TYPES);
/// assert_eq!(document["$defs"]["order-placed"]["properties"]["shop"]["type"], "string");
/// assert_eq!(document["oneOf"][0]["properties"]["event"]["const"], "order-placed");
/// ```
#[must_use]
pub fn json_schemas(types: &[EventType]) -> Value {
    let mut collected = Collected::of(types.iter().copied());
    let mut names = Names::default();
    // Event types keep theirs.
    for event in types {
        names.take(event.name().to_owned());
    }
    collected.rename("#/$defs/", |name| names.take(name.to_owned()));
    let events: Vec<_> = types.iter().map(event).collect();
    let payloads = collected.payloads.into_iter();
    let payloads = payloads.map(|payload| (payload.event.name().to_owned(), payload.schema));
    let definitions: Map<_, _> = payloads.chain(collected.definitions).collect();
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "An event: its type's name, and its payload.",
        "$defs": definitions,
    });
    // A choice among none is no schema.
    if !events.is_empty() {
        document["oneOf"] = events.into();
    }
    document
}

fn event(event: &EventType) -> Value {
    json!({
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": { "const": event.name() },
            "data": { "$ref": format!("#/$defs/{}", encoded(event.name())) },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::{JsonSchema, Schema, SchemaGenerator};
    use serde::Serialize;

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "Item")]
    struct Item {
        text: String,
    }

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "Item_")]
    struct Other {
        number: u32,
    }

    #[derive(Serialize, JsonSchema)]
    struct Payload {
        item: Item,
        other: Other,
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Payload::json_schema(generator)
    }

    #[test]
    fn an_event_type_and_two_definitions_of_nearly_its_name_are_three() {
        let types = [EventType::new("Item").with_schema(schema)];
        let document = json_schemas(&types);
        let definitions = document["$defs"].as_object().unwrap();
        assert_eq!(definitions.len(), 3, "{document:#}");
        let payload = &definitions["Item"]["properties"];
        for (property, has) in [("item", "text"), ("other", "number")] {
            let reference = payload[property]["$ref"].as_str().unwrap();
            let name = reference.strip_prefix("#/$defs/").unwrap();
            assert!(definitions[name]["properties"][has].is_object(), "{document:#}");
        }
    }
}
