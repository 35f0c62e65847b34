//! The schemas are those that were read last, and what the program prints is as they say.
//!
//! `UPDATE_SCHEMAS=1` writes them anew.
#![allow(deprecated, reason = "deprecated types have schemas, too")]
#![allow(clippy::unwrap_used, reason = "that is how a test fails")]

use example_events::{
    CartTotal, EuroPrice, Everything, ItemMoved, ItemSeen, LineAdded, PriceChanged, Rating, Refund,
    SettingChanged, Staff, WithSettings,
};
use jsonschema::Validator;
use serde_json::Value;
use sse_framework::{EventType, SseEvent};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The event types of the book, by the set that has them.
fn all() -> Vec<(&'static str, &'static [EventType])> {
    vec![
        ("cart-total", CartTotal::TYPES),
        ("item-moved", ItemMoved::TYPES),
        ("price-changed", PriceChanged::TYPES),
        ("everything", Everything::TYPES),
        ("staff", Staff::TYPES),
        ("refund", Refund::TYPES),
        ("line-added", LineAdded::TYPES),
        ("rating", Rating::TYPES),
        ("setting-changed", SettingChanged::<String>::TYPES),
        ("with-settings", WithSettings::<Staff>::TYPES),
        ("euro-price", EuroPrice::TYPES),
        ("item-seen", ItemSeen::TYPES),
    ]
}

#[test]
fn the_schemas_are_those_that_were_read_last() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let changed = all().into_iter().filter(|(set, types)| {
        let schemas = types.iter().map(|it| (it.name().to_owned(), schema(it)));
        let schemas = serde_json::Map::from_iter(schemas);
        let now = serde_json::to_string_pretty(&schemas).unwrap() + "\n";
        let file = directory.join(format!("{set}.json"));
        let before = fs::read_to_string(&file).unwrap_or_default();
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(file, &now).unwrap();
        }
        now != before
    });
    let changed: Vec<_> = changed.map(|(set, _)| set).collect();
    assert!(changed.is_empty(), "read the new schemas, then UPDATE_SCHEMAS=1: {changed:?}");
}

#[test]
fn what_the_program_prints_is_as_its_schema_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_example-events")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let frames = printed.split("\n\n").filter(|frame| !frame.is_empty());
    let mut checked = 0;
    for frame in frames {
        let field = |name| frame.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let (name, data) = (field("event: "), field("data: "));
        let data: Value = serde_json::from_str(data).unwrap();
        let types = all().into_iter().flat_map(|(_, types)| types);
        let mut of_name = types.filter(|event_type| event_type.name() == name).peekable();
        assert!(of_name.peek().is_some(), "{name}");
        assert!(of_name.any(|it| validator(it).is_valid(&data)), "{name}: {data}");
        checked += 1;
    }
    assert_eq!(checked, 19);
}

fn schema(event_type: &EventType) -> Value {
    event_type.schema().unwrap().to_value()
}

fn validator(event_type: &EventType) -> Validator {
    jsonschema::draft202012::new(&schema(event_type)).unwrap()
}
