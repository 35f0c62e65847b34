//! A copy of a segment, for as long as it is not known what the engine makes of it.
//!
//! When the engine opens a file, it overwrites what follows the first thing that it does not
//! understand. So a segment that may be in such a state is copied first, and the copy goes when
//! everything has been found again.

use super::carve::Carved;
use super::lock::sync_directory;
use super::segment::{Database, create_directory, remove_directory};
use super::{io, report};
use crate::log::LogError;
use crate::planted::planted;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Holds a copy of a segment's directory.
#[must_use = "the copy stays until the segment is opened"]
#[derive(Debug)]
pub(crate) struct Guard {
    path: PathBuf,
    copy: PathBuf,
}

/// So much is written again at once.
const PIECE: usize = 1 << 20;

/// The files that a segment consists of; the rest only makes opening it faster.
const FILES: [&str; 2] = ["db", "conf"];

impl Guard {
    /// Makes the copy. What an earlier opening has left, which died in between, is put to rights.
    pub(crate) fn new(path: &Path) -> Result<Self, LogError> {
        let (path, copy) = (path.to_path_buf(), copy_of(path));
        settle(&path)?;
        let guard = Guard { path, copy };
        if planted("copy-not-made") {
            return Ok(guard);
        }
        guard.copy().inspect_err(|_| {
            report("removing a copy", remove_directory(&guard.copy));
        })?;
        Ok(guard)
    }

    fn copy(&self) -> Result<(), LogError> {
        create_directory(&self.copy)?;
        for name in FILES {
            let from = self.path.join(name);
            fs::copy(&from, self.copy.join(name)).map_err(io("copying", &from))?;
        }
        copy_blobs(&self.path, &self.copy)
    }

    /// Puts the copy in the segment's place. It is synced first: what it is a copy of goes. An earlier opening
    /// may have made it, and a sync may have failed since: so it is written once more, as it is.
    fn restore(&self) -> Result<(), LogError> {
        for name in FILES.map(|name| self.copy.join(name)).into_iter().filter(|name| name.exists())
        {
            write_again(&name).map_err(io("syncing", &name))?;
        }
        sync_directory(&self.copy)?;
        remove_directory(&self.path)?;
        fs::rename(&self.copy, &self.path).map_err(io("renaming", &self.copy))?;
        self.path.parent().map_or(Ok(()), sync_directory)
    }

    /// Opens the database and has a look at it. If that fails, or is not `good`, the segment is as
    /// it was before.
    pub(crate) fn open<T>(
        self,
        look: impl Fn(&Database) -> Result<T, LogError>,
        good: impl Fn(&T) -> bool,
    ) -> Result<(Database, T), LogError> {
        let look = |database: Database| look(&database).map(|seen| (database, seen));
        let opened = Database::open(&self.path).and_then(look);
        // A snapshot that is damaged, or too new, is no loss.
        let opened = match opened {
            Ok((database, seen)) if good(&seen) => Ok((database, seen)),
            first => {
                drop(first);
                Database::recover(&self.path).and_then(look)
            }
        };
        match opened {
            Ok((database, seen)) if good(&seen) => {
                remove_directory(&self.copy)?;
                Ok((database, seen))
            }
            opened => {
                let error = opened.err().unwrap_or_else(|| LogError::Engine {
                    action: "opening",
                    path: self.path.clone(),
                    reason: "it does not find all records".into(),
                });
                self.restore()?;
                Err(error)
            }
        }
    }
}

/// Writes what is in a file to the same place, and syncs it. If that is interrupted, the file is as it was.
fn write_again(path: &Path) -> std::io::Result<()> {
    let (mut from, mut to) = (File::open(path)?, File::options().write(true).open(path)?);
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return to.sync_all(),
            Ok(read) => to.write_all(&piece[..read])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn copy_of(path: &Path) -> PathBuf {
    path.with_extension("copy")
}

/// If an opening has died and left a copy: of that and the segment, keeps what has more intact
/// blocks.
pub(crate) fn settle(path: &Path) -> Result<(), LogError> {
    match better_copy(path)? {
        Some(copy) => Guard { path: path.into(), copy }.restore(),
        None => remove_directory(&copy_of(path)),
    }
}

/// The copy that is to take the segment's place, if there is one.
pub(crate) fn better_copy(path: &Path) -> Result<Option<PathBuf>, LogError> {
    let copy = copy_of(path);
    if !copy.exists() {
        return Ok(None);
    }
    let blocks = |path| Carved::read(path).map(|carved| carved.blocks.len());
    let is_better = !path.exists() || blocks(&copy)? > blocks(path)?;
    Ok(is_better.then_some(copy))
}

fn copy_blobs(from: &Path, to: &Path) -> Result<(), LogError> {
    let (from, to) = (from.join("blobs"), to.join("blobs"));
    if !from.is_dir() {
        return Ok(());
    }
    create_directory(&to)?;
    for entry in fs::read_dir(&from).map_err(io("reading", &from))? {
        let entry = entry.map_err(io("reading", &from))?;
        fs::copy(entry.path(), to.join(entry.file_name())).map_err(io("copying", &entry.path()))?;
    }
    Ok(())
}
