//! The file `mark`: a seq up to which the log is known to be synced.
//!
//! It is written after every sync and synced itself once a second, so after a loss of power it may be
//! old by that, but it is never too new. When
//! the log is opened after a crash and ends before the mark, then records are damaged; without
//! it, a log whose end is cut off would look like one that never had it.
//!
//! | offset | bytes | what |
//! |-------:|------:|------|
//! | 0 | 8 | token of the epoch, little-endian |
//! | 8 | 8 | the seq, little-endian |
//! | 16 | 4 | CRC-32 of the 16 bytes before, little-endian |

use super::block::Rest;
use super::state::State;
use super::{files, io};
use crate::id::Epoch;
use crate::log::LogError;
use crate::planted::planted;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// Up to where the records must be there, as far as can be told outside of the segments.
pub(crate) fn safe(directory: &Path, state: &State) -> u64 {
    if planted("mark-ignored") {
        return 0;
    }
    let marked = Mark::read(directory)
        .filter(|(epoch, _)| state.epochs.iter().any(|known| known.epoch == *epoch))
        .map_or(0, |(_, seq)| seq);
    let before = state.epochs.last().map_or(0, |epoch| epoch.first - 1);
    marked.max(state.closed_at.unwrap_or(0)).max(before)
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Mark {
    file: Arc<File>,
    is_synced: bool,
}

impl Mark {
    pub(crate) fn open(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join("mark");
        let file = files::private().truncate(false).open(&path);
        let file = file.map(Arc::new).map_err(io("opening", &path))?;
        Ok(Mark { file, is_synced: true })
    }

    /// What the mark says, if it can be read.
    pub(crate) fn read(directory: &Path) -> Option<(Epoch, u64)> {
        let bytes = fs::read(directory.join("mark")).ok()?;
        let (marked, crc) = bytes.split_at_checked(16)?;
        let (mut marked_rest, mut crc) = (Rest(marked), Rest(crc));
        let (token, seq) = (marked_rest.u64().ok()?, marked_rest.u64().ok()?);
        let intact = crc.u32().ok()? == crc32fast::hash(marked);
        intact.then_some((Epoch::from_token(token), seq))
    }

    /// Notes that everything up to `seq` is synced. A failure only leaves an older mark.
    pub(crate) fn note(&mut self, epoch: Epoch, seq: u64) {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&epoch.token().to_le_bytes());
        bytes[8..16].copy_from_slice(&seq.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&crc.to_le_bytes());
        let mut file = &*self.file;
        let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&bytes));
        self.is_synced = false;
        if let Err(error) = written {
            tracing::debug!(%error, "writing the mark");
        }
    }

    /// The file, if it is to be synced. Whoever gets it does so.
    pub(crate) fn take_unsynced(&mut self) -> Option<Arc<File>> {
        (!std::mem::replace(&mut self.is_synced, true)).then(|| self.file.clone())
    }
}
