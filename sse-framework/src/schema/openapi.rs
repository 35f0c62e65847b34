//! What the endpoint does, as an OpenAPI document.

use super::collected::{Collected, Names, Payload};
use crate::event::EventType;
use crate::subscribe::CONTROL;
use crate::wire::MAX_RETRY;
use serde_json::{Map, Value, json};

/// An OpenAPI 3.2 document of an endpoint with these event types, usually `E::TYPES` of an event set `E`: a fragment that
/// goes into the app's own.
///
/// It has no paths, since where the endpoint is only the app knows, but components:
///
/// * `pathItems` has one, called `name`: what a client may ask, and each answer there is. The stream is
///   `text/event-stream` with an `itemSchema`.
/// * `schemas` has that of an event, called `name`, too, and those that it is made of, whose names begin with it. An event is
///   an object of its fields `id`, `event`, `data` and `retry`, and one of the app's event types or the framework's
///   own (`sse-open` and so on). `data` is text, JSON by its `contentMediaType`, with the payload as its `contentSchema`.
///
/// Put the path item under each path where there is such an endpoint, the schemas among your own, and add what your handler
/// has of its own, such as `401`, and an `operationId` if you want one: it must be another for each path. An app of several
/// hubs gives each a name of its own. In names, a character other than `[A-Za-z0-9._-]` becomes `_`. The same types always
/// make the same document.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
/// use sse_framework::{SseEvent, openapi};
///
/// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
/// struct OrderPlaced {
///     shop: String,
/// }
///
/// let fragment = openapi("orders", OrderPlaced::TYPES);
/// let stream = &fragment["components"]["pathItems"]["orders"]["get"]["responses"]["200"];
/// let event = &stream["content"]["text/event-stream"]["itemSchema"];
/// assert_eq!(event, &json!({ "$ref": "#/components/schemas/orders" }));
///
/// let placed = &fragment["components"]["schemas"]["orders.order-placed"]["properties"];
/// assert_eq!(placed["event"]["const"], "order-placed");
/// let payload = json!({ "$ref": "#/components/schemas/orders.order-placed.data" });
/// assert_eq!(placed["data"]["contentSchema"], payload);
/// ```
#[must_use]
pub fn openapi(name: &str, types: &[EventType]) -> Value {
    let mut names = Names::default();
    let name = names.take(allowed(name));
    let mut take = |wanted: String| names.take(allowed(&wanted));
    let problem = take(format!("{name}.problem"));
    let mut collected = Collected::of(types.iter().copied().chain(CONTROL));
    let event_names = collected.payloads.iter().map(|payload| {
        let event = format!("{name}.{}", payload.event.name());
        (take(event.clone()), take(format!("{event}.data")))
    });
    let event_names: Vec<_> = event_names.collect();
    collected.rename(SCHEMAS, |definition| take(format!("{name}.{definition}")));

    let mut schemas = collected.definitions;
    let choice: Vec<_> = event_names.iter().map(|(event, _)| reference(event)).collect();
    schemas.insert(name.clone(), json!({ "oneOf": choice }));
    schemas.insert(problem.clone(), problem_schema());
    for (payload, (event, data)) in collected.payloads.into_iter().zip(event_names) {
        schemas.insert(event, event_schema(&payload, &data));
        if payload.is_known {
            schemas.insert(data, payload.schema);
        }
    }
    let path_item = path_item(&name, &problem);
    json!({
        "openapi": "3.2.0",
        "info": { "title": name, "version": "1" },
        "components": { "pathItems": { name: path_item }, "schemas": schemas },
    })
}

