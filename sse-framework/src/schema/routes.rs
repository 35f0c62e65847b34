//! The documents of a hub's events, served where the app wants them.

use super::{json_schemas, openapi};
use crate::event::SseEvent;
use crate::hub::Hub;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

impl<E: SseEvent> Hub<E> {
    /// Routes of the documents that describe the hub's events: `/schemas.json`, the
    /// [JSON Schemas](json_schemas), and `/openapi.json`, the [OpenAPI](openapi) fragment, whose
    /// name is `events`.
    ///
    /// They are nowhere until you mount them. They tell the name and the shape of each event type, also of those that
    /// a client may not see: mount them where those who ask may know that.
    ///
    /// `GET` and `HEAD` are answered, with an `ETag`, and with `304 Not Modified` to whoever has that. Caches are to
    /// ask each time, since the next program may have other events.
    ///
    /// ```
    /// # fn app<E: sse_framework::SseEvent>(hub: sse_framework::Hub<E>) {
    /// let app: axum::Router = axum::Router::new()
    ///     .route("/events", hub.endpoint())
    ///     .nest("/events/about", hub.schema_routes());
    /// # }
    /// ```
    pub fn schema_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/schemas.json", document(&json_schemas(E::TYPES)))
            .route("/openapi.json", document(&openapi("events", E::TYPES)))
    }
}

fn document<S: Clone + Send + Sync + 'static>(document: &Value) -> MethodRouter<S> {
    let body = Bytes::from(document.to_string());
    // A weak one: something on the way may compress what it names.
    let tag = Bytes::from(format!("W/\"{:08x}\"", crc32fast::hash(&body)));
    get(move |headers: HeaderMap| async move { answer(&headers, tag, body) })
}

fn answer(headers: &HeaderMap, tag: Bytes, body: Bytes) -> Response {
    let mut response = match has(headers, &tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let json = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, json)], body).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_maybe_shared(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whether the client has it already. Whether its tag is weak makes no difference.
fn has(headers: &HeaderMap, tag: &[u8]) -> bool {
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tags.any(|given| {
        let given = given.trim_ascii();
        given == b"*" || given.strip_prefix(b"W/").unwrap_or(given) == tag
    })
}
