//! What is published of each crate stands alone: it has the licences and a README, and nothing in it leads to
//! what is not published.

use std::error::Error;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

type Outcome = Result<(), Box<dyn Error>>;

const CRATES: [&str; 2] = ["sse-derive", "sse-framework"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a crate's package.
fn packaged(name: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["package", "--list", "--allow-dirty", "--offline", "--package", name]);
    let output = command.current_dir(repository()).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

#[test]
fn every_crate_has_the_licences_and_a_readme() -> Outcome {
    for name in CRATES {
        let files = packaged(name)?;
        for file in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
            assert!(files.iter().any(|found| found == file), "{name} has no {file}: {files:?}");
        }
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let theirs = fs::read_to_string(repository().join(name).join(licence))?;
            assert_eq!(theirs, fs::read_to_string(repository().join(licence))?, "{name}");
        }
    }
    Ok(())
}

#[test]
fn no_source_includes_a_file_that_is_not_published() -> Outcome {
    let mut includes = 0;
    for name in CRATES {
        let files = packaged(name)?;
        for file in files.iter().filter(|file| file.ends_with(".rs")) {
            let text = fs::read_to_string(repository().join(name).join(file))?;
            for rest in text.split("include_str!(\"").skip(1) {
                let path = rest.split('"').next().unwrap_or_default();
                let included = Path::new(file).with_file_name(path);
                let found = plain(&included).is_some_and(|path| files.contains(&path));
                // Documentation speaks of what users may include.
                assert!(found || path == "...", "{name}/{file} includes {path}");
                includes += 1;
            }
        }
    }
    assert!(includes >= 3, "only {includes} were found");
    Ok(())
}

/// The path without `..`, if it does not lead out.
fn plain(path: &Path) -> Option<String> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(names.pop()?),
            name => names.push(name.as_os_str().to_str()?),
        }
    }
    Some(names.join("/"))
}

#[test]
fn the_readme_is_that_of_the_repository() -> Outcome {
    let whole = fs::read_to_string(repository().join("README.md"))?;
    let expected = unlinked(&without_commands(&whole)?);
    let file = repository().join("sse-framework/README.md");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&file, &expected)?;
    }
    let told = "sse-framework/README.md is made from README.md: UPDATE_SNAPSHOTS=1 makes it anew";
    assert!(fs::read_to_string(&file)? == expected, "{told}");
    Ok(())
}

/// Without what only those can do who have the repository.
fn without_commands(text: &str) -> Result<String, Box<dyn Error>> {
    let mut parts = text.split("<!-- In the repository: -->\n");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once("<!-- Everywhere: -->\n").ok_or("it has no end")?;
        kept.push_str(rest);
    }
    Ok(kept)
}

/// With the text alone of each link that leads to a file.
fn unlinked(text: &str) -> String {
    let mut parts = text.split("](");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match (part.split_once(')'), kept.rfind('[')) {
            (Some((target, rest)), Some(start)) if !target.contains("://") => {
                kept.remove(start);
                kept.push_str(rest);
            }
            _ => kept.extend(["](", part]),
        }
    }
    kept
}
