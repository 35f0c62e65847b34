//! Pairs of types: what one writes, and another reads. Of each it is said what the change must be called.

use crate::random_value::{Chance, types};
use crate::{Called, Pair, pair};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_framework::{EventId, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;
use support::random::Random;

/// Declares pairs, and lists them.
macro_rules! zoo {
    ($($name:ident: $records:ident $clients:ident { $($old:tt)* } { $($new:tt)* })*) => {
        $(pub(crate) mod $name {
            pub(crate) mod old {
                #[allow(unused_imports)]
                use super::super::*;
                types! { $($old)* }
            }
            pub(crate) mod new {
                #[allow(unused_imports)]
                use super::super::*;
                types! { $($new)* }
            }
        })*
        pub(crate) fn zoo() -> Vec<Pair> {
            vec![$(pair::<$name::old::Event, $name::new::Event>(
                stringify!($name), Called::$records, Called::$clients,
            )),*]
        }
    };
}

zoo! {
    nothing: Fits Fits { struct Event { a: u32, b: String } } { struct Event { a: u32, b: String } }
    another_order: Fits Fits { struct Event { a: u32, b: String } } { struct Event { b: String, a: u32 } }
    a_description: Fits Fits { struct Event { a: u32 } } { /** Told. */ struct Event { /** Told. */ a: u32 } }
    a_field_more: Breaks Fits { struct Event { a: u32 } } { struct Event { a: u32, b: String } }
    a_field_more_with_default: Fits Fits { struct Event { a: u32 } }
        { struct Event { a: u32, #[serde(default)] b: String } }
    an_option_more: Fits Fits { struct Event { a: u32 } } { struct Event { a: u32, b: Option<String> } }
    an_option_more_left_out: Fits Fits { struct Event { a: u32 } }
        { struct Event { a: u32, #[serde(skip_serializing_if = "Option::is_none")] b: Option<String> } }
    defaults_of_the_whole: Fits Fits { struct Event { a: u32 } }
        { #[derive(Default)] #[serde(default)] struct Event { a: u32, b: u8 } }
    a_field_less: Fits Breaks { struct Event { a: u32, b: String } } { struct Event { a: u32 } }
    an_option_less: Fits Breaks { struct Event { a: u32, b: Option<u8> } } { struct Event { a: u32 } }
    a_left_out_option_less: Fits Breaks
        { struct Event { a: u32, #[serde(skip_serializing_if = "Option::is_none")] b: Option<u8> } }
        { struct Event { a: u32 } }
    a_field_renamed: Breaks Breaks { struct Event { a: u32 } } { struct Event { b: u32 } }
    a_field_renamed_with_default: Fits Breaks { struct Event { a: u32 } } { struct Event { #[serde(default)] b: u32 } }
    a_field_with_alias: Breaks Breaks { struct Event { a: u32 } } { struct Event { #[serde(alias = "a")] b: u32 } }
    a_rust_name: Fits Fits { struct Event { a: u32 } } { struct Event { #[serde(rename = "a")] b: u32 } }
    another_case: Breaks Breaks { struct Event { a_b: u32 } } { #[serde(rename_all = "camelCase")] struct Event { a_b: u32 } }
    unknown_fields_refused: Fits Fits { struct Event { a: u32 } } { #[serde(deny_unknown_fields)] struct Event { a: u32 } }
    a_field_less_and_refused: Breaks Breaks { struct Event { a: u32, b: u8 } }
        { #[serde(deny_unknown_fields)] struct Event { a: u32 } }
    unknown_fields_allowed: Fits Fits { #[serde(deny_unknown_fields)] struct Event { a: u32 } } { struct Event { a: u32 } }
    no_default_any_more: Fits Fits { struct Event { #[serde(default)] a: u32 } } { struct Event { a: u32 } }
    left_out_no_more: Breaks Fits
        { struct Event { #[serde(default, skip_serializing_if = "Option::is_none")] a: Option<u8>, #[serde(default, skip_serializing_if = "Vec::is_empty")] b: Vec<u8> } }
        { struct Event { a: Option<u8>, b: Vec<u8> } }
    left_out_from_now_on: Fits Breaks { struct Event { b: Vec<u8> } }
        { struct Event { #[serde(default, skip_serializing_if = "Vec::is_empty")] b: Vec<u8> } }
    not_read: Fits Fits { struct Event { a: u8, b: u8 } } { struct Event { a: u8, #[serde(skip_deserializing)] b: u8 } }
    not_written: Fits Breaks { struct Event { a: u8, b: u8 } } { struct Event { a: u8, #[serde(skip_serializing, default)] b: u8 } }
    wider: Fits Breaks { struct Event { a: u32 } } { struct Event { a: u64 } }
    narrower: Breaks Fits { struct Event { a: u32 } } { struct Event { a: u16 } }
    signed: Breaks Breaks { struct Event { a: u32 } } { struct Event { a: i32 } }
    wider_and_signed: Fits Breaks { struct Event { a: u32 } } { struct Event { a: i64 } }
    an_integer_as_a_float: Fits Breaks { struct Event { a: u32 } } { struct Event { a: f64 } }
    a_large_integer_as_a_float: Breaks Breaks { struct Event { a: u64 } } { struct Event { a: f64 } }
    a_float_as_an_integer: Breaks Fits { struct Event { a: f64 } } { struct Event { a: u32 } }
    a_wider_float: Fits Breaks { struct Event { a: f32 } } { struct Event { a: f64 } }
    a_narrower_float: Breaks Fits { struct Event { a: f64 } } { struct Event { a: f32 } }
    a_very_wide_integer: Breaks Breaks { struct Event { a: u64 } } { struct Event { a: u128 } }
    a_number_as_text: Breaks Breaks { struct Event { a: u32 } } { struct Event { a: String } }
    a_boolean_as_a_number: Breaks Breaks { struct Event { a: bool } } { struct Event { a: u8 } }
    a_character_as_text: Fits Breaks { struct Event { a: char } } { struct Event { a: String } }
    text_as_a_character: Breaks Fits { struct Event { a: String } } { struct Event { a: char } }
    an_event_id: Fits Fits { struct Event { a: EventId } } { struct Event { a: EventId, b: Option<EventId> } }
    an_event_id_as_text: Fits Breaks { struct Event { a: EventId } } { struct Event { a: String } }
    text_as_an_event_id: Breaks Fits { struct Event { a: String } } { struct Event { a: EventId } }
    a_topic: Fits Fits { struct Event { a: Topic } } { struct Event { a: Box<Topic>, b: Option<Topic> } }
    a_topic_as_text: Fits Breaks { struct Event { a: Topic } } { struct Event { a: String } }
    a_topic_as_an_event_id: Breaks Breaks { struct Event { a: Topic } } { struct Event { a: EventId } }
    topics_as_keys: Fits Fits { struct Event { a: BTreeMap<Topic, u8> } } { struct Event { a: BTreeMap<Topic, u8>, b: Option<EventId> } }
    topics_as_keys_of_text: Fits Breaks { struct Event { a: BTreeMap<Topic, u8> } } { struct Event { a: BTreeMap<String, u8> } }
    may_be_null: Fits Breaks { struct Event { a: u32 } } { struct Event { a: Option<u32> } }
    is_never_null: Breaks Fits { struct Event { a: Option<u32> } } { struct Event { a: u32 } }
    is_never_null_with_default: Breaks Fits { struct Event { a: Option<u32> } } { struct Event { #[serde(default)] a: u32 } }
    anything_now: Fits Breaks { struct Event { a: u32 } } { struct Event { a: Value } }
    anything_before: Breaks Fits { struct Event { a: Value } } { struct Event { a: u32 } }
    boxed: Fits Fits { struct Event { a: u32 } } { struct Event { a: Box<u32> } }
    wrapped: Fits Fits { struct Event { a: u32 } } { struct Event { a: Number } struct Number(u32); }
    within: Breaks Fits { struct Event { a: Inner } struct Inner { b: u8 } } { struct Event { a: Inner } struct Inner { b: u8, c: u8 } }
    another_name_within: Fits Fits { struct Event { a: Inner } struct Inner { b: u8 } } { struct Event { a: Other } struct Other { b: u8 } }
    flattened: Fits Fits { struct Event { a: u8, b: u8 } } { struct Event { a: u8, #[serde(flatten)] rest: Rest } struct Rest { b: u8 } }
    flattened_no_more: Fits Fits { struct Event { a: u8, #[serde(flatten)] rest: Rest } struct Rest { b: u8 } } { struct Event { a: u8, b: u8 } }
    flattened_more: Breaks Fits { struct Event { a: u8 } } { struct Event { a: u8, #[serde(flatten)] rest: Rest } struct Rest { b: u8 } }
    flattened_option: Fits Fits { struct Event { a: u8 } } { struct Event { a: u8, #[serde(flatten)] rest: Option<Rest> } struct Rest { b: u8 } }
    a_rest_that_fits: Fits Fits { struct Event { a: u8, b: u8 } }
        { struct Event { a: u8, b: u8, #[serde(flatten)] rest: BTreeMap<String, Value> } }
    a_rest_that_does_not: Breaks Breaks { struct Event { a: u8, b: String } }
        { struct Event { a: u8, #[serde(flatten)] rest: BTreeMap<String, u8> } }
    a_field_out_of_a_rest: Breaks Fits { struct Event { a: u8, #[serde(flatten)] rest: BTreeMap<String, Value> } }
        { struct Event { a: u8, #[serde(default)] red: u8, #[serde(flatten)] rest: BTreeMap<String, Value> } }
    a_rest_of_anything: Breaks Fits { struct Event { a: u8, #[serde(flatten)] rest: BTreeMap<String, Value> } }
        { struct Event { a: u8, red: Option<u8> } }
    a_map_of_wider: Fits Breaks { struct Event { a: BTreeMap<String, u8> } } { struct Event { a: BTreeMap<String, u16> } }
    a_map_of_others: Breaks Breaks { struct Event { a: BTreeMap<String, u8> } } { struct Event { a: BTreeMap<String, String> } }
    a_hash_map: Fits Fits { struct Event { a: BTreeMap<String, u8> } } { struct Event { a: Map } struct Map(BTreeMap<String, u8>); }
    keys_as_text: Fits Breaks { struct Event { a: BTreeMap<u8, u8> } } { struct Event { a: BTreeMap<String, u8> } }
    keys_as_numbers: Breaks Fits { struct Event { a: BTreeMap<String, u8> } } { struct Event { a: BTreeMap<u8, u8> } }
    signed_keys: Breaks Breaks { struct Event { a: BTreeMap<u8, u8> } } { struct Event { a: BTreeMap<i16, u8> } }
    a_struct_as_a_map: Fits Breaks { struct Event { a: Two } struct Two { b: u8, c: u8 } } { struct Event { a: BTreeMap<String, u16> } }
    a_map_as_a_struct: Breaks Fits { struct Event { a: BTreeMap<String, u8> } } { struct Event { a: Two } struct Two { b: u8, c: u8 } }
    a_list_of_wider: Fits Breaks { struct Event { a: Vec<u8> } } { struct Event { a: Vec<u32> } }
    a_list_as_a_set: Breaks Fits { struct Event { a: Vec<u8> } } { struct Event { a: BTreeSet<u8> } }
    a_set_as_a_list: Fits Breaks { struct Event { a: BTreeSet<u8> } } { struct Event { a: Vec<u8> } }
    an_array_as_a_list: Fits Breaks { struct Event { a: [u8; 3] } } { struct Event { a: Vec<u8> } }
    a_list_as_an_array: Breaks Fits { struct Event { a: Vec<u8> } } { struct Event { a: [u8; 3] } }
    a_longer_array: Breaks Breaks { struct Event { a: [u8; 3] } } { struct Event { a: [u8; 4] } }
    a_tuple_as_an_array: Fits Fits { struct Event { a: (u8, u8) } } { struct Event { a: [u8; 2] } }
    a_longer_tuple: Breaks Breaks { struct Event { a: (u8, u8) } } { struct Event { a: (u8, u8, u8) } }
    a_shorter_tuple: Breaks Breaks { struct Event { a: (u8, u8, u8) } } { struct Event { a: (u8, u8) } }
    a_tuple_of_wider: Fits Breaks { struct Event { a: (u8, String) } } { struct Event { a: (u16, String) } }
    a_tuple_struct: Fits Breaks { struct Event(u8, u8); } { struct Event(u16, u8); }
    a_unit: Fits Fits { struct Event; } { struct Event; }
    a_unit_with_fields: Breaks Breaks { struct Event; } { struct Event { a: Option<u8> } }
    no_fields_any_more: Breaks Breaks { struct Event { a: u8 } } { struct Event; }
    a_word_more: Fits Breaks { struct Event { a: Colour } enum Colour { Red, Green } } { struct Event { a: Colour } enum Colour { Red, Green, Blue } }
    a_word_less: Breaks Fits { struct Event { a: Colour } enum Colour { Red, Green } } { struct Event { a: Colour } enum Colour { Red } }
    a_word_renamed: Breaks Breaks { struct Event { a: Colour } enum Colour { Red } } { struct Event { a: Colour } enum Colour { #[serde(rename = "red")] Red } }
    a_word_that_may_be_null: Fits Breaks { struct Event { a: Colour } enum Colour { Red, Green } } { struct Event { a: Option<Colour> } enum Colour { Red, Green } }
    a_word_as_text: Fits Breaks { struct Event { a: Colour } enum Colour { Red, Green } } { struct Event { a: String } }
    text_as_a_word: Breaks Fits { struct Event { a: String } } { struct Event { a: Colour } enum Colour { Red, Green } }
    words_with_descriptions: Fits Fits { struct Event { a: Colour } enum Colour { Red, Green } }
        { struct Event { a: Colour } enum Colour { /** Told. */ Red, Green } }
    a_variant_more: Fits Breaks { struct Event { a: Kind } enum Kind { One(u8), Two { b: u8 } } }
        { struct Event { a: Kind } enum Kind { One(u8), Two { b: u8 }, Three } }
    a_variant_less: Breaks Fits { struct Event { a: Kind } enum Kind { One(u8), Two { b: u8 } } } { struct Event { a: Kind } enum Kind { One(u8) } }
    a_field_of_a_variant: Breaks Fits { struct Event { a: Kind } enum Kind { One(u8), Two { b: u8 } } }
        { struct Event { a: Kind } enum Kind { One(u8), Two { b: u8, c: u8 } } }
    an_option_of_a_variant: Fits Fits { struct Event { a: Kind } enum Kind { One(u8), Two { b: u8 } } }
        { struct Event { a: Kind } enum Kind { One(u8), Two { b: u8, c: Option<u8> } } }
    a_variant_with_content: Breaks Breaks { struct Event { a: Kind } enum Kind { One, Two } } { struct Event { a: Kind } enum Kind { One(u8), Two } }
    variants_tagged: Breaks Breaks { struct Event { a: Kind } enum Kind { One { b: u8 } } } { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 } } }
    a_tagged_variant_more: Fits Breaks { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two, Three { c: u8 } } }
    a_tagged_field_more: Breaks Fits { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8, c: u8 }, Two } }
    a_tagged_newtype: Fits Fits { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
        { struct Event { a: Kind } struct One { b: u8 } #[serde(tag = "t")] enum Kind { One(One), Two } }
    a_tagged_newtype_more: Breaks Fits { struct Event { a: Kind } struct One { b: u8 } #[serde(tag = "t")] enum Kind { One(One), Two } }
        { struct Event { a: Kind } struct One { b: u8, c: u8 } #[serde(tag = "t")] enum Kind { One(One), Two } }
    content_beside_the_tag: Breaks Breaks { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 } } }
        { struct Event { a: Kind } #[serde(tag = "t", content = "c")] enum Kind { One { b: u8 } } }
    more_content_beside: Fits Breaks { struct Event { a: Kind } #[serde(tag = "t", content = "c")] enum Kind { One(u8), Two } }
        { struct Event { a: Kind } #[serde(tag = "t", content = "c")] enum Kind { One(u16), Two } }
    untagged_more: Fits Breaks { struct Event { a: Kind } #[serde(untagged)] enum Kind { Number(u8), Text(String) } }
        { struct Event { a: Kind } #[serde(untagged)] enum Kind { Number(u8), Text(String), List(Vec<u8>) } }
    untagged_less: Breaks Fits { struct Event { a: Kind } #[serde(untagged)] enum Kind { Number(u8), Text(String) } }
        { struct Event { a: Kind } #[serde(untagged)] enum Kind { Number(u8) } }
    one_or_several: Fits Breaks { struct Event { a: u8 } } { struct Event { a: Kind } #[serde(untagged)] enum Kind { One(u8), All(Vec<u8>) } }
    a_flattened_enum: Breaks Fits { struct Event { a: u8 } } { struct Event { a: u8, #[serde(flatten)] kind: Kind } enum Kind { One { b: u8 }, Two { c: u8 } } }
    a_flattened_variant_more: Fits Breaks { struct Event { a: u8, #[serde(flatten)] kind: Kind } enum Kind { One { b: u8 }, Two { c: u8 } } }
        { struct Event { a: u8, #[serde(flatten)] kind: Kind } enum Kind { One { b: u8 }, Two { c: u8 }, Three { d: u8 } } }
    a_flattened_tag: Fits Fits { struct Event { a: u8, #[serde(flatten)] kind: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
        { struct Event { a: u8, #[serde(flatten)] kind: Kind, c: Option<u8> } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
    a_tree: Fits Breaks { struct Event { root: Tree } struct Tree { value: u8, children: Vec<Tree> } }
        { struct Event { root: Tree } struct Tree { value: u16, children: Vec<Tree> } }
    a_tree_with_more: Breaks Fits { struct Event { root: Tree } struct Tree { value: u8, children: Vec<Tree> } }
        { struct Event { root: Tree } struct Tree { value: u8, name: String, children: Vec<Tree> } }
    a_list_that_goes_on: Fits Breaks { struct Event { value: u8, next: Option<Box<Event>> } } { struct Event { value: u32, next: Option<Box<Event>> } }
    content_less: Breaks Breaks { struct Event { a: Kind } #[serde(tag = "t", content = "c")] enum Kind { One(u8), Two } }
        { struct Event { a: Kind } #[serde(tag = "t", content = "c")] enum Kind { One, Two } }
    flattened_content_less: Breaks Breaks { struct Event { a: u8, #[serde(flatten)] kind: Kind } #[serde(tag = "t", content = "c")] enum Kind { One(u8), Two } }
        { struct Event { a: u8, #[serde(flatten)] kind: Kind } #[serde(tag = "t", content = "c")] enum Kind { One, Two } }
    no_tagged_field_any_more: Breaks Breaks { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One, Two } }
    a_tagged_unit: Breaks Breaks { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
        { struct Event { a: Kind } struct Nothing; #[serde(tag = "t")] enum Kind { One(Nothing), Two } }
    a_tagged_field_less: Fits Breaks { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8, c: u8 }, Two } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
    a_tagged_unit_with_an_option: Fits Fits { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u8 }, Two { c: Option<u8> } } }
    a_field_less_beside_a_tag: Breaks Breaks { struct Event { a: u8, b: u8, #[serde(flatten)] kind: Kind } #[serde(tag = "t")] enum Kind { One { c: u8 }, Two } }
        { struct Event { a: u8, #[serde(flatten)] kind: Kind } #[serde(tag = "t")] enum Kind { One { c: u8 }, Two } }
    a_field_less_beside_tagged_fields: Fits Breaks { struct Event { a: u8, b: u8, #[serde(flatten)] kind: Kind } #[serde(tag = "t")] enum Kind { One { c: u8 }, Two { d: u8 } } }
        { struct Event { a: u8, #[serde(flatten)] kind: Kind } #[serde(tag = "t")] enum Kind { One { c: u8 }, Two { d: u8 } } }
    a_field_less_beside_a_variant: Fits Breaks { struct Event { a: u8, b: u8, #[serde(flatten)] kind: Kind } enum Kind { One { c: u8 }, Two } }
        { struct Event { a: u8, #[serde(flatten)] kind: Kind } enum Kind { One { c: u8 }, Two } }
    a_field_less_beside_a_mixed_variant: Breaks Breaks { struct Event { b: u8, #[serde(flatten)] kind: Kind } enum Kind { One(u8), #[serde(untagged)] Two { c: u8, d: u8 } } }
        { struct Event { #[serde(flatten)] kind: Kind } enum Kind { One(u8), #[serde(untagged)] Two { c: u8, d: u8 } } }
    anything_beside_a_tag: Breaks Fits { struct Event { a: Kind } #[serde(untagged)] enum Any { One { b: u8 }, Two(Value) } #[serde(tag = "t")] enum Kind { One(Any), Two } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { a: Option<String> }, Two } }
    a_variant_beside_a_tag: Breaks Breaks { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { #[serde(rename = "B")] b: u8, c: u8 }, Two } }
        { struct Event { a: Kind } enum Inner { B(u8), C { d: u8 } } #[serde(tag = "t")] enum Kind { One(Inner), Two } }
    a_duration: Breaks Breaks { struct Event { a: Time } struct Time { secs: u64, nanos: u32, zone: u8 } } { struct Event { a: Duration } }
    a_range: Breaks Breaks { struct Event { a: Part } struct Part { start: u8, end: u8, step: u8 } } { struct Event { a: Range<u8> } }
    a_result: Breaks Breaks { struct Event { a: Done } struct Done { #[serde(rename = "Ok")] ok: u8, at: u8 } } { struct Event { a: Result<u8, String> } }
    a_very_wide_integer_untagged: Breaks Breaks { struct Event { a: u128 } } { struct Event { a: Kind } #[serde(untagged)] enum Kind { One(u128), Two(String) } }
    a_very_wide_integer_with_a_tag: Breaks Breaks { struct Event { a: One } struct One { t: Word, b: u128 } enum Word { One } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { b: u128 }, Two { c: u8 } } }
    integer_keys_untagged: Breaks Breaks { struct Event { a: BTreeMap<u8, u8> } } { struct Event { a: Kind } #[serde(untagged)] enum Kind { One(BTreeMap<u8, u8>), Two(String) } }
    integer_keys_flattened: Breaks Breaks { struct Event { a: u8, #[serde(rename = "7")] b: u8 } } { struct Event { a: u8, #[serde(flatten)] rest: BTreeMap<u8, u8> } }
    integer_keys_beside_a_tag: Breaks Breaks { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One { #[serde(rename = "7")] b: u8 }, Two } }
        { struct Event { a: Kind } #[serde(tag = "t")] enum Kind { One(BTreeMap<u8, u8>), Two } }
    integer_keys_or_nothing: Breaks Breaks { struct Event { a: Option<BTreeMap<u8, u8>> } } { struct Event { a: Kind } #[serde(untagged)] enum Kind { One(BTreeMap<u8, u8>), Nothing } }
    a_very_wide_integer_or_nothing: Breaks Breaks { struct Event { a: Option<u128> } } { struct Event { a: Kind } #[serde(untagged)] enum Kind { One(u128), Nothing } }
    a_field_named_by_digits: Breaks Breaks { struct Event { a: One } struct One { #[serde(rename = "300")] b: u8 } } { struct Event { a: BTreeMap<u8, u8> } }
}
