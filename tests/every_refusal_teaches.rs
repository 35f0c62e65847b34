//! Whoever is refused is told why, and what to do: the client in the response, without what is not
//! its business, and whoever runs the server in the log lines, without a flood of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_framework::{
    Hub, MemoryLog, Problem, PublishError, Snapshot, SseEvent, Subscribe, Subscription, Topic,
    TopicError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use support::gate::{Failure, Gate};
use support::http::{self, Request, Response};
use support::log_lines::Captured;
use support::served::{Served, Server, eventually};
use tracing::Level;

support::by_every_server!(
    every_refusal_is_a_problem_that_says_what_to_do,
    a_client_gets_a_stream_unless_it_excludes_one,
    a_head_request_is_no_subscription,
    a_method_that_asks_for_nothing_gets_no_stream,
    a_method_that_the_app_adds_is_allowed,
    a_handler_that_publishes_answers_with_a_problem,
    what_names_no_topic_is_a_problem_of_its_own,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    text: String,
}

#[derive(Clone)]
struct App {
    hub: Hub<Note>,
    snapshots: Arc<AtomicUsize>,
}

async fn events(State(app): State<App>, request: Subscribe) -> Subscription<Note> {
    let topics = ["a", "b"].map(|topic| topic.parse().unwrap());
    app.hub.subscribe(request).key("ann").topics(topics).snapshot(async move |_| {
        app.snapshots.fetch_add(1, Ordering::Relaxed);
        Ok(Snapshot::from(Vec::new()))
    })
}

async fn three(State(app): State<App>, request: Subscribe) -> Subscription<Note> {
    app.hub.subscribe(request).topics(["a", "b", "c"].map(|topic| topic.parse().unwrap()))
}

/// The client names the room.
async fn room(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Subscribe,
) -> Result<Subscription<Note>, Problem> {
    let topic = Topic::from_segments(["rooms", &name])?;
    Ok(app.hub.subscribe(request).topics([topic.into()]))
}

// ANCHOR: publish
async fn publish(
    State(app): State<App>,
    Path(topic): Path<String>,
    text: String,
) -> Result<StatusCode, Problem> {
    app.hub.publish(Note { text }).topic(topic).await?;
    Ok(StatusCode::CREATED)
}
// ANCHOR_END: publish

fn serve(server: Server, subscriptions: usize) -> (Served, App) {
    Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).max_topics(2).max_query_bytes(100);
        let hub = hub.max_subscriptions(subscriptions).max_subscriptions_per_key(2);
        let hub = hub.max_event_bytes(100).start().await.unwrap();
        let app = App { hub: hub.clone(), snapshots: Arc::default() };
        let router = Router::new()
            .route("/events", get(events))
            .route("/any", any(events))
            .route("/three", get(three))
            .route("/public", hub.endpoint())
            .route("/both", hub.endpoint().post(async || "posted"))
            .route("/rooms/{name}", get(room))
            .route("/publish/{topic}", post(publish));
        (router.with_state(app.clone()), app)
    })
}

fn send(served: &Served, request: &Request) -> Response {
    http::send(served.address(), request).unwrap()
}

/// Checks that an answer is a problem, and gives it.
#[track_caller]
fn problem(answer: &Response, status: u16) -> Value {
    let head = &answer.head;
    assert_eq!(head.status, status, "{}", answer.text());
    assert_eq!(head.header("content-type"), Some("application/problem+json"));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    let problem: Value = serde_json::from_str(answer.text()).unwrap();
    let members: Vec<_> = problem.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["detail", "help", "status", "title", "type"]);
    assert_eq!(problem["status"], status);
    for member in ["detail", "help", "title"] {
        let text = problem[member].as_str().unwrap();
        assert!(text.len() > 5, "{member}: {text}");
        for internal in ["HubBuilder", "::", "/", "Note"] {
            let shown = text.replace("text/event-stream", "").replace("shops/**", "");
            assert!(!shown.contains(internal), "{member}: {text}");
        }
    }
    let kind = problem["type"].as_str().unwrap();
    assert!(kind.starts_with("https://docs.rs/sse-framework/"), "{kind}");
    problem
}

