//! Frames of typed events, whose payload is one line: written once for all subscribers.

use super::{FrameError, MAX_ID_LENGTH, check_id, check_name};
use crate::event::RawEvent;
use crate::id::EventId;
use crate::planted::planted;
use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

/// Appends the frame of one event, as a hub with [plain](crate::IdStyle::Plain) ids sends it, and
/// returns where in `out` its payload is.
///
/// ```
/// use sse_framework::{EventId, RawEvent, wire};
///
/// let id: EventId = "0000000001bv4-17".parse()?;
/// let event = RawEvent::new("stock", 1, br#"{"left":3}"#);
/// let mut out = Vec::new();
/// let payload = wire::write_event(&mut out, id, event)?;
/// assert_eq!(out, b"id: 0000000001bv4-17\nevent: stock\ndata: {\"left\":3}\n\n");
/// assert_eq!(&out[payload], event.data);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`FrameError`] if the name has a CR, LF or NUL, or the payload is not one line of UTF-8; `out`
/// is then as it was before.
pub fn write_event(
    out: &mut Vec<u8>,
    id: EventId,
    event: RawEvent<'_>,
) -> Result<Range<usize>, FrameError> {
    check_event(event.name, event.data)?;
    Ok(write_checked_event(out, id, event.name, event.data))
}

/// Whether [`write_checked_event`] may be called with these.
pub(crate) fn check_event(name: &str, data: &[u8]) -> Result<(), FrameError> {
    check_name(name)?;
    if has_line_break(data) {
        return Err(FrameError::PayloadLines);
    }
    std::str::from_utf8(data).map_err(|source| FrameError::PayloadUtf8 { source })?;
    Ok(())
}

/// [`write_event`] for what has passed [`check_event`], and an id that an `id:` field may carry.
pub(crate) fn write_checked_event(
    out: &mut Vec<u8>,
    id: impl Display,
    name: &str,
    data: &[u8],
) -> Range<usize> {
    debug_assert_eq!(check_event(name, data), Ok(()));
    debug_assert_eq!(check_id(&id.to_string()), Ok(()));
    const FIELDS: usize = "id: \nevent: \ndata: \n\n".len();
    out.reserve(FIELDS + MAX_ID_LENGTH + name.len() + data.len());
    // Writing into a Vec cannot fail.
    let _ = write!(out, "id: {id}\nevent: {name}\ndata: ");
    let start = out.len();
    out.extend_from_slice(data);
    let end = out.len();
    out.extend_from_slice(b"\n\n");
    start..end
}

fn has_line_break(data: &[u8]) -> bool {
    // No early exit within 64 bytes, so that they are compared all at once.
    data.chunks(64).any(|bytes| bytes.iter().fold(false, |found, &b| found | is_line_break(b)))
}

fn is_line_break(byte: u8) -> bool {
    (byte == b'\n') | ((byte == b'\r') & !planted("lf-only"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Epoch;
    use crate::wire::Frame;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_path_writes_what_frame_writes(
            token: u64,
            seq: u64,
            name in "[^\r\n\0]{1,20}",
            data in "[^\r\n]{0,200}",
        ) {
            let id = EventId::new(Epoch::from_token(token), seq);
            let event = RawEvent { name: &name, version: 1, data: data.as_bytes() };
            let mut fast = b"before".to_vec();
            let payload = write_event(&mut fast, id, event)?;
            let mut slow = b"before".to_vec();
            let text = id.to_string();
            Frame::new().id(&text).event(&name).data(&data).write_to(&mut slow)?;
            prop_assert_eq!(&fast[payload], data.as_bytes());
            prop_assert_eq!(fast, slow);
        }

        #[test]
        fn a_line_break_is_found_wherever_it_is(before in 0usize..200, after in 0usize..200) {
            for line_break in [b'\r', b'\n'] {
                let mut data = vec![b'x'; before + after];
                prop_assert!(!has_line_break(&data));
                data.insert(before, line_break);
                prop_assert!(has_line_break(&data));
            }
        }
    }
}
