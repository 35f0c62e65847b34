//! A test that has never failed proves nothing. The framework is built with faults planted in it,
//! and for each there is a test that fails.
//!
//! Here are those faults that show without a kill or a loss of power; `sse-framework/src/planted.rs`
//! has the whole list.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Each fault, and a test of the framework's own that finds it.
const FAULTS: [(&str, &str); 20] = [
    (
        "ack-before-sync",
        "log::sled::tests::faults::after_a_failed_write_or_sync_the_log_goes_on_elsewhere",
    ),
    (
        "fan-out-before-sync",
        "log::sled::tests::faults::after_a_failed_write_or_sync_the_log_goes_on_elsewhere",
    ),
    ("crc-skipped", "log::sled::block::tests::every_flipped_bit_is_noticed"),
    ("cursor-off-by-one", "tail::ring::tests::a_cursor_reads_what_comes_after_it"),
    ("replay-without-filter", "log::sled::tests::a_read_stops_where_it_is_told_to"),
    ("lf-only", "wire::encode::event::tests::a_line_break_is_found_wherever_it_is"),
    (
        "dropped-wake-up",
        "tail::subscribers::tests::an_event_wakes_those_who_read_its_topic_and_nobody_else",
    ),
    (
        "end-of-one-ignored",
        "tail::subscribers::tests::the_end_of_a_key_is_that_of_its_subscribers_of_today",
    ),
    (
        "retry-after-failed-sync",
        "log::sled::tests::faults::nothing_is_written_after_a_failure_and_a_sync_never_succeeds_after_a_failed_one",
    ),
    (
        "append-after-failed-sync",
        "log::sled::tests::faults::nothing_is_written_after_a_failure_and_a_sync_never_succeeds_after_a_failed_one",
    ),
    (
        "epoch-reused",
        "log::sled::tests::everything_is_there_after_reopening_with_the_same_ids_and_a_new_epoch",
    ),
    (
        "unfinished-chain-shown",
        "log::sled::tests::cut::a_batch_over_many_blocks_is_there_whole_or_not_at_all",
    ),
    (
        "floor-not-exact",
        "log::sled::tests::retention::retention_by_count_is_exact_at_every_append_and_frees_directories",
    ),
    (
        "end-forgotten",
        "log::sled::tests::faults::what_a_failed_sync_has_left_does_not_exist_after_a_crash_either",
    ),
    (
        "mark-ignored",
        "log::sled::tests::damage::a_damaged_block_among_good_ones_is_an_error_and_never_a_cut_tail",
    ),
    (
        "generating-kept",
        "log::sled::tests::damage::a_snapshot_that_a_crash_has_left_unfinished_does_no_harm",
    ),
    (
        "loss-not-told",
        "log::sled::tests::faults::a_log_opens_also_if_records_before_an_empty_segment_were_lost",
    ),
    ("copy-not-made", "log::sled::tests::damage::what_the_engine_overwrites_can_still_be_read"),
    ("key-not-kept", "log::sled::tests::keys::a_key_is_found_where_its_record_is"),
    (
        "unsynced-unbounded",
        "log::sled::tests::overwritten::what_was_synced_is_overwritten_only_when_its_other_copy_was_synced_too",
    ),
];

/// Each fault by which somebody sees what is not theirs, and a test over sockets that finds it.
const LEAKS: [(&str, &str, &str); 6] = [
    ("replay-without-filter", MATRIX, "nobody_sees_an_event_of_another_tenant::framework"),
    ("live-without-filter", MATRIX, "nobody_sees_an_event_of_another_tenant::framework"),
    ("snapshot-without-filter", MATRIX, "nobody_sees_an_event_of_another_tenant::axum"),
    ("request-widens", MATRIX, "nobody_sees_an_event_of_another_tenant::axum"),
    ("position-comparable", MATRIX, "nobody_can_tell_how_many_events_others_have::framework"),
    ("filter-ignored", FILTER, "a_filter_holds_for_what_comes_what_was_and_the_state::axum"),
];
const MATRIX: &str = "nobody_sees_what_is_not_theirs";
const FILTER: &str = "a_filter_decides_event_by_event";

/// Builds tests with the faults in them.
fn build(tests: &[&str]) -> HashMap<String, PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["test", "--no-run", "--locked", "--package"])
        .args(tests)
        .args(["--message-format", "json", "--target-dir", "target/planted"])
        .env("RUSTFLAGS", "--cfg sse_framework_planted")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let programs = lines.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let program = message["executable"].as_str()?;
        Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(program)))
    });
    programs.collect()
}

/// Whether a test passes. One that hangs does not.
fn passes(program: &Path, test: &str, fault: &str) -> bool {
    let mut child = Command::new(program)
        .args(["--exact", test])
        .env("SSE_FRAMEWORK_PLANTED", fault)
        .env("SSE_TAGGED", "10000")
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Without a fault, it must not look as if it hung.
    let patience = Duration::from_secs(if fault.is_empty() { 300 } else { 60 });
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let output = child.wait_with_output().unwrap();
            let output = String::from_utf8_lossy(&output.stdout);
            assert!(output.contains("running 1 test"), "there is no test {test}");
            return status.success();
        }
        if started.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn every_planted_fault_is_caught() {
    let mut programs = build(&["sse-framework", "--lib"]);
    programs.extend(build(&["sse-framework-tests", "--test", MATRIX, "--test", FILTER]));
    let faults = FAULTS.map(|(fault, test)| (fault, "sse_framework", test));
    let mut missed = Vec::new();
    for (fault, program, test) in faults.into_iter().chain(LEAKS) {
        let program = &programs[program];
        assert!(passes(program, test, ""), "{test} fails without a fault");
        if passes(program, test, fault) {
            missed.push((fault, test));
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:#?}");
    println!("{} faults, all caught", FAULTS.len() + LEAKS.len());
}
