//! T5: whatever comes in, nothing panics, nothing hangs, and nothing is taken for what it is not.
//!
//! The corpora beside this file are replayed, and mutated: `SSE_FUZZ_SECONDS` says for how long
//! each, `SSE_SEED` repeats a run. Every target is a function of bytes, as libFuzzer wants it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod block;
mod frame;
mod request;
mod topic;

use support::fuzz::{fuzz, fuzz_with};

#[test]
fn frames_of_any_text_read_as_they_were_written() {
    fuzz("frame", include_str!("corpus/frame.txt"), 100_000, frame::target);
}

#[test]
fn any_bytes_are_a_block_or_refused() {
    fuzz_with("block", block::corpus(), 500_000, block::target);
}

#[test]
fn a_filter_matches_what_the_book_says() {
    fuzz("topic", include_str!("corpus/topic.txt"), 200_000, topic::target);
}

#[test]
fn any_last_event_id_is_answered_with_a_stream() {
    let server = request::Server::new();
    let corpus = include_str!("corpus/last_event_id.txt");
    fuzz("last event id", corpus, 20_000, |input| server.last_event_id(input));
}

#[test]
fn any_request_is_answered_as_documented() {
    let server = request::Server::new();
    fuzz("request", include_str!("corpus/request.txt"), 50_000, |input| server.request(input));
}
