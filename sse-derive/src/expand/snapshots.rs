//! The code that the derive writes for some shapes, to be seen when it changes: each file in
//! `snapshots/` is an input and what becomes of it. `UPDATE_SNAPSHOTS=1` writes them anew.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::derive;

const BECOMES: &str = "\n// becomes\n\n";

#[test]
fn the_code_is_what_was_read_last() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let changed: Vec<PathBuf> = files.filter(|file| differs(file)).collect();
    assert!(changed.is_empty(), "read the new code, then UPDATE_SNAPSHOTS=1: {changed:#?}");
}

fn differs(file: &Path) -> bool {
    let before = fs::read_to_string(file).unwrap();
    let (input, _) = before.split_once(BECOMES).unwrap_or((&before, ""));
    let code = derive(&syn::parse_str(input).unwrap()).to_string();
    let now = format!("{input}{BECOMES}{}", formatted(&code));
    if now != before {
        eprintln!("{}:\n{now}", file.display());
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(file, &now).unwrap();
    }
    now != before
}

fn formatted(code: &str) -> String {
    let mut command = Command::new("rustfmt");
    command.args(["--edition", "2024", "--config", "max_width=100"]);
    let mut rustfmt = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    rustfmt.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    let output = rustfmt.wait_with_output().unwrap();
    assert!(output.status.success(), "rustfmt cannot read this: {code}");
    String::from_utf8(output.stdout).unwrap()
}
