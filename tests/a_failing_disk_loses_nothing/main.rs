//! T13: a disk that is full or fails, and a process that has no descriptors left, lose nothing that
//! was acknowledged; the log goes on when it can, and what was refused never comes back.
//!
//! The k-th call of every kind that a log makes to the system fails, for every k: `SSE_FAULTS=1000`
//! tries so many, by chance, in place of the usual number; `SSE_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod account;
mod full;
mod life;
mod trial;
