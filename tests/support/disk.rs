//! File systems of our own: one whose power can fail, one that is small. They need root.
//!
//! They are mounted in a mount namespace of the test's own, so that they go with the test however
//! that ends.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const INSIDE: &str = "SSE_OWN_MOUNTS";
const NEED: &str = "SSE_NEED_MOUNTS";

/// Runs the test of this name again, in a process that can mount what it likes: true in there. If
/// that is not to be had here, it says so, and fails if `SSE_NEED_MOUNTS` is set.
///
/// # Panics
///
/// If the test fails in there.
pub fn may_mount(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--"]);
        command
    };
    let probe = unshare().args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
    match probe {
        Ok(probe) if probe.status.success() => {
            let program = std::env::current_exe().expect("a test knows its program");
            let mut again = unshare();
            again.arg(program).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
            assert!(again.status().expect("unshare runs").success(), "{test} failed");
        }
        probe => {
            let said = format!("NOT TESTED: {test} needs root and mounts: {probe:?}");
            assert!(std::env::var_os(NEED).is_none(), "{said}");
            eprintln!("{said}");
        }
    }
    false
}

/// An ext4 in a file, whose power can fail: what has not been written to it is gone then, and of
/// its journal what has not been committed.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mounted: PathBuf,
    switch: Option<Switch>,
}

/// Waits for a line, and cuts the power: `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`. It
/// is Perl since there is no way to do it from Rust without unsafe code, and every Debian has it.
const SWITCH: &str = r#"open(my $disk, "<", $ARGV[0]) or die "$!"; $| = 1; print "ready\n"; <STDIN>;
    my $flag = pack("I", 2); ioctl($disk, 0x8004587d, $flag) or die "$!"; print "off\n";"#;

struct Switch {
    perl: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Disk {
    /// A new one with so many bytes, mounted below `directory`.
    pub fn new(directory: &Path, bytes: u64) -> Self {
        let (image, mounted) = (directory.join("image"), directory.join("mounted"));
        File::create(&image).and_then(|file| file.set_len(bytes)).expect("an image");
        run("mkfs.ext4", &["-q", "-F"], &[&image]);
        fs::create_dir(&mounted).expect("a mount point");
        let mut disk = Disk { image, mounted, switch: None };
        disk.mount();
        disk
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mounted
    }

    fn mount(&mut self) {
        // Without its heuristics ext4 does not make up for a file that was not synced.
        run("mount", &["-o", "loop,noauto_da_alloc"], &[&self.image, &self.mounted]);
        self.switch = Some(Switch::new(&self.mounted));
    }

    /// Cuts the power: whoever writes to it gets an error from now on.
    pub fn lose_power(&mut self) {
        self.switch.take().expect("it has power").cut();
    }

    /// Makes it what it is after the machine has started again. Nobody may have it open.
    pub fn start_again(&mut self) {
        run("umount", &[], &[&self.mounted]);
        self.mount();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.switch = None;
        // With the namespace it goes in any case.
        let _ = Command::new("umount").arg("--lazy").arg(&self.mounted).status();
    }
}

impl Switch {
    fn new(mounted: &Path) -> Self {
        let mut perl = Command::new("perl");
        perl.args(["-e", SWITCH]).arg(mounted).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut perl = perl.spawn().expect("perl runs: apt-get install -y perl-base");
        let input = perl.stdin.take().expect("it is piped");
        let output = BufReader::new(perl.stdout.take().expect("it is piped"));
        let mut switch = Switch { perl, input, output };
        switch.expect("ready\n");
        switch
    }

    fn cut(mut self) {
        self.input.write_all(b"\n").expect("perl waits for a line");
        self.expect("off\n");
    }

    fn expect(&mut self, expected: &str) {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("perl answers");
        assert_eq!(line, expected, "the disk has no switch");
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.perl.kill();
        let _ = self.perl.wait();
    }
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").field("perl", &self.perl.id()).finish_non_exhaustive()
    }
}

/// A small file system in memory, unmounted when this is dropped.
#[derive(Debug)]
pub struct Small(PathBuf);

impl Small {
    /// A new one of so many bytes, mounted below `directory`.
    pub fn new(directory: &Path, bytes: u64) -> Self {
        let mounted = directory.join("mounted");
        fs::create_dir(&mounted).expect("a mount point");
        run("mount", &["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"], &[&mounted]);
        Small(mounted)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn run(program: &str, options: &[&str], paths: &[&Path]) {
    let status = Command::new(program).args(options).args(paths).status();
    let status = status.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    assert!(status.success(), "{program} {options:?} {paths:?}: {status}");
}