fn every_refusal_is_a_problem_that_says_what_to_do(server: Server) {
    let (served, app) = serve(server, 0);
    let get = |target: &str| Request::new("GET", target);
    let long = get(&format!("/public?{}", "q".repeat(101)));
    let html = get("/public").header("Accept", "text/html");
    let cases = [
        (get("/public?topic=a//b"), 400, "Topic"),
        (get("/public?topic=a%00b"), 400, "Topic"),
        (get("/public?since=yesterday"), 400, "Since"),
        (get("/events?topic=a&topic=b&topic=c"), 400, "TooManyTopics"),
        (get(&format!("/public?{}", "topic&".repeat(1001))), 400, "Topic"),
        (get(&format!("/public?{}", "topic=a&".repeat(1001))), 400, "TooManyTopics"),
        (get("/three"), 500, "TooManyTopicsAllowed"),
        (Request::stream("/three", ""), 500, "TooManyTopicsAllowed"),
        (long, 414, "QueryTooLong"),
        (html, 406, "NotAcceptable"),
        (Request::new("PUT", "/any"), 405, "MethodNotAllowed"),
        (Request::new("PUT", "/public"), 405, "MethodNotAllowed"),
        (get("/public"), 503, "TooManySubscriptions"),
    ];
    for (request, status, variant) in cases {
        let problem = problem(&send(&served, &request), status);
        let kind = problem["type"].as_str().unwrap();
        assert!(kind.ends_with(&format!("SubscribeRejection.html#variant.{variant}")), "{kind}");
    }
    assert_eq!(app.hub.subscriber_count(), 0);

    let (served, app) = serve(server, 100);
    let _held = [(); 2].map(|()| app.hub.subscribe(Subscribe::default()).key("ann").everything());
    let answer = send(&served, &get("/events"));
    problem(&answer, 503);
    assert!(answer.head.header("retry-after").is_some());
}

fn a_client_gets_a_stream_unless_it_excludes_one(server: Server) {
    const ACCEPTED: [&[&str]; 16] = [
        &[],
        &[""],
        &["*/*"],
        &["*"],
        &["text/*"],
        &["text/event-stream"],
        &["Text/Event-Stream"],
        &["text/event-stream;charset=utf-8"],
        &["text/html, text/event-stream;q=0.1"],
        &["text/html, */*;q=0.8"],
        &["text/html", "text/event-stream"],
        &["text/*;q=0, text/event-stream"],
        &["*/*;q=0,text/event-stream ; Q=0.5"],
        &["text/event-stream;q=nonsense"],
        &[",,"],
        &["text/html;q=0, *\u{2f}*"],
    ];
    const EXCLUDED: [&[&str]; 9] = [
        &["text/html"],
        &["application/json, text/plain"],
        &["text/html", "image/*"],
        &["text/event-stream;q=0"],
        &["text/event-stream; q=0.000, */*"],
        &["text/*;q=0, */*"],
        &["*/*;q=0"],
        &["text/event-streams"],
        &["nonsense"],
    ];
    let (served, app) = serve(server, 1000);
    for target in ["/public", "/events", "/any"] {
        let request = |accept: &[&str]| {
            let request = Request::new("GET", target);
            accept.iter().fold(request, |request, value| request.header("Accept", value))
        };
        for accept in ACCEPTED {
            let opened = support::client::open_with(served.address(), &request(accept)).unwrap();
            assert_eq!(opened.head.status, 200, "{accept:?}");
            assert_eq!(opened.head.header("content-type"), Some("text/event-stream"));
            drop(opened);
            eventually("it has gone", || app.hub.subscriber_count() == 0);
        }
        let snapshots = app.snapshots.load(Ordering::Relaxed);
        for accept in EXCLUDED {
            // A stream would have no end.
            let opened = support::client::open_with(served.address(), &request(accept)).unwrap();
            assert_eq!(opened.head.status, 406, "{accept:?}");
            problem(&send(&served, &request(accept)), 406);
            assert_eq!(app.hub.subscriber_count(), 0, "{accept:?}");
        }
        assert_eq!(app.snapshots.load(Ordering::Relaxed), snapshots);
    }
}

