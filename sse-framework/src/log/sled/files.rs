//! Files that only their owner can read, whatever directory the log was given: some of them hold the
//! key of its ids, or payloads.

use super::io;
use crate::log::LogError;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// How a file is opened for writing, and made if it is not there.
pub(crate) fn private() -> OpenOptions {
    let mut options = File::options();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes an empty file, in place of whatever was there.
pub(crate) fn create(path: &Path) -> Result<File, LogError> {
    private().truncate(true).open(path).map_err(io("creating", path))
}

/// Writes and syncs a whole file.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), LogError> {
    let mut file = create(path)?;
    file.write_all(contents).map_err(io("writing", path))?;
    file.sync_all().map_err(io("syncing", path))
}
