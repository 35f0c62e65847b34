//! When to strike: what a log is doing, told from outside by what appears in its directory.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// Something that a log does now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It begins a segment.
    Rolling,
    /// It rewrites a full one.
    Sealing,
    /// It has retention remove one.
    Removing,
}

/// A log that never does it has another size of segments than the test assumes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Moment {
    /// Waits until the log in `directory` does it; false if it does not.
    pub fn wait(self, directory: &Path) -> bool {
        let (deadline, before) = (Instant::now() + PATIENCE, self.traces(directory));
        while self.traces(directory).is_subset(&before) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        true
    }

    fn traces(self, directory: &Path) -> BTreeSet<String> {
        let kind = match self {
            Moment::Rolling => ".active",
            Moment::Sealing => ".sealing",
            Moment::Removing => ".trash",
        };
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.ends_with(kind)).collect()
    }
}
