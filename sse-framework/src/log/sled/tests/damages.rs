//! Damages by the hundred: what comes of them is checked against a ledger.
//!
//! `SSE_FRAMEWORK_DAMAGES` says how many, `SSE_FRAMEWORK_SEED` with which seed, and
//! `SSE_FRAMEWORK_ROUND` where in its sequence to begin.

use super::sealing::copy;
use super::*;
use crate::log::{BatchKey, Position};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::sync::mpsc;

/// What was acknowledged: for each id the checksum of its payload, and whether a batch with a key began
/// with it.
type Ledger = BTreeMap<u64, (crate::EventId, u32, bool)>;

fn key(n: u64) -> BatchKey {
    BatchKey { key: n.into(), content: !u128::from(n) }
}

const DEADLINE: Duration = Duration::from_secs(60);

/// Chance that can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % sides.max(1) as u64) as usize
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())].clone()
    }
}

fn settings(directory: &Path) -> SledLog {
    SledLog::new(directory).segment_bytes(30_000)
}

/// This is not about the disk, and goes faster without it.
fn in_memory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// A log that has everything: epochs, segments of every kind, batches, large events.
struct Sample {
    directory: tempfile::TempDir,
    ledger: Ledger,
}

impl Sample {
    fn path(&self) -> PathBuf {
        self.directory.path().join("now")
    }

    fn older(&self) -> PathBuf {
        self.directory.path().join("older")
    }

    fn make(salt: u64) -> Self {
        let mut sample = Sample { directory: in_memory(), ledger: Ledger::new() };
        for opening in 0..4u64 {
            let log = open_still(settings(&sample.path()), Retention::forever()).unwrap();
            for commit in 0..24u64 {
                sample.append(&log, opening, salt * 1000 + opening * 100 + commit);
            }
            match opening {
                0 | 1 => log.core.tend(),
                2 => log.close().unwrap(),
                _ => {}
            }
            if opening == 1 {
                // As a backup that was made while the process was dead.
                copy(&sample.path(), &sample.older());
            }
        }
        let kinds = kinds(&sample.path());
        assert!(kinds.iter().any(|kind| kind.ends_with("sealed")), "{kinds:?}");
        assert!(kinds.iter().filter(|kind| kind.ends_with("active")).count() > 2, "{kinds:?}");
        sample
    }

