//! A segment's database. The engine's types, and its panics, stay in here.

use super::block::Key;
use super::carve::{Blocks, Carved};
use super::io;
use super::lock::sync_directory;
use super::span::Span;
use crate::log::LogError;
use crate::planted::planted;
use crate::unwind::caught;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Values up to a 68th of this stay in the engine's log, which we sync; larger ones would not.
const ENGINE_SEGMENT_BYTES: usize = 8 << 20;
/// The engine overwrites a part of its file, of this size, when all that it held has been written
/// elsewhere and another such part has been filled since. That must have been synced by then, so
/// no more than this is inserted between two syncs: the engine writes two or three times as much.
const MOST_UNSYNCED: u64 = 1 << 20;
/// A database is closed on other threads than the one that drops it: how long to wait for them.
pub(crate) const CLOSING: Duration = Duration::from_secs(5);

/// An open database.
pub(crate) struct Database {
    path: PathBuf,
    source: Source,
    /// A write or a sync has failed: nothing is written any more.
    failed: AtomicBool,
    /// Bytes that have been inserted since the last sync began.
    pub(crate) unsynced: AtomicU64,
    /// Held during a sync. Whether one has failed: the operating system tells of a failure once,
    /// and only one of two that sync at the same time.
    pub(crate) sync_failed: Mutex<bool>,
    #[cfg(test)]
    pub(crate) faults: super::faults::Faults,
}

/// Where the blocks come from.
enum Source {
    Engine {
        /// There until the database is dropped.
        engine: Option<sled::Db>,
        /// The engine's log: its flush does not sync, this descriptor does.
        log: File,
    },
    /// Found without the engine, and only read.
    Carved(Carved),
}

impl Drop for Database {
    /// The engine syncs when it is closed, and panics if that fails.
    fn drop(&mut self) {
        let Source::Engine { engine, .. } = &mut self.source else { return };
        let engine = engine.take();
        let closed = contained("closing", &self.path, || {
            drop(engine);
            #[cfg(test)]
            self.faults.panic(super::faults::CLOSE);
            Ok(())
        });
        super::report("closing a segment", closed);
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.path).finish()
    }
}

