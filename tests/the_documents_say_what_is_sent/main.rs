//! The documents of an event set are valid, are those that were read last, and say what the endpoint really sends and
//! answers.
//!
//! `fixtures/openapi_3_2.json` is the OpenAPI Initiative's own schema of OpenAPI documents, of 2025-11-23, under the licence
//! Apache-2.0. `fixtures/documents/` has the documents of [`events::Events`], and an event of the example; `UPDATE_DOCUMENTS=1` writes
//! them anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod events;
mod judge;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use events::{Changed, Events, Item};
use judge::{Judge, frames};
use serde_json::{Value, json};
use sse_framework::{
    EventType, Hub, MemoryLog, OnGap, Snapshot, SseEvent, Subscribe, Subscription, json_schemas,
    openapi,
};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use support::example::{Example, post};
use support::http::{self, Request};
use support::served::{Served, Server};

support::by_every_server!(
    every_frame_is_as_the_document_says,
    every_answer_is_in_the_document,
    the_routes_serve_the_documents,
);

fn golden(name: &str, document: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents").join(name);
    let now = serde_json::to_string_pretty(document).unwrap() + "\n";
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let before = fs::read_to_string(file).unwrap_or_default();
    assert!(now == before, "read the new document, then UPDATE_DOCUMENTS=1: {now}");
}

#[test]
fn the_documents_are_those_that_were_read_last() {
    // ANCHOR: functions
    let schemas = json_schemas(Events::TYPES);
    let fragment = openapi("events", Events::TYPES);
    // ANCHOR_END: functions
    golden("json_schemas.json", &schemas);
    golden("openapi.json", &fragment);
}

#[test]
fn every_document_is_valid() {
    for types in [Events::TYPES, Changed::TYPES, &[], &[EventType::new("beat")]] {
        judge::is_schema(&json_schemas(types));
        for name in ["events", "", "Größe/%"] {
            let document = openapi(name, types);
            judge::is_openapi(&document);
            let name = document["info"]["title"].as_str().unwrap();
            let item = &document["components"]["pathItems"][name]["get"]["responses"]["200"];
            let item = &item["content"]["text/event-stream"]["itemSchema"]["$ref"];
            assert_eq!(item.as_str(), Some(&*format!("#/components/schemas/{name}")));
        }
    }
}

/// Each operation's id must be another, so it is the app's to give.
#[test]
fn a_path_item_can_be_under_several_paths() {
    let document = openapi("events", Events::TYPES);
    let item = &document["components"]["pathItems"]["events"];
    assert_eq!(item["get"]["operationId"], Value::Null);
}

#[test]
fn the_schemas_judge_events() {
    let document = json_schemas(Events::TYPES);
    let judge = jsonschema::draft202012::new(&document).unwrap();
    for event in events::all() {
        let mut data = Vec::new();
        event.encode(&mut data).unwrap();
        let data: Value = serde_json::from_slice(&data).unwrap();
        let name = event.event_type().name();
        assert!(judge.is_valid(&json!({ "event": name, "data": data })), "{name}: {data}");
        assert!(!judge.is_valid(&json!({ "event": "other", "data": data })), "{data}");
        if name != "beat" {
            assert!(!judge.is_valid(&json!({ "event": name, "data": ["x"] })), "{name}");
        }
    }
}

type App = Hub<Events>;

async fn with_state(State(hub): State<App>, request: Subscribe) -> Subscription<Events> {
    let snapshot = async |_| Ok(Snapshot::from(events::all()));
    hub.subscribe(request).everything().snapshot(snapshot)
}

async fn of_topic(State(hub): State<App>, request: Subscribe) -> Subscription<Events> {
    hub.subscribe(request).on_gap(OnGap::Refuse).topics(["a".parse().unwrap()])
}

async fn without_history(State(hub): State<App>, request: Subscribe) -> Subscription<Events> {
    hub.subscribe(request).history(false).everything()
}

async fn refused_history(State(hub): State<App>, request: Subscribe) -> Subscription<Events> {
    hub.subscribe(request).history(false).on_gap(OnGap::Refuse).everything()
}

async fn of_too_many(State(hub): State<App>, request: Subscribe) -> Subscription<Events> {
    hub.subscribe(request).topics(["a", "b", "c"].map(|topic| topic.parse().unwrap()))
}

fn serve(server: Server, subscriptions: usize) -> (Served, App) {
    Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).max_topics(2).max_query_bytes(100);
        let hub = hub.max_subscriptions(subscriptions).start().await.unwrap();
        let router = Router::new()
            .route("/events", hub.endpoint())
            .route("/state", get(with_state))
            .route("/topic", get(of_topic))
            .route("/many", get(of_too_many))
            .route("/new", get(without_history))
            .route("/new-or-nothing", get(refused_history))
            .nest("/about", hub.schema_routes());
        (router.with_state(hub.clone()), hub)
    })
}

