//! rustc, without cargo around it.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// As `cargo check` does.
    Check,
    /// As `cargo build` does.
    Debug,
}

pub(crate) struct Compiler {
    directory: TempDir,
    arguments: Vec<String>,
}

impl Compiler {
    /// With the crates that the sources use.
    pub(crate) fn new() -> Self {
        let mut arguments = Vec::new();
        for library in libraries() {
            let name = library.file_stem().unwrap().to_str().unwrap();
            let name = name.strip_prefix("lib").unwrap().split('-').next().unwrap();
            if ["schemars", "serde", "serde_json", "sse_framework"].contains(&name) {
                let directory = library.parent().unwrap().display();
                arguments.extend(["-L".to_owned(), format!("dependency={directory}")]);
                arguments.push("--extern".to_owned());
                arguments.push(format!("{name}={}", library.display()));
            }
        }
        Compiler { directory: TempDir::new().unwrap(), arguments }
    }

    /// The processor time that the source takes.
    pub(crate) fn milliseconds(&self, build: Build, source: &str) -> f64 {
        let file = self.directory.path().join("source.rs");
        fs::write(&file, source).unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", "TIMEFORMAT='%3U %3S'; time \"$@\"", "time", "rustc"]);
        command.args(["--edition", "2024", "--crate-type", "lib", "--out-dir"]);
        command.arg(self.directory.path()).arg(file).args(&self.arguments);
        command.args(match build {
            Build::Check => ["--emit", "metadata"].as_slice(),
            Build::Debug => &["--emit", "link", "-C", "debuginfo=2"],
        });
        let output = command.output().unwrap();
        let told = successful(&output);
        let times = told.lines().last().unwrap().split(' ');
        times.map(|seconds| seconds.parse::<f64>().unwrap()).sum::<f64>() * 1000.0
    }
}

/// What cargo has built for the smallest crate that uses them all.
fn libraries() -> Vec<PathBuf> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--package", "hygiene-strict", "--message-format", "json"]);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    successful(&output);
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let files = messages.filter_map(|message| message["filenames"].as_array().cloned()).flatten();
    let files = files.map(|file| PathBuf::from(file.as_str().unwrap()));
    files.filter(|file| file.extension().is_some_and(|end| end == "rlib")).collect()
}

fn successful(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}
