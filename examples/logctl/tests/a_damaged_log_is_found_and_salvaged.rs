//! The program itself, on a log that is sound and then is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use sse_framework::{Hub, SledLog, SseEvent};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, SseEvent)]
#[sse(topic = "notes/{author}")]
struct Note {
    author: String,
    text: String,
}

fn note(n: u64) -> Note {
    Note { author: format!("a{}", n % 2), text: format!("note number {n:04}") }
}

fn logctl(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-logctl"));
    command.arg(arguments[0]).arg(directory).args(&arguments[1..]).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Every file of the log, to see that nothing is changed.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => found.push((path.clone(), fs::read(path).unwrap())),
        }
    }
    found.sort();
    found
}

fn spoil(directory: &Path, text: &str) {
    for (path, mut bytes) in contents(directory) {
        let places: Vec<usize> = (0..bytes.len().saturating_sub(text.len()))
            .filter(|&at| bytes[at..].starts_with(text.as_bytes()))
            .collect();
        places.iter().for_each(|&at| bytes[at] ^= 1);
        if !places.is_empty() {
            fs::write(path, bytes).unwrap();
        }
    }
}

#[tokio::test]
async fn a_damaged_log_is_found_and_salvaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let open = || Hub::<Note>::builder(SledLog::new(&path).segment_bytes(2000)).start();
    let hub = open().await.unwrap();
    for n in 1..=50 {
        hub.publish(note(n)).await.unwrap();
    }
    assert!(text(&logctl(&["stats"], &path)).contains("in use"));
    hub.shutdown().await.unwrap();

    let before = contents(&path);
    let stats = text(&logctl(&["stats"], &path));
    assert!(stats.contains("records   50, from ") && stats.contains("segment   1 to "), "{stats}");
    let verified = logctl(&["verify"], &path);
    assert!(verified.status.success() && text(&verified).contains("everything is there"));
    let exported = text(&logctl(&["export"], &path));
    assert_eq!(exported.lines().count(), 50);
    let third: serde_json::Value = serde_json::from_str(exported.lines().nth(2).unwrap()).unwrap();
    assert_eq!(third["data"]["text"], "note number 0003");
    assert_eq!((&third["topic"], &third["name"]), (&"notes/a1".into(), &"note".into()));
    assert_eq!(text(&logctl(&["export", "--after", "40"], &path)).lines().count(), 10);
    let tail = text(&logctl(&["tail", "--lines", "3"], &path));
    assert!(tail.lines().count() == 3 && tail.contains("note number 0050"), "{tail}");
    // No number is too large.
    let most = u64::MAX.to_string();
    assert_eq!(text(&logctl(&["tail", "--lines", &most], &path)).lines().count(), 50);
    assert_eq!(text(&logctl(&["export", "--after", &most], &path)), "");
    assert!(contents(&path) == before, "looking at a log has changed it");

    spoil(&path, "note number 0047");
    let verified = logctl(&["verify"], &path);
    assert_eq!(verified.status.code(), Some(1));
    assert!(text(&verified).contains("damaged: records 47 to 47 in "), "{}", text(&verified));
    let exported = logctl(&["export"], &path);
    assert!(text(&exported).contains("missing: records 47 to 47"), "{}", text(&exported));
    assert!(open().await.is_err());
    let salvaged = text(&logctl(&["salvage"], &path));
    assert!(
        salvaged.contains("lost: records 47 to 47") && salvaged.contains("damaged"),
        "{salvaged}"
    );
    assert!(logctl(&["verify"], &path).status.success());
    assert!(text(&logctl(&["stats"], &path)).contains("lost      records 47 to 47"));
    let hub = open().await.unwrap();
    hub.publish(note(51)).await.unwrap();
    hub.shutdown().await.unwrap();
    assert_eq!(String::from_utf8(logctl(&["export"], &path).stdout).unwrap().lines().count(), 50);
}

#[tokio::test]
async fn damaged_schemas_are_found_and_put_aside() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let hub = Hub::<Note>::open(&path).await.unwrap();
    hub.publish(note(1)).await.unwrap();
    hub.shutdown().await.unwrap();
    let mut schemas = fs::read(path.join("schemas")).unwrap();
    *schemas.last_mut().unwrap() ^= 1;
    fs::write(path.join("schemas"), schemas).unwrap();
    let before = contents(&path);
    let verified = logctl(&["verify"], &path);
    assert_eq!(verified.status.code(), Some(1));
    let told = "the file `schemas` is damaged: its checksum does not match";
    assert!(text(&verified).contains(told), "{}", text(&verified));
    assert!(contents(&path) == before, "looking at a log has changed it");
    let salvaged = text(&logctl(&["salvage"], &path));
    assert!(salvaged.contains("schemas.damaged") && !salvaged.contains("lost"), "{salvaged}");
    let verified = logctl(&["verify"], &path);
    assert!(verified.status.success() && text(&verified).contains("`schemas` is missing"));
    Hub::<Note>::open(&path).await.unwrap().shutdown().await.unwrap();
    assert_eq!(text(&logctl(&["verify"], &path)), "everything is there\n");
}

#[test]
fn what_is_no_log_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    for command in ["stats", "verify", "export", "tail"] {
        let output = logctl(&[command], directory.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains(directory.path().to_str().unwrap()), "{}", text(&output));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "something was left");
}
