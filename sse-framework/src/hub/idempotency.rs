//! Keys by which a publish that is tried again is known.

use crate::log::{EventLog, LogError, StoredKey, Window, times::now_ms};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

/// The longest idempotency key, in bytes.
pub const MAX_IDEMPOTENCY_KEY_LENGTH: usize = 255;

/// What was given as an idempotency key is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdempotencyKeyError {
    /// It is empty. A key must tell one publish from all others.
    #[error(
        "an idempotency key is empty: use text that is made once for what is published, for example a UUID"
    )]
    Empty,
    /// It is longer than [`MAX_IDEMPOTENCY_KEY_LENGTH`].
    #[error(
        "an idempotency key has {bytes} bytes, the most is {MAX_IDEMPOTENCY_KEY_LENGTH}: \
         use a UUID, or a hash of what you have"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// Checks the text of a key.
pub(super) fn check(text: &str) -> Result<&str, IdempotencyKeyError> {
    match text.len() {
        0 => Err(IdempotencyKeyError::Empty),
        1..=MAX_IDEMPOTENCY_KEY_LENGTH => Ok(text),
        bytes => Err(IdempotencyKeyError::TooLong { bytes }),
    }
}

/// The keys of a hub's window, by which the committer decides what has been stored before. It alone
/// looks at them.
///
/// # Memory
///
/// At most 220 bytes for each key; for the 100,000 of the default 13 MB.
#[derive(Debug)]
pub(crate) struct Keys {
    window: Window,
    known: HashMap<u128, StoredKey>,
    /// The oldest first.
    order: VecDeque<u128>,
}

// A hash table has a byte beside each place, and after it has grown twice as many places as 7/8; a
// queue twice as many as it needs.
const _: () =
    assert!((size_of::<(u128, StoredKey)>() + 1) * 16 / 7 + 2 * size_of::<u128>() <= 220,);

impl Keys {
    pub(super) fn new(window: Window) -> Self {
        Keys { window, known: HashMap::new(), order: VecDeque::new() }
    }

    /// Those of a log that has just been opened.
    pub(super) fn of(log: &dyn EventLog, window: Window) -> Result<Self, LogError> {
        let (mut keys, oldest_ms) = (Keys::new(window), window.oldest_ms(now_ms(0)));
        log.keys(oldest_ms, &mut |key| {
            if key.time_ms < oldest_ms || keys.order.len() >= window.count {
                return ControlFlow::Break(());
            }
            // If the window was shorter, the key may have been used again: the newest counts.
            if let Entry::Vacant(place) = keys.known.entry(key.key.key) {
                place.insert(key);
                keys.order.push_front(key.key.key);
            }
            ControlFlow::Continue(())
        })?;
        Ok(keys)
    }

    /// Notes the key of a batch that has been stored, which was not known.
    pub(super) fn insert(&mut self, key: StoredKey) {
        while self.order.len() >= self.window.count {
            self.forget_oldest();
        }
        self.known.insert(key.key.key, key);
        self.order.push_back(key.key.key);
    }

    /// What a key has been given for, if it is in the window.
    pub(super) fn find(&mut self, key: u128) -> Option<StoredKey> {
        let oldest_ms = self.window.oldest_ms(now_ms(0));
        let is_old = |key: &u128| self.known.get(key).is_none_or(|key| key.time_ms < oldest_ms);
        let old = self.order.iter().take_while(|key| is_old(key)).count();
        (0..old).for_each(|_| self.forget_oldest());
        self.known.get(&key).copied()
    }

    /// How many there are, and some perhaps that have become too old.
    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.known.remove(&oldest);
        }
    }
}
