//! A field may be `&'static str` where serde does not read it.

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced {
    #[serde(skip)]
    skipped: &'static str,
    #[serde(skip_deserializing)]
    only_written: &'static str,
}

fn main() {
    let event = OrderPlaced { skipped: "a", only_written: "b" };
    let mut data = Vec::new();
    assert!(event.encode(&mut data).is_ok());
    assert_eq!(data, br#"{"only_written":"b"}"#);
    assert_eq!(event.skipped, "a");
}