/// Where the schemas are.
const SCHEMAS: &str = "#/components/schemas/";

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The name that a component may have instead of this one.
fn allowed(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// An event as a client parses it.
fn event_schema(payload: &Payload, data: &str) -> Value {
    let event = payload.event;
    let mut content = json!({ "type": "string", "contentMediaType": "application/json" });
    if payload.is_known {
        content["contentSchema"] = reference(data);
    }
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!({ "type": "string", "description": ID }));
    fields.insert("event".to_owned(), json!({ "type": "string", "const": event.name() }));
    fields.insert("data".to_owned(), content);
    if ["sse-open", "sse-close"].contains(&event.name()) {
        let most = u64::try_from(MAX_RETRY.as_millis()).unwrap_or(u64::MAX);
        let retry =
            json!({ "type": "integer", "minimum": 0, "maximum": most, "description": RETRY });
        fields.insert("retry".to_owned(), retry);
    }
    let mut schema =
        json!({ "type": "object", "required": ["event", "data"], "properties": fields });
    if !event.description().is_empty() {
        schema["description"] = event.description().into();
    }
    if event.deprecated().is_some() {
        schema["deprecated"] = true.into();
    }
    schema
}

const ID: &str = "What to come back with: `Last-Event-ID` is the newest that there was.";
const RETRY: &str = "How many milliseconds to wait before coming back.";

fn path_item(name: &str, problem: &str) -> Value {
    json!({
        "get": {
            "summary": "A stream of events",
            "description": "Comments may stand between the events, to keep the connection alive.",
            "parameters": parameters(),
            "responses": responses(name, problem),
        },
    })
}

fn parameters() -> Value {
    let text = json!({ "type": "string" });
    json!([
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The newest id that the client has: what comes after it is sent. `earliest` asks for all that \
                            is kept. If that cannot be had, or not by this client, `sse-gap` says so behind `sse-open`, \
                            or the answer is 204.",
            "schema": text,
        },
        {
            "name": "last_event_id",
            "in": "query",
            "description": "The same for a client that cannot set headers. The header wins.",
            "schema": text,
        },
        {
            "name": "since",
            "in": "query",
            "description": "A time: what was published then or later is sent, unless there is an id. If that cannot be had, or \
                            not by this client, `sse-gap` says so behind `sse-open`, or the answer is 204.",
            "schema": { "type": "string", "format": "date-time" },
        },
        {
            "name": "topic",
            "in": "query",
            "description": "Topics or patterns, to get less than one may: `*` is any one segment, and `**` at the end \
                            whatever follows.",
            "schema": { "type": "array", "items": text },
            "style": "form",
            "explode": true,
        },
    ])
}

fn responses(name: &str, problem: &str) -> Value {
    let refused = |description: &str| {
        json!({
            "description": description,
            "content": { "application/problem+json": { "schema": reference(problem) } },
        })
    };
    let mut full = refused("There is no room for one more stream.");
    full["headers"] = json!({
        "Retry-After": {
            "description": "After how many seconds to try again.",
            "schema": { "type": "integer", "minimum": 0 },
        },
    });
    json!({
        "200": {
            "description": "The stream. A client that asks for `text/event-stream` by name gets it even if there is no \
                            room: with nothing but `sse-close`.",
            "content": { "text/event-stream": { "itemSchema": reference(name) } },
        },
        "204": { "description": "There is nothing more to come, or what was asked for cannot be had. A browser stops." },
        "400": refused("A `topic` is none, there are too many, or `since` is no time."),
        "406": refused("`Accept` excludes `text/event-stream`."),
        "414": refused("The query is too long."),
        "500": refused("The server gave the stream more topics than it may have."),
        "503": full,
    })
}

fn problem_schema() -> Value {
    json!({
        "description": "What went wrong (RFC 9457).",
        "type": "object",
        "required": ["type", "title", "status", "detail", "help"],
        "properties": {
            "type": {
                "description": "The address of its documentation.",
                "type": "string",
                "format": "uri",
            },
            "title": { "description": "The same for all of its type.", "type": "string" },
            "status": { "description": "The response's.", "type": "integer" },
            "detail": { "description": "What is the matter here.", "type": "string" },
            "help": { "description": "What to do about it.", "type": "string" },
        },
    })
}
