//! An event of every shape, in one set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{EventId, SseEvent, Topic};
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "named/{id}")]
pub(crate) struct Named {
    pub(crate) id: u64,
    pub(crate) text: String,
    pub(crate) number: i64,
    pub(crate) part: f64,
    pub(crate) maybe: Option<bool>,
    pub(crate) nested: Option<Box<Data>>,
}

/// Data that is no event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Data {
    pub(crate) list: Vec<(u8, char)>,
    pub(crate) map: BTreeMap<String, Option<String>>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Kind {
    Plain,
    Of(u8),
    With { text: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) struct Newtype(pub(crate) String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "a pair", topic = "pairs/{0}")]
pub(crate) struct Tuple(pub(crate) u8, pub(crate) Option<String>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) struct Unit;

/// What serde can do to a struct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(tag = "type", rename = "Dressed!", rename_all = "camelCase")]
pub(crate) struct Dressed {
    #[serde(alias = "oldName")]
    pub(crate) new_name: String,
    #[serde(rename = "", default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<u8>,
    #[serde(with = "hex")]
    #[schemars(with = "String")]
    pub(crate) code: u32,
    #[serde(skip)]
    pub(crate) cache: (),
}

/// Written and read as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(into = "String", from = "String")]
pub(crate) struct Through(pub(crate) Vec<char>);

impl From<String> for Through {
    fn from(text: String) -> Self {
        Through(text.chars().collect())
    }
}

impl From<Through> for String {
    fn from(through: Through) -> Self {
        through.0.into_iter().collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(transparent)]
pub(crate) struct Transparent {
    pub(crate) only: Vec<u8>,
}

/// Ids and topics, wherever text can stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "about/{topic}")]
pub(crate) struct Referring {
    pub(crate) id: EventId,
    pub(crate) before: Option<EventId>,
    pub(crate) topic: Topic,
    pub(crate) topics: BTreeMap<Topic, Vec<Topic>>,
    pub(crate) by_id: HashMap<EventId, u8>,
    #[serde(flatten)]
    pub(crate) place: Place,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Place {
    At { at: EventId },
    Below { below: Topic },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) struct Generic<T, const N: usize> {
    pub(crate) first: T,
    pub(crate) more: Vec<T>,
}

/// Variants of every kind, and what serde can do to their fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[sse(rename_all = "camelCase")]
pub(crate) enum Own {
    UnitVariant,
    #[sse(json)]
    Json(Kind),
    #[sse(json)]
    #[serde(rename = "other", alias = "another")]
    Maybe(Option<String>),
    TupleVariant(u8, Kind),
    EmptyTuple(),
    EmptyStruct {},
    #[sse(topic = "own/{the_id}")]
    StructVariant {
        the_id: u8,
        #[serde(alias = "oldName")]
        new_name: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<u8>,
        #[serde(with = "hex")]
        #[schemars(with = "String")]
        code: u32,
    },
    #[serde(rename_all = "UPPERCASE")]
    Flat {
        first: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, String>,
    },
}

/// A set in the set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) enum Middle<T> {
    Own(Own),
    Generic(Generic<T, 3>),
    Between { value: T },
}

/// The hub's set.
#[derive(Clone, Debug, PartialEq, SseEvent)]
pub(crate) enum All {
    Named(Box<Named>),
    Newtype(Newtype),
    Tuple(Tuple),
    Unit(Unit),
    Dressed(Dressed),
    Through(Through),
    Transparent(Transparent),
    Referring(Referring),
    Middle(Middle<String>),
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{number:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}
