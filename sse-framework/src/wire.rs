//! The grammar of `text/event-stream`, and nothing else.
use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

pub(crate) const HEARTBEAT: &[u8] = b":\n";

pub(crate) fn write_event(
    out: &mut Vec<u8>,
    id: impl Display,
    name: &str,
    data: &[u8],
) -> Range<usize> {
    let _ = write!(out, "id: {id}\nevent: {name}\ndata: ");
    let start = out.len();
    out.extend_from_slice(data);
    let end = out.len();
    out.extend_from_slice(b"\n\n");
    start..end
}

/// temporary
pub(crate) struct Frame;
