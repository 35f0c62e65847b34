use super::*;
use serde_json::json;

/// The types of a module with one event, without the client.
fn types(schema: Value, definitions: Value) -> String {
    let event = Described { name: "e", description: "", deprecated: None, schema: Some(schema) };
    let definitions = definitions.as_object().cloned().unwrap_or_default();
    let module = module(&[event], &definitions);
    let types = module.strip_prefix(HEAD).unwrap();
    types.split("\n/** The payload of each event type. */").next().unwrap().trim().to_owned()
}

#[track_caller]
fn is(schema: Value, expected: &str) {
    let expected = format!("export type E = {expected};").replace(" \n", "\n");
    assert_eq!(types(schema, json!({})), expected);
}

#[test]
fn plain_values_are_plain_types() {
    is(json!(true), "unknown");
    is(json!(false), "never");
    is(json!({}), "unknown");
    is(json!({ "type": "null" }), "null");
    is(json!({ "type": "boolean" }), "boolean");
    is(json!({ "type": "string", "format": "uuid" }), "string");
    is(json!({ "type": "number", "format": "double" }), "number");
    is(json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 }), "number");
    is(json!({ "type": ["string", "null"] }), "string | null");
    is(json!({ "type": ["integer", "number"] }), "number");
    is(json!({ "type": "something" }), "unknown");
    is(json!({ "not": { "type": "string" } }), "unknown");
    is(json!({ "$ref": "https://example.com/schema" }), "unknown");
    is(json!({ "$ref": "#/$defs/None" }), "unknown");
}

#[test]
fn listed_values_are_literals() {
    is(json!({ "const": "a\"b\\*/" }), r#""a\"b\\*/""#);
    is(json!({ "type": "string", "enum": ["a", "b"] }), r#""a" | "b""#);
    is(json!({ "type": ["string", "null"], "enum": ["a", null] }), r#""a" | null"#);
    is(json!({ "enum": [1, -2.5, true] }), "1 | -2.5 | true");
    is(json!({ "enum": ["a", [1]] }), "unknown");
}

#[test]
fn lists_and_tuples_are_arrays() {
    is(json!({ "type": "array", "items": { "type": ["string", "null"] } }), "(string | null)[]");
    is(json!({ "type": "array" }), "unknown[]");
    let pair = json!([{ "type": "string" }, { "type": "number" }]);
    is(
        json!({ "type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2 }),
        "[string, number]",
    );
    is(
        json!({ "type": "array", "prefixItems": pair, "minItems": 2, "items": { "type": "null" } }),
        "[string, number, ...null[]]",
    );
    is(json!({ "type": "array", "prefixItems": pair, "minItems": 1 }), "unknown[]");
}

#[test]
fn objects_have_required_and_optional_properties() {
    let schema = json!({
        "type": "object",
        "properties": {
            "class": { "type": "string" },
            "a b": { "type": "number", "description": "More than\n*/ one line." },
            "old": { "type": "boolean", "deprecated": true },
            "n": { "type": ["array", "null"], "items": { "type": "integer", "format": "uint64" } },
        },
        "required": ["class", "n"],
    });
    is(
        schema,
        r#"{
  /**
   * More than
   * *\/ one line.
   */
  "a b"?: number;
  class: string;
  /** An integer, exact up to 2^53. */
  n: number[] | null;
  /** @deprecated */
  old?: boolean;
}"#,
    );
}

#[test]
fn maps_say_what_all_their_values_are() {
    is(json!({ "type": "object" }), "{\n  [key: string]: unknown;\n}");
    is(
        json!({ "type": "object", "additionalProperties": false }),
        "{\n  [key: string]: unknown;\n}",
    );
    is(
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        "{\n  [key: string]: string;\n}",
    );
    let numbers = json!({ "^\\d+$": { "type": "null" } });
    is(
        json!({ "type": "object", "patternProperties": numbers, "additionalProperties": false }),
        "{\n  [key: string]: null;\n}",
    );
    is(
        json!({
            "type": "object",
            "properties": { "a": { "type": "number" } },
            "additionalProperties": { "type": "string" },
        }),
        "{\n  a?: number;\n  [key: string]: string | number | undefined;\n}",
    );
}

#[test]
fn alternatives_are_unions_and_parts_are_intersections() {
    let tagged = |name: &str| {
        json!({
            "type": "object", "description": format!("It is {name}."),
            "properties": { "is": { "const": name } }, "required": ["is"],
        })
    };
    is(
        json!({ "oneOf": [tagged("a"), tagged("b")] }),
        r#"
  /** It is a. */
  | {
    is: "a";
  }
  /** It is b. */
  | {
    is: "b";
  }"#,
    );
    let (object, or) = (tagged("a"), json!([{ "type": "null" }, { "type": "string" }]));
    is(json!({ "allOf": [object, { "anyOf": or }] }), "{\n  is: \"a\";\n} & (null | string)");
}

#[test]
fn what_a_map_says_of_every_key_is_not_said_of_a_tag() {
    let tag = json!({ "is": { "const": "map" } });
    let schema =
        json!({ "type": "object", "properties": tag, "required": ["is"], "$ref": "#/$defs/M" });
    let map = json!({ "M": { "type": "object", "additionalProperties": { "type": "number" } } });
    let expected = "export type E = {\n  is: \"map\";\n} & { [key: string]: unknown };\n\nexport type M = {\n  [key: string]: number;\n};";
    assert_eq!(types(schema, map), expected);
}

#[test]
fn a_definition_may_speak_of_itself_within_something() {
    let list = json!({ "anyOf": [{ "type": "null" }, { "type": "array", "items": { "$ref": "#/$defs/L" } }] });
    let nothing = json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/N" }] });
    let definitions = json!({ "L": list, "N": nothing });
    assert_eq!(
        types(json!({ "$ref": "#/$defs/L" }), definitions),
        "export type E = L;\n\nexport type L = null | L[];\n\nexport type N = unknown;"
    );
}

#[test]
fn names_are_identifiers_and_nobody_elses() {
    let text = json!({ "type": "string" });
    let definitions = json!({ "Map": text, "Gap": text, "E": { "type": "null" }, "E2": text, "a/b c": text, "größe": text, "1": text });
    let all = json!({ "allOf": [{ "$ref": "#/$defs/a~1b c" }, { "$ref": "#/$defs/E" }] });
    let types = types(all, definitions);
    assert!(types.contains("export type E = ABC & E2;"), "{types}");
    for name in [
        "Map2 = string",
        "Gap2 = string",
        "E2 = null",
        "E22 = string",
        "_1 = string",
        "Gr__e = string",
    ] {
        assert!(types.contains(&format!("export type {name};")), "{name}: {types}");
    }
}

#[test]
fn a_payload_that_contains_itself_is_one_type() {
    let node = json!({
        "type": "object", "required": ["next"],
        "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/E" }, { "type": "null" }] } },
    });
    assert_eq!(
        types(node.clone(), json!({ "E": node })),
        "export type E = {\n  next: E | null;\n};"
    );
}

