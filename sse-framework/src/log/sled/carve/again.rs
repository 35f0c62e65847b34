//! Writes blocks once more that may not be on the disk.
//!
//! When the operating system could not write something, it tells of that once, keeps what it could not write
//! in memory, and takes it for written from then on. So what a process that has died left there may be read
//! though it is not on the disk, and syncing the file would not change that. What has been written
//! again, is written by the next sync, or that fails.
//!
//! One copy of each block is written again. The engine, which writes a block several times, takes the newest for
//! durable and the room of the others for free: it must not write to the segment any more.

use super::{Carved, Place, read_some};
use crate::log::LogError;
use crate::log::sled::block::{Block, Key, split_key};
use crate::log::sled::io;
use crate::log::sled::segment::CLOSING;
use crate::log::sled::span::Span;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

impl Carved {
    /// Makes these records durable: writes their blocks once more, where they are and as they are, and syncs them.
    /// The engine must not have the segment open.
    pub(crate) fn make_durable(&self, records: Span) -> Result<(), LogError> {
        let is_wanted = |(key, place): &&(Key, Place)| {
            let (first, _) = split_key(key);
            let last = first.saturating_add(place.count.max(1).into()) - 1;
            first <= records.last && last >= records.first
        };
        for (number, (path, _)) in self.files.iter().enumerate() {
            let blocks = self.blocks.iter().filter(|(_, place)| place.file == number);
            let blocks: Vec<_> = blocks.filter(is_wanted).collect();
            if blocks.is_empty() {
                continue;
            }
            let file = File::options().read(true).write(true).open(path);
            let file = file.map_err(io("opening", path))?;
            lock(&file, path)?;
            let written = blocks.into_iter().try_for_each(|block| write_again(&file, block));
            let synced = written.and_then(|()| file.sync_data()).map_err(io("syncing", path));
            file.unlock().map_err(io("unlocking", path))?;
            synced?;
        }
        Ok(())
    }
}

/// Locks a file as the engine does, which may still be closing it.
fn lock(file: &File, path: &Path) -> Result<(), LogError> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if started.elapsed() < CLOSING => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(io("locking", path)(error.into())),
        }
    }
}

fn write_again(file: &File, (key, place): &(Key, Place)) -> std::io::Result<()> {
    // What is there now, so that nothing older takes its place.
    let mut block = vec![0; place.length];
    let read = read_some(file, &mut block, place.at)?;
    if read < block.len() || Block::decode(key, &block).is_err() {
        return Err(std::io::Error::new(ErrorKind::InvalidData, "a block has changed"));
    }
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, &block, place.at);
    #[cfg(windows)]
    return write_all_at(file, &block, place.at);
}

#[cfg(windows)]
fn write_all_at(file: &File, mut block: &[u8], mut at: u64) -> std::io::Result<()> {
    while !block.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, block, at)?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        (block, at) = (&block[written..], at + written as u64);
    }
    Ok(())
}
