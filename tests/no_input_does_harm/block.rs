//! Blocks of a log: the key before the value. The checksum is put right, or nothing would get
//! past it.

use sse_framework::testing::{example_blocks, read_any_block};

pub(crate) fn corpus() -> Vec<Vec<u8>> {
    example_blocks()
}

pub(crate) fn target(input: &[u8]) -> bool {
    let Ok((seqs, [counted, told])) = read_any_block(input) else { return false };
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
    assert_eq!(counted, told, "the table and the records disagree");
    true
}
