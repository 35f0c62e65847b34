//! What the tests share. Nothing here uses sse-framework: it is what the framework is judged by.
#![allow(clippy::expect_used, clippy::panic, reason = "a test's support may end the test")]

pub mod browser;
pub mod curl;
pub mod example;
pub mod parser;
pub mod random;
pub mod vectors;
