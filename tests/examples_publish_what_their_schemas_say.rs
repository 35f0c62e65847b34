//! What the example programs publish is as the schemas say that are kept with their logs.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use serde_json::Value;
use sse_framework::{Exported, SledLog};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::example::{Example, post};
use support::http::{self, Request};
use support::served::eventually;
use support::server;

/// Starts an example with its data in a directory.
fn start(package: &str, directory: &Path) -> Example {
    let data = directory.to_owned();
    Example::start(package, move |command, port| {
        command.env("PORT", port.to_string()).env("DATA", &data);
    })
}

/// Starts one, sends it these, and kills it.
fn run(package: &str, directory: &Path, sent: &[(&str, &str)]) {
    send(start(package, directory), sent);
}

fn send(mut example: Example, sent: &[(&str, &str)]) {
    for (path, body) in sent {
        let (status, text) = post(example.address(), path, body).unwrap();
        assert!((200..300).contains(&status), "{example:?}{path}: {status} {text}");
    }
    example.kill();
}

/// The names of the event types that the log has records of, each of which is as the schema says that it was
/// written with.
fn checked(log: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(log.join("schemas")).unwrap();
    let (_, schemas) = text.split_once('\n').unwrap();
    let schemas: Value = serde_json::from_str(schemas).unwrap();
    let mut validators = BTreeMap::new();
    let mut names = BTreeSet::new();
    let look = &mut |exported: Exported<'_>, _| {
        let Exported::Record(record) = exported else { panic!("{exported:?}") };
        if record.closes().is_none() {
            let written = schemas["types"][record.name].as_array().unwrap().iter();
            let is_before = |since: &Value| since.as_u64().unwrap() <= record.id.seq();
            let written = written.rev().find(|written| is_before(&written["since"])).unwrap();
            assert_eq!(written["version"], record.version, "{}", record.name);
            let validator = validators.entry((record.name.to_owned(), written["since"].as_u64()));
            let validator = validator.or_insert_with(|| {
                assert!(written["schema"].is_object(), "{}", record.name);
                jsonschema::draft202012::new(&written["schema"]).unwrap()
            });
            let payload = serde_json::from_slice(record.data).unwrap();
            assert!(validator.is_valid(&payload), "{}: {payload}", record.name);
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

#[test]
fn the_tickets_do() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let mut example = start("example-tickets", &log);
    eventually("it prints a token", || example.output().contains("/#"));
    let output = example.output();
    let (_, token) = output.split_once("/#").unwrap();
    let moved = Request::new("POST", "/moves")
        .header("Authorization", format!("Bearer {}", token.lines().next().unwrap()))
        .header("Content-Type", "application/json")
        .body(r#"{"parcel":"7","place":"Rome"}"#);
    assert_eq!(http::send(example.address(), &moved).unwrap().head.status, 201);
    example.kill();
    assert_eq!(checked(&log), names(["parcel-moved"]));
}

#[test]
fn the_load_target_does() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let data = log.clone();
    let example = Example::start("example-loadtarget", move |command, port| {
        command.args(["--port", &port.to_string(), "--data"]).arg(&data);
    });
    let events = "{\"n\":1,\"t\":18446744073709551615,\"p\":\"\"}\n{\"n\":2,\"t\":0,\"p\":\"x\"}";
    send(example, &[("/publish?topic=a", events), ("/close?topic=a", "")]);
    assert_eq!(checked(&log), names(["load"]));
}

#[test]
fn the_evolving_app_does_with_each_version() {
    let log = tempfile::tempdir().unwrap();
    let mut command = Command::new(server::build("example-evolve"));
    assert!(command.arg(log.path()).stdout(Stdio::null()).status().unwrap().success());
    assert_eq!(checked(log.path()), names(["order-placed", "stock-changed"]));
}

/// It removes what it has written when it is through, so it is killed before.
#[test]
fn the_bench_does() {
    for (row, count, name) in [("History", "1000000", "load"), ("Topics", "500", "entry")] {
        let mut published =
            (1..40).map(|n| killed_bench(row, count, n * Duration::from_millis(250)));
        let published = published.find(|names| !names.is_empty());
        assert_eq!(published, Some(names([name])));
    }
}

/// What it has published some time after it has begun to, unless it is through by then.
fn killed_bench(row: &str, count: &str, time: Duration) -> BTreeSet<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(server::build("example-bench"));
    command.args(["--row", row, count, "--data"]).arg(directory.path());
    let mut bench = command.stdout(Stdio::null()).spawn().unwrap();
    let mut log = None;
    eventually("it writes", || {
        let mut found = fs::read_dir(directory.path()).unwrap();
        log = found.next().map(|found| found.unwrap().path());
        log.as_ref().is_some_and(|log| log.join("schemas").exists())
    });
    std::thread::sleep(time);
    bench.kill().unwrap();
    bench.wait().unwrap();
    let log = log.unwrap();
    if log.exists() { checked(&log) } else { BTreeSet::new() }
}