#[test]
fn a_payload_that_another_contains_is_told_of_as_the_event() {
    let thing = json!({ "type": "integer", "format": "uint64", "description": "A thing." });
    let event = |name, description, schema: &Value| {
        let (deprecated, schema) = (None, Some(schema.clone()));
        Described { name, description, deprecated, schema }
    };
    let boxed = json!({
        "type": "object", "required": ["thing"],
        "properties": { "thing": { "$ref": "#/$defs/Thing" } },
    });
    let definitions = Map::from_iter([("Thing".to_owned(), thing.clone())]);
    let mut events = [
        Described { deprecated: Some("use `box`"), ..event("thing", "Something came.", &thing) },
        event("box", "It came in a box.", &boxed),
    ];
    let module_of = |events: &[Described]| module(events, &definitions);
    let all = "/**\n * Something came.\n * An integer, exact up to 2^53.\n * @deprecated use `box`\n */\nexport type Thing = number;";
    let told = module_of(&events);
    assert!(told.contains(all), "{told}");
    // What is said of the payload's type is said where the event type has nothing to say.
    (events[0].description, events[0].deprecated) = ("", None);
    let all =
        "/**\n * A thing.\n * An integer, exact up to 2^53.\n */\nexport type Thing = number;";
    let told = module_of(&events);
    assert!(told.contains(all), "{told}");
}

#[test]
fn a_module_has_the_types_and_a_client_that_knows_them() {
    let order = json!({ "type": "object", "properties": { "id": { "type": "number" } }, "required": ["id"] });
    let types = [
        Described {
            name: "order-placed",
            description: "An order was accepted.",
            deprecated: None,
            schema: Some(order),
        },
        Described { name: "b\"c", description: "", deprecated: Some("use `d`"), schema: None },
    ];
    let module = module(&types, &Map::new());
    let (module, client) = module.split_at(module.len() - CLIENT.len());
    assert_eq!(client, CLIENT);
    assert_eq!(
        module,
        r#"// Generated from the events of the server. What is changed here is lost.
/* eslint-disable */

/** An order was accepted. */
export type OrderPlaced = {
  id: number;
};

/** @deprecated use `d` */
export type BC = unknown;

/** The payload of each event type. */
export type EventMap = {
  /** An order was accepted. */
  "order-placed": OrderPlaced;
  /** @deprecated use `d` */
  "b\"c": BC;
};

/** The event types. */
export const EVENT_NAMES = [
  "order-placed",
  "b\"c",
] as const;

/** Follows the events of a URL. */
export function connect(url: string | URL, options?: Options): EventStream<EventMap> {
  return new EventStream<EventMap>(url, EVENT_NAMES, options);
}

"#
    );
}
