use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(number: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{number:x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::deserialize(from)
    }
}

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    #[sse(json)]
    #[serde(serialize_with = "hex::serialize")]
    Written(u32),
    #[sse(json)]
    #[serde(deserialize_with = "hex::deserialize")]
    Read(u32),
}

fn main() {}
