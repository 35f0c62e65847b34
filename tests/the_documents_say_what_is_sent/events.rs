//! A set in which occurs what may be difficult in a document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{DecodeError, EncodeError, EventType, RawEvent, SseEvent, Topic};
use std::collections::BTreeMap;

/// Not a reference, but a value that looks like one.
pub(crate) const EXAMPLE: &str = "#/$defs/nowhere";

/// A thing, with things in it. Its event type has the name of the definition.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "Item")]
pub(crate) struct Item {
    name: String,
    parts: Vec<Item>,
    #[schemars(extend("examples" = [{ "$ref": EXAMPLE }]))]
    anything: serde_json::Value,
}

/// A type whose name no component may have, nor a reference as it is.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Größe / ~1 %")]
pub(crate) struct Size {
    cm: f64,
}

/// Another whose component would have the same name.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Größe _ ~1 %")]
struct Weight {
    kg: u32,
}

/// What there was.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "changed")]
pub(crate) struct ChangedV1 {
    item: String,
}

/// Something is another.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(version = 2, upcast = from_v1)]
pub(crate) struct Changed {
    before: Item,
    size: Option<Size>,
    weight: Option<Weight>,
    #[serde(flatten)]
    more: BTreeMap<String, Item>,
}

fn from_v1(before: ChangedV1) -> Changed {
    let item = Item { name: before.item, ..Item::default() };
    Changed { before: item, size: None, weight: None, more: BTreeMap::new() }
}

// ANCHOR: by_hand
/// By hand, so nothing is known but that it is JSON.
pub(crate) struct Beat;

impl SseEvent for Beat {
    const TYPES: &'static [EventType] =
        &[EventType::new("beat").with_description("The server lives.").with_deprecated("")];

    fn event_type(&self) -> &'static EventType {
        &Self::TYPES[0]
    }

    fn topic(&self) -> Result<Option<Topic>, EncodeError> {
        Ok(None)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(b"[1,2]");
        Ok(())
    }

    fn decode(_: RawEvent<'_>) -> Result<Self, DecodeError> {
        Ok(Beat)
    }
}
// ANCHOR_END: by_hand

/// How something goes on.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Step {
    Packed { by: String },
    Sent,
}

/// Everything.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) enum More {
    /// With a name that is not easily written.
    #[sse(name = "größe / ~1 %")]
    Stepped {
        step: Step,
        size: Size,
    },
    #[sse(json, name = "a b")]
    Spaced(Vec<u8>),
    #[sse(json, name = "a_b")]
    Underlined(Option<bool>),
    Nothing,
}

#[derive(SseEvent)]
pub(crate) enum Events {
    Item(Item),
    Changed(Box<Changed>),
    Beat(Beat),
    More(More),
}

/// One of each event type.
pub(crate) fn all() -> Vec<Events> {
    let item = Item { name: "cup".to_owned(), parts: vec![Item::default()], ..Item::default() };
    let changed = Changed {
        before: item.clone(),
        size: Some(Size { cm: 7.5 }),
        weight: None,
        more: BTreeMap::from([("after".to_owned(), Item::default())]),
    };
    let stepped = |step| More::Stepped { step, size: Size { cm: 0.0 } };
    vec![
        Events::Item(item),
        Events::Changed(changed.into()),
        Events::Beat(Beat),
        Events::More(stepped(Step::Sent)),
        Events::More(stepped(Step::Packed { by: "Ann".to_owned() })),
        Events::More(More::Spaced(vec![1, 2])),
        Events::More(More::Underlined(None)),
        Events::More(More::Nothing),
    ]
}
