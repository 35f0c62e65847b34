//! TypeScript, checked and compiled by `tsc`.

use crate::browser::package_is_there;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a careful project asks for.
const STRICT: &[&str] = &[
    "--strict",
    "--noUncheckedIndexedAccess",
    "--exactOptionalPropertyTypes",
    "--noPropertyAccessFromIndexSignature",
    "--noImplicitOverride",
    "--noImplicitReturns",
    "--noUnusedLocals",
    "--noUnusedParameters",
    "--verbatimModuleSyntax",
    "--isolatedModules",
    "--erasableSyntaxOnly",
];

/// Checks files; what `tsc` has against them, if anything.
///
/// # Errors
///
/// The complaints.
pub fn check(files: &[&Path]) -> Result<(), String> {
    run(files, |command| {
        command.args(STRICT).arg("--noEmit");
    })
}

/// Compiles a file as strictly, into a directory; the JavaScript's path.
pub fn compile(file: &Path, directory: &Path) -> PathBuf {
    let compiled = run(&[file], |command| {
        command.args(STRICT).arg("--outDir").arg(directory);
    });
    compiled.unwrap_or_else(|complaints| panic!("{}:\n{complaints}", file.display()));
    let name = file.with_extension("js");
    directory.join(name.file_name().expect("it is a file"))
}

/// The client that is part of every generated module, compiled.
pub fn client(directory: &Path) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    compile(&tests.join("../sse-framework/src/schema/client.ts"), directory)
}

/// Compiles what a directory's `tsconfig.json` says, into another.
///
/// # Errors
///
/// The complaints.
pub fn compile_project(project: &Path, directory: &Path) -> Result<(), String> {
    let mut command = tsc();
    ended(command.arg("-p").arg(project).arg("--outDir").arg(directory))
}

fn run(files: &[&Path], options: impl FnOnce(&mut Command)) -> Result<(), String> {
    let mut command = tsc();
    command.args(["--ignoreConfig", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"]);
    options(&mut command);
    ended(command.args(files))
}

fn tsc() -> Command {
    package_is_there("typescript");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.arg(tests.join("node_modules/typescript/bin/tsc"));
    command
}

fn ended(command: &mut Command) -> Result<(), String> {
    let output = command.output().expect("node starts");
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
    }
}
