//! What the example programs publish is as the schemas say that are kept with their logs.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use serde_json::Value;
use sse_framework::{Exported, SledLog};
use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use support::example::{Example, post};

/// Starts an example with its data in a directory, sends it these, and kills it.
fn run(package: &str, directory: &Path, sent: &[(&str, &str)]) {
    let data = directory.to_owned();
    let mut example = Example::start(package, move |command, port| {
        command.env("PORT", port.to_string()).env("DATA", &data);
    });
    for (path, body) in sent {
        let (status, text) = post(example.address(), path, body).unwrap();
        assert!((200..300).contains(&status), "{package}{path}: {status} {text}");
    }
    example.kill();
}

/// The names of the event types that the log has records of, each of which is as its schema says.
fn checked(log: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(log.join("schemas")).unwrap();
    let (_, schemas) = text.split_once('\n').unwrap();
    let schemas: Value = serde_json::from_str(schemas).unwrap();
    let mut names = BTreeSet::new();
    let look = &mut |exported: Exported<'_>, _| {
        let Exported::Record(record) = exported else { panic!("{exported:?}") };
        if record.closes().is_none() {
            let schema = &schemas["types"][record.name][0]["schema"];
            let payload = serde_json::from_slice(record.data).unwrap();
            let validator = jsonschema::draft202012::new(schema).unwrap();
            assert!(
                schema.is_object() && validator.is_valid(&payload),
                "{}: {payload}",
                record.name
            );
            names.insert(record.name.to_owned());
        }
        ControlFlow::Continue(())
    };
    SledLog::new(log).export(0, look).unwrap();
    names
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn the_quick_start_does() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    run("example-quickstart", &log, &[("/orders", r#"{"item":"cup","quantity":2}"#)]);
    assert_eq!(checked(&log), names(["order-placed", "stock-changed"]));
}

#[test]
fn the_dashboard_does() {
    let directory = tempfile::tempdir().unwrap();
    run("example-dashboard", directory.path(), &[("/stock/cup", r#"{"left":3}"#)]);
    assert_eq!(checked(&directory.path().join("events")), names(["stock-changed"]));
}

#[test]
fn the_tokens_do() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    run("example-tokens", &log, &[("/answers", r#"{"prompt":"What is new?"}"#)]);
    assert!(checked(&log).contains("asked"));
}
