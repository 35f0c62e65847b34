//! SIGKILL while appending.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const DIRECTORY: &str = "SSE_FRAMEWORK_TEST_KILL";
const KILLS: u64 = 10;

/// Appends and tells what was acknowledged, until it is killed.
#[test]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let log = Box::new(small(Path::new(&directory)).segment_bytes(20_000));
    let log = log.open(Retention::forever()).unwrap();
    let mut next = log.history().last() + 1;
    loop {
        let batches = match next % 7 {
            0 => vec![
                batch((next..next + 40).map(|n| numbered(n).records.remove(0))),
                numbered(next + 40),
            ],
            3 => vec![batch([record(None, vec![next as u8; 100_000])])],
            _ => vec![numbered(next)],
        };
        let first = log.append(&batches).unwrap().first;
        next += batches.iter().map(|batch| batch.records.len() as u64).sum::<u64>();
        println!("\nacked {first} {}", next - 1);
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger: Vec<(String, u64)> = Vec::new();
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "log::sled::tests::kill::child"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (begun, beginning) = std::sync::mpsc::channel();
        let reading = std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines
                .filter_map(|line| {
                    let (id, last) = line.strip_prefix("acked ")?.split_once(' ')?;
                    begun.send(()).ok();
                    Some((id.to_owned(), last.parse::<u64>().ok()?))
                })
                .collect::<Vec<_>>()
        });
        // One round in three dies while it is opening the log.
        if round % 3 > 0 {
            beginning.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(67 * round % 400));
        child.kill().unwrap();
        child.wait().unwrap();
        ledger.extend(reading.join().unwrap());

        let log = open_still(small(directory.path()), Retention::forever()).unwrap();
        let acknowledged = ledger.last().map_or(0, |(_, last)| *last);
        assert!(log.history().last() >= acknowledged, "{} < {acknowledged}", log.history().last());
        let all = read_all(&log);
        for (id, last) in &ledger {
            let seq = id.parse::<crate::EventId>().unwrap().seq();
            let found = &all[seq as usize - 1];
            assert_eq!(&found.id, id);
            assert!(all.len() as u64 >= *last);
            let expected = match found.topic {
                Some(_) => numbered(seq).records.remove(0).data,
                None => vec![seq as u8; 100_000],
            };
            assert!(found.data == expected, "record {seq} has other data");
        }
    }
    assert!(ledger.len() as u64 >= KILLS * 6 / 10, "{} appends", ledger.len());
}
