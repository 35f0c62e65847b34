//! T9: whatever a client asks for, and however its stream begins, it sees no event of a topic that
//! the app did not allow, and cannot tell what it may not see from what does not exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod answers;
mod matrix;
mod tenants;
mod volume;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, Snapshot, SseEvent, Subscribe, Subscription, Topic, TopicFilter};
use std::sync::Arc;

support::by_every_server!(
    nobody_sees_an_event_of_another_tenant,
    nobody_sees_an_event_of_another_tenant_by_opaque_ids,
    what_is_not_allowed_is_answered_like_what_does_not_exist,
    nobody_can_tell_how_many_events_others_have,
    plain_ids_tell_how_many_events_others_have,
);

use answers::what_is_not_allowed_is_answered_like_what_does_not_exist;
use matrix::{
    nobody_sees_an_event_of_another_tenant, nobody_sees_an_event_of_another_tenant_by_opaque_ids,
};
use volume::{
    nobody_can_tell_how_many_events_others_have, plain_ids_tell_how_many_events_others_have,
};

/// An event that says whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "tenants/{tenant}/{kind}")]
struct Tagged {
    tenant: String,
    kind: String,
    n: u64,
}

/// Segments below a tenant, of which one could be mistaken for a pattern.
const KINDS: [&str; 4] = ["orders", "stock", "**", "end"];

#[derive(Clone)]
struct App {
    hub: Hub<Tagged>,
    tenants: Arc<Vec<String>>,
}

impl App {
    fn router(&self) -> Router {
        Router::new()
            .route("/under/{tenant}", get(under))
            .route("/exact/{tenant}", get(exact))
            .route("/snapshot/{tenant}", get(snapshot))
            .with_state(self.clone())
    }
}

/// Who the client is stands in the path, as it would in a session.
async fn under(
    State(app): State<App>,
    Path(tenant): Path<usize>,
    request: Subscribe,
) -> Subscription<Tagged> {
    let own = TopicFilter::under(["tenants", &app.tenants[tenant]]);
    app.hub.subscribe(request).topics([own])
}

/// The same topics one by one.
async fn exact(
    State(app): State<App>,
    Path(tenant): Path<usize>,
    request: Subscribe,
) -> Subscription<Tagged> {
    let own = KINDS
        .map(|kind| Topic::from_segments(["tenants", &app.tenants[tenant], kind]).unwrap().into());
    app.hub.subscribe(request).topics(own)
}

/// An app whose state is not the tenant's alone: it leaves the choice to the framework.
async fn snapshot(
    State(app): State<App>,
    Path(tenant): Path<usize>,
    request: Subscribe,
) -> Subscription<Tagged> {
    let state = app.tenants.iter().flat_map(|tenant| {
        KINDS.map(|kind| Tagged { tenant: tenant.clone(), kind: kind.to_owned(), n: 0 })
    });
    let state: Vec<_> = state.collect();
    let own = TopicFilter::under(["tenants", &app.tenants[tenant]]);
    app.hub.subscribe(request).topics([own]).snapshot(async |_| Ok(Snapshot::from(state)))
}
