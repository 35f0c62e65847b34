//! Faults that are planted on purpose, to see that a test finds them.

use crate::server::LOADTARGET;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Names the fault that is in force.
pub const PLANTED: &str = "SSE_FRAMEWORK_PLANTED";

/// Runs a test of this program on a server in which a fault is planted: whether it fails.
///
/// `environment` says how thoroughly it tries.
pub fn is_caught(fault: &str, test: &str, environment: &[(&str, &str)]) -> bool {
    let program = std::env::current_exe().expect("a test knows its program");
    let mut again = Command::new(program);
    again.args(["--exact", test]).env(LOADTARGET, target()).env(PLANTED, fault);
    again.envs(environment.iter().copied()).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    let output = again.output().expect("it runs again");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "there is no test {test}");
    eprintln!("{fault}: {}", if output.status.success() { "missed" } else { "caught" });
    !output.status.success()
}

/// The target, built with all the faults: a variable says which is in force.
fn target() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .current_dir(&root)
            .args(["build", "--package", "example-loadtarget", "--locked"])
            .args(["--target-dir", "target/planted"])
            .env("RUSTFLAGS", "--cfg sse_framework_planted")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status();
        assert!(status.expect("cargo runs").success());
        root.join("target/planted/debug/example-loadtarget")
    })
}
