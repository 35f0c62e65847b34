//! The log's directory, which one opener has at a time.

use super::{files, io};
use crate::log::LogError;
use crate::planted::planted;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
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
            Ok(_) => check_owner(directory)?,
            Err(error) if error.kind() == ErrorKind::NotFound => create_private(directory)?,
            Err(error) => return Err(io("opening", directory)(error)),
        }
        let path = directory.join("lock");
        let file = files::private().truncate(false).open(&path).map_err(io("opening", &path))?;
        DirectoryLock::hold(directory, file)
    }

    /// Locks the directory of a log in which nothing is to be changed. A copy of a log may have no
    /// file to lock; then nobody has it open.
    pub(crate) fn take_existing(directory: &Path) -> Result<Option<Self>, LogError> {
        let path = directory.join("lock");
        match File::open(&path) {
            Ok(file) => DirectoryLock::hold(directory, file).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("opening", &path)(error)),
        }
    }

    fn hold(directory: &Path, file: File) -> Result<Self, LogError> {
        match file.try_lock() {
            Ok(()) => Ok(DirectoryLock { file }),
            Err(TryLockError::WouldBlock) => Err(LogError::Locked { path: directory.into() }),
            Err(TryLockError::Error(error)) => Err(io("locking", &directory.join("lock"))(error)),
        }
    }
}

/// Before anything is put into it, sees to it that a directory holds a log, or nothing.
fn check_owner(directory: &Path) -> Result<(), LogError> {
    match ["state", "state.copy"].iter().any(|file| directory.join(file).exists()) {
        true => Ok(()),
        false => check_empty(directory),
    }
}

/// Sees to it that there is nothing, but for what making a log begins with.
pub(crate) fn check_empty(directory: &Path) -> Result<(), LogError> {
    for entry in fs::read_dir(directory).map_err(io("reading", directory))? {
        let name = entry.map_err(io("reading", directory))?.file_name();
        if !["lock", "state.new", "state.copy.new"].iter().any(|ours| name == **ours) {
            let name = name.to_string_lossy();
            let reason = format!("it has no file `state`, but is not empty: there is {name:?}");
            return Err(LogError::Format { path: directory.into(), reason });
        }
    }
    Ok(())
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
    missing.iter().try_for_each(|made| sync_entry(made))
}

/// Makes it durable that there is such a directory.
pub(crate) fn sync_entry(directory: &Path) -> Result<(), LogError> {
    match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    }
}

/// Makes what was created in, renamed in or removed from a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), LogError> {
    #[cfg(test)]
    super::faults::sync_directory(directory)?;
    if cfg!(unix) && !planted("directory-not-synced") {
        let opened = File::open(directory).map_err(io("opening", directory))?;
        opened.sync_all().map_err(io("syncing", directory))?;
    }
    Ok(())
}
