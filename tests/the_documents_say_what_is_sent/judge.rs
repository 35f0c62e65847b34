//! Whether documents are valid, and events are as they say.

use crate::events;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use support::parser;

/// Fails unless it is a JSON Schema, of which each reference leads somewhere.
#[track_caller]
pub(crate) fn is_schema(document: &Value) {
    if let Err(error) = jsonschema::draft202012::meta::validate(document) {
        panic!("{error} at {}: {document:#}", error.instance_path());
    }
    follow(document, document);
    jsonschema::draft202012::new(document).unwrap();
}

/// Fails unless it is an OpenAPI 3.2 document, of which each schema is one and each reference leads somewhere.
#[track_caller]
pub(crate) fn is_openapi(document: &Value) {
    let official = include_str!("../fixtures/openapi_3_2.json");
    let official = serde_json::from_str(official).unwrap();
    let official = jsonschema::draft202012::new(&official).unwrap();
    if let Err(error) = official.validate(document) {
        panic!("{error} at {}: {document:#}", error.instance_path());
    }
    follow(document, document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        jsonschema::draft202012::meta::validate(schema).unwrap();
        part(document, name);
    }
}

/// Looks up every reference below.
#[track_caller]
fn follow(document: &Value, within: &Value) {
    match within {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer =
                    unescaped(reference.strip_prefix('#').expect("it is in the document"));
                let there = document.pointer(&pointer).is_some();
                assert!(there || reference == events::EXAMPLE, "{reference} leads nowhere");
            }
            fields.values().for_each(|value| follow(document, value));
        }
        Value::Array(values) => values.iter().for_each(|value| follow(document, value)),
        _ => {}
    }
}

/// What a fragment of a URI says without its percent signs.
fn unescaped(fragment: &str) -> String {
    let mut parts = fragment.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// Judges by one of a document's schemas.
pub(crate) fn part(document: &Value, name: &str) -> Validator {
    judge_at(document, &format!("#/components/schemas/{name}"))
}

/// A validator does not mind what surrounds its schema, so the document is that, with a reference.
fn judge_at(document: &Value, reference: &str) -> Validator {
    let mut document = document.clone();
    document["$ref"] = reference.into();
    jsonschema::draft202012::new(&document).unwrap()
}

/// Judges the events of a stream by a document.
pub(crate) struct Judge {
    document: Value,
    event: Validator,
    branches: Vec<String>,
}

impl Judge {
    pub(crate) fn new(document: Value, name: &str) -> Self {
        let event = part(&document, name);
        let choice = document["components"]["schemas"][name]["oneOf"].as_array().unwrap();
        let reference = |branch: &Value| branch["$ref"].as_str().unwrap().to_owned();
        let branches = choice.iter().map(reference).collect();
        Judge { document, event, branches }
    }

    /// Whether it is an event of the stream, as far as validators see.
    pub(crate) fn is_valid(&self, event: &Value) -> bool {
        self.event.is_valid(event)
    }

    /// What is wrong with an event. Validators do not look into text, so `contentSchema` is looked at here.
    pub(crate) fn check(&self, event: &Value) -> Result<(), String> {
        self.event.validate(event).map_err(|error| format!("{error}: {event}"))?;
        let mut branches = self.branches.iter();
        let is_branch = |branch: &&String| judge_at(&self.document, branch).is_valid(event);
        let branch = branches.find(is_branch).ok_or("none of the choices")?;
        let data = self.document.pointer(&format!("{}/properties/data", &branch[1..]));
        let data = data.ok_or("no data")?;
        if data["contentMediaType"] != "application/json" {
            return Err(format!("data is {data}"));
        }
        let text = event["data"].as_str().ok_or("data is no text")?;
        let payload: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Some(reference) = data["contentSchema"]["$ref"].as_str() else { return Ok(()) };
        let payload_judge = judge_at(&self.document, reference);
        payload_judge.validate(&payload).map_err(|error| format!("{error}: {payload}"))
    }

    /// An event of another name, or without one of the fields of its payload, is not as the document says.
    pub(crate) fn notices_changes(&self, event: &Value) {
        let with = |field: &str, value: Value| {
            let mut event = event.clone();
            event[field] = value;
            event
        };
        assert!(self.check(&with("event", "other".into())).is_err(), "{event}");
        if event["event"] != "beat" {
            assert!(self.check(&with("data", r#"["x"]"#.into())).is_err(), "{event}");
        }
    }
}

/// The complete frames of a stream, each as the object of its fields.
pub(crate) fn frames(stream: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stream);
    let mut blocks: Vec<_> = text.split_inclusive("\n\n").collect();
    blocks.pop_if(|last| !last.ends_with("\n\n"));
    blocks.into_iter().filter_map(frame).collect()
}

fn frame(block: &str) -> Option<Value> {
    let seen = parser::read(block.as_bytes());
    let event = seen.events.first()?;
    let mut fields = Map::new();
    fields.insert("event".to_owned(), event.name.clone().into());
    fields.insert("data".to_owned(), event.data.clone().into());
    if !event.id.is_empty() {
        fields.insert("id".to_owned(), event.id.clone().into());
    }
    if let Some(retry) = seen.retry {
        fields.insert("retry".to_owned(), json!(retry.parse::<u64>().unwrap()));
    }
    Some(fields.into())
}
