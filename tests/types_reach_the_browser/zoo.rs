//! Types of every form that serde gives to JSON, and values of them.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use sse_framework::{Epoch, EventId, EventType, Topic};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// An event type, and a strategy for its payloads as JSON.
pub(crate) struct Animal {
    pub(crate) event: EventType,
    pub(crate) values: BoxedStrategy<serde_json::Value>,
}

fn animal<T>(name: &'static str, values: impl Strategy<Value = T> + 'static) -> Animal
where
    T: JsonSchema + Serialize + std::fmt::Debug + 'static,
{
    let values = values.prop_map(|value| serde_json::to_value(value).expect("it is JSON")).boxed();
    Animal { event: EventType::new(name).with_schema(T::json_schema), values }
}

/// All.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Plain {
    /// It is always there.
    some_text: String,
    a_letter: char,
    small: u8,
    /// Too large for JavaScript.
    large: u64,
    signed: i32,
    part: f64,
    yes: bool,
    nothing: (),
    maybe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u16>,
    #[serde(rename = "class")]
    word: String,
    #[serde(rename = "a-b \"c\" */ \u{2028}")]
    odd: bool,
    #[deprecated = "it was a mistake"]
    old: u8,
    #[serde(default)]
    usual: u8,
    duration: Duration,
    any: serde_json::Value,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Lists {
    list: Vec<u32>,
    set: BTreeSet<String>,
    options: Vec<Option<u64>>,
    pair: (u8, String),
    three: [f32; 3],
    none: [u8; 0],
    nested: Vec<Vec<(bool, Option<bool>)>>,
    map: BTreeMap<String, u8>,
    by_number: HashMap<u32, Vec<String>>,
    boxed: Box<str>,
    result: Result<u8, String>,
}

#[derive(Debug, Serialize, JsonSchema)]
enum Letters {
    A,
    #[serde(rename = "b \" b")]
    B,
}

/// Some of it is told.
#[derive(Debug, Serialize, JsonSchema)]
enum Told {
    /// The first.
    One,
    Two,
}

