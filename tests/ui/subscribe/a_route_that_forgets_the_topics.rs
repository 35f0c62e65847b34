use axum::Router;
use axum::extract::State;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent, Subscribe, SubscriptionBuilder};

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

async fn events(State(hub): State<Hub<Note>>, request: Subscribe) -> SubscriptionBuilder<Note> {
    hub.subscribe(request).key("ann").filter(|_| true)
}

fn main() {
    let _app: Router<Hub<Note>> = Router::new().route("/events", get(events));
}
