//! Ids that show nothing but themselves.
//!
//! Epoch and seq make one block of AES. It is encrypted with XTS-AES-128 (IEEE 1619, NIST SP
//! 800-38E): to whoever does not have the key, every tweak gives a permutation of its own that
//! looks random. An event has the tweak 0. A position has a tweak that is used once and stands before
//! the encrypted block. A text that was changed, made up, or put together from others decrypts to a
//! random block, whose epoch, 64 bits that are secret, is none of the log's.

use super::{Epoch, EventId, digits};
use crate::planted::planted;
use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// 26 characters of 5 bits hold a block; the first holds only 3.
const BLOCK_LENGTH: usize = 26;
pub(super) const EVENT_LENGTH: usize = BLOCK_LENGTH;

/// The secret behind opaque ids, of which every log has its own. Who has it can read them.
///
/// It is made once and kept with the log, so that ids survive a restart.
#[derive(Clone, PartialEq, Eq)]
pub struct IdKey([u8; 32]);

impl IdKey {
    /// A new one, from the operating system's random bytes.
    ///
    /// # Errors
    ///
    /// If the system has none to give.
    pub fn generate() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(IdKey(bytes))
    }

    /// The key of these bytes, which [`to_bytes`](IdKey::to_bytes) gave.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        IdKey(bytes)
    }

    /// The bytes, to be kept.
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey(..)")
    }
}

/// Encrypts ids and decrypts them.
pub(crate) struct Opaque {
    xts: Xts,
    /// What the tweak 0 is encrypted to.
    of_events: u128,
    /// Tweaks of positions are encrypted numbers: random to see, and never the same twice.
    opening: u64,
    numbers: AtomicU64,
}

impl Opaque {
    pub(super) fn new(key: &IdKey) -> std::io::Result<Self> {
        let xts = Xts::new(&key.0);
        let of_events = xts.mask(0);
        let opening = getrandom::u64().map_err(std::io::Error::other)?;
        Ok(Opaque { xts, of_events, opening, numbers: AtomicU64::new(0) })
    }

    /// The same text each time.
    pub(super) fn event(&self, id: EventId) -> [u8; EVENT_LENGTH] {
        digits::write(self.xts.encrypt(self.of_events, block(id)))
    }

    /// Another text each time.
    pub(super) fn position(&self, id: EventId) -> String {
        let step = u64::from(!planted("position-comparable"));
        let number = self.numbers.fetch_add(step, Ordering::Relaxed);
        let tweak = self.xts.mask(u128::from(self.opening) << 64 | u128::from(number));
        let encrypted = self.xts.encrypt(self.xts.mask(tweak), block(id));
        let halves = [tweak, encrypted].map(digits::write::<BLOCK_LENGTH>);
        halves.as_flattened().iter().map(|&digit| char::from(digit)).collect()
    }

    /// What a text decrypts to, if it has the form of either.
    pub(super) fn read(&self, text: &[u8]) -> Option<EventId> {
        let (tweak, block) = match text.len() {
            EVENT_LENGTH => (None, text),
            POSITION_LENGTH => {
                let (tweak, block) = text.split_at(BLOCK_LENGTH);
                (Some(digits::read(tweak)?), block)
            }
            _ => return None,
        };
        let mask = tweak.map_or(self.of_events, |tweak| self.xts.mask(tweak));
        let block = self.xts.decrypt(mask, digits::read(block)?);
        Some(EventId::new(Epoch::from_token((block >> 64) as u64), block as u64))
    }
}

const POSITION_LENGTH: usize = 2 * BLOCK_LENGTH;

fn block(id: EventId) -> u128 {
    u128::from(id.epoch().token()) << 64 | u128::from(id.seq())
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opaque").finish_non_exhaustive()
    }
}

/// XTS-AES-128 for data of one block. Blocks are numbers, the first byte the lowest.
struct Xts {
    data: Aes128,
    tweak: Aes128,
}

impl Xts {
    fn new(key: &[u8; 32]) -> Self {
        let [data, tweak] = [0, 16].map(|start| {
            let mut half = [0; 16];
            half.copy_from_slice(&key[start..start + 16]);
            Aes128::new(&half.into())
        });
        Xts { data, tweak }
    }

    /// What a block under this tweak is masked with, before and after.
    fn mask(&self, tweak: u128) -> u128 {
        let mut block = tweak.to_le_bytes().into();
        self.tweak.encrypt_block(&mut block);
        u128::from_le_bytes(block.into())
    }

    fn encrypt(&self, mask: u128, block: u128) -> u128 {
        let mut block = (block ^ mask).to_le_bytes().into();
        self.data.encrypt_block(&mut block);
        u128::from_le_bytes(block.into()) ^ mask
    }

