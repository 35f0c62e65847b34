//! T11: what stands in an answer besides the events: status, headers, methods, and what the usual
//! layers make of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, OnGap, SseEvent, Subscribe};
use support::client::{self, Client};
use support::http::{self, Head, Request};
use support::served::{Served, Server, eventually};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;

support::by_every_server!(
    a_stream_has_these_headers_and_no_others,
    head_has_the_headers_and_no_body,
    a_head_request_leaves_no_subscriber,
    options_says_what_is_allowed,
    other_methods_are_refused,
    cors_is_an_ordinary_layer,
    compression_leaves_streams_alone,
    the_apps_own_headers_come_through_ordinary_layers,
    an_endpoint_can_be_nested_and_merged,
    a_gap_that_the_app_refuses_is_no_content,
    topics_that_are_none_are_a_bad_request,
);

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

/// Serves what `app` makes of a hub.
fn serve(server: Server, app: impl Fn(&Hub<Note>) -> Router) -> (Served, Hub<Note>) {
    Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        (app(&hub), hub)
    })
}

fn endpoint(hub: &Hub<Note>) -> Router {
    Router::new().route("/events", hub.endpoint())
}

/// All headers but the date.
fn headers(head: &Head) -> Vec<(&str, &str)> {
    head.sorted().into_iter().filter(|(name, _)| *name != "date").collect()
}

const STREAM: [(&str, &str); 5] = [
    ("cache-control", "no-cache, no-transform"),
    ("content-type", "text/event-stream"),
    ("transfer-encoding", "chunked"),
    ("x-accel-buffering", "no"),
    ("x-content-type-options", "nosniff"),
];

fn a_stream_has_these_headers_and_no_others(server: Server) {
    let (served, hub) = serve(server, endpoint);
    let id = served.block_on(hub.publish(Note { text: "1".into() })).unwrap().to_string();
    for target in ["/events", "/events?last_event_id=earliest", "/events?topic=a"] {
        for last_event_id in ["", "nonsense", &id] {
            let opened = client::open(served.address(), target, last_event_id).unwrap();
            assert_eq!(opened.head.status, 200);
            assert_eq!(headers(&opened.head), STREAM, "{target} after {last_event_id:?}");
        }
    }
}

fn head_has_the_headers_and_no_body(server: Server) {
    let (served, _hub) = serve(server, endpoint);
    let mut connection = http::Connection::open(served.address()).unwrap();
    for _ in 0..2 {
        // The second answer begins where the first ends, so the first had no body.
        let answer = connection.send(&Request::new("HEAD", "/events")).unwrap();
        let expected = STREAM.into_iter().filter(|(name, _)| *name != "transfer-encoding");
        let chunked = |header: &&(&str, &str)| header.0 != "transfer-encoding";
        let got = headers(&answer.head);
        assert_eq!(answer.head.status, 200);
        assert!(got.iter().filter(chunked).copied().eq(expected), "{got:?}");
    }
}

fn a_head_request_leaves_no_subscriber(server: Server) {
    let (served, hub) = serve(server, endpoint);
    http::send(served.address(), &Request::new("HEAD", "/events")).unwrap();
    eventually("the subscription is gone", || hub.subscriber_count() == 0);
}

fn options_says_what_is_allowed(server: Server) {
    let (served, _hub) = serve(server, endpoint);
    let answer = http::send(served.address(), &Request::new("OPTIONS", "/events")).unwrap();
    assert_eq!(answer.head.status, 204);
    assert_eq!(answer.head.header("allow"), Some("GET,HEAD,OPTIONS"));
    assert!(answer.body.is_empty());
}

fn other_methods_are_refused(server: Server) {
    let (served, hub) = serve(server, endpoint);
    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"] {
        let request = Request::new(method, "/events").body("");
        let answer = http::send(served.address(), &request).unwrap();
        assert_eq!(answer.head.status, 405, "{method}");
        let mut allowed: Vec<_> = answer.head.header("allow").unwrap().split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "OPTIONS"], "{method}");
    }
    assert_eq!(hub.subscriber_count(), 0);
}