impl Database {
    /// Makes an empty database whose existence is durable, in place of whatever was at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, LogError> {
        create_directory(path)?;
        let engine = open_engine(path)?;
        let database = Database::new(path, engine)?;
        database.flush()?;
        database.sync()?;
        let conf = path.join("conf");
        File::open(&conf).and_then(|conf| conf.sync_all()).map_err(io("syncing", &conf))?;
        sync_directory(path)?;
        path.parent().map_or(Ok(()), sync_directory)?;
        Ok(database)
    }

    /// Opens a database that is there. If the engine does not understand it, it may have
    /// overwritten a part of it.
    pub(crate) fn open(path: &Path) -> Result<Self, LogError> {
        // The engine would make an empty database in place of what is missing.
        for file in ["db", "conf"] {
            let file = path.join(file);
            fs::metadata(&file).map_err(io("opening", &file))?;
        }
        remove_snapshots(path, |name| {
            name.ends_with(".generating") && !planted("generating-kept")
        })?;
        Database::new(path, open_engine(path)?)
    }

    /// The same without what makes opening fast, which may be what is wrong.
    pub(crate) fn recover(path: &Path) -> Result<Self, LogError> {
        remove_snapshots(path, |_| !planted("generating-kept"))?;
        Database::open(path)
    }

    /// A database of which the engine makes nothing, or must not: its blocks can be read.
    pub(crate) fn carved(path: &Path, carved: Carved) -> Self {
        Database::with_source(path, Source::Carved(carved))
    }

    fn new(path: &Path, engine: sled::Db) -> Result<Self, LogError> {
        let log = path.join("db");
        let log = File::options().write(true).open(&log).map_err(io("opening", &log))?;
        Ok(Database::with_source(path, Source::Engine { engine: Some(engine), log }))
    }

    fn with_source(path: &Path, source: Source) -> Self {
        Database {
            path: path.into(),
            source,
            failed: AtomicBool::new(false),
            unsynced: AtomicU64::new(0),
            sync_failed: Mutex::new(false),
            #[cfg(test)]
            faults: Default::default(),
        }
    }

    /// Whether the engine has it open, and so keeps in memory what has been written.
    pub(crate) fn has_engine(&self) -> bool {
        matches!(self.source, Source::Engine { .. })
    }

    #[cfg(test)]
    pub(crate) fn with_faults(mut self, faults: &super::faults::Faults) -> Self {
        self.faults = faults.clone();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn insert(&self, key: &Key, value: Vec<u8>) -> Result<(), LogError> {
        let bytes = value.len() as u64;
        let is_bounded = !planted("unsynced-unbounded");
        if is_bounded && self.unsynced.load(Ordering::Relaxed) + bytes > MOST_UNSYNCED {
            self.flush()?;
            self.sync()?;
        }
        self.unsynced.fetch_add(bytes, Ordering::Relaxed);
        self.write(|| {
            #[cfg(test)]
            self.faults.check(super::faults::INSERT, &self.path)?;
            self.run("writing to", |engine| engine.insert(key, value)).map(drop)
        })
    }

    /// Hands everything to the operating system: it survives the death of the process.
    pub(crate) fn flush(&self) -> Result<(), LogError> {
        self.write(|| {
            #[cfg(test)]
            self.faults.check(super::faults::FLUSH, &self.path)?;
            self.run("writing to", |engine| engine.flush()).map(drop)
        })
    }

    fn write(&self, write: impl FnOnce() -> Result<(), LogError>) -> Result<(), LogError> {
        if self.failed.load(Ordering::Acquire) && !planted("append-after-failed-sync") {
            return Err(self.failed_before("writing to"));
        }
        write().inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    /// Makes what has been flushed durable: it survives a loss of power. That holds also after a
    /// failed write, but never after a failed sync.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        let mut sync_failed = super::locked(&self.sync_failed);
        if *sync_failed && !planted("retry-after-failed-sync") {
            return Err(self.failed_before("syncing"));
        }
        self.unsynced.store(0, Ordering::Relaxed);
        let synced = self.sync_once();
        if synced.is_err() {
            *sync_failed = true;
            self.failed.store(true, Ordering::Release);
        }
        synced
    }

    fn sync_once(&self) -> Result<(), LogError> {
        #[cfg(test)]
        self.faults.check(super::faults::SYNC, &self.path)?;
        match &self.source {
            Source::Engine { log, .. } => log.sync_data().map_err(io("syncing", &self.path)),
            Source::Carved(_) => Err(self.failed_before("syncing")),
        }
    }

    /// Makes records durable that were found without the engine, whoever has written them.
    pub(crate) fn make_durable(&self, records: Span) -> Result<(), LogError> {
        match &self.source {
            Source::Carved(carved) => carved.make_durable(records),
            Source::Engine { .. } => self.sync(),
        }
    }

    fn failed_before(&self, action: &'static str) -> LogError {
        io(action, &self.path)(std::io::Error::other("it has failed before"))
    }

    pub(crate) fn get(&self, key: &Key) -> Result<Option<Value>, LogError> {
        if let Source::Carved(carved) = &self.source {
            return Ok(carved.get(key)?.map(Value::Carved));
        }
        let value = self.run("reading", |engine| engine.get(key))?;
        Ok(value.map(Value::Engine))
    }

    /// The largest key up to this one.
    pub(crate) fn at_or_before(&self, key: &Key) -> Result<Option<Key>, LogError> {
        if let Source::Carved(carved) = &self.source {
            return Ok(carved.at_or_before(key));
        }
        let found =
            self.run("reading", |engine| engine.range(..=&key[..]).next_back().transpose())?;
        found.map(|(key, _)| self.key(&key)).transpose()
    }

    /// The entries from this key on, in order.
    pub(crate) fn scan(&self, from: &Key) -> Scan<'_> {
        let rows = match &self.source {
            Source::Engine { engine, .. } => {
                let rows = engine.as_ref().map(|engine| Box::new(engine.range(from.to_vec()..)));
                Rows::Engine { rows, value: sled::IVec::default() }
            }
            Source::Carved(carved) => Rows::Carved(carved.range(from)),
        };
        Scan { rows, database: self }
    }

    fn run<T>(
        &self,
        action: &'static str,
        run: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, LogError> {
        let Source::Engine { engine, .. } = &self.source else {
            return Err(self.failed_before(action));
        };
        let engine = engine.as_ref().ok_or(LogError::Closed)?;
        contained(action, &self.path, || run(engine))
    }

    fn key(&self, key: &[u8]) -> Result<Key, LogError> {
        Key::try_from(key).map_err(|_| LogError::Engine {
            action: "reading",
            path: self.path.clone(),
            reason: "a key that is not of a log".into(),
        })
    }
}

