//! The book has no dead link, no chapter that is not there, and no listing that does not exist.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Outcome = Result<(), Box<dyn Error>>;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The tools that `tests/run` installs come before those of the machine.
fn tool(name: &str) -> Result<Command, Box<dyn Error>> {
    let mut places = vec![repository().join("target/tools/bin")];
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(name);
    command.env("PATH", std::env::join_paths(&places)?);
    match places.iter().any(|place| place.join(name).is_file()) {
        true => Ok(command),
        false => Err(format!(
            "`{name}` is not installed: run tests/run, or \
             `cargo install --locked --debug --root target/tools {name}`"
        ))?,
    }
}

#[test]
fn the_book_builds_and_its_links_lead_somewhere() -> Outcome {
    // It is started by mdbook, whose own word on a missing program is harder to act on.
    drop(tool("mdbook-linkcheck2")?);
    let destination = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let built = tool("mdbook")?
        .args(["build", "book", "--dest-dir"])
        .arg(&destination)
        .current_dir(repository())
        .output()?;
    let told = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "mdbook failed:\n{told}");
    // A listing that cannot be included is only logged.
    let complaints = ["ERROR", "WARN", "error:", "warning:"];
    assert!(!complaints.iter().any(|word| told.contains(word)), "mdbook complains:\n{told}");
    assert!(destination.join("html/introduction.html").is_file());
    Ok(())
}

#[test]
fn every_listing_is_an_anchor_in_a_compiled_file() -> Outcome {
    let source = repository().join("book/src");
    let mut listings = 0;
    for chapter in fs::read_dir(&source)? {
        let chapter = chapter?.path();
        if chapter.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&chapter)?;
        for listing in text.split("{{#include ").skip(1) {
            let listing = listing.split("}}").next().unwrap_or_default();
            let (file, anchor) = listing.split_once(':').unwrap_or((listing, ""));
            let included = fs::read_to_string(source.join(file))
                .map_err(|error| format!("{listing} in {}: {error}", chapter.display()))?;
            let anchors = ["//", "#"].map(|comment| format!("{comment} ANCHOR: {anchor}"));
            let found = included.lines().any(|line| anchors.iter().any(|at| line.trim() == at));
            assert!(anchor.is_empty() || found, "{listing} in {}", chapter.display());
            listings += 1;
        }
    }
    assert!(listings >= 10, "only {listings} listings were found");
    Ok(())
}
