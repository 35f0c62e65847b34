//! Names are compared at compile time, also in sets of very many, within the steps that rustc allows.

use sse_framework::{DecodeError, EncodeError, EventType, RawEvent, SseEvent, Topic};

const COUNT: usize = 512;

const fn names(set: u8) -> [[u8; 20]; COUNT] {
    let mut names = [*b"stock-of-item-x-0000"; COUNT];
    let mut place = 0;
    while place < COUNT {
        names[place][14] = set;
        let (mut digit, mut rest) = (19, place);
        while rest > 0 {
            names[place][digit] += (rest % 10) as u8;
            (digit, rest) = (digit - 1, rest / 10);
        }
        place += 1;
    }
    names
}

const fn types(names: &'static [[u8; 20]; COUNT]) -> [EventType; COUNT] {
    let mut types = [EventType::new("x"); COUNT];
    let mut place = 0;
    while place < COUNT {
        let Ok(name) = std::str::from_utf8(&names[place]) else { panic!() };
        types[place] = EventType::new(name);
        place += 1;
    }
    types
}

macro_rules! set {
    ($name:ident, $letter:literal) => {
        struct $name;

        impl SseEvent for $name {
            const TYPES: &'static [EventType] = {
                static NAMES: [[u8; 20]; COUNT] = names($letter);
                &types(&NAMES)
            };

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
                Ok($name)
            }
        }
    };
}

set!(Here, b'h');
set!(There, b't');

#[derive(SseEvent)]
enum Everywhere {
    Here(Here),
    There(There),
}

fn main() {
    assert_eq!(Everywhere::TYPES.len(), 2 * COUNT);
    assert_eq!(Everywhere::TYPES[1023].name(), "stock-of-item-t-0511");
}