/// Every kind of event of the app's and of the framework's.
fn every_frame_is_as_the_document_says(server: Server) {
    let (served, hub) = serve(server, 100);
    for event in events::all() {
        served.block_on(hub.publish(event).topic("a")).unwrap();
    }
    let document = openapi("events", Events::TYPES);
    let judge = Judge::new(document, "events");
    let count = events::all().len();
    let requests = [
        (Request::stream("/events", "earliest"), count + 1),
        (Request::stream("/events", "nonsense"), 2),
        (Request::stream("/events?since=2000-01-01T00:00:00Z", ""), count + 1),
        (Request::stream("/state", ""), count + 2),
        (Request::stream("/new", "earliest"), 2),
        (Request::stream("/new?since=2000-01-01T00:00:00Z", ""), 2),
    ];
    let mut names = BTreeSet::new();
    let mut judged = |stream: &[u8]| {
        for frame in frames(stream) {
            judge.check(&frame).unwrap();
            judge.notices_changes(&frame);
            names.insert(frame["event"].as_str().unwrap().to_owned());
        }
    };
    for (request, count) in requests {
        let stream = stream(served.address(), &request, count);
        judged(&stream);
        let (opened, told) = (&frames(&stream)[0], &frames(&stream)[1]);
        assert_eq!(opened["event"], "sse-open");
        // Whatever cannot be had is told behind it.
        assert_eq!(told["event"] == "sse-gap", count == 2, "{told}");
    }
    served.block_on(hub.close_topic("a")).unwrap();
    judged(&to_the_end(&served, &Request::stream("/topic", "earliest")));
    let (full, _hub) = serve(server, 0);
    judged(&to_the_end(&full, &Request::stream("/events", "")));

    let own = ["sse-open", "sse-gap", "sse-cursor", "sse-topic-close", "sse-close"];
    let all = Events::TYPES.iter().map(EventType::name).chain(own);
    assert_eq!(names, all.map(str::to_owned).collect());
}

/// The beginning of a stream, so many events.
fn stream(address: SocketAddr, request: &Request, events: usize) -> Vec<u8> {
    let connection = http::Connection::open(address).unwrap();
    let (_, mut body) = connection.into_stream(request).unwrap();
    let mut stream = Vec::new();
    while frames(&stream).len() < events {
        stream.extend(body.piece().unwrap().expect("the stream goes on"));
    }
    stream
}

fn to_the_end(served: &Served, request: &Request) -> Vec<u8> {
    let answer = http::send(served.address(), request).unwrap();
    assert_eq!(answer.head.status, 200);
    answer.body
}

fn every_answer_is_in_the_document(server: Server) {
    let (served, hub) = serve(server, 100);
    let document = openapi("events", Events::TYPES);
    let responses = &document["components"]["pathItems"]["events"]["get"]["responses"];
    let problem = judge::part(&document, "events.problem");
    let get = |target: &str| Request::new("GET", target);
    let (full, _hub) = serve(server, 0);
    served.block_on(hub.close_topic("a")).unwrap();
    let end = frames(&to_the_end(&served, &Request::stream("/topic", "earliest"))).pop().unwrap();
    let cases = [
        (&served, Request::stream("/topic", end["id"].as_str().unwrap()), 204),
        (&served, Request::stream("/topic", "nonsense"), 204),
        (&served, Request::stream("/new-or-nothing", "earliest"), 204),
        (&served, Request::stream("/new-or-nothing?since=2000-01-01T00:00:00Z", ""), 204),
        (&served, get("/events?topic=a//b"), 400),
        (&served, get("/events?topic=a&topic=b&topic=c"), 400),
        (&served, get("/events?since=yesterday"), 400),
        (&served, get("/events").header("Accept", "text/html"), 406),
        (&served, get(&format!("/events?{}", "q".repeat(101))), 414),
        (&served, get("/many"), 500),
        (&full, get("/events"), 503),
    ];
    let mut seen = BTreeSet::from(["200".to_owned()]);
    for (served, request, status) in cases {
        let answer = http::send(served.address(), &request).unwrap();
        assert_eq!(answer.head.status, status, "{}", answer.text());
        let response = &responses[status.to_string()];
        assert!(response["description"].is_string(), "{status} is not in the document");
        match answer.head.header("content-type") {
            None => assert_eq!(response["content"], Value::Null),
            Some(media_type) => {
                assert!(response["content"][media_type].is_object(), "{media_type}");
                let body = serde_json::from_str(answer.text()).unwrap();
                assert!(problem.is_valid(&body), "{body}");
            }
        }
        assert_eq!(
            answer.head.header("retry-after").is_some(),
            response["headers"]["Retry-After"].is_object()
        );
        seen.insert(status.to_string());
    }
    let said: BTreeSet<_> = responses.as_object().unwrap().keys().cloned().collect();
    assert_eq!(seen, said);
}

