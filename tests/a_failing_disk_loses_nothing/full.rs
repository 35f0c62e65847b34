//! A disk that is full, and has room again.

use crate::account::Account;
use crate::life::{self, Note};
use sse_framework::{Health, Hub, PublishError, Received, Retention, Start, StartError, Subscribe};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use support::directory::Directory;
use support::disk;
use support::ledger::Id;
use support::random::{self, Random};
use support::served::eventually;

const DISK: u64 = 160 << 20;
const ROUNDS: usize = 12;

/// A small disk, and a file that takes the room on it.
struct Small {
    filler: PathBuf,
    // Unmounted before the directory is removed.
    disk: disk::Small,
    _directory: Directory,
}

impl Small {
    fn new() -> Self {
        let directory = Directory::new();
        let disk = disk::Small::new(directory.path(), DISK);
        Small { filler: disk.path().join("filler"), disk, _directory: directory }
    }

    fn log(&self) -> PathBuf {
        self.disk.path().join("log")
    }

    /// Leaves so many bytes.
    fn fill(&self, left: u64) {
        let mut filler = File::create(&self.filler).unwrap();
        let piece = vec![1; 64 << 10];
        while filler.write_all(&piece).is_ok() {}
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(left)).unwrap();
    }

    /// Of what the filler takes.
    fn give_back(&self, bytes: u64) {
        let filler = File::options().write(true).open(&self.filler).unwrap();
        filler.set_len(filler.metadata().unwrap().len() - bytes).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(&self.filler).unwrap();
    }
}

#[tokio::test]
async fn a_log_goes_on_by_itself_when_a_full_disk_has_room_again() {
    if !disk::may_mount("full::a_log_goes_on_by_itself_when_a_full_disk_has_room_again") {
        return;
    }
    let (mut random, mut failed) = (Random::new(random::seed()), (0, 0, 0));
    for round in 0..ROUNDS {
        let (small, mut account) = (Small::new(), Account::new());
        let hub = life::open(&small.log()).await.unwrap();
        let mut next = 1;
        for _ in 0..random.below(40) {
            publish(&hub, &mut account, &mut next).await.unwrap();
        }
        let before = hub.last_event_id();
        // Nothing, or a part of what the log takes for its next segment, or for the one after.
        small.fill([0, random.below(1 << 20) as u64, random.below(20 << 20) as u64][round % 3]);
        let mut refused = 0;
        for publishes in 1.. {
            if publish(&hub, &mut account, &mut next).await.is_err() {
                refused += 1;
            }
            if refused == 5 {
                break;
            }
            // Retention may have made room.
            if publishes % 100 == 0 {
                small.fill(0);
            }
            assert!(publishes < 2_000, "the disk was not full: the test shows nothing");
        }
        let full = hub.last_event_id();
        small.make_room();
        for _ in 0..40 {
            publish(&hub, &mut account, &mut next).await.expect("there is room again");
        }
        if account.told.unknown > 0 {
            assert_ne!(hub.last_event_id().epoch(), before.epoch(), "an id for two payloads");
        }
        assert!(hub.last_event_id().seq() >= full.seq() + 40);
        read_all(&hub).await;
        hub.shutdown().await.unwrap();
        assert_eq!(account.judge(&small.log()), []);
        failed.0 += account.told.acked;
        failed.1 += account.told.refused;
        failed.2 += account.told.unknown;
    }
    let (acked, refused, unknown) = failed;
    eprintln!(
        "{ROUNDS} full disks: {acked} acknowledged, {refused} refused, {unknown} unknown; \
         each log went on, nothing was lost and nothing refused came back"
    );
    assert!(refused > 0 && unknown > 0);
}

/// A load balancer must not send clients to where every publish fails.
#[tokio::test]
async fn a_log_is_failing_as_long_as_there_is_room_for_an_empty_segment_only() {
    if !disk::may_mount("full::a_log_is_failing_as_long_as_there_is_room_for_an_empty_segment_only")
    {
        return;
    }
    let small = Small::new();
    let hub = life::open(&small.log()).await.unwrap();
    small.fill(200 << 10);
    // Each has 30,000 bytes.
    let notes = || (0..20).map(|n| Note::new(50 * n + 7));
    hub.publish_all(notes()).await.unwrap_err();
    let since = || match hub.health() {
        Health::StorageFailing(failure) => failure.since,
        other => panic!("{other:?}"),
    };
    let (first, begun) = (since(), Instant::now());
    // Enough for the state, and for a segment in the place of the one that failed.
    small.give_back(100 << 10);
    while begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(since(), first);
        std::thread::sleep(Duration::from_millis(20));
    }
    hub.publish_all(notes()).await.unwrap_err();
    assert_eq!(since(), first);
    small.make_room();
    eventually("it goes on by itself", || hub.health().is_ready());
    hub.publish_all(notes()).await.unwrap();
    hub.shutdown().await.unwrap();
    assert!(!small.log().join("room").exists());
}