fn a_head_request_is_no_subscription(server: Server) {
    // With no room, one that subscribed would be refused.
    let (served, app) = serve(server, 0);
    for target in ["/public", "/events", "/any"] {
        for accept in ["text/event-stream", "*/*"] {
            let request = Request::new("HEAD", target).header("Accept", accept);
            let answer = send(&served, &request);
            assert_eq!(answer.head.status, 200, "{target}");
            assert_eq!(answer.head.header("content-type"), Some("text/event-stream"));
            assert_eq!(answer.head.header("content-length"), None);
        }
        let answer = send(&served, &Request::new("HEAD", target).header("Accept", "text/html"));
        assert_eq!(answer.head.status, 406);
        let many = format!("{target}?topic=a&topic=a&topic=a");
        assert_eq!(send(&served, &Request::new("HEAD", &many)).head.status, 400);
    }
    assert_eq!(app.snapshots.load(Ordering::Relaxed), 0);
    assert_eq!(app.hub.stats().subscriptions_refused, 0);
}

fn a_method_that_asks_for_nothing_gets_no_stream(server: Server) {
    let (served, app) = serve(server, 0);
    for method in ["OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"] {
        let answer = send(&served, &Request::new(method, "/any").body(""));
        problem(&answer, 405);
        assert_eq!(answer.head.header("allow"), Some("GET,HEAD,POST"), "{method}");
    }
    // Some clients send what they want in a body.
    for method in ["GET", "POST", "QUERY"] {
        problem(&send(&served, &Request::new(method, "/any").body("")), 503);
    }
    assert_eq!(app.hub.stats().subscriptions_refused, 3);
    assert_eq!(app.snapshots.load(Ordering::Relaxed), 0);
}

fn a_method_that_the_app_adds_is_allowed(server: Server) {
    let (served, _app) = serve(server, 0);
    assert_eq!(send(&served, &Request::new("POST", "/both").body("")).text(), "posted");
    let answer = send(&served, &Request::new("PUT", "/both").body(""));
    problem(&answer, 405);
    let mut allowed: Vec<_> = answer.head.header("allow").unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "OPTIONS", "POST"]);
}

fn a_handler_that_publishes_answers_with_a_problem(server: Server) {
    let (served, app) = serve(server, 10);
    let publish = |topic: &str, text: &str| {
        send(&served, &Request::new("POST", &format!("/publish/{topic}")).body(text))
    };
    assert_eq!(publish("a", "1").head.status, 201);
    problem(&publish("a", &"x".repeat(101)), 413);
    problem(&publish("a%2F%2Fb", "1"), 500);
    served.block_on(app.hub.close_topic("b")).unwrap();
    problem(&publish("b", "1"), 409);
    served.block_on(app.hub.shutdown()).unwrap();
    let answer = publish("a", "1");
    problem(&answer, 503);
    assert_eq!(answer.head.header("retry-after"), Some("1"));
}

fn what_names_no_topic_is_a_problem_of_its_own(server: Server) {
    let (served, _app) = serve(server, 10);
    let long = format!("/rooms/{}", "x".repeat(250));
    let answer = problem(&send(&served, &Request::new("GET", &long)), 400);
    let kind = answer["type"].as_str().unwrap();
    assert!(kind.ends_with("enum.TopicError.html#variant.TooLong"), "{kind}");
    assert!(!answer.to_string().contains("query"), "{answer}");
    let opened = support::client::open(served.address(), "/rooms/a%2F*", "").unwrap();
    assert_eq!(opened.head.status, 200);

    let errors = ["", "a//b", "a\0b", "a*"].map(|text| text.parse::<Topic>().unwrap_err());
    let empty = TopicError::NoValue { placeholder: "shop_number" };
    for error in errors.into_iter().chain([empty]) {
        let problem = Problem::from(error);
        assert_eq!((problem.status(), problem.title()), (StatusCode::BAD_REQUEST, "Not a topic"));
        let detail = problem.detail();
        assert!(!detail.contains("Topic::") && !detail.contains("shop_number"), "{detail}");
    }
}