/// See [`Database::scan`].
pub(crate) struct Scan<'a> {
    rows: Rows<'a>,
    database: &'a Database,
}

enum Rows<'a> {
    Engine { rows: Option<Box<sled::Iter>>, value: sled::IVec },
    Carved(Blocks<'a>),
}

impl Scan<'_> {
    /// The next block and its key. The bytes are there until the one after that is asked for.
    pub(crate) fn next(&mut self) -> Option<Result<(Key, &[u8]), LogError>> {
        let (rows, value) = match &mut self.rows {
            Rows::Engine { rows, value } => (rows.as_mut()?, value),
            Rows::Carved(blocks) => return blocks.next(),
        };
        let entry = contained("reading", &self.database.path, || rows.next().transpose());
        let key = entry.transpose()?.and_then(|(key, next)| {
            *value = next;
            self.database.key(&key)
        });
        Some(key.map(|key| (key, &value[..])))
    }
}

/// The bytes of a block.
#[derive(Debug)]
pub(crate) enum Value {
    Engine(sled::IVec),
    Carved(Vec<u8>),
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Value::Engine(value) => value,
            Value::Carved(value) => value,
        }
    }
}

fn open_engine(path: &Path) -> Result<sled::Db, LogError> {
    let started = Instant::now();
    loop {
        let config = sled::Config::new()
            .path(path)
            .segment_size(ENGINE_SEGMENT_BYTES)
            .flush_every_ms(None)
            .use_compression(false)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(16 << 20);
        match contained("opening", path, || config.open()) {
            Err(LogError::Engine { reason, .. })
                if reason.contains("could not acquire lock") && started.elapsed() < CLOSING =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            result => return result,
        }
    }
}

/// Runs the engine, whose panics become errors. After one, nothing is written to the segment.
fn contained<T>(
    action: &'static str,
    path: &Path,
    run: impl FnOnce() -> sled::Result<T>,
) -> Result<T, LogError> {
    let failed = |reason| LogError::Engine { action, path: path.into(), reason };
    match caught(run) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(sled::Error::Io(source))) if source.kind() != ErrorKind::Other => {
            Err(LogError::Io { action, path: path.into(), source })
        }
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(panic) => Err(failed(format!("it panicked: {}", panic.message()))),
    }
}

/// Snapshots only make opening faster. One that a crash has left unfinished, however, would be
/// taken for the newest, and the database could not be opened any more.
fn remove_snapshots(path: &Path, which: impl Fn(&str) -> bool) -> Result<(), LogError> {
    for entry in fs::read_dir(path).map_err(io("reading", path))? {
        let entry = entry.map_err(io("reading", path))?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("snap.") && which(name)) {
            fs::remove_file(entry.path()).map_err(io("removing", &entry.path()))?;
        }
    }
    Ok(())
}

/// Makes an empty directory that only its owner can enter, in place of whatever was there.
pub(crate) fn create_directory(path: &Path) -> Result<(), LogError> {
    remove_directory(path)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io("creating", path))
}

/// Removes a directory that may not be there.
pub(crate) fn remove_directory(path: &Path) -> Result<(), LogError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("removing", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a file that may not be there.
pub(crate) fn remove_file(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("removing", path)(error)),
        _ => Ok(()),
    }
}
