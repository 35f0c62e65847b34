//! The event types of a set that carries others.

use core::marker::PhantomData;

use super::EventType;

/// How many event types these are together.
#[must_use]
pub const fn count(parts: &[&[EventType]]) -> usize {
    let mut place = 0;
    let mut count = 0;
    while place < parts.len() {
        count += parts[place].len();
        place += 1;
    }
    count
}

/// The event types of all parts, as many as fit.
#[must_use]
pub const fn flatten<const N: usize>(parts: &[&[EventType]]) -> [EventType; N] {
    let mut flat = [EventType::new(""); N];
    let (mut part, mut place, mut filled) = (0, 0, 0);
    while part < parts.len() && filled < N {
        if place == parts[part].len() {
            part += 1;
            place = 0;
        } else {
            flat[filled] = parts[part][place];
            place += 1;
            filled += 1;
        }
    }
    flat
}

/// How many names [`are_distinct`] remembers.
const SLOTS: usize = 4096;

/// Whether all names work on the wire and no two are the same, which nearly always is the case. If not, or if it
/// cannot be said without comparing each with each, [`assert_distinct`](super::private::assert_distinct) finds out.
#[must_use]
pub const fn are_distinct(parts: &[&[EventType]]) -> bool {
    let mut seen = [None; SLOTS];
    let mut part = 0;
    if count(parts) > SLOTS / 2 {
        return false;
    }
    while part < parts.len() {
        let mut place = 0;
        while place < parts[part].len() {
            let this = &parts[part][place];
            if this.check().is_err() || !insert(&mut seen, this.hash) {
                return false;
            }
            place += 1;
        }
        part += 1;
    }
    true
}

/// Whether the hash is new. There must be an empty slot.
const fn insert(seen: &mut [Option<u32>; SLOTS], hash: u32) -> bool {
    let mut slot = hash as usize % SLOTS;
    while let Some(other) = seen[slot] {
        if other == hash {
            return false;
        }
        slot = (slot + 1) % SLOTS;
    }
    seen[slot] = Some(hash);
    true
}

/// A set whose event types depend on its type arguments.
pub trait Parts {
    /// Its own, and those of each payload.
    const PARTS: &'static [&'static [EventType]];

    /// Of all of them.
    const ARE_DISTINCT: bool = are_distinct(Self::PARTS);
}

/// The event types of its own that a type or set has, where their schemas depend on its type arguments.
pub trait Own {
    /// In the order of the source.
    const OWN: &'static [EventType];
}

/// The event types of a set with [`Parts`].
///
/// Their number cannot be the length of an array, since it depends on a type parameter. So there
/// are arrays of a few lengths, of which the first that is long enough is cut.
#[derive(Debug)]
pub struct Flat<P>(PhantomData<P>);

impl<P: Parts> Flat<P> {
    const FEW: &'static [EventType] = &flatten::<32>(P::PARTS);
    const MANY: &'static [EventType] = &flatten::<1024>(P::PARTS);

    /// All of them.
    #[allow(clippy::panic, reason = "evaluated by the compiler, where it is the error's text")]
    pub const TYPES: &'static [EventType] = match count(P::PARTS) {
        count @ ..=32 => Self::FEW.split_at(count).0,
        count @ ..=1024 => Self::MANY.split_at(count).0,
        _ => panic!("an event set with type parameters can have at most 1024 event types"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: EventType = EventType::new("a");
    const B: EventType = EventType::new("b");

    struct Sized<const N: usize>;

    impl<const N: usize> Parts for Sized<N> {
        const PARTS: &'static [&'static [EventType]] = &[&[A], &[], &[B; N], &[A]];
    }

    #[test]
    fn parts_are_joined_in_order() {
        assert_eq!(flatten::<3>(&[&[], &[A, B], &[], &[A]]), [A, B, A]);
        assert_eq!(flatten::<2>(&[&[A], &[B, A]]), [A, B]);
    }

    #[test]
    fn what_is_not_distinct_is_not_called_so() {
        let open = EventType::new("open");
        assert!(are_distinct(&[]) && are_distinct(&[&[], &[A, B], &[EventType::new("c")]]));
        for parts in [[&[A, B][..], &[A]], [&[A], &[B, B]], [&[open], &[]]] {
            assert!(!are_distinct(&parts), "{parts:?}");
        }
        let numbered = |number: usize| EventType::new(number.to_string().leak());
        let types: Vec<_> = (0..2049).map(numbered).collect();
        assert!(are_distinct(&[&types[..1024], &types[1024..2048]]) && !are_distinct(&[&types]));
    }

    #[test]
    fn any_number_of_parts_is_joined() {
        fn check<const N: usize>() {
            let types = Flat::<Sized<N>>::TYPES;
            assert_eq!(types.len(), N + 2);
            assert_eq!((types[0], types[N + 1]), (A, A));
            assert!(types[1..=N].iter().all(|event_type| *event_type == B));
        }
        check::<0>();
        check::<30>();
        check::<31>();
        check::<1022>();
    }
}
