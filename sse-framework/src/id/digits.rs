//! Numbers as text: 5 bits a character, the highest first.

/// Digits and lower-case letters without `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The lowest 5 bits of `number` for each character.
pub(super) fn write<const LENGTH: usize>(mut number: u128) -> [u8; LENGTH] {
    let mut text = [0; LENGTH];
    for character in text.iter_mut().rev() {
        *character = ALPHABET[(number & 31) as usize];
        number >>= 5;
    }
    text
}

/// The number that is written so; none if it is no number of 128 bits.
pub(super) fn read(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0_u128, |number, &character| {
        let five_bits = ALPHABET.iter().position(|&digit| digit == character)?;
        (number >> 123 == 0).then_some(number << 5 | five_bits as u128)
    })
}
