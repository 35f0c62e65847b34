//! An event set that is written by hand and keeps none of the derive's rules.

use sse_framework::{DecodeError, EncodeError, EventType, RawEvent, SseEvent, Topic};

pub(crate) struct Hostile {
    pub(crate) event_type: usize,
    pub(crate) data: Vec<u8>,
}

impl SseEvent for Hostile {
    const TYPES: &'static [EventType] = &[
        EventType::new("note"),
        EventType::new(""),
        EventType::new(" note"),
        EventType::new(": note"),
        EventType::new("note\ndata: pwn"),
        EventType::new("note\rdata: pwn"),
        EventType::new("note\r\n\r\ndata: pwn"),
        EventType::new("note\0"),
        EventType::new("\u{feff}note\u{2028}data: pwn\u{85}"),
    ];

    fn event_type(&self) -> &'static EventType {
        &Self::TYPES[self.event_type]
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        Ok(None)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.data);
        Ok(())
    }

    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
        Ok(Hostile { event_type: 0, data: event.data.to_vec() })
    }
}
