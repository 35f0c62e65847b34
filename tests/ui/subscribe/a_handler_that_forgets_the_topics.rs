use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent, Subscribe};

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

async fn events(hub: Hub<Note>, request: Subscribe) -> impl IntoResponse {
    hub.subscribe(request)
}

fn main() {
    drop(events);
}
