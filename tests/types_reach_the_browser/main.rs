//! The TypeScript module that is generated: it passes `tsc`, and every value that is written is one of its type.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod zoo;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::Value;
use sse_framework::{EventType, openapi, typescript};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::random::{cases, seed};
use support::server;
use support::typescript as tsc;

/// A module of the zoo's types.
fn generated(zoo: &[zoo::Animal]) -> String {
    let types: Vec<EventType> = zoo.iter().map(|animal| animal.event).collect();
    typescript(&types)
}

#[test]
fn every_value_that_is_written_is_of_its_type() {
    let zoo = zoo::all();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let module = generated(&zoo);
    fs::write(path("events.ts"), &module).unwrap();
    let config = Config { rng_seed: RngSeed::Fixed(seed()), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let mut values = "import type { EventMap } from \"./events.js\";\n".to_owned();
    values.push_str("const values: [keyof EventMap, unknown][] = [];\n");
    for animal in &zoo {
        let name = Value::from(animal.event.name());
        for _ in 0..cases(40) {
            let value = animal.values.new_tree(&mut runner).unwrap().current();
            let _ = writeln!(values, "values.push([{name}, {value} satisfies EventMap[{name}]]);");
        }
    }
    values.push_str("export default values;\n");
    fs::write(path("values.ts"), values).unwrap();
    let checked = tsc::check(&[&path("events.ts"), &path("values.ts")]);
    if let Err(complaints) = checked {
        let types = module.split("\n/** The payload of each event type. */").next().unwrap();
        let first: Vec<&str> = complaints.lines().take(20).collect();
        panic!("{}\n{types}", first.join("\n"));
    }
}

#[test]
fn what_is_no_value_of_a_type_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("events.ts"), generated(&zoo::all())).unwrap();
    let wrong = [
        ("letters", r#""C""#),
        ("told", "null"),
        ("external", r#"{ "Newtype": "text" }"#),
        ("external", r#""Newtype""#),
        ("internal", r#"{ "is": "struct" }"#),
        ("internal", r#"{ "is": "newtype", "text": 7 }"#),
        ("adjacent", r#"{ "t": "Newtype", "c": {} }"#),
        ("untagged", "true"),
        ("flat", r#"{ "own": 1, "text": "", "kind": "A", "y": "" }"#),
        ("flat-map", r#"{ "own": 1, "other": 2.5, "more": {} }"#),
        ("tree", r#"{ "value": 1, "children": [{}], "parent": null }"#),
        ("newtype", "7"),
        ("tuple", "[1]"),
        ("unit", "{}"),
        ("page-of-numbers", r#"{ "items": ["a"], "next": null }"#),
        ("maybe", "undefined"),
        ("referring", r#"{ "of": 7, "topic": null, "by_id": {} }"#),
        ("referring", r#"{ "of": "", "topic": null, "by_id": { "a": null } }"#),
    ];
    let mut text = "import type { EventMap } from \"./events.js\";\nexport default [\n".to_owned();
    for (name, value) in wrong {
        // Where there is no error, this is one.
        let name = Value::from(name);
        let _ = writeln!(text, "// @ts-expect-error\n{value} satisfies EventMap[{name}],");
    }
    text.push_str("];\n");
    fs::write(path("wrong.ts"), text).unwrap();
    assert_eq!(tsc::check(&[&path("wrong.ts")]), Ok(()));
}

#[test]
fn handlers_have_the_payload_of_their_event() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("events.ts"), generated(&zoo::all())).unwrap();
    let right = [
        r#"events.on("tree", (tree, id) => { const n: number = tree.children.length; console.log(n, id?.length); });"#,
        r#"events.on("internal", one => { if (one.is === "struct") console.log(one.a + 1); });"#,
        r#"events.onGap(({ reason, asked }) => { if (reason === "lost") console.log(asked.length); });"#,
        r#"events.onGap(({ snapshot }) => { if (!snapshot) events.restart(); });"#,
        r#"connect("/events", { resume: "orders" }).close();"#,
        r#"events.onOpen(({ resumed }) => { const yes: boolean = resumed; console.log(yes); })();"#,
        r#"events.onClose(({ reason }) => { console.log(reason === "complete", events.lastId); events.close(); });"#,
    ];
    let wrong = [
        r#"events.on("treee", () => {});"#,
        r#"events.on("tree", tree => { tree.leaves; });"#,
        r#"events.on("newtype", (text, id) => { text; id.length; });"#,
        r#"events.onGap(({ reason }) => { if (reason === "bad") return; });"#,
        r#"connect("/events", { shared: true });"#,
    ];
    let mut text = "import { connect } from \"./events.js\";\n".to_owned();
    text.push_str("const events = connect(\"/events\", { resume: true, share: true });\n");
    right.iter().for_each(|line| text.extend([line, "\n"]));
    wrong.iter().for_each(|line| text.extend(["// @ts-expect-error\n", line, "\n"]));
    fs::write(path("page.ts"), text).unwrap();
    assert_eq!(tsc::check(&[&path("page.ts")]), Ok(()));
}

/// And of its own it gives `refused`, after an answer that has no reason.
#[test]
fn the_client_knows_the_reasons_that_the_server_gives() {
    let module = generated(&zoo::all());
    let document = openapi("events", &[]);
    let schemas = &document["components"]["schemas"];
    for (interface, event, own) in
        [("Gap", "sse-gap", None), ("Closed", "sse-close", Some("refused"))]
    {
        let declared = format!("export interface {interface} {{");
        let text = module.split(declared.as_str()).nth(1).unwrap();
        let line = text.lines().find(|line| line.trim_start().starts_with("reason:")).unwrap();
        let known: BTreeSet<&str> = line.split('"').skip(1).step_by(2).collect();
        let reasons = schemas[format!("events.{event}.data")]["properties"]["reason"]["oneOf"]
            .as_array()
            .unwrap();
        let mut given: BTreeSet<&str> =
            reasons.iter().map(|reason| reason["const"].as_str().unwrap()).collect();
        given.extend(own);
        assert_eq!(known, given, "{interface}");
    }
}

#[test]
fn the_types_of_the_dashboard_are_those_of_its_events() {
    let directory = tempfile::tempdir().unwrap();
    let made = directory.path().join("events.ts");
    let mut command = Command::new(server::build("example-dashboard"));
    let ended = command.arg("--typescript").arg(&made).status().unwrap();
    assert!(ended.success());
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/dashboard/page/events.ts");
    let [made, kept] = [made, kept].map(|path| fs::read_to_string(path).unwrap());
    assert!(made == kept, "the comment in examples/dashboard/src/main.rs says how to make it anew");
}

/// So it runs where there is no node.
#[test]
fn the_script_of_the_dashboard_is_what_its_typescript_becomes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/dashboard/page");
    let directory = tempfile::tempdir().unwrap();
    tsc::compile_project(&page, directory.path()).unwrap();
    for name in ["events.js", "page.js", "plot.js"] {
        let (made, kept) = (directory.path().join(name), page.join(name));
        let [made, kept] = [made, kept].map(|path| fs::read_to_string(path).unwrap());
        assert!(
            made == kept,
            "tests/node_modules/.bin/tsc -p examples/dashboard/page makes {name} anew"
        );
    }
}

/// Whoever imports it needs no more than what browsers have had for years.
#[test]
fn the_client_is_small() {
    let directory = tempfile::tempdir().unwrap();
    let client = tsc::client(directory.path());
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../sse-framework/src/schema/client.ts");
    let client = fs::read_to_string(client).unwrap();
    assert!(!client.contains("import ") && !client.contains("require("), "it needs nothing");
    assert!(fs::metadata(source).unwrap().len() < 28 << 10);
}
