//! Nothing of the framework answers a request but what the app mounts: its own handlers, and
//! `hub.endpoint()` and `hub.schema_routes()` where it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::{Request as Asked, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent, Start, Subscribe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use support::http::{self, Request};
use support::served::{Served, Server};

support::by_every_server!(
    every_path_but_those_of_the_app_is_the_apps_own_404,
    mounted_documents_are_two_paths_and_no_more,
    a_handler_that_refuses_is_the_last_word,
);

const SECRET: &str = "hunter2";

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "secret")]
struct Note {
    text: String,
}

#[derive(Clone)]
struct App {
    hub: Hub<Note>,
    /// What was asked of the app's own code.
    asked: Arc<Mutex<Vec<String>>>,
}

impl App {
    fn note(&self, asked: &Asked) {
        self.asked.lock().unwrap().push(format!("{} {}", asked.method(), asked.uri()));
    }
}

async fn not_found(State(app): State<App>, asked: Asked) -> Response {
    app.note(&asked);
    (StatusCode::NOT_FOUND, "the app's own").into_response()
}

/// Lets nobody in, whatever the subscription would show.
async fn closed(State(app): State<App>, request: Subscribe, asked: Asked) -> Response {
    app.note(&asked);
    drop(app.hub.subscribe(request).start(Start::Oldest).everything());
    (StatusCode::UNAUTHORIZED, "the app's own").into_response()
}

fn serve(server: Server, mount: impl Fn(Router<App>, &Hub<Note>) -> Router<App>) -> (Served, App) {
    let (served, app) = Served::new(server, async || {
        let app = App { hub: Hub::in_memory().unwrap(), asked: Arc::default() };
        let router = mount(Router::new().route("/closed", get(closed)), &app.hub);
        (router.fallback(not_found).with_state(app.clone()), app)
    });
    served.block_on(app.hub.publish(Note { text: SECRET.into() })).unwrap();
    (served, app)
}

/// An app that mounts nothing.
fn serve_nothing(server: Server) -> (Served, App) {
    serve(server, |router, _| router)
}

/// What servers of events and of other things offer, under names that somebody would try.
const PATHS: [&str; 36] = [
    "/",
    "/*",
    "/events",
    "/events/",
    "/event",
    "/stream",
    "/streams",
    "/sse",
    "/subscribe",
    "/subscriptions",
    "/publish",
    "/topics",
    "/topics/secret",
    "/secret",
    "/history",
    "/log",
    "/hub",
    "/hubs",
    "/api/events",
    "/.well-known/mercure",
    "/.well-known/sse",
    "/.well-known/events",
    "/_sse",
    "/_events",
    "/admin",
    "/debug",
    "/health",
    "/ready",
    "/metrics",
    "/stats",
    "/schema",
    "/schemas",
    "/schemas.json",
    "/openapi",
    "/openapi.json",
    "/sse.js",
];

fn every_path_but_those_of_the_app_is_the_apps_own_404(server: Server) {
    let (served, app) = serve_nothing(server);
    for path in PATHS {
        is_the_apps_own_404(&served, &app, path);
    }
    assert_eq!(app.hub.subscriber_count(), 0);
}

fn is_the_apps_own_404(served: &Served, app: &App, path: &str) {
    for method in ["GET", "POST", "OPTIONS", "PUT", "DELETE"] {
        for target in [path.to_owned(), format!("{path}?topic=secret&last_event_id=earliest")] {
            let request = Request::new(method, &target).header("Accept", "text/event-stream");
            let answer = http::send(served.address(), &request.body("")).unwrap();
            assert_eq!(answer.head.status, 404, "{method} {target}");
            assert_eq!(answer.text(), "the app's own", "{method} {target}");
            let asked = app.asked.lock().unwrap().pop();
            assert_eq!(asked, Some(format!("{method} {target}")));
        }
    }
}

/// Nor do they tell what was published.
fn mounted_documents_are_two_paths_and_no_more(server: Server) {
    let (served, app) = serve(server, |router, hub| router.merge(hub.schema_routes()));
    let documents = ["/schemas.json", "/openapi.json"];
    for path in documents {
        let answer = http::send(served.address(), &Request::new("GET", path)).unwrap();
        assert_eq!(answer.head.status, 200);
        assert!(answer.text().contains("note") && !answer.text().contains(SECRET));
    }
    for path in PATHS.into_iter().filter(|path| !documents.contains(path)) {
        is_the_apps_own_404(&served, &app, path);
    }
    assert_eq!(app.hub.subscriber_count(), 0);
}

fn a_handler_that_refuses_is_the_last_word(server: Server) {
    let (served, app) = serve_nothing(server);
    let targets = ["/closed", "/closed?last_event_id=earliest", "/closed?topic=**"];
    for (target, id) in targets.into_iter().flat_map(|target| [(target, ""), (target, "earliest")])
    {
        let answer = http::send(served.address(), &Request::stream(target, id)).unwrap();
        assert_eq!((answer.head.status, answer.text()), (401, "the app's own"));
        assert!(app.asked.lock().unwrap().pop().is_some());
    }
    assert_eq!(app.hub.subscriber_count(), 0);
}

/// Nor by a slip: until the handler has said what may be seen, there is nothing to answer with.
#[test]
fn a_subscription_is_no_response_until_it_is_said_what_it_shows() {
    trybuild::TestCases::new().compile_fail("ui/subscribe/*.rs");
}

/// Files below a directory.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// A path that nobody would try is found in the source: who makes a route names axum's routing.
#[test]
fn two_files_make_routes() {
    const WORDS: [&str; 6] =
        ["Router::new", "MethodRouter", "routing::", ".route(", ".fallback(", ".nest("];
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sse-framework/src");
    let mut found = Vec::new();
    files(&source, &mut found);
    assert!(found.len() > 50, "the source is there");
    let makes_routes = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        // Neither documentation nor a module's own tests.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
        code.flat_map(|line| WORDS.into_iter().filter(|word| line.contains(word))).next().is_some()
    };
    let mut files: Vec<_> = found.iter().filter(|path| makes_routes(path)).collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|path| path.strip_prefix(&source).unwrap()).collect();
    assert_eq!(names, ["schema/routes.rs", "subscribe/endpoint.rs"].map(Path::new));
}
