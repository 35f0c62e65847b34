use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;
use std::rc::Rc;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced {
    #[serde(skip)]
    cache: Rc<u8>,
}

fn main() {}
