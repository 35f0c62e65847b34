//! How a log is.

use super::LogError;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// How a log is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LogStatus {
    /// Why records cannot be appended at the moment. The log tries again with every append, and a log on
    /// disk looks every second whether there is room for what has failed, also if nobody appends.
    pub failing: Option<StorageFailure>,
    /// What has been lost, and what has been put aside.
    pub salvage: SalvageReport,
}

/// Records could not be appended, and as far as the log can tell it still is so.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StorageFailure {
    /// Since when.
    pub since: SystemTime,
    /// The error of the last attempt.
    pub error: Arc<LogError>,
}

/// What a log has given up, and what it has saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SalvageReport {
    /// All records, among those that retention would keep, that are lost: whose ids had been given
    /// and that cannot be read any more. In order and apart.
    pub lost: Vec<RangeInclusive<u64>>,
    /// The parts of the log that were found damaged since it was opened.
    pub segments: Vec<Salvaged>,
    /// Where the file `schemas` is kept, if it was found damaged since the log was opened.
    pub schemas: Option<PathBuf>,
}

/// A part of the log that was damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// Where the damaged files are kept. The log does not need them, nor does it ever remove them.
    pub path: PathBuf,
    /// The seqs that it held.
    pub records: RangeInclusive<u64>,
    /// Those of them that are lost. Empty if everything could be saved.
    pub lost: Vec<RangeInclusive<u64>>,
}

impl StorageFailure {
    /// A failure to be told by a log of your own.
    pub fn new(since: SystemTime, error: Arc<LogError>) -> Self {
        StorageFailure { since, error }
    }

    /// A failure that begins now, or goes on.
    pub(crate) fn note(noted: &mut Option<Self>, error: &LogError) {
        let since = noted.as_ref().map_or_else(SystemTime::now, |failure| failure.since);
        *noted = Some(StorageFailure { since, error: Arc::new(copy(error)) });
    }
}

/// The same error for another who wants to know. Its publisher has the first.
fn copy(error: &LogError) -> LogError {
    match error {
        LogError::Io { action, path, source } => {
            let other = || std::io::Error::new(source.kind(), source.to_string());
            let source =
                source.raw_os_error().map_or_else(other, std::io::Error::from_raw_os_error);
            LogError::Io { action, path: path.clone(), source }
        }
        LogError::Engine { action, path, reason } => {
            LogError::Engine { action, path: path.clone(), reason: reason.clone() }
        }
        LogError::Other { action, source } => LogError::other(action, source.to_string()),
        LogError::Closed => LogError::Closed,
        other => LogError::other("writing", other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::io;

    #[test]
    fn whoever_looks_at_a_failure_sees_what_caused_it() {
        let cause = || io::Error::from(io::ErrorKind::ConnectionReset);
        let path = PathBuf::from("a path");
        let of_a_file = LogError::Io { action: "syncing", path, source: cause() };
        for error in [LogError::other("committing rows", cause()), of_a_file] {
            let mut noted = None;
            StorageFailure::note(&mut noted, &error);
            let copy = noted.unwrap().error;
            assert_eq!(copy.to_string(), error.to_string());
            let [copy, error] = [&*copy, &error].map(|it| it.source().unwrap().to_string());
            assert_eq!(copy, error);
        }
    }
}
