//! Values of the types in the zoo.

use sse_framework::{Epoch, EventId, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;
use support::random::Random;

/// What a value can be made of by chance.
pub(crate) trait Chance {
    fn chance(random: &mut Random) -> Self;
}

macro_rules! integers {
    ($($ty:ty)*) => {
        $(impl Chance for $ty {
            /// Often small, or one of the ends.
            fn chance(random: &mut Random) -> Self {
                match random.below(8) {
                    0 => <$ty>::MIN,
                    1 => <$ty>::MAX,
                    2..5 => (random.bits() % 100) as $ty,
                    _ => (random.bits() >> random.below(64)) as $ty,
                }
            }
        })*
    };
}

integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 u128 i128);

impl Chance for f32 {
    fn chance(random: &mut Random) -> Self {
        let value = f32::from_bits(random.bits() as u32);
        if value.is_finite() { value } else { 0.5 }
    }
}

impl Chance for f64 {
    fn chance(random: &mut Random) -> Self {
        let value = f64::from_bits(random.bits());
        match random.below(3) {
            0 if value.is_finite() => value,
            1 => (random.bits() % 1000) as f64,
            _ => (random.bits() % 1000) as f64 / 8.0,
        }
    }
}

impl Chance for bool {
    fn chance(random: &mut Random) -> Self {
        random.below(2) == 0
    }
}

impl Chance for char {
    fn chance(random: &mut Random) -> Self {
        ['a', 'Z', '7', '"', '\n', 'ü', '\u{2028}', '🦀'][random.below(8)]
    }
}

impl Chance for String {
    fn chance(random: &mut Random) -> Self {
        const WORDS: [&str; 8] = ["", "red", "Red", "green", "7", "null", "true", "2024-01-01"];
        match random.below(3) {
            0 => (0..random.below(6)).map(|_| char::chance(random)).collect(),
            _ => WORDS[random.below(8)].to_owned(),
        }
    }
}

impl Chance for EventId {
    fn chance(random: &mut Random) -> Self {
        EventId::new(Epoch::from_token(random.bits()), u64::chance(random))
    }
}

impl Chance for Topic {
    fn chance(random: &mut Random) -> Self {
        let segments = [String::chance(random), String::chance(random)];
        Topic::from_segments(segments.into_iter().filter(|segment| !segment.is_empty()))
            .unwrap_or_else(|_| "shops".parse().unwrap())
    }
}

impl Chance for () {
    fn chance(_: &mut Random) -> Self {}
}

impl Chance for serde_json::Value {
    fn chance(random: &mut Random) -> Self {
        match random.below(6) {
            0 => serde_json::Value::Null,
            1 => u8::chance(random).into(),
            2 => String::chance(random).into(),
            3 => bool::chance(random).into(),
            4 => Vec::<u8>::chance(random).into(),
            _ => serde_json::json!({ "a": u8::chance(random) }),
        }
    }
}

impl<T: Chance> Chance for Option<T> {
    fn chance(random: &mut Random) -> Self {
        (random.below(3) > 0).then(|| T::chance(random))
    }
}

impl<T: Chance> Chance for Box<T> {
    fn chance(random: &mut Random) -> Self {
        Box::new(T::chance(random))
    }
}

/// Seldom more than one, so that what contains itself comes to an end.
fn few(random: &mut Random) -> u64 {
    [0, 0, 1, 1, 2][random.below(5)]
}

impl<T: Chance> Chance for Vec<T> {
    fn chance(random: &mut Random) -> Self {
        (0..few(random)).map(|_| T::chance(random)).collect()
    }
}

impl<T: Chance + Ord> Chance for BTreeSet<T> {
    fn chance(random: &mut Random) -> Self {
        (0..few(random)).map(|_| T::chance(random)).collect()
    }
}

impl<K: Chance + Ord, V: Chance> Chance for BTreeMap<K, V> {
    fn chance(random: &mut Random) -> Self {
        (0..few(random)).map(|_| (K::chance(random), V::chance(random))).collect()
    }
}

impl<T: Chance, const N: usize> Chance for [T; N] {
    fn chance(random: &mut Random) -> Self {
        std::array::from_fn(|_| T::chance(random))
    }
}

impl<A: Chance, B: Chance> Chance for (A, B) {
    fn chance(random: &mut Random) -> Self {
        (A::chance(random), B::chance(random))
    }
}

impl<A: Chance, B: Chance, C: Chance> Chance for (A, B, C) {
    fn chance(random: &mut Random) -> Self {
        (A::chance(random), B::chance(random), C::chance(random))
    }
}

impl Chance for Duration {
    fn chance(random: &mut Random) -> Self {
        Duration::new(u32::chance(random).into(), u32::chance(random) % 1_000_000_000)
    }
}

impl<T: Chance> Chance for Range<T> {
    fn chance(random: &mut Random) -> Self {
        T::chance(random)..T::chance(random)
    }
}

impl<T: Chance, E: Chance> Chance for Result<T, E> {
    fn chance(random: &mut Random) -> Self {
        if bool::chance(random) { Ok(T::chance(random)) } else { Err(E::chance(random)) }
    }
}

/// Types with serde's derives, a schema, and values by chance. The one called `Event` is the event.
macro_rules! types {
    () => {};
    ($(#[$attr:meta])* struct $name:ident $(<$of:ident>)? { $($(#[$on:meta])* $field:ident: $ty:ty),* $(,)? } $($rest:tt)*) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        $(#[$attr])*
        pub(crate) struct $name $(<$of>)? { $($(#[$on])* $field: $ty),* }
        impl $(<$of: Chance>)? Chance for $name $(<$of>)? {
            fn chance(_random: &mut Random) -> Self {
                $name { $($field: <$ty>::chance(_random)),* }
            }
        }
        types!($($rest)*);
    };
    ($(#[$attr:meta])* struct $name:ident($($(#[$on:meta])* $ty:ty),*); $($rest:tt)*) => {
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        $(#[$attr])*
        pub(crate) struct $name($($(#[$on])* $ty),*);
        impl Chance for $name {
            fn chance(_random: &mut Random) -> Self {
                $name($(<$ty>::chance(_random)),*)
            }
        }
        types!($($rest)*);
    };
    ($(#[$attr:meta])* struct $name:ident; $($rest:tt)*) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        $(#[$attr])*
        pub(crate) struct $name;
        impl Chance for $name {
            fn chance(_: &mut Random) -> Self {
                $name
            }
        }
        types!($($rest)*);
    };
    ($(#[$attr:meta])* enum $name:ident $(<$of:ident>)? { $($(#[$on:meta])* $variant:ident $(($($item:ty),*))? $({ $($(#[$in:meta])* $field:ident: $ty:ty),* })?),* $(,)? } $($rest:tt)*) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        $(#[$attr])*
        pub(crate) enum $name $(<$of>)? { $($(#[$on])* $variant $(($($item),*))? $({ $($(#[$in])* $field: $ty),* })?),* }
        impl $(<$of: Chance>)? Chance for $name $(<$of>)? {
            fn chance(random: &mut Random) -> Self {
                let all: &[fn(&mut Random) -> Self] = &[
                    $(|_random| $name::$variant $(($(<$item>::chance(_random)),*))? $({ $($field: <$ty>::chance(_random)),* })?),*
                ];
                all[random.below(all.len() as usize)](random)
            }
        }
        types!($($rest)*);
    };
}

pub(crate) use types;
