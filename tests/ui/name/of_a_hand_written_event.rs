use sse_framework::{DecodeError, EncodeError, EventType, RawEvent, SseEvent, Topic};

#[derive(SseEvent)]
enum ShopEvent {
    Broken(Broken),
}

struct Broken;

impl SseEvent for Broken {
    const TYPES: &'static [EventType] = &[EventType::new("open")];

    fn event_type(&self) -> &'static EventType {
        &Self::TYPES[0]
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        Ok(None)
    }

    fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode(_: RawEvent<'_>) -> Result<Self, DecodeError> {
        Ok(Broken)
    }
}

fn main() {}
