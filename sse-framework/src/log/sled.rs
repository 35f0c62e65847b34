//! The log on disk: segments, each a sled database.

use super::{EventLog, LogError, OpenLog, Retention};
use std::path::PathBuf;
use std::time::Duration;

/// When records are safe from a loss of power. They always survive the death of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Before `publish` returns and before any subscriber sees them.
    #[default]
    Synced,
    /// Within `sync_every` of being published.
    Buffered {
        /// The longest time that a record waits to be synced.
        sync_every: Duration,
    },
}

/// A log in a directory.
#[derive(Clone, Debug)]
pub struct SledLog {
    path: PathBuf,
    durability: Durability,
}

impl SledLog {
    /// The log in the directory at `path`, which is made if it is not there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        SledLog { path: path.into(), durability: Durability::default() }
    }

    /// When records are safe from a loss of power; by default before they are acknowledged.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        SledLog { durability, ..self }
    }
}

impl OpenLog for SledLog {
    fn open(self: Box<Self>, _: Retention) -> Result<Box<dyn EventLog>, LogError> {
        Err(LogError::Closed)
    }
}
