//! What the tests share. It is what sse-framework is judged by, so it does not use that; but `served`
//! serves by it, and `log` and `gate` stand in for its log.
#![allow(clippy::expect_used, clippy::panic, reason = "a test's support may end the test")]

pub mod bad;
pub mod browser;
pub mod client;
pub mod curl;
pub mod directory;
pub mod disk;
pub mod dump;
pub mod example;
pub mod fuzz;
pub mod gate;
pub mod http;
pub mod http2;
pub mod ledger;
pub mod load;
pub mod log;
pub mod log_lines;
pub mod nginx;
pub mod parser;
pub mod planted;
pub mod port;
pub mod random;
pub mod raw;
pub mod served;
pub mod server;
pub mod stopwatch;
pub mod torture;
pub mod typescript;
pub mod vectors;