fn cors_is_an_ordinary_layer(server: Server) {
    let origin = HeaderValue::from_static("https://app.example");
    let last_event_id = HeaderName::from_static("last-event-id");
    let (served, _hub) = serve(server, |hub| {
        let cors = CorsLayer::new().allow_origin(origin.clone()).allow_credentials(true);
        let cors = cors.allow_methods([Method::GET]).allow_headers([last_event_id.clone()]);
        endpoint(hub).layer(cors)
    });
    let request = Request::stream("/events", "x").header("Origin", origin.as_bytes());
    let stream = client::open_with(served.address(), &request).unwrap().head;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(stream.header("access-control-allow-credentials"), Some("true"));

    let preflight = Request::new("OPTIONS", "/events")
        .header("Origin", origin.as_bytes())
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "last-event-id");
    let answer = http::send(served.address(), &preflight).unwrap().head;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-headers"), Some("last-event-id"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
}

fn compression_leaves_streams_alone(server: Server) {
    let text = "compressible ".repeat(1000);
    let (served, hub) = serve(server, |hub| {
        let page = text.clone();
        endpoint(hub).route("/page", get(|| async { page })).layer(CompressionLayer::new())
    });
    let gzip = |target: &str| Request::stream(target, "").header("Accept-Encoding", "gzip");
    let page = http::send(served.address(), &gzip("/page")).unwrap();
    assert_eq!(page.head.header("content-encoding"), Some("gzip"), "the layer does its work");

    let opened = client::open_with(served.address(), &gzip("/events")).unwrap();
    assert_eq!(opened.head.header("content-encoding"), None);
    let client = opened.read();
    let note = Note { text };
    let expected = serde_json::to_string(&note).unwrap();
    served.block_on(hub.publish(note)).unwrap();
    assert_eq!(client.data(1), [expected]);
}

fn the_apps_own_headers_come_through_ordinary_layers(server: Server) {
    async fn add(mut response: Response) -> Response {
        response.headers_mut().insert("x-served-by", HeaderValue::from_static("node-7"));
        response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
        response
    }
    let (served, _hub) = serve(server, |hub| endpoint(hub).layer(map_response(add)));
    let head = client::open(served.address(), "/events", "").unwrap().head;
    assert_eq!(head.header("x-served-by"), Some("node-7"));
    assert_eq!(head.header("cache-control"), Some("no-store"), "the app has the last word");
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
}

fn an_endpoint_can_be_nested_and_merged(server: Server) {
    let (served, hub) = serve(server, |hub| {
        let state = Router::new().route("/feed", hub.endpoint()).with_state(7_u8);
        Router::new().nest("/api", endpoint(hub)).merge(state)
    });
    for target in ["/api/events", "/feed"] {
        let client = Client::connect(served.address(), target, "");
        let text = target.to_owned();
        served.block_on(hub.publish(Note { text })).unwrap();
        assert_eq!(client.data(1), [format!(r#"{{"text":"{target}"}}"#)]);
    }
    assert_eq!(
        http::send(served.address(), &Request::new("GET", "/events")).unwrap().head.status,
        404
    );
}

fn a_gap_that_the_app_refuses_is_no_content(server: Server) {
    let (served, hub) = serve(server, |hub| {
        let hub = hub.clone();
        let events = move |request: Subscribe| async move {
            hub.subscribe(request).on_gap(OnGap::Refuse).everything()
        };
        Router::new().route("/events", get(events))
    });
    let id = served.block_on(hub.publish(Note { text: "1".into() })).unwrap();
    let refused = http::send(served.address(), &Request::stream("/events", "nonsense")).unwrap();
    assert_eq!((refused.head.status, refused.body.len()), (204, 0));
    assert_eq!(headers(&refused.head), [("cache-control", "no-store")]);
    for last_event_id in ["", "earliest", &id.to_string()] {
        let opened = client::open(served.address(), "/events", last_event_id).unwrap();
        assert_eq!(opened.head.status, 200, "{last_event_id}");
    }
}

fn topics_that_are_none_are_a_bad_request(server: Server) {
    let (served, hub) = serve(server, endpoint);
    let long = "a".repeat(256);
    for topic in ["", "/a", "a/", "a//b", "a/**/b", "a*", "%00", "a%0Ab", "%C2%85", &long] {
        let request = Request::new("GET", &format!("/events?topic=ok&topic={topic}"));
        let answer = http::send(served.address(), &request).unwrap();
        assert_eq!(answer.head.status, 400, "{topic:?}");
        assert_eq!(answer.head.header("content-type"), Some("application/problem+json"));
        assert!(answer.text().contains("topic"), "{}", answer.text());
    }
    let many = "topic=a&".repeat(101);
    let answer = http::send(served.address(), &Request::new("GET", &format!("/events?{many}")));
    assert_eq!(answer.unwrap().head.status, 400);
    assert_eq!(hub.subscriber_count(), 0);
}