    fn decrypt(&self, mask: u128, block: u128) -> u128 {
        let mut block = (block ^ mask).to_le_bytes().into();
        self.data.decrypt_block(&mut block);
        u128::from_le_bytes(block.into()) ^ mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn opaque() -> Opaque {
        Opaque::new(&IdKey::from_bytes(std::array::from_fn(|place| place as u8))).unwrap()
    }

    fn id(token: u64, seq: u64) -> EventId {
        EventId::new(Epoch::from_token(token), seq)
    }

    /// Both forms of an id.
    fn texts(opaque: &Opaque, id: EventId) -> [String; 2] {
        [String::from_utf8(opaque.event(id).to_vec()).unwrap(), opaque.position(id)]
    }

    /// The first block of vectors 1 and 2 of IEEE 1619, annex B.
    #[test]
    fn it_is_the_xts_of_the_standard() {
        let hex = |text| u128::from_str_radix(text, 16).unwrap().swap_bytes();
        let xts = Xts::new(&[0; 32]);
        assert_eq!(xts.encrypt(xts.mask(0), 0), hex("917cf69ebd68b2ec9b9fe9a3eadda692"));
        let mut key = [0x11; 32];
        key[16..].fill(0x22);
        let (xts, plain) = (Xts::new(&key), u128::from_le_bytes([0x44; 16]));
        let encrypted = hex("c454185e6a16936e39334038acef838b");
        assert_eq!(xts.encrypt(xts.mask(0x33_3333_3333), plain), encrypted);
        assert_eq!(xts.decrypt(xts.mask(0x33_3333_3333), encrypted), plain);
    }

    proptest! {
        #[test]
        fn what_was_given_is_read_back(token: u64, seq: u64) {
            let opaque = opaque();
            for text in texts(&opaque, id(token, seq)) {
                prop_assert_eq!(opaque.read(text.as_bytes()), Some(id(token, seq)));
                prop_assert!(text.len() <= 64);
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
            }
        }

        #[test]
        fn what_was_changed_anywhere_has_another_epoch(token: u64, seq: u64, by in 1_u8..32) {
            let opaque = opaque();
            for text in texts(&opaque, id(token, seq)) {
                for place in 0..text.len() {
                    let mut changed = text.clone().into_bytes();
                    let digit = digits::read(&changed[place..=place]).unwrap() as u8 ^ by;
                    changed[place] = digits::write::<1>(digit.into())[0];
                    let read = opaque.read(&changed).map(EventId::epoch);
                    prop_assert_ne!(read, Some(Epoch::from_token(token)), "{} at {}", text, place);
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text: Vec<u8>) {
            let _ = opaque().read(&text);
        }
    }

    /// Tweak and block of two positions, or of a position and an event, are not put together.
    #[test]
    fn parts_of_texts_do_not_fit_together() {
        let opaque = opaque();
        let [event, position] = texts(&opaque, id(1, 7));
        let other = opaque.position(id(1, 7));
        let (tweak, block) = position.split_at(BLOCK_LENGTH);
        let (other_tweak, other_block) = other.split_at(BLOCK_LENGTH);
        let mixed = [
            format!("{tweak}{other_block}"),
            format!("{other_tweak}{block}"),
            format!("{tweak}{event}"),
            block.to_owned(),
            tweak.to_owned(),
        ];
        for text in mixed {
            let read = opaque.read(text.as_bytes()).unwrap();
            assert_ne!(read.epoch(), Epoch::from_token(1), "{text}");
        }
        // By what the mask of the position would be if it stood at the event.
        let [event, position, block] = [&*event, &position, block].map(str::as_bytes);
        let guessed = digits::read(block).unwrap() ^ digits::read(event).unwrap();
        let next = digits::read(&opaque.event(id(1, 8))).unwrap() ^ guessed;
        let forged = [&position[..BLOCK_LENGTH], &digits::write::<BLOCK_LENGTH>(next)].concat();
        assert_ne!(opaque.read(&forged).unwrap().epoch(), Epoch::from_token(1));
    }

    #[test]
    fn an_event_has_one_id_and_a_position_a_new_one_each_time() {
        let key = IdKey::generate().unwrap();
        let (before, after) = (Opaque::new(&key).unwrap(), Opaque::new(&key).unwrap());
        assert_eq!(before.event(id(1, 7)), after.event(id(1, 7)));
        let both = [&before, &after].into_iter().cycle();
        let positions: HashSet<_> =
            both.take(1000).map(|opaque| opaque.position(id(1, 7))).collect();
        assert_eq!(positions.len(), 1000);
        let read = |text: &String| after.read(text.as_bytes()) == Some(id(1, 7));
        assert!(positions.iter().all(read));
        let stranger = Opaque::new(&IdKey::generate().unwrap()).unwrap();
        assert_ne!(stranger.read(&before.event(id(1, 7))), Some(id(1, 7)));
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", IdKey::from_bytes([7; 32])), "IdKey(..)");
    }
}
