//! What a process costs, as the kernel counts it.

use crate::Failure;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads the figures of one process.
#[derive(Debug)]
pub(crate) struct Meter {
    process: PathBuf,
}

/// The CPU time of each thread so far, in nanoseconds.
#[derive(Debug)]
pub(crate) struct CpuTimes(HashMap<PathBuf, u64>);

impl Meter {
    pub(crate) fn of(pid: u32) -> Self {
        Meter { process: PathBuf::from(format!("/proc/{pid}")) }
    }

    /// User and system time; what the kernel does on a loopback for the receiver is with the
    /// sender.
    pub(crate) fn cpu_times(&self) -> Result<CpuTimes, Failure> {
        let mut times = HashMap::new();
        for thread in fs::read_dir(self.process.join("task"))? {
            let thread = thread?.path();
            // One that has just ended is no longer there.
            if let Ok(time) = cpu_ns(&thread) {
                times.insert(thread, time);
            }
        }
        Ok(CpuTimes(times))
    }

    /// Time since `before`. Threads that end in between are not in it; a server's idle threads are
    /// the only ones that do.
    pub(crate) fn cpu_since(&self, before: &CpuTimes) -> Result<Duration, Failure> {
        let now = self.cpu_times()?.0;
        let spent =
            now.iter().map(|(thread, time)| time - before.0.get(thread).unwrap_or(&0).min(time));
        Ok(Duration::from_nanos(spent.sum()))
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64, Failure> {
        self.status("VmRSS:")
    }

    fn status(&self, key: &str) -> Result<u64, Failure> {
        let status = fs::read_to_string(self.process.join("status"))?;
        let value = status.lines().find_map(|line| line.strip_prefix(key));
        let number = value.and_then(|value| value.split_whitespace().next());
        Ok(number.ok_or_else(|| format!("/proc has no {key}"))?.parse()?)
    }
}

/// The CPU time of the thread that asks.
pub(crate) fn own_cpu() -> Result<Duration, Failure> {
    Ok(Duration::from_nanos(cpu_ns(Path::new("/proc/thread-self"))?))
}

fn cpu_ns(thread: &Path) -> Result<u64, Failure> {
    let text = fs::read_to_string(thread.join("schedstat"))?;
    Ok(text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_thread_that_is_busy_is_seen_and_one_that_sleeps_is_not() {
        let meter = Meter::of(std::process::id());
        let (before, own) = (meter.cpu_times().unwrap(), own_cpu().unwrap());
        std::thread::sleep(Duration::from_millis(200));
        let slept = own_cpu().unwrap() - own;
        assert!(slept < Duration::from_millis(100), "{slept:?}");
        let begun = Instant::now();
        while own_cpu().unwrap() - own < Duration::from_millis(100) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no time passes");
        }
        assert!(meter.cpu_since(&before).unwrap() >= Duration::from_millis(90));
        assert!(meter.resident_kib().unwrap() > 100);
    }
}
