//! Random choices that can be made again.

use std::time::{SystemTime, UNIX_EPOCH};

/// Who changes nothing sees nothing new fail.
const USUAL: u64 = 1_795_642_094_045_648_094;

/// The seed of this run: `SSE_SEED`, or else always the same. For `SSE_SEED=random` it is the time.
/// Printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let seed = match std::env::var("SSE_SEED").as_deref() {
        Ok("random") => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(0, |time| time.as_nanos() as u64)
        }
        _ => number_from_env("SSE_SEED").unwrap_or(USUAL),
    };
    eprintln!("to repeat: SSE_SEED={seed}");
    seed
}

/// How many cases to try: `SSE_CASES`, or else `usual`.
pub fn cases(usual: u32) -> u32 {
    number_from_env("SSE_CASES").map_or(usual, |n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// How often to kill: `SSE_KILLS`, or else `usual`.
pub fn kills(usual: u64) -> u64 {
    number_from_env("SSE_KILLS").unwrap_or(usual)
}

/// A figure of a test: the environment's, or else `usual`.
pub fn figure(name: &str, usual: u64) -> u64 {
    number_from_env(name).unwrap_or(usual)
}

/// How often to lose power: `SSE_POWER_ROUNDS`, or else `usual`.
pub fn power_losses(usual: u64) -> u64 {
    number_from_env("SSE_POWER_ROUNDS").unwrap_or(usual)
}

/// How many faults of the system to try: `SSE_FAULTS`, if it is set.
pub fn faults() -> Option<u64> {
    number_from_env("SSE_FAULTS")
}

/// How long to try inputs: `SSE_FUZZ_SECONDS`, if it is set.
pub fn fuzz_seconds() -> Option<u64> {
    number_from_env("SSE_FUZZ_SECONDS")
}

fn number_from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// A small generator (splitmix64), enough to cut and choose.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator with this seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// `bytes` cut at random places, also into empty pieces.
    pub fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let longest = self.below(bytes.len() + 1) + 1;
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(self.below(longest + 1).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}
