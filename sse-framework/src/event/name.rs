//! What an event type may be called.

use super::EventType;

/// The longest name of an event type, in bytes.
pub const MAX_EVENT_NAME_LENGTH: usize = 64;

/// An event type has a name that does not work on the wire, or one that another type has, too.
///
/// The derive finds these at compile time. From a hand-written [`SseEvent`](crate::SseEvent) they
/// come when a hub starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventTypeError {
    /// The empty name, which browsers take for `message`.
    #[error("an event type's name is empty")]
    Empty,
    /// Longer than [`MAX_EVENT_NAME_LENGTH`].
    #[error("event type `{name}`: the name is longer than {MAX_EVENT_NAME_LENGTH} bytes")]
    TooLong {
        /// The name.
        name: &'static str,
    },
    /// A line end, which would break the frame, NUL, or another control character.
    #[error("event type {name:?}: control characters are not allowed in the name")]
    ControlCharacter {
        /// The name.
        name: &'static str,
    },
    /// A space at the beginning or the end, which is lost or overlooked.
    #[error("event type {name:?}: the name begins or ends with a space")]
    OuterSpace {
        /// The name.
        name: &'static str,
    },
    /// `open` or `error`, which `EventSource` sends about itself.
    #[error("event type `{name}`: `EventSource` has an event of its own of this name")]
    BrowserEvent {
        /// The name.
        name: &'static str,
    },
    /// A name that begins with `sse-`, as the framework's control events do.
    #[error("event type `{name}`: names that begin with `sse-` are the framework's own")]
    Reserved {
        /// The name.
        name: &'static str,
    },
    /// Two types of one set with the same name.
    #[error("event type `{name}` occurs twice in the event set")]
    Duplicate {
        /// The name.
        name: &'static str,
    },
}

impl EventType {
    /// Whether the name works on the wire.
    ///
    /// # Errors
    ///
    /// [`EventTypeError`], any but [`Duplicate`](EventTypeError::Duplicate).
    ///
    /// ```
    /// use sse_framework::{EventType, EventTypeError};
    ///
    /// assert_eq!(EventType::new("order-placed").check(), Ok(()));
    /// let refused = EventType::new("error").check();
    /// assert_eq!(refused, Err(EventTypeError::BrowserEvent { name: "error" }));
    /// ```
    pub const fn check(&self) -> Result<(), EventTypeError> {
        let name = self.name();
        let bytes = name.as_bytes();
        match bytes {
            [] => Err(EventTypeError::Empty),
            _ if bytes.len() > MAX_EVENT_NAME_LENGTH => Err(EventTypeError::TooLong { name }),
            _ if has_control(bytes) => Err(EventTypeError::ControlCharacter { name }),
            [b' ', ..] | [.., b' '] => Err(EventTypeError::OuterSpace { name }),
            b"open" | b"error" => Err(EventTypeError::BrowserEvent { name }),
            [b's', b's', b'e', b'-', ..] => Err(EventTypeError::Reserved { name }),
            _ => Ok(()),
        }
    }

    /// Whether the names of all of these work on the wire, and no two are the same.
    ///
    /// # Errors
    ///
    /// [`EventTypeError`]: the first that is found.
    ///
    /// ```
    /// use sse_framework::{EventType, EventTypeError};
    ///
    /// const TYPES: &[EventType] = &[EventType::new("a"), EventType::new("b"), EventType::new("a")];
    /// assert_eq!(EventType::check_all(TYPES), Err(EventTypeError::Duplicate { name: "a" }));
    /// ```
    pub const fn check_all(types: &[EventType]) -> Result<(), EventTypeError> {
        let mut place = 0;
        while place < types.len() {
            if let Err(error) = types[place].check() {
                return Err(error);
            }
            place += 1;
        }
        match EventType::find_duplicate(types) {
            Some(twice) => Err(EventTypeError::Duplicate { name: twice.name() }),
            None => Ok(()),
        }
    }