    fn append(&mut self, log: &OpenSledLog, opening: u64, number: u64) {
        let batches = match (opening, number % 12) {
            (1.., 3) => vec![batch((0..20).map(|n| numbered(number * 100 + n).records.remove(0)))],
            (1, 5) => vec![batch([record(Some("large"), vec![number as u8; 150_000])])],
            (2, 7) => vec![batch((0..4).map(|_| record(None, vec![number as u8; 30_000])))],
            _ => vec![numbered(number), numbered(number + 7000)],
        };
        let mut batches = batches;
        let next = log.history().last() + 1;
        batches[0].key = Some(key(next)).filter(|_| !number.is_multiple_of(3));
        let first = log.append(&batches).unwrap().first;
        let records = batches.iter().flat_map(|batch| &batch.records);
        for (seq, record) in (first.seq()..).zip(records) {
            let id = crate::EventId::new(first.epoch(), seq);
            let has_key = seq == next && batches[0].key.is_some();
            self.ledger.insert(seq, (id, crc32fast::hash(&record.data), has_key));
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if !path.ends_with("lock") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// Pages with something in them.
fn pages(bytes: &[u8]) -> Vec<usize> {
    let pages = bytes.chunks(4096).enumerate();
    pages.filter(|(_, page)| page.iter().any(|&byte| byte != 0)).map(|(at, _)| at * 4096).collect()
}

/// Where the blocks of a file lie.
fn blocks(bytes: &[u8]) -> Vec<(u64, usize, usize)> {
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        let Some(block::Extent { key, length, .. }) = block::extent(&bytes[at..]) else { continue };
        if bytes.len() >= at + length {
            let decoded = block::Block::decode(&key, &bytes[at..at + length]);
            let Ok(decoded) = decoded else { continue };
            (decoded.header.first..=decoded.header.last())
                .for_each(|seq| found.push((seq, at, length)));
        }
    }
    found
}

/// What a damage may take: the records that a changed byte belongs to, or everything.
enum Touched {
    Records(BTreeSet<u64>),
    Anything,
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Touched {
    let before = fs::read(path).unwrap();
    let mut after = before.clone();
    change(&mut after);
    fs::write(path, &after).unwrap();
    if !path.ends_with("db") {
        return Touched::Records(BTreeSet::new());
    }
    let differs = |(_, at, length): &&(u64, usize, usize)| {
        after.get(*at..at + length) != before.get(*at..at + length)
    };
    Touched::Records(blocks(&before).iter().filter(differs).map(|(seq, ..)| *seq).collect())
}

const KINDS: [&str; 10] = [
    "truncated",
    "bit flipped",
    "page zeroed",
    "pages swapped",
    "page duplicated",
    "blocks swapped",
    "file missing",
    "file of another log",
    "older file",
    "older directory",
];

/// Does a damage. `None` if it does not apply to the file that was chosen.
fn damage(
    kind: &str,
    directory: &Path,
    sample: &Sample,
    other: &Sample,
    dice: &mut Dice,
) -> Option<(PathBuf, Touched)> {
    let all = files(directory);
    let name = dice.pick(&["db", "db", "db", "conf", "snap", "state", "mark", "places", "keys"]);
    let is_it = |path: &&PathBuf| {
        path.file_name().is_some_and(|file| file.to_str().unwrap().starts_with(name))
    };
    let path = dice.pick(&all.iter().filter(is_it).cloned().collect::<Vec<_>>());
    let relative = path.strip_prefix(directory).unwrap().to_path_buf();
    let bytes = fs::read(&path).unwrap();
    let found = pages(&bytes);
    let [one, two] = [dice.pick(&found), dice.pick(&found)];
    let page = |at: usize| at..(at + 4096).min(bytes.len());
    let touched = match kind {
        "truncated" => {
            let length = one + dice.roll(4096);
            rewrite(&path, |file| file.truncate(length))
        }
        "bit flipped" => {
            let at = (one + dice.roll(4096)).min(bytes.len() - 1);
            let bit = dice.roll(8);
            rewrite(&path, |file| file[at] ^= 1 << bit)
        }
        "page zeroed" => rewrite(&path, |file| file[page(one)].fill(0)),
        "pages swapped" | "page duplicated" => {
            let (from, to) = (page(one), page(two));
            if from == to || from.len() != to.len() {
                return None;
            }
            let (there, here) = (bytes[from.clone()].to_vec(), bytes[to.clone()].to_vec());
            rewrite(&path, |file| {
                file[to].copy_from_slice(&there);
                if kind == "pages swapped" {
                    file[from].copy_from_slice(&here);
                }
            })
        }
        "blocks swapped" => {
            let all = blocks(&bytes);
            let (_, one, length) = all.get(dice.roll(all.len())).copied()?;
            let same = |(_, at, other): &&(u64, usize, usize)| *other == length && *at != one;
            let fitting: Vec<_> = all.iter().filter(same).copied().collect();
            let (_, two, _) = fitting.get(dice.roll(fitting.len())).copied()?;
            rewrite(&path, |file| {
                file[one..one + length].copy_from_slice(&bytes[two..two + length]);
                file[two..two + length].copy_from_slice(&bytes[one..one + length]);
            })
        }
        "file missing" => {
            let touched = rewrite(&path, Vec::clear);
            fs::remove_file(&path).unwrap();
            touched
        }
        "file of another log" | "older file" => {
            let from = if kind == "older file" { sample.older() } else { other.path() };
            let bytes = fs::read(from.join(&relative)).ok()?;
            rewrite(&path, |file| *file = bytes)
        }
        _ => {
            fs::remove_dir_all(directory).unwrap();
            copy(&sample.older(), directory);
            return Some((directory.to_path_buf(), Touched::Anything));
        }
    };
    Some((path, touched))
}

/// Reads all that can be read. Returns the records, and the ranges that cannot be had.
fn read_around(log: &OpenSledLog, ledger: &Ledger) -> (BTreeSet<u64>, Vec<LogError>) {
    let history = log.history();
    let (mut seen, mut errors, mut after) = (BTreeSet::new(), Vec::new(), history.first() - 1);
    while after < history.last() {
        let all = TopicSelection::everything();
        let read = log.read(after, history.last(), &all, &mut |record| {
            let seq = record.id.seq();
            assert!(after < seq && seen.insert(seq), "{seq} comes twice");
            let (id, crc, _) = ledger[&seq];
            let wrong = (record.id, crc32fast::hash(record.data)) != (id, crc);
            assert!(!wrong, "record {} has another payload, or another id", record.id);
            ControlFlow::Continue(())
        });
        match read {
            Ok(read) => after = read.until,
            Err(LogError::Damaged { first, last, .. } | LogError::Lost { first, last }) => {
                assert!(after < last && first <= last && last <= history.last());
                errors.push(read.unwrap_err());
                after = last;
            }
            Err(error) => panic!("reading: {error:?}"),
        }
    }
    (seen, errors)
}

fn check_error(error: &LogError, directory: &Path) {
    let path = match error {
        LogError::Damaged { path, first, last, .. } => {
            assert!(first <= last, "{error}");
            path
        }
        LogError::Format { path, .. } | LogError::Io { path, .. } => path,
        error => panic!("an error of no use: {error:?}"),
    };
    assert!(path.starts_with(directory), "{error}");
}

/// Opens the damaged log in every way, and returns what came of it.
fn outcome(directory: &Path, ledger: &Ledger, touched: &Touched) -> &'static str {
    let refusing = open_still(settings(directory), Retention::forever());
    let refused = match &refusing {
        Err(error) => {
            check_error(error, directory);
            true
        }
        Ok(log) => {
            let (_, errors) = read_around(log, ledger);
            errors.iter().for_each(|error| check_error(error, directory));
            !errors.is_empty()
        }
    };
    let refused_to_open = refusing.is_err();
    drop(refusing);
    let salvaging =
        || open_still(settings(directory).on_damage(OnDamage::Salvage), Retention::forever());
    let log = match salvaging() {
        Err(error @ LogError::Format { .. }) if refused_to_open => {
            check_error(&error, directory);
            return "refused";
        }
        opened => opened.unwrap(),
    };
    let lost = check_salvaged(&log, ledger, touched);
    // Of the file `state` there is a copy, which only who salvages uses.
    let is_state = matches!(touched, Touched::Records(touched) if touched.is_empty());
    assert!(refused != lost.is_empty() || (refused_to_open && is_state), "{lost:?}");
    log.core.tend();
    assert_eq!(check_salvaged(&log, ledger, touched), lost);
    let id = log.append(&[numbered(1)]).unwrap().first;
    assert!(ledger.values().all(|(known, ..)| *known != id), "{id} has been given before");
    assert!(!lost.contains(&id.seq()));
    let mut ledger = ledger.clone();
    ledger.insert(id.seq(), (id, crc32fast::hash(&numbered(1).records[0].data), false));
    drop(log);
    let again = open_still(settings(directory), Retention::forever()).unwrap();
    assert_eq!(
        read_around(&again, &ledger).0.len() as u64,
        again.history().last() - lost.len() as u64
    );
    if refused { "salvaged" } else { "intact" }
}

/// The seqs with the keys that the log knows, which are what they were.
fn keys_of(log: &OpenSledLog, ledger: &Ledger) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    log.keys(0, &mut |stored| {
        let seq = stored.id.seq();
        assert_eq!((stored.id, stored.key, true), (ledger[&seq].0, key(seq), ledger[&seq].2));
        assert!(found.insert(seq), "{seq} comes twice");
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

/// What is not lost is there; what is lost is told, exactly; nothing is lost without need.
fn check_salvaged(log: &OpenSledLog, ledger: &Ledger, touched: &Touched) -> BTreeSet<u64> {
    let (seen, errors) = read_around(log, ledger);
    let lost: BTreeSet<u64> = errors
        .iter()
        .flat_map(|error| match error {
            LogError::Lost { first, last } => *first..=*last,
            error => panic!("not given up: {error}"),
        })
        .collect();
    let report = log.status().salvage;
    assert_eq!(report.lost.into_iter().flatten().collect::<BTreeSet<_>>(), lost);
    for part in &report.segments {
        assert!(lost.is_empty() || part.path.exists() || !part.lost.is_empty(), "{part:?}");
    }
    let keys = keys_of(log, ledger);
    let has_key = |seq: &&u64| ledger[*seq].2;
    assert!(seen.iter().filter(has_key).all(|seq| keys.contains(seq)), "a key is missing");
    let history = log.history();
    for (seq, (id, ..)) in ledger.iter().filter(|(seq, _)| **seq <= history.last()) {
        let known = history.find(*id) == Position::After(*seq);
        assert!(seen.contains(seq) || lost.contains(seq), "{seq} is missing");
        assert!(known, "{id} is not known");
    }
    match touched {
        Touched::Records(touched) => {
            assert!(lost.is_subset(touched), "lost {lost:?}, but only {touched:?} were touched");
            assert_eq!(history.last(), *ledger.keys().next_back().unwrap(), "cut off in silence");
        }
        Touched::Anything => {
            for (_, (id, ..)) in ledger.iter().filter(|(seq, _)| **seq > history.last()) {
                let found = history.find(*id);
                assert!(matches!(found, Position::Lost(_) | Position::Unknown), "{found:?}");
            }
        }
    }
    lost
}

/// How often each outcome came of each damage to each file.
type Results = BTreeMap<(&'static str, String), HashMap<&'static str, u64>>;

/// One damage and its outcome, within the deadline.
fn one(
    seed: u64,
    round: u64,
    samples: &[Sample; 2],
) -> Option<((&'static str, String), &'static str)> {
    let mut dice = Dice(seed.wrapping_add(round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let kind = dice.pick(&KINDS);
    let directory = in_memory();
    let path = directory.path().join("log");
    copy(&samples[0].path(), &path);
    let (file, touched) = damage(kind, &path, &samples[0], &samples[1], &mut dice)?;
    let name = file.strip_prefix(&path).unwrap().display().to_string();
    let (told, outcomes) = mpsc::channel();
    let ledger = samples[0].ledger.clone();
    std::thread::Builder::new()
        .name(format!("damage {round} of seed {seed}: {kind}: {name}"))
        .spawn(move || told.send(outcome(&path, &ledger, &touched)))
        .unwrap();
    match outcomes.recv_timeout(DEADLINE) {
        Ok(outcome) => {
            let part = name.rsplit('/').next().unwrap().split('.').next().unwrap();
            Some(((kind, part.to_owned()), outcome))
        }
        Err(error) => {
            let kept = directory.keep();
            panic!("round {round} of seed {seed}: {kind}: {name}: {error}; see {}", kept.display());
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn every_damage_is_harmless_or_an_error_or_told_as_a_loss() {
    let (damages, seed) =
        (number("SSE_FRAMEWORK_DAMAGES", 300), number("SSE_FRAMEWORK_SEED", 20251125));
    let samples = [Sample::make(1), Sample::make(2)];
    let results = Mutex::new(Results::new());
    let rounds = std::sync::atomic::AtomicU64::new(number("SSE_FRAMEWORK_ROUND", 0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while locked(&results).values().flat_map(HashMap::values).sum::<u64>() < damages {
                    let round = rounds.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if let Some((part, outcome)) = one(seed, round, &samples) {
                        *locked(&results).entry(part).or_default().entry(outcome).or_default() += 1;
                    }
                }
            });
        }
    });
    let results = locked(&results);
    println!("damage | file | intact | refused | salvaged");
    for ((kind, part), outcomes) in results.iter() {
        let [intact, refused, salvaged] =
            ["intact", "refused", "salvaged"].map(|name| outcomes.get(name).copied().unwrap_or(0));
        println!("{kind} | {part} | {intact} | {refused} | {salvaged}");
    }
    let all: HashSet<&str> =
        results.values().flat_map(|outcomes| outcomes.keys().copied()).collect();
    assert_eq!(all.len(), 3, "{all:?}");
}
