//! Faults that are planted on purpose, to see that the tests find them.
//!
//! Only a build with `--cfg sse_framework_planted` has them, and there the variable
//! `SSE_FRAMEWORK_PLANTED` names the one that is in force:
//!
//! | name | what is done wrong |
//! |---|---|
//! | `ack-before-sync` | a commit is acknowledged without having been synced |
//! | `fan-out-before-sync` | readers see a commit before it is written |
//! | `crc-skipped` | a block's checksum is not looked at |
//! | `cursor-off-by-one` | the tail is read from the cursor on, not after it |
//! | `replay-without-filter` | a read of the log shows every topic |
//! | `live-without-filter` | a read of the tail shows every topic |
//! | `snapshot-without-filter` | a snapshot shows every topic |
//! | `filter-ignored` | what an app's filter hides is shown |
//! | `request-widens` | what the client asks for is shown besides what the app allows |
//! | `position-comparable` | with opaque ids the same position has the same id each time |
//! | `lf-only` | a CR in a payload does not count as a line break |
//! | `dropped-wake-up` | nobody is told of a commit |
//! | `end-of-one-ignored` | a stream goes on that is disconnected by its key or has expired |
//! | `retry-after-failed-sync` | a sync is tried again after one has failed |
//! | `append-after-failed-sync` | a segment is written to after a sync has failed |
//! | `epoch-reused` | opening a log does not begin an epoch |
//! | `unfinished-chain-shown` | a batch is shown of which blocks are missing |
//! | `floor-not-exact` | retention by count keeps one more record |
//! | `end-forgotten` | what lies behind the end of a failed segment is shown |
//! | `mark-ignored` | a log that ends before the mark is not damaged |
//! | `generating-kept` | an unfinished snapshot is left for the engine to read |
//! | `loss-not-told` | lost records are passed over in silence |
//! | `directory-not-synced` | what was made or renamed in a directory is not synced |
//! | `state-not-synced` | the file `state` takes the place of the old one without having been synced |
//! | `copy-not-made` | the engine opens a segment of which there is no copy |
//! | `key-not-kept` | the log does not keep the idempotency keys of what it stores |
//! | `unsynced-unbounded` | any amount is written to a segment between two syncs |
//!
//! `tests/every_planted_fault_is_caught.rs` runs the tests that need no kill and no loss of power;
//! `an_acked_event_survives_kill.rs`, `an_acked_event_survives_power_loss.rs` and
//! `what_is_acknowledged_was_synced_before.rs` run themselves on the others.

/// Whether a fault is in force.
#[cfg(sse_framework_planted)]
pub(crate) fn planted(name: &str) -> bool {
    static NAMED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let read = || std::env::var("SSE_FRAMEWORK_PLANTED").unwrap_or_default();
    NAMED.get_or_init(read) == name
}

/// No fault is in force.
#[cfg(not(sse_framework_planted))]
pub(crate) const fn planted(_name: &str) -> bool {
    false
}