fn the_routes_serve_the_documents(server: Server) {
    let (served, hub) = serve(server, 100);
    let send = |request: Request| http::send(served.address(), &request).unwrap();
    let documents = [
        ("/about/schemas.json", json_schemas(Events::TYPES)),
        ("/about/openapi.json", openapi("events", Events::TYPES)),
    ];
    for (target, document) in documents {
        let answer = send(Request::new("GET", target));
        assert_eq!(answer.head.status, 200);
        assert_eq!(answer.head.header("content-type"), Some("application/json"));
        assert_eq!(answer.head.header("cache-control"), Some("no-cache"));
        assert_eq!(serde_json::from_str::<Value>(answer.text()).unwrap(), document);
        let tag = answer.head.header("etag").unwrap().to_owned();

        let head = send(Request::new("HEAD", target));
        assert_eq!((head.head.status, head.body.len()), (200, 0));
        assert_eq!(head.head.header("etag"), Some(&*tag));

        let asked = |tags: &str| send(Request::new("GET", target).header("If-None-Match", tags));
        let strong = tag.strip_prefix("W/").unwrap();
        for tags in [&*tag, strong, "*", &format!("\"other\", {tag}")] {
            let answer = asked(tags);
            assert_eq!((answer.head.status, answer.body.len()), (304, 0), "{tags}");
            assert_eq!(answer.head.header("etag"), Some(&*tag));
        }
        assert_eq!(asked("\"other\"").text(), answer.text());

        let posted = send(Request::new("POST", target).body(""));
        assert_eq!(posted.head.status, 405);
        assert_eq!(posted.head.header("allow"), Some("GET,HEAD"));
    }
    for target in ["/about", "/about/", "/about/schemas.json/"] {
        assert_eq!(send(Request::new("GET", target)).head.status, 404, "{target}");
    }
    assert_eq!(hub.subscriber_count(), 0);
}

/// The example's whole document, as utoipa and the framework made it.
#[test]
fn the_example_serves_one_document_of_its_api_and_its_events() {
    let example = Example::with_settings("example-openapi", &[]);
    let get = |target: &str| {
        let answer = http::send(example.address(), &Request::new("GET", target)).unwrap();
        serde_json::from_str::<Value>(answer.text()).unwrap()
    };
    let document = get("/openapi.json");
    judge::is_openapi(&document);
    assert_eq!(document["info"]["title"], "A shop");
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/events", "/orders"]);
    assert!(document["components"]["schemas"]["Order"].is_object(), "utoipa's own");

    for order in [r#"{"item":"cup","quantity":2}"#, r#"{"item":"pot","quantity":1,"note":"Ann"}"#] {
        assert_eq!(post(example.address(), "/orders", order).unwrap().0, 201);
    }
    golden("event.json", &document["components"]["schemas"]["events.order-placed"]);

    let judge = Judge::new(document, "events");
    let stream = stream(example.address(), &Request::stream("/events", "earliest"), 6);
    let frames = frames(&stream);
    frames.iter().for_each(|frame| judge.check(frame).unwrap());
    let names: Vec<_> = frames.iter().map(|frame| frame["event"].as_str().unwrap()).collect();
    let order = ["order-placed", "stock-changed"];
    assert_eq!(names, [&["sse-open", "opened"], &order[..], &order].concat());

    let served = get("/events/about/openapi.json");
    judge::is_openapi(&served);
    judge::is_schema(&get("/events/about/schemas.json"));
}

/// Something that nobody publishes.
#[test]
fn what_is_no_event_of_the_set_is_not_valid() {
    let judge = Judge::new(openapi("events", Events::TYPES), "events");
    let item = serde_json::to_string(&Item::default()).unwrap();
    judge.check(&json!({ "event": "Item", "data": item })).unwrap();
    let no_events = [
        json!({ "event": "item", "data": item }),
        json!({ "data": item }),
        json!({ "event": "Item" }),
        json!({ "event": "Item", "data": Item::default() }),
        json!({ "event": "Item", "data": item, "id": 7 }),
        json!({ "event": "sse-open", "data": "{\"cursor\":\"\",\"resumed\":true}", "retry": -1 }),
    ];
    for event in no_events {
        assert!(!judge.is_valid(&event), "{event}");
    }
    let gap = r#"{"reason":"other","asked":"","resumed_after":""}"#;
    let wrong = [("Item", "{"), ("Item", "{}"), ("sse-open", &*item), ("sse-gap", gap)];
    for (name, data) in wrong {
        let event = json!({ "event": name, "data": data });
        assert!(judge.is_valid(&event) && judge.check(&event).is_err(), "{event}");
    }
}
