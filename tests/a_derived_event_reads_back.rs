//! What a derived event writes, it reads back; and its name and topic are what its type says.
#![deny(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "derived code must be clean in the strictest crate"
)]
#![allow(
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    DecodeError, EncodeError, EventType, Hub, MemoryLog, RawEvent, Received, SseEvent, Start,
    Subscribe, Topic, TopicError, TopicFilter,
};

fn data<E: SseEvent>(event: &E) -> String {
    let mut out = b"kept".to_vec();
    event.encode(&mut out).unwrap();
    String::from_utf8(out).unwrap().strip_prefix("kept").unwrap().to_owned()
}

fn topic<E: SseEvent>(event: &E) -> Option<String> {
    event.topic().unwrap().map(|topic| topic.to_string())
}

fn read<E: SseEvent>(name: &str, data: &str) -> Result<E, DecodeError> {
    E::decode(RawEvent::new(name, 1, data.as_bytes()))
}

#[track_caller]
fn stands_as<E: SseEvent + PartialEq + fmt::Debug>(event: E, name: &str, json: &str) {
    assert_eq!(event.event_type().name(), name);
    assert!(E::TYPES.contains(event.event_type()));
    assert_eq!(data(&event), json);
    assert_eq!(read::<E>(name, json).unwrap(), event);
}

fn names<E: SseEvent>() -> Vec<&'static str> {
    E::TYPES.iter().map(EventType::name).collect()
}

/// An order was accepted.
///
/// By the shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/orders")]
struct OrderPlaced {
    shop: String,
    #[serde(rename = "orderId")]
    id: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "price", topic = "prices/{0.shop}/{1}")]
