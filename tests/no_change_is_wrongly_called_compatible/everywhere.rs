//! Types of many kinds, each in every place in which a type can stand.

use crate::Species;
use crate::random_value::{Chance, types};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use support::random::Random;

// Places.
types! {
    struct Field<T> { a: u8, x: T }
    struct LeftOut<T> { a: u8, #[serde(default = "Option::<T>::default", skip_serializing_if = "Option::is_none")] x: Option<T> }
    #[serde(deny_unknown_fields)]
    struct Denied<T> { a: u8, x: T }
    struct Flat<T> { a: u8, #[serde(flatten)] x: T }
    struct FlatOption<T> { a: u8, #[serde(flatten)] x: Option<T> }
    struct FlatOnly<T> { #[serde(flatten)] x: T }
    struct FlatBeside<T> { #[serde(flatten)] x: T, #[serde(flatten)] rest: BTreeMap<String, Value> }
    struct FlatTwice<T> { #[serde(flatten)] x: T, #[serde(flatten)] y: InnerToo }
    enum External<T> { A(T), B { x: T }, C }
    #[serde(tag = "t")]
    enum Internal<T> { A(T), B }
    #[serde(tag = "t")]
    enum InternalFlat<T> { A { a: u8, #[serde(flatten)] x: T }, B }
    #[serde(tag = "t", content = "x")]
    enum Adjacent<T> { A(T), B }
    #[serde(untagged)]
    enum Untagged<T> { A { x: T }, B(T) }
}

// Kinds.
types! {
    struct Nothing;
    struct One { b: u8 }
    struct Two { b: u8, c: u8 }
    struct Others { b: u8, c: Option<String> }
    #[serde(deny_unknown_fields)]
    struct Strict { b: u8 }
    #[derive(Eq, PartialOrd, Ord)]
    enum Word { Red, Green }
    enum OrOther { Red, #[serde(other)] Other }
    enum Outer { A(u8), B { b: u8 }, C }
    enum OuterFull { A(u8), B { b: u8 } }
    #[serde(tag = "k")]
    enum Inner { A { b: u8 }, B, C { c: u8, b: u8 } }
    #[serde(tag = "t")]
    enum InnerToo { A { b: u8 }, B }
    #[serde(tag = "t")]
    enum InnerUnits { A, B }
    #[serde(tag = "t")]
    enum InnerNothing { A(Nothing), B }
    #[serde(tag = "k", content = "b")]
    enum Beside { A(u8), B }
    #[serde(tag = "t", content = "b")]
    enum BesideToo { A(u8), B }
    #[serde(tag = "t", content = "x")]
    enum BesideUnits { A, B }
    #[serde(untagged)]
    enum Either { A { b: u8 }, B(u8) }
    #[serde(untagged)]
    enum EitherAny { A { b: u8 }, B(Value) }
    enum Mixed { A(u8), #[serde(untagged)] B { b: u8 } }
}

/// Each of these kinds in each of these places.
macro_rules! each {
    ([$($place:ident),*] $kinds:tt) => { [$(each!($place $kinds)),*].concat() };
    ($place:ident [$($kind:ty),*]) => {
        vec![$(([stringify!($place), stringify!($kind)], Species::of::<$place<$kind>>())),*]
    };
}

/// Each with its place and its kind.
pub(crate) fn everywhere() -> Vec<([&'static str; 2], Species)> {
    each! {
        [
            Field, LeftOut, Denied, Flat, FlatOption, FlatOnly, FlatBeside, FlatTwice, External, Internal,
            InternalFlat, Adjacent, Untagged
        ]
        [
            u8, u128, Value, BTreeMap<String, u8>, BTreeMap<String, Value>, BTreeMap<u8, u8>, Duration,
            Range<u8>, Result<u8, String>, Nothing, One, Two, Others, Strict, Word, OrOther, Outer, OuterFull,
            Inner, InnerToo, InnerUnits, InnerNothing, Beside, BesideToo, BesideUnits, Either, EitherAny,
            Mixed, Option<One>, Vec<One>, Flat<Inner>, Internal<Outer>
        ]
    }
}
