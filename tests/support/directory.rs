//! A directory that is kept when a test fails in it.

use crate::planted::PLANTED;
use std::path::Path;
use tempfile::TempDir;

/// Removed when it is dropped, unless the test fails.
#[derive(Debug)]
pub struct Directory(Option<TempDir>);

impl Default for Directory {
    fn default() -> Self {
        Directory::new()
    }
}

impl Directory {
    /// A new one.
    pub fn new() -> Self {
        Directory(Some(TempDir::new().expect("a temporary directory")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.as_ref().expect("it is there until it is dropped").path()
    }

    /// Done with it: keeps it if this says so.
    pub fn keep_if(mut self, keep: bool) {
        if keep {
            self.keep();
        }
    }

    fn keep(&mut self) {
        // With a planted fault, failing is what is expected.
        if std::env::var_os(PLANTED).is_some() {
            return;
        }
        if let Some(directory) = self.0.take() {
            eprintln!("kept: {}", directory.keep().display());
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
    }
}
