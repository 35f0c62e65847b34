//! A life whose calls to the system fail: the k-th of a kind, or all that need a descriptor.

use crate::account::{Account, Told};
use crate::life;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::directory::Directory;
use support::random::{self, Random};

/// A life takes less than a second; one that hangs is ended.
const PATIENCE: Duration = Duration::from_secs(300);

/// Calls that a log makes, and how many of them fail in turn. Each thread counts its own.
const CALLS: [(&str, u64); 14] = [
    ("openat", 40),
    ("pwrite64", 40),
    ("fdatasync", 30),
    ("fsync", 30),
    ("sync_file_range", 10),
    ("write", 10),
    ("pread64", 8),
    ("read", 2),
    ("rename", 8),
    ("mkdir", 8),
    ("ftruncate", 4),
    ("unlinkat", 4),
    ("getdents64", 4),
    ("flock", 2),
];

/// One fault.
#[derive(Clone, Copy, Debug)]
struct Case {
    call: &'static str,
    error: &'static str,
    /// Which call fails.
    k: u64,
    /// And all later ones, too.
    for_good: bool,
}

impl Case {
    fn of(call: &'static str, k: u64) -> Self {
        let error = if call.contains("read") || k.is_multiple_of(2) { "EIO" } else { "ENOSPC" };
        Case { call, error, k, for_good: k % 5 == 4 }
    }

    fn usual() -> Vec<Self> {
        let case = |&(call, most)| (1..=most).map(move |k| Case::of(call, k));
        CALLS.iter().flat_map(case).collect()
    }

    fn by_chance(count: u64, random: &mut Random) -> Vec<Self> {
        let mut case = || Case::of(random.pick(&CALLS).0, 1 + random.below(150) as u64);
        (0..count).map(|_| case()).collect()
    }

    fn strace(self, pid: u32, directory: &Path) -> Command {
        let Case { call, error, k, for_good } = self;
        let more = if for_good { "+" } else { "" };
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", &format!("trace={call}"), "-o"]).arg(directory.join("trace"));
        strace.args(["-e", &format!("inject={call}:error={error}:when={k}{more}")]);
        // These also serve to tell what happens.
        if ["read", "write"].contains(&call) {
            for file in ["state", "state.new", "mark"] {
                strace.arg("-P").arg(directory.join("log").join(file));
            }
        }
        strace.args(["-p", &pid.to_string()]);
        strace
    }
}

#[test]
fn nothing_is_lost_when_the_kth_call_fails() {
    let cases = match random::faults() {
        Some(count) => Case::by_chance(count, &mut Random::new(random::seed())),
        None => Case::usual(),
    };
    let outcomes = in_parallel(&cases, |case| {
        run(&format!("{case:?}"), |pid, directory| {
            let mut strace = case.strace(pid, directory).stderr(Stdio::piped()).spawn();
            let strace = strace.as_mut().expect("strace is needed: apt-get install -y strace");
            let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
            let attached = said.find(|line| line.as_ref().is_ok_and(|l| l.contains("attached")));
            assert!(attached.is_some(), "strace cannot attach");
            std::thread::spawn(move || said.count());
        })
    });
    let injected = outcomes.iter().filter(|outcome| outcome.injected > 0).count();
    let unread = |(case, outcome): (&Case, &Outcome)| !case.for_good && outcome.told.unread > 0;
    let blind = cases.iter().zip(&outcomes).filter(|&pair| unread(pair)).count();
    assert_eq!(blind, 0, "one call failed, and events could not be read any more");
    print(&format!("{injected} of {} lives met a failing call", outcomes.len()), &outcomes);
    assert!(injected * 2 > outcomes.len(), "most calls are never made");
}

#[test]
fn nothing_is_lost_when_there_are_no_descriptors_left() {
    let limits: Vec<u64> = (8..56).collect();
    let outcomes = in_parallel(&limits, |limit| {
        run(&format!("{limit} descriptors"), |pid, _| {
            let mut prlimit = Command::new("prlimit");
            prlimit.args([format!("--pid={pid}"), format!("--nofile={limit}:{limit}")]);
            assert!(prlimit.status().expect("prlimit is part of Linux").success());
        })
    });
    print(&format!("{} limits of descriptors", limits.len()), &outcomes);
    let failed = |outcome: &&Outcome| outcome.told.not_opened + outcome.told.refused > 0;
    let (all, some) = (outcomes.len(), outcomes.iter().filter(failed).count());
    assert!(0 < some && some < all, "{some} of {all} limits hinder: the test shows little");
}

#[derive(Debug)]
struct Outcome {
    told: Told,
    injected: usize,
}

/// A life in a directory of its own, which `hinder` is called for before it begins.
fn run(what: &str, hinder: impl FnOnce(u32, &Path)) -> Outcome {
    let directory = Directory::new();
    let log = directory.path().join("log");
    let mut life = Life::start(&log, directory.path());
    hinder(life.child.id(), directory.path());
    let account = life.tell();
    let trace = fs::read_to_string(directory.path().join("trace")).unwrap_or_default();
    let said = fs::read_to_string(directory.path().join("stderr")).unwrap_or_default();
    let faults = account.judge(&log);
    if account.told.unread > 0 {
        eprintln!("{what}: {} events could not be read in that life: {said}", account.told.unread);
    }
    let outcome = Outcome { told: account.told, injected: trace.matches("(INJECTED)").count() };
    assert!(faults.is_empty(), "{what}: {outcome:?} {faults:#?}\n{said}");
    assert!(account.told.ended, "{what}: {outcome:?}, and it did not come to its end\n{said}");
    outcome
}

struct Life {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Life {
    fn start(log: &Path, directory: &Path) -> Self {
        let stderr = fs::File::create(directory.join("stderr")).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "life::child", "--nocapture"])
            .env(life::DIRECTORY, log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        Life { child, lines }
    }

    /// Lets it begin, and notes all that it says.
    fn tell(&mut self) -> Account {
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
        let (mut account, deadline) = (Account::new(), Instant::now() + PATIENCE);
        let pid = self.child.id();
        std::thread::scope(|scope| {
            let (done, waiting) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || {
                let left = deadline.saturating_duration_since(Instant::now());
                if waiting.recv_timeout(left) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    // It ends with its pipe; that it did not come to its end tells.
                    let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
                }
            });
            self.lines.by_ref().map_while(Result::ok).for_each(|line| account.note(&line));
            drop(done);
        });
        let status = self.child.wait().unwrap();
        account.told.ended &= status.success();
        account
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As many at a time as there are cores.
fn in_parallel<T: Copy + Sync>(cases: &[T], run: impl Fn(T) -> Outcome + Sync) -> Vec<Outcome> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(place) else { break };
                    let outcome = run(*case);
                    outcomes.lock().unwrap().insert(place, outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap().into_values().collect()
}

fn print(what: &str, outcomes: &[Outcome]) {
    let sum = |count: fn(&Told) -> u64| outcomes.iter().map(|o| count(&o.told)).sum::<u64>();
    eprintln!(
        "{what}: openings failed {}, publishes acknowledged {}, refused {}, unknown {}; \
         events unread {}; nothing acknowledged was lost",
        sum(|told| told.not_opened),
        sum(|told| told.acked),
        sum(|told| told.refused),
        sum(|told| told.unknown),
        sum(|told| told.unread),
    );
}
