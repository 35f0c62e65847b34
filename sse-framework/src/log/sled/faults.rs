//! Failures on demand, for tests.

use crate::log::LogError;
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

pub(crate) const INSERT: u8 = 1;
pub(crate) const FLUSH: u8 = 2;
pub(crate) const SYNC: u8 = 4;
/// Panics.
pub(crate) const CLOSE: u8 = 8;
/// Panics.
pub(crate) const TEND: u8 = 16;

/// Which operations fail from now on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<AtomicU8>);

impl Faults {
    pub(crate) fn set(&self, operations: u8) {
        self.0.store(operations, Ordering::Relaxed);
    }

    pub(crate) fn check(&self, operation: u8, path: &Path) -> Result<(), LogError> {
        match self.0.load(Ordering::Relaxed) & operation {
            0 => Ok(()),
            _ => Err(super::io("failing on demand at", path)(std::io::Error::other("a fault"))),
        }
    }

    pub(crate) fn panic(&self, operation: u8) {
        assert!(self.0.load(Ordering::Relaxed) & operation == 0, "on demand");
    }
}

thread_local! {
    static FAILING_SYNCS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    static KIND: Cell<ErrorKind> = const { Cell::new(ErrorKind::Other) };
    static SYNCED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
}

/// On this thread, after so many more syncs of directories, so many fail.
pub(crate) fn fail_directory_syncs(after: u32, count: u32) {
    FAILING_SYNCS.set((after, count));
}

/// With which error they fail.
pub(crate) fn fail_directory_syncs_as(kind: ErrorKind) {
    KIND.set(kind);
}

/// The directories that this thread has synced since it was asked before.
pub(crate) fn synced_directories() -> Vec<PathBuf> {
    SYNCED.take()
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), LogError> {
    match FAILING_SYNCS.get() {
        (_, 0) => {}
        (0, count) => {
            FAILING_SYNCS.set((0, count - 1));
            let fault = std::io::Error::new(KIND.get(), "a fault");
            return Err(super::io("failing on demand at", path)(fault));
        }
        (after, count) => FAILING_SYNCS.set((after - 1, count)),
    }
    SYNCED.with_borrow_mut(|synced| synced.push(path.into()));
    Ok(())
}