    /// The event type of this name, if there is one.
    pub const fn find<'a>(types: &'a [EventType], name: &str) -> Option<&'a EventType> {
        let mut place = 0;
        while place < types.len() {
            if same(types[place].name().as_bytes(), name.as_bytes()) {
                return Some(&types[place]);
            }
            place += 1;
        }
        None
    }

    /// The first event type whose name one before it has, too.
    ///
    /// ```
    /// use sse_framework::EventType;
    ///
    /// const TYPES: &[EventType] = &[EventType::new("a"), EventType::new("b"), EventType::new("a")];
    /// const TWICE: Option<&EventType> = EventType::find_duplicate(TYPES);
    /// assert_eq!(TWICE, Some(&TYPES[2]));
    /// ```
    pub const fn find_duplicate(types: &[EventType]) -> Option<&EventType> {
        let mut place = 1;
        while place < types.len() {
            let (before, _) = types.split_at(place);
            if has_name_of(before, &types[place]) {
                return Some(&types[place]);
            }
            place += 1;
        }
        None
    }
}

/// Whether one of `types` is called `name`.
pub(super) const fn has_name(types: &[EventType], name: &str) -> bool {
    EventType::find(types, name).is_some()
}

/// Whether one of `types` has the name of `this`. A large set asks this so often at compile time that each
/// step counts: [`assert_distinct`](super::private::assert_distinct).
pub(super) const fn has_name_of(types: &[EventType], this: &EventType) -> bool {
    let (mut place, count) = (0, types.len());
    while place < count {
        let other = &types[place];
        if other.hash == this.hash && same(other.name.as_bytes(), this.name.as_bytes()) {
            return true;
        }
        place += 1;
    }
    false
}

/// FNV-1a.
pub(super) const fn hash(bytes: &[u8]) -> u32 {
    let (mut place, mut hash) = (0, 0x811c_9dc5_u32);
    while place < bytes.len() {
        hash = (hash ^ bytes[place] as u32).wrapping_mul(0x0100_0193);
        place += 1;
    }
    hash
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut place = 0;
    while place < a.len() && place < b.len() && a[place] == b[place] {
        place += 1;
    }
    place == a.len() && place == b.len()
}

/// In UTF-8 the control characters above ASCII, U+0080 to U+009F, are `C2 80` to `C2 9F`.
const fn has_control(bytes: &[u8]) -> bool {
    let mut place = 0;
    let mut previous = 0;
    while place < bytes.len() {
        let byte = bytes[place];
        if byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte < 0xa0) {
            return true;
        }
        previous = byte;
        place += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_break_on_the_wire_are_refused() {
        use EventTypeError::*;
        let refused = |name| EventType::new(name).check().unwrap_err();
        assert_eq!(refused(""), Empty);
        for name in ["a\nb", "a\rb", "a\0", "\t", "a\u{85}b", "\u{7f}"] {
            assert_eq!(refused(name), ControlCharacter { name });
        }
        for name in [" a", "a ", " "] {
            assert_eq!(refused(name), OuterSpace { name });
        }
        assert_eq!(refused("open"), BrowserEvent { name: "open" });
        assert_eq!(refused("sse-open"), Reserved { name: "sse-open" });
        let name = "0123456789012345678901234567890123456789012345678901234567890123x";
        assert_eq!(refused(name), TooLong { name });
        let (fits, _) = name.split_at(64);
        for name in [fits, "opened", "errors", "sse", "ssee", "message", "a b", "größe", "a\u{a0}b"]
        {
            assert_eq!(EventType::new(name).check(), Ok(()), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_byte_scan_agrees_with_unicode(name in "\\PC{0,4}[\\x00-\\u{ff}]{0,2}\\PC{0,4}") {
            prop_assert_eq!(has_control(name.as_bytes()), name.contains(char::is_control));
        }
    }

    #[test]
    fn a_duplicate_is_found_wherever_it_stands() {
        let [a, b, ab] = ["a", "b", "ab"].map(EventType::new);
        assert_eq!(EventType::check_all(&[]), Ok(()));
        assert_eq!(EventType::check_all(&[a, ab, b]), Ok(()));
        let twice = Err(EventTypeError::Duplicate { name: "a" });
        assert_eq!(EventType::check_all(&[a, a]), twice);
        assert_eq!(EventType::check_all(&[b, a, ab, a]), twice);
        let open = EventType::new("open");
        let refused = Err(EventTypeError::BrowserEvent { name: "open" });
        assert_eq!(EventType::check_all(&[a, open, a]), refused);
    }
}
