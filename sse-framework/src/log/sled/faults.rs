//! Failures on demand, for tests.

use crate::log::LogError;
use std::path::Path;
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
