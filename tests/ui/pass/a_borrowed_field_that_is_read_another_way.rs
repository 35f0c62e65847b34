//! A field may be a `&'static` reference where serde does not read it, or in another way.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced {
    #[serde(skip)]
    skipped: &'static str,
    #[serde(skip_deserializing)]
    only_written: &'static str,
    #[serde(deserialize_with = "known")]
    shop: &'static Shop,
}

#[derive(Serialize, JsonSchema)]
struct Shop(u8);

static BERLIN: Shop = Shop(7);

fn known<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Shop, D::Error> {
    u8::deserialize(from).map(|_| &BERLIN)
}

#[derive(Deserialize, Serialize, JsonSchema, SseEvent)]
#[serde(from = "u8")]
struct Moved {
    to: &'static Shop,
}

impl From<u8> for Moved {
    fn from(_: u8) -> Self {
        Moved { to: &BERLIN }
    }
}

fn main() {
    let event = OrderPlaced { skipped: "a", only_written: "b", shop: &BERLIN };
    let mut data = Vec::new();
    assert!(event.encode(&mut data).is_ok());
    assert_eq!(data, br#"{"only_written":"b","shop":7}"#);
    assert_eq!((event.skipped, Moved::from(1).to.0), ("a", 7));
}
