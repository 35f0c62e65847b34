use serde::Deserialize;
use sse_framework::SseEvent;

#[derive(Deserialize, SseEvent)]
#[serde(field_identifier)]
enum Field {
    Name,
}

#[derive(Deserialize, SseEvent)]
#[serde(variant_identifier)]
enum Kind {
    Name,
}

fn main() {}
