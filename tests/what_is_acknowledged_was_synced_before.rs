//! What a crash cannot show on every file system: that directories, and files that take the place
//! of others, are synced before anything is acknowledged that depends on them.
//!
//! On ext4 the sync of one file makes most of what came before durable as well, so that no loss of
//! power tells. The calls that the server makes do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::directory::Directory;
use support::http::{Connection, Request};
use support::planted;
use support::server::{self, Server};

const PUBLISHES: u64 = 300;

#[test]
fn what_is_acknowledged_was_synced_before() {
    let directory = Directory::new();
    let (data, trace) = (directory.path().join("data"), directory.path().join("trace"));
    let arguments = ["--data", data.to_str().unwrap(), "--segment-bytes", "8192"];
    let log = directory.path().join("server.log");
    let server = Server::start(server::loadtarget(), &arguments, &log);
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=mkdir,rename,fsync,write", "-o"])
        .arg(&trace)
        .args(["-p", &server.pid().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace is needed: apt-get install -y strace");
    let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.is_ok_and(|line| line.contains("attached"))));
    std::thread::spawn(move || said.count());
    let mut connection = Connection::open(server.address()).unwrap();
    for n in 0..PUBLISHES {
        let event = format!(r#"{{"n":{n},"t":0,"p":"{}"}}"#, "x".repeat(100));
        let answer = connection.send(&Request::new("POST", "/publish").body(event)).unwrap();
        assert_eq!(answer.head.status, 200);
    }
    server.kill();
    strace.wait().unwrap();
    let calls = std::fs::read_to_string(trace).unwrap();
    let (acknowledged, states, segments) = check(&calls, &data);
    eprintln!("{acknowledged} commits, {states} new states and {segments} segments, all synced");
    assert!(acknowledged >= 250 && states > 3 && segments > 3, "{calls}");
}

/// Every thread syncs what it has changed in the log's directory before it notes a commit, and a
/// file before it gives it the name of another.
fn check(calls: &str, data: &Path) -> (u64, u64, u64) {
    let (data, mut count) = (format!("<{}>", data.display()), (0, 0, 0));
    let mut changed: HashMap<&str, &str> = HashMap::new();
    let mut synced: HashSet<(&str, &str)> = HashSet::new();
    for line in calls.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let name = |place: usize| call.split('"').nth(place).unwrap_or_default();
        let file = |path: &'static str| call.contains(&format!("/{path}>"));
        if call.starts_with("mkdir(") && name(1).ends_with(".active") {
            changed.insert(thread, line);
            count.2 += 1;
        } else if call.starts_with("rename(") && name(1).ends_with(".new") {
            let fresh = Path::new(name(1)).file_name().unwrap().to_str().unwrap();
            assert!(synced.remove(&(thread, fresh)), "not synced: {line}");
            changed.insert(thread, line);
            count.1 += 1;
        } else if call.starts_with("fsync(") {
            for fresh in ["state.new", "state.copy.new"] {
                if file(fresh) {
                    synced.insert((thread, fresh));
                }
            }
            if call.contains(&data) {
                changed.remove(thread);
            }
        } else if call.starts_with("write(") && file("mark") {
            let unsynced = changed.get(thread);
            assert_eq!(unsynced, None, "not synced when a commit was noted");
            count.0 += 1;
        }
    }
    count
}

/// When a sync has failed the operating system says so once, and then takes what it could not write for written: the
/// sync of an opening would say nothing about what a process that was killed has left. So that is written once more.
#[test]
fn what_a_crash_has_left_is_written_again_before_it_is_synced() {
    const LEFT: u64 = 20;
    let directory = Directory::new();
    let at = |name: &str| directory.path().join(name);
    let (data, trace) = (at("data"), at("trace"));
    let arguments = ["--data", data.to_str().unwrap()];
    let server = Server::start(server::loadtarget(), &arguments, &at("first.log"));
    let mut connection = Connection::open(server.address()).unwrap();
    for n in 0..LEFT {
        let event = format!(r#"{{"n":{n},"t":0,"p":"left-{n}-here"}}"#);
        let answer = connection.send(&Request::new("POST", "/publish").body(event)).unwrap();
        assert_eq!(answer.head.status, 200);
    }
    server.kill();
    // Nothing tells that any of it was synced.
    std::fs::remove_file(data.join("mark")).unwrap();
    let traced = at("traced");
    let strace = "strace -D -f -y -s 500 -e trace=pwrite64,fdatasync";
    let program = server::loadtarget().display();
    let script = format!("#!/bin/sh\nexec {strace} -o {} {program} \"$@\"\n", trace.display());
    std::fs::write(&traced, script).unwrap();
    std::fs::set_permissions(&traced, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    Server::start(&traced, &arguments, &at("second.log")).kill();
    let deadline = Instant::now() + Duration::from_secs(60);
    let calls = loop {
        let calls = std::fs::read_to_string(&trace).unwrap();
        if calls.contains("+++ killed by SIGKILL +++") {
            break calls;
        }
        assert!(Instant::now() < deadline, "{calls}");
        std::thread::yield_now();
    };
    let of_segment = |line: &&str| line.contains(".active/db>");
    let mut written = calls.lines().filter(of_segment);
    let written: Vec<&str> =
        written.by_ref().take_while(|line| !line.contains("fdatasync(")).collect();
    for n in 0..LEFT {
        let is_it =
            |line: &&str| line.contains("pwrite64(") && line.contains(&format!("left-{n}-here"));
        assert!(
            written.iter().any(is_it),
            "event {n} is not written again before the first sync:\n{calls}"
        );
    }
}

#[test]
fn every_planted_fault_is_caught() {
    for fault in ["directory-not-synced", "state-not-synced"] {
        assert!(
            planted::is_caught(fault, "what_is_acknowledged_was_synced_before", &[]),
            "{fault}"
        );
    }
}
