use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;
use std::rc::Rc;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced {
    #[serde(skip)]
    cache: Rc<u8>,
}

fn main() {}