#[derive(Debug, Serialize, JsonSchema)]
enum External {
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    /// Of names.
    Struct {
        a: u8,
        b: Option<Box<External>>,
    },
    Empty {},
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
enum Internal {
    TheUnit,
    Struct { a: u8 },
    Newtype(Inner),
    Map(BTreeMap<String, u32>),
    Again(Adjacent2),
}

#[derive(Debug, Serialize, JsonSchema)]
struct Inner {
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    Newtype(Inner),
    Tuple(u8, u8),
    Struct { a: Option<u8> },
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent2 {
    Text(String),
    Number(u8),
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Unit,
    Number(i64),
    Text(String),
    Tuple(u8, u8),
    Struct { a: u8 },
    Other { b: String },
}

#[derive(Debug, Serialize, JsonSchema)]
struct Flat {
    own: u8,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    kind: Internal2,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind")]
enum Internal2 {
    A { x: u8 },
    B { y: String },
}

#[derive(Debug, Serialize, JsonSchema)]
struct FlatMap {
    own: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<bool>,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FlatExternal {
    own: u8,
    #[serde(flatten)]
    one: External2,
}

#[derive(Debug, Serialize, JsonSchema)]
enum External2 {
    A(u8),
    B { y: String },
}

#[derive(Debug, Serialize, JsonSchema)]
struct Tree {
    value: u8,
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

/// Each is in the other.
#[derive(Debug, Serialize, JsonSchema)]
struct Ping {
    pong: Option<Box<Pong>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Pong {
    ping: Vec<Ping>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Json {
    Number(u32),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

#[derive(Debug, Serialize, JsonSchema)]
struct Newtype(String);

#[derive(Debug, Serialize, JsonSchema)]
struct Tuple(u8, Option<Inner>);

#[derive(Debug, Serialize, JsonSchema)]
struct Unit;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
struct Transparent {
    only: Vec<Letters>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Page<T> {
    items: Vec<T>,
    next: Option<T>,
}

/// Names that mean something else in the client, and in TypeScript.
#[derive(Debug, Serialize, JsonSchema)]
struct Map {
    string: Gap,
    set: Vec<Message>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Gap(u8);

#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    constructor: u8,
    __proto: u8,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Strict {
    a: u8,
    tag: Internal2,
}

/// Ids and topics are text.
#[derive(Debug, Serialize, JsonSchema)]
struct Referring {
    of: EventId,
    topic: Option<Topic>,
    by_id: HashMap<EventId, Topic>,
}

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof!["[ -~]{0,6}", Just("*/ \u{2028} \" \\ ${x} ` </script>".to_owned())]
}

fn inner() -> impl Strategy<Value = Inner> {
    text().prop_map(|text| Inner { text })
}

#[allow(deprecated, reason = "it is given a value")]
fn plain() -> impl Strategy<Value = Plain> {
    let one = (text(), any::<char>(), any::<u8>(), any::<u64>(), any::<i32>(), -1e9..1e9);
    let two =
        (any::<bool>(), any::<Option<String>>(), any::<Option<u16>>(), any::<u8>(), any::<u32>());
    (one, two).prop_map(|((some_text, a_letter, small, large, signed, part), two)| {
        let (yes, maybe, left_out, usual, seconds) = two;
        Plain {
            some_text: some_text.clone(),
            a_letter,
            small,
            large,
            signed,
            part,
            yes,
            nothing: (),
            maybe,
            left_out,
            word: some_text,
            odd: yes,
            old: small,
            usual,
            duration: Duration::new(seconds.into(), seconds / 5),
            any: serde_json::json!({ "a": [usual, null], "b": yes }),
        }
    })
}

fn lists() -> impl Strategy<Value = Lists> {
    let texts = || prop::collection::vec(any::<String>(), 0..4);
    let maps = (
        prop::collection::btree_map(any::<String>(), any::<u8>(), 0..4),
        prop::collection::hash_map(any::<u32>(), texts(), 0..4),
    );
    let nested =
        prop::collection::vec(prop::collection::vec(any::<(bool, Option<bool>)>(), 0..4), 0..4);
    let lists = (
        prop::collection::vec(any::<u32>(), 0..4),
        texts().prop_map(BTreeSet::from_iter),
        prop::collection::vec(any::<Option<u64>>(), 0..4),
    );
    let result = any::<Result<u8, String>>();
    (maps, nested, lists, any::<(u8, String)>(), result).prop_map(
        |(maps, nested, lists, pair, result)| {
            let (list, set, options) = lists;
            let boxed = pair.1.clone().into_boxed_str();
            let three = [f32::from(pair.0), 0.5, -1.0];
            Lists {
                list,
                set,
                options,
                pair,
                three,
                none: [],
                nested,
                map: maps.0,
                by_number: maps.1,
                boxed,
                result,
            }
        },
    )
}

fn external() -> impl Strategy<Value = External> {
    let leaf = prop_oneof![
        Just(()).prop_map(|()| External::Unit),
        any::<u8>().prop_map(External::Newtype),
        (any::<u8>(), text()).prop_map(|(a, b)| External::Tuple(a, b)),
        Just(()).prop_map(|()| External::Empty {}),
    ];
    (leaf, any::<Option<u8>>()).prop_map(|(leaf, depth)| match depth {
        Some(a) => External::Struct { a, b: Some(Box::new(leaf)) },
        None => leaf,
    })
}

fn internal() -> impl Strategy<Value = Internal> {
    prop_oneof![
        Just(()).prop_map(|()| Internal::TheUnit),
        any::<u8>().prop_map(|a| Internal::Struct { a }),
        inner().prop_map(Internal::Newtype),
        prop::collection::btree_map("[a-h]{1,3}", any::<u32>(), 0..4).prop_map(Internal::Map),
        text().prop_map(|text| Internal::Again(Adjacent2::Text(text))),
        any::<u8>().prop_map(|number| Internal::Again(Adjacent2::Number(number))),
    ]
}

fn adjacent() -> impl Strategy<Value = Adjacent> {
    prop_oneof![
        Just(()).prop_map(|()| Adjacent::Unit),
        inner().prop_map(Adjacent::Newtype),
        any::<(u8, u8)>().prop_map(|(a, b)| Adjacent::Tuple(a, b)),
        any::<Option<u8>>().prop_map(|a| Adjacent::Struct { a }),
    ]
}

fn untagged() -> impl Strategy<Value = Untagged> {
    prop_oneof![
        Just(()).prop_map(|()| Untagged::Unit),
        any::<i64>().prop_map(Untagged::Number),
        text().prop_map(Untagged::Text),
        any::<(u8, u8)>().prop_map(|(a, b)| Untagged::Tuple(a, b)),
        any::<u8>().prop_map(|a| Untagged::Struct { a }),
        text().prop_map(|b| Untagged::Other { b }),
    ]
}

fn internal2() -> impl Strategy<Value = Internal2> {
    prop_oneof![
        any::<u8>().prop_map(|x| Internal2::A { x }),
        text().prop_map(|y| Internal2::B { y }),
    ]
}

fn external2() -> impl Strategy<Value = External2> {
    prop_oneof![any::<u8>().prop_map(External2::A), text().prop_map(|y| External2::B { y }),]
}

fn json() -> impl Strategy<Value = Json> {
    any::<u32>().prop_map(Json::Number).prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner, 0..3);
        prop_oneof![
            list.clone().prop_map(Json::List),
            list.prop_map(|list| {
                Json::Object(
                    list.into_iter().enumerate().map(|(n, one)| (n.to_string(), one)).collect(),
                )
            }),
        ]
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = any::<u8>().prop_map(|value| Tree { value, children: Vec::new(), parent: None });
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(|mut children| {
            let parent = children.pop().map(Box::new);
            Tree { value: 1, children, parent }
        })
    })
}

fn letters() -> impl Strategy<Value = Letters> {
    any::<bool>().prop_map(|a| if a { Letters::A } else { Letters::B })
}

pub(crate) fn all() -> Vec<Animal> {
    let rest = || prop::collection::btree_map("[a-h]{1,3}", text(), 0..4);
    let ping = any::<u8>().prop_map(|n| Ping {
        pong: (n > 100).then(|| Box::new(Pong { ping: vec![Ping { pong: None }] })),
    });
    vec![
        animal("plain", plain()),
        animal("lists", lists()),
        animal("letters", letters()),
        animal("told", any::<bool>().prop_map(|one| if one { Told::One } else { Told::Two })),
        animal("external", external()),
        animal("internal", internal()),
        animal("adjacent", adjacent()),
        animal("untagged", untagged()),
        animal(
            "flat",
            (any::<u8>(), inner(), internal2()).prop_map(|(own, inner, kind)| Flat {
                own,
                inner,
                kind,
            }),
        ),
        animal(
            "flat-map",
            (any::<u8>(), any::<Option<bool>>(), rest()).prop_map(|(own, maybe, rest)| FlatMap {
                own,
                maybe,
                rest,
            }),
        ),
        animal(
            "flat-external",
            (any::<u8>(), external2()).prop_map(|(own, one)| FlatExternal { own, one }),
        ),
        animal("tree", tree()),
        animal("ping", ping),
        animal("json", json()),
        animal("newtype", text().prop_map(Newtype)),
        animal("tuple", (any::<u8>(), prop::option::of(inner())).prop_map(|(a, b)| Tuple(a, b))),
        animal("unit", Just(()).prop_map(|()| Unit)),
        animal(
            "transparent",
            prop::collection::vec(letters(), 0..4).prop_map(|only| Transparent { only }),
        ),
        animal(
            "page-of-numbers",
            prop::collection::vec(any::<u64>(), 0..4)
                .prop_map(|items| Page { next: items.first().copied(), items }),
        ),
        animal(
            "page-of-pages",
            inner().prop_map(|one| Page {
                items: vec![Page { items: vec![one], next: None }],
                next: None,
            }),
        ),
        animal("maybe", any::<Option<String>>()),
        animal(
            "map",
            any::<u8>().prop_map(|n| Map {
                string: Gap(n),
                set: vec![Message { constructor: n, __proto: n }],
            }),
        ),
        animal(
            "referring",
            (any::<u64>(), any::<u64>()).prop_map(|(token, seq)| {
                let id = EventId::new(Epoch::from_token(token), seq);
                let topic = Topic::from_segments(["a", "*"]).unwrap();
                Referring {
                    of: id,
                    topic: Some(topic.clone()),
                    by_id: HashMap::from([(id, topic)]),
                }
            }),
        ),
        animal("strict", internal2().prop_map(|tag| Strict { a: 1, tag })),
        animal("größe \"*/\" \u{2028}", any::<u8>()),
    ]
}
