//! The machine that the figures are from.

use crate::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;

/// One line on it.
pub(crate) fn facts() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processor = value("/proc/cpuinfo", "model name").unwrap_or("unknown processor".into());
    let memory = value("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let memory = memory.map_or(String::new(), |kib| format!(", {:.0} GiB", kib / 1048576.0));
    format!("{cores} cores ({processor}){memory}, Linux {}", kernel.trim())
}

/// Allows this process and its children as many descriptors as the system does; how many that is.
pub(crate) fn raise_descriptors() -> Result<u64, Failure> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.unwrap_or(u64::MAX))
}

fn value(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut values = text.lines().filter_map(|line| line.strip_prefix(key)?.split_once(':'));
    values.next().map(|(_, value)| value.trim().to_owned())
}