#[tokio::test]
async fn every_error_of_publishing_has_its_status_and_keeps_secrets() {
    let gate = Gate::default();
    let hub = Hub::<Note>::builder(gate.log()).queue_bytes(300).start().await.unwrap();
    let note = || Note { text: "x".repeat(100) };
    let status = |error: PublishError, retries: bool| {
        let problem = Problem::from(error);
        assert_eq!(problem.retry_after().is_some(), retries, "{problem:?}");
        assert!(!problem.help().is_empty() && !problem.detail().contains("log"), "{problem:?}");
        problem.status().as_u16()
    };
    let batch = hub.publish_all([note(), note()]).await.unwrap_err();
    assert_eq!(status(batch, false), 413);
    let no_key = hub.publish(note()).idempotency_key("").await.unwrap_err();
    assert_eq!(status(no_key, false), 400);
    hub.publish(note()).idempotency_key("a key").await.unwrap();
    let other = Note { text: "y".into() };
    let conflict = hub.publish(other).idempotency_key("a key").await.unwrap_err();
    assert_eq!(status(conflict, false), 422);
    gate.shut();
    let held = hub.try_publish(note()).unwrap();
    gate.wait();
    let full = hub.try_publish(note()).unwrap_err();
    assert_eq!(Problem::from(full).status(), 503);
    gate.fail(Failure::Refused);
    gate.open();
    assert_eq!(status(held.await.unwrap_err(), true), 503);
    gate.fail(Failure::OutcomeUnknown);
    assert_eq!(status(hub.publish(note()).await.unwrap_err(), false), 500);
    gate.fail(Failure::Panic);
    assert_eq!(status(hub.publish(note()).await.unwrap_err(), false), 500);
    assert!(hub.shutdown().await.is_err());
    assert_eq!(status(hub.publish(note()).await.unwrap_err(), true), 503);
}

#[test]
fn a_flood_of_refusals_is_no_flood_of_log_lines() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_writer(captured.clone());
    let subscriber = subscriber.with_ansi(false).with_max_level(Level::DEBUG).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let (served, _app) = serve(Server::Framework, 0);
    const EACH: usize = 50;
    let began = Instant::now();
    let targets = ["/public", "/public?topic=a//b", "/three", "/events?topic=a&topic=b&topic=c"];
    for _ in 0..EACH {
        for target in targets {
            send(&served, &Request::new("GET", target));
        }
        send(&served, &Request::stream("/public", ""));
        send(&served, &Request::new("GET", "/public").header("Accept", "text/html"));
    }
    let took = began.elapsed();
    let lines: Vec<String> = captured.text().lines().map(str::to_owned).collect();
    let of = |level: &str| {
        let ours = |line: &&String| line.contains("sse_framework") && line.contains(level);
        lines.iter().filter(ours).collect::<Vec<_>>()
    };
    let warnings = of(" WARN ");
    // One for each limit, and again ten seconds later.
    let rounds = 1 + usize::try_from(took.as_secs() / 10).unwrap();
    let times = ["max_subscriptions", "max_topics"].map(|setting| {
        let setting = format!("HubBuilder::{setting}");
        warnings.iter().filter(|warning| warning.contains(&setting)).count()
    });
    assert!(times.iter().all(|times| (1..=rounds).contains(times)), "{warnings:#?}");
    assert_eq!(times.iter().sum::<usize>(), warnings.len(), "{warnings:#?}");
    assert!(of(" ERROR ").is_empty());
    let refused = |line: &&&String| line.contains("refused");
    let told = of(" DEBUG ").iter().filter(refused).count() + warnings.len();
    assert_eq!(told, EACH * 6, "each is told, once, to who wants to know");
}
