//! The log's directory, which one opener has at a time.

use super::io;
use crate::log::LogError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// Holds the directory until it is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    /// A process that is just being spawned has a copy of the descriptor until it runs its own
    /// program: closing ours would not free the lock, unlocking does.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "unlocking the log");
        }
    }
}

impl DirectoryLock {
    /// Makes the directory if it is not there, and locks it.
    pub(crate) fn take(directory: &Path) -> Result<Self, LogError> {
        match fs::metadata(directory) {
            Ok(found) if !found.is_dir() => {
                let reason = "it is a file, and the log needs a directory".to_owned();
                return Err(LogError::Format { path: directory.into(), reason });
            }
            Ok(_) => {}
            Err(_) => create_private(directory)?,
        }
        let path = directory.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io("opening", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(DirectoryLock { file }),
            Err(TryLockError::WouldBlock) => Err(LogError::Locked { path: directory.into() }),
            Err(TryLockError::Error(error)) => Err(io("locking", &path)(error)),
        }
    }
}

/// Makes a directory, and those above it, that only its owner can enter.
fn create_private(directory: &Path) -> Result<(), LogError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let missing: Vec<PathBuf> =
        directory.ancestors().take_while(|path| !path.exists()).map(Path::to_path_buf).collect();
    builder.create(directory).map_err(io("creating", directory))?;
    for made in missing {
        let parent = match made.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        sync_directory(parent)?;
    }
    Ok(())
}

/// Makes what was created in, renamed in or removed from a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), LogError> {
    if cfg!(unix) {
        let opened = File::open(directory).map_err(io("opening", directory))?;
        opened.sync_all().map_err(io("syncing", directory))?;
    }
    Ok(())
}
