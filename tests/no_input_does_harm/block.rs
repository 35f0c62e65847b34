//! Blocks of a log: the key before the value. The checksum is put right, or nothing would get
//! past it.

use sse_framework::testing::{example_blocks, read_any_block};

pub(crate) fn corpus() -> Vec<Vec<u8>> {
    example_blocks()
}

pub(crate) fn target(input: &[u8]) -> bool {
    let Ok((records, bytes)) = read_any_block(input) else { return false };
    assert!(records.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{records:?}");
    let sum: u64 = records.iter().map(|(_, _, bytes)| bytes).sum();
    assert!(records.is_empty() || sum == bytes, "{sum} bytes of records, {bytes} by the table");
    true
}