#[tokio::test]
async fn a_log_on_a_full_disk_opens_when_there_is_room_again() {
    if !disk::may_mount("full::a_log_on_a_full_disk_opens_when_there_is_room_again") {
        return;
    }
    let (mut random, mut refused) = (Random::new(random::seed()), 0);
    for round in 0..ROUNDS {
        let (small, mut account) = (Small::new(), Account::new());
        let mut next = 1;
        if round > 0 {
            let hub = life::open(&small.log()).await.unwrap();
            for _ in 0..random.below(40) {
                publish(&hub, &mut account, &mut next).await.unwrap();
            }
            // Every other one is not closed properly.
            match round % 2 {
                0 => hub.shutdown().await.unwrap(),
                _ => drop(hub),
            }
            let lock = File::open(small.log().join("lock")).unwrap();
            eventually("the log is free", || lock.try_lock().is_ok());
        }
        small.fill([0, random.below(12 << 20) as u64][round / 2 % 2]);
        for _ in 0..3 {
            match life::open(&small.log()).await {
                Ok(hub) => hub.shutdown().await.unwrap_or(()),
                Err(StartError::Log(_)) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        small.make_room();
        let hub = life::open(&small.log()).await.unwrap();
        publish(&hub, &mut account, &mut next).await.unwrap();
        hub.shutdown().await.unwrap();
        assert_eq!(account.judge(&small.log()), []);
    }
    eprintln!("{ROUNDS} full disks: {refused} of {} openings refused", 3 * ROUNDS);
    assert!(refused > 0, "no disk was full: the test shows nothing");
}

/// Nobody else makes room: what is too old goes, and takes no room to go.
#[tokio::test]
async fn retention_makes_room_on_a_full_disk() {
    if !disk::may_mount("full::retention_makes_room_on_a_full_disk") {
        return;
    }
    // Longer than it takes to fill the disk.
    let (small, age) = (Small::new(), Duration::from_secs(15));
    let open = async || {
        let (log, _) = life::settings(&small.log());
        Hub::builder(log).retention(Retention::forever().age(age)).start().await.unwrap()
    };
    let publish = async |hub: &Hub<Note>, n: u64| {
        let publish = hub.publish(Note::new(n)).idempotency_key(format!("{n}"));
        publish.await.map(|id| id.seq())
    };
    let hub = open().await;
    for n in 1..=100 {
        publish(&hub, n).await.unwrap();
    }
    let entries = || fs::read_dir(small.log()).unwrap().flatten();
    eventually("segments are sealed", || entries().filter(is_sealed).count() > 2);
    small.fill(0);
    let mut next = 101;
    while publish(&hub, next).await.is_ok() {
        next += 1;
        small.fill(0);
        assert!(next < 1_000, "the disk was not full: the test shows nothing");
    }
    let full = Instant::now();
    while publish(&hub, next).await.is_err() {
        next += 1;
        assert!(full.elapsed() < 4 * age, "it is still full");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    hub.shutdown().await.unwrap();
    small.make_room();
    let hub = open().await;
    assert_eq!(publish(&hub, 1).await.unwrap(), 1, "its key is known longer than its record");
    hub.shutdown().await.unwrap();
}

fn is_sealed(entry: &fs::DirEntry) -> bool {
    entry.path().extension().is_some_and(|kind| kind == "sealed")
}

async fn publish(
    hub: &Hub<Note>,
    account: &mut Account,
    next: &mut u64,
) -> Result<(), PublishError> {
    account.sending(*next, 1);
    let published = hub.publish(Note::new(*next)).await;
    *next += 1;
    match &published {
        Ok(id) => account.acked(vec![Id::read(&id.to_string()).unwrap()]),
        Err(PublishError::Refused(_)) => account.refused(),
        Err(PublishError::OutcomeUnknown(_)) => account.unknown(),
        Err(other) => panic!("{other:?}"),
    }
    published.map(drop)
}

/// Readers go on, too.
async fn read_all(hub: &Hub<Note>) {
    let mut stream = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    loop {
        let received = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
        match received.unwrap() {
            Some(Received::Event(event)) if event.id == hub.last_event_id() => return,
            Some(Received::Event(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}