struct Priced(OrderPlaced, u32);

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(rename_all = "SCREAMING_SNAKE_CASE", topic = "n/{0}")]
struct WrappedNumber(u64);

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct ShopClosed;

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "r", topic = "{type}/{r.type}")]
struct Raw {
    r#type: u8,
    r: Inner,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Inner {
    r#type: String,
}

#[test]
fn a_struct_is_one_event_with_its_own_json() {
    let order = OrderPlaced { shop: "berlin".into(), id: 7 };
    assert_eq!(names::<OrderPlaced>(), ["order-placed"]);
    assert_eq!(order.event_type().description(), "An order was accepted.\n\nBy the shop.");
    assert_eq!(order.event_type().version(), 1);
    assert_eq!(topic(&order).as_deref(), Some("shops/berlin/orders"));
    stands_as(order.clone(), "order-placed", r#"{"shop":"berlin","orderId":7}"#);
    stands_as(Box::new(order.clone()), "order-placed", r#"{"shop":"berlin","orderId":7}"#);

    let priced = Priced(order, 3);
    assert_eq!(topic(&priced).as_deref(), Some("prices/berlin/3"));
    stands_as(priced, "price", r#"[{"shop":"berlin","orderId":7},3]"#);

    assert_eq!(topic(&WrappedNumber(5)).as_deref(), Some("n/5"));
    stands_as(WrappedNumber(5), "WRAPPED_NUMBER", "5");

    assert_eq!(topic(&ShopClosed), None);
    stands_as(ShopClosed, "shop-closed", "null");

    let raw = Raw { r#type: 1, r: Inner { r#type: "x".into() } };
    assert_eq!(topic(&raw).as_deref(), Some("1/x"));
    stands_as(raw, "r", r#"{"type":1,"r":{"type":"x"}}"#);
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(number: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{number:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

/// Data that is no event.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Plain {
    items: Vec<u8>,
}

/// What happens to the stock.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[sse(rename_all = "snake_case")]
enum Stock {
    /// Another count.
    #[sse(topic = "stock/{sku}/{where.items}-x")]
    CountChanged {
        sku: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_over: Option<u32>,
        #[serde(with = "hex")]
        #[schemars(with = "String")]
        code: u32,
        #[serde(skip)]
        r#where: Location,
    },
    #[sse(name = "moved", topic = "{1}/{{}}")]
    Moved(u8, String),
    Cleared,
    Empty {},
    EmptyTuple(),
    #[sse(json, topic = "notes/{0}")]
    #[serde(alias = "Remark")]
    Note(String),
    #[sse(json)]
    Counted(Plain),
    #[sse(json)]
    Maybe(Option<u8>),
    Flat {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    },
    #[allow(non_camel_case_types)]
    r#type {
        r#fn: u8,
    },
}

#[derive(Debug, PartialEq)]
struct Location {
    items: char,
}

impl Default for Location {
    fn default() -> Self {
        Location { items: '?' }
    }
}

#[test]
fn an_own_variant_is_its_content_alone() {
    assert_eq!(
        names::<Stock>(),
        [
            "count_changed",
            "moved",
            "cleared",
            "empty",
            "empty_tuple",
            "note",
            "counted",
            "maybe",
            "flat",
            "type",
        ]
    );
    let count = |left_over| Stock::CountChanged {
        sku: "a/b".into(),
        left_over,
        code: 255,
        r#where: Location::default(),
    };
    assert_eq!(count(None).event_type().description(), "Another count.");
    assert_eq!(topic(&count(None)).as_deref(), Some("stock/a%2Fb/?-x"));
    stands_as(count(Some(2)), "count_changed", r#"{"sku":"a/b","leftOver":2,"code":"ff"}"#);
    stands_as(count(None), "count_changed", r#"{"sku":"a/b","code":"ff"}"#);
    assert_eq!(topic(&Stock::Moved(1, "x".into())).as_deref(), Some("x/{}"));
    stands_as(Stock::Moved(1, "x".into()), "moved", r#"[1,"x"]"#);
    stands_as(Stock::Cleared, "cleared", "null");
    stands_as(Stock::Empty {}, "empty", "{}");
    stands_as(Stock::EmptyTuple(), "empty_tuple", "[]");
    assert_eq!(topic(&Stock::Note("x".into())).as_deref(), Some("notes/x"));
    stands_as(Stock::Note("a\nb".into()), "note", r#""a\nb""#);
    stands_as(Stock::Counted(Plain { items: vec![1] }), "counted", r#"{"items":[1]}"#);
    stands_as(Stock::Maybe(None), "maybe", "null");
    stands_as(Stock::Maybe(Some(1)), "maybe", "1");
    let rest = BTreeMap::from([("b".to_owned(), 2)]);
    stands_as(Stock::Flat { a: 1, rest }, "flat", r#"{"a":1,"b":2}"#);
    stands_as(Stock::r#type { r#fn: 1 }, "type", r#"{"fn":1}"#);
}

/// All variants delegate, so that the set needs no serde of its own.
#[derive(Debug, PartialEq, SseEvent)]
enum Delegating {
    Order(OrderPlaced),
    #[sse(no_from)]
    Closed(ShopClosed),
    Stock(Box<Stock>),
}

impl From<ShopClosed> for Delegating {
    fn from(closed: ShopClosed) -> Self {
        Delegating::Closed(closed)
    }
}

/// A set in a set in a set, with variants of its own around it.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}")]
enum Mixed {
    Opened {
        shop: String,
    },
    Number(WrappedNumber),
    #[sse(topic = "all")]
    Stocked(u8, u8),
    Nested(Middle),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Middle {
    Priced(Priced),
    Paused,
    Inner(Stock),
}

#[test]
fn a_delegating_variant_is_its_payload() {
    let mut expected = vec!["order-placed", "shop-closed"];
    expected.extend(names::<Stock>());
    assert_eq!(names::<Delegating>(), expected);
    let order = OrderPlaced { shop: "x".into(), id: 1 };
    let event = Delegating::from(order.clone());
    assert_eq!(event, Delegating::Order(order));
    assert_eq!(topic(&event).as_deref(), Some("shops/x/orders"));
    assert_eq!(event.event_type().description(), "An order was accepted.\n\nBy the shop.");
    stands_as(event, "order-placed", r#"{"shop":"x","orderId":1}"#);
    stands_as(Delegating::from(ShopClosed), "shop-closed", "null");
    stands_as(Delegating::from(Box::new(Stock::Cleared)), "cleared", "null");
    stands_as(Delegating::from(Stock::Cleared), "cleared", "null");
}

#[test]
fn nested_sets_are_one_flat_set() {
    let mut expected = vec!["opened", "stocked", "WRAPPED_NUMBER", "paused", "price"];
    expected.extend(names::<Stock>());
    let mut found = names::<Mixed>();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(EventType::check_all(Mixed::TYPES), Ok(()));

    assert_eq!(topic(&Mixed::Opened { shop: "a".into() }).as_deref(), Some("shops/a"));
    assert_eq!(topic(&Mixed::Stocked(1, 2)).as_deref(), Some("all"));
    assert_eq!(topic(&Mixed::from(WrappedNumber(1))).as_deref(), Some("n/1"));
    stands_as(Mixed::Opened { shop: "a".into() }, "opened", r#"{"shop":"a"}"#);
    stands_as(Mixed::Stocked(1, 2), "stocked", "[1,2]");
    stands_as(Mixed::Number(WrappedNumber(1)), "WRAPPED_NUMBER", "1");
    stands_as(Mixed::Nested(Middle::Paused), "paused", "null");
    let moved = Mixed::from(Middle::from(Stock::Moved(1, "b".into())));
    assert_eq!(topic(&moved).as_deref(), Some("b/{}"));
    stands_as(moved, "moved", r#"[1,"b"]"#);
}

/// By hand, with none of the traits of serde and schemars.
#[derive(Debug, PartialEq)]
struct Beat(u8);

impl SseEvent for Beat {
    const TYPES: &'static [EventType] = &[EventType::new("beat")];

    fn event_type(&self) -> &'static EventType {
        &Self::TYPES[0]
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        Ok(None)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self.0.to_string().as_bytes());
        Ok(())
    }

    fn decode(event: RawEvent<'_>) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(event.data).unwrap();
        Ok(Beat(text.parse().unwrap()))
    }
}

// ANCHOR: skip
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum WithBeats {
    #[serde(skip)]
    Beat(Beat),
    Opened {
        shop: String,
    },
}
// ANCHOR_END: skip

/// What serde does not read stands before what it does, and between.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Skipping {
    #[serde(skip)]
    Delegating(Delegating),
    Beats(WithBeats),
    Number(WrappedNumber),
    #[serde(skip_deserializing)]
    Priced(Box<Priced>),
    Paused(u8, u8),
    #[sse(json)]
    Remark(String),
}

fn skipping() -> Vec<(Skipping, &'static str, &'static str)> {
    let order = OrderPlaced { shop: "x".into(), id: 1 };
    let opened = WithBeats::Opened { shop: "a".into() };
    let json = [r#"{"shop":"x","orderId":1}"#, r#"[{"shop":"x","orderId":1},3]"#];
    vec![
        (Delegating::from(order.clone()).into(), "order-placed", json[0]),
        (Delegating::from(ShopClosed).into(), "shop-closed", "null"),
        (WithBeats::from(Beat(7)).into(), "beat", "7"),
        (opened.into(), "opened", r#"{"shop":"a"}"#),
        (WrappedNumber(2).into(), "WRAPPED_NUMBER", "2"),
        (Priced(order, 3).into(), "price", json[1]),
        (Skipping::Paused(4, 5), "paused", "[4,5]"),
        (Skipping::Remark("b".into()), "remark", r#""b""#),
    ]
}

#[tokio::test]
async fn serde_need_not_know_what_is_passed_on() {
    for (event, name, json) in skipping() {
        stands_as(event, name, json);
    }
    let schema = |name| {
        let schema = EventType::find(Skipping::TYPES, name).unwrap().schema();
        schema.map(|schema| schema.get("type").cloned().unwrap())
    };
    assert_eq!(schema("beat"), None);
    for (name, json_type) in [("opened", "object"), ("remark", "string"), ("paused", "array")] {
        assert_eq!(schema(name), Some(json_type.into()), "{name}");
    }

    let hub = Hub::<Skipping>::builder(MemoryLog::new()).start().await.unwrap();
    hub.publish_all(skipping().into_iter().map(|(event, ..)| event)).await.unwrap();
    let mut received = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    for (event, ..) in skipping() {
        let Some(Received::Event(delivered)) = received.next().await else { panic!("{event:?}") };
        assert_eq!(delivered.event, event);
    }
    hub.shutdown().await.unwrap();
}

#[test]
fn a_hostile_value_stays_in_its_segment() {
    let mine = TopicFilter::under(["shops", "me"]);
    for shop in ["me/orders", "*", "**", "me/", "/me", "../me", "a\nb", "%2F", "me%2F", "{shop}"] {
        let topic = topic(&OrderPlaced { shop: shop.into(), id: 1 }).unwrap();
        assert_eq!(topic.split('/').count(), 3, "{topic}");
        assert!(!topic.contains('*') && !topic.contains(char::is_control), "{topic}");
        assert!(!mine.matches(&topic), "{topic}");
        assert!(TopicFilter::under(["shops", shop]).matches(&topic), "{topic}");
    }
}

#[test]
fn a_value_that_makes_no_topic_is_an_error() {
    let refused = OrderPlaced { shop: String::new(), id: 1 }.topic();
    let Err(EncodeError::Topic { name: "order-placed", source }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(source, TopicError::NoValue { placeholder: "shop" });
    let long = OrderPlaced { shop: "x".repeat(250), id: 1 }.topic();
    let Err(EncodeError::Topic { source: TopicError::TooLong { length: 263 }, .. }) = long else {
        panic!("{long:?}");
    };
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "users/user-{0}")]
struct UserSeen(Shown);

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Shown {
    Nothing,
    Failing,
}

impl fmt::Display for Shown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Nothing => Ok(()),
            Shown::Failing => Err(fmt::Error),
        }
    }
}

#[test]
fn a_part_of_a_segment_needs_a_value_as_well() {
    for shown in [Shown::Nothing, Shown::Failing] {
        let refused = UserSeen(shown).topic();
        let Err(EncodeError::Topic { name: "user-seen", source }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(source, TopicError::NoValue { placeholder: "0" });
    }
}

/// A map whose keys JSON cannot have.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Unwritable {
    Keyed { first: u8, map: BTreeMap<(u8, u8), u8> },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
struct UnwritableStruct {
    first: u8,
    map: BTreeMap<(u8, u8), u8>,
}

#[test]
fn an_event_that_cannot_be_written_leaves_nothing_behind() {
    let map = BTreeMap::from([((1, 2), 3)]);
    let mut out = b"kept".to_vec();
    let refused = Unwritable::Keyed { first: 1, map: map.clone() }.encode(&mut out);
    assert!(matches!(refused, Err(EncodeError::Json { name: "keyed", .. })), "{refused:?}");
    assert_eq!(out, b"kept");
    let refused = UnwritableStruct { first: 1, map }.encode(&mut out);
    assert!(matches!(refused, Err(EncodeError::Json { name: "unwritable-struct", .. })));
    assert_eq!(out, b"kept");
}

#[track_caller]
fn misfit<E: SseEvent + fmt::Debug>(name: &str, data: &str, at: &str) {
    match read::<E>(name, data) {
        Err(DecodeError::Payload { name: told, path, source }) => {
            assert_eq!((told.as_str(), path.as_str()), (name, at), "{source}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_fit_is_told_with_name_and_path() {
    misfit::<OrderPlaced>("order-placed", r#"{"shop":"x","orderId":"7"}"#, "orderId");
    misfit::<OrderPlaced>("order-placed", "{}", ".");
    misfit::<OrderPlaced>("order-placed", r#"{"shop":"x","orderId":1} x"#, ".");
    misfit::<Stock>("counted", r#"{"items":[1,2,999]}"#, "items[2]");
    misfit::<Stock>("count_changed", r#"{"sku":"a","code":"zz"}"#, "code");
    misfit::<Stock>("count_changed", r#"{"sku":"a"}"#, ".");
    misfit::<Stock>("moved", "[1]", ".");
    misfit::<Stock>("moved", r#"["a","b"]"#, "[0]");
    misfit::<Stock>("cleared", "1", ".");
    misfit::<Stock>("cleared", "", ".");
    misfit::<Mixed>("price", r#"[{"shop":"x","orderId":-1},3]"#, "[0].orderId");
    misfit::<Delegating>("note", "\"a\" \"b\"", ".");

    for name in ["", "Order-Placed", "order-placed ", "CLEARED", "Remark", "open"] {
        for unknown in [read::<OrderPlaced>(name, "1").err(), read::<Mixed>(name, "1").err()] {
            let Some(DecodeError::UnknownType { name: told }) = unknown else {
                panic!("{name}: {unknown:?}");
            };
            assert_eq!(told, name);
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema, SseEvent)]
enum ByHand {
    One { a: u8 },
}

impl Serialize for ByHand {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let ByHand::One { a } = self;
        to.serialize_u8(*a)
    }
}

#[test]
fn a_hand_written_serialize_of_a_set_is_an_error_and_no_wrong_payload() {
    let mut out = Vec::new();
    let refused = ByHand::One { a: 1 }.encode(&mut out).unwrap_err();
    let source = refused.source().unwrap().to_string();
    assert!(source.contains("serde's derives"), "{source}");
}

#[test]
fn an_event_can_be_derived_inside_a_function_and_a_macro() {
    macro_rules! event {
        ($name:ident, $field:ident, $topic:literal) => {
            #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
            #[sse(topic = $topic)]
            struct $name {
                $field: u8,
            }
        };
    }
    event!(Local, field, "f/{field}");
    assert_eq!(topic(&Local { field: 3 }).as_deref(), Some("f/3"));
    stands_as(Local { field: 3 }, "local", r#"{"field":3}"#);
}
