use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent, Subscribe};

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

async fn follow(hub: Hub<Note>) {
    let mut notes = hub.subscribe(Subscribe::default());
    while let Some(_) = notes.next().await {}
}

fn main() {
    drop(follow);
}
