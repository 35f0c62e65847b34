//! Requests, given to an app's router.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use axum::response::IntoResponse;
use axum::routing::get;
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, MemoryLog, Retention, SseEvent, Subscribe, TopicFilter};
use std::time::Duration;
use support::parser;
use tokio::runtime::Runtime;
use tower::ServiceExt;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Note {
    n: u64,
}

/// An app with some history, of which the oldest part is trimmed.
pub(crate) struct Server {
    runtime: Runtime,
    app: Router,
    /// Stands in place of `EPOCH`.
    epoch: String,
}

impl Server {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (app, epoch) = runtime.block_on(async {
            let hub = Hub::<Note>::builder(MemoryLog::new());
            let hub = hub.retention(Retention::forever().events(20)).start().await.unwrap();
            for n in 0..30 {
                hub.publish(Note { n }).topic(["a/b", "a/c", "d"][n as usize % 3]).await.unwrap();
            }
            let topics = hub.clone();
            let below_a = move |request: Subscribe| {
                let subscription = topics.subscribe(request).topics([TopicFilter::under(["a"])]);
                async move { subscription.into_response() }
            };
            let epoch = hub.last_event_id().epoch().to_string();
            (Router::new().route("/events", hub.endpoint()).route("/a", get(below_a)), epoch)
        });
        Server { runtime, app, epoch }
    }

    fn with_epoch(&self, input: &[u8]) -> Vec<u8> {
        let place = input.windows(5).position(|word| word == b"EPOCH");
        let mut input = input.to_vec();
        if let Some(place) = place {
            input.splice(place..place + 5, self.epoch.bytes());
        }
        input
    }

    /// With any bytes as the last event id that a header can carry, it begins a stream.
    pub(crate) fn last_event_id(&self, input: &[u8]) -> bool {
        let Ok(value) = HeaderValue::from_bytes(&self.with_epoch(input)) else { return false };
        for target in ["/events", "/a"] {
            let request = Request::get(target).header("Last-Event-ID", value.clone());
            let (status, beginning) = self.send(request.body(Body::empty()).unwrap());
            assert_eq!(status, 200);
            let seen = parser::read(&beginning);
            assert_eq!(seen.events[0].name, "sse-open", "{}", beginning.escape_ascii());
        }
        true
    }

    /// A method, a target, and headers, one on each line.
    pub(crate) fn request(&self, input: &[u8]) -> bool {
        let input = self.with_epoch(input);
        let mut lines = input.split(|&byte| byte == b'\n');
        let mut first = lines.next().unwrap_or_default().splitn(2, |&byte| byte == b' ');
        let method = Method::from_bytes(first.next().unwrap_or_default());
        let target = Uri::try_from(first.next().unwrap_or_default());
        let (Ok(method), Ok(target)) = (method, target) else { return false };
        let path = target.path().to_owned();
        let mut request = Request::new(Body::empty());
        (*request.method_mut(), *request.uri_mut()) = (method.clone(), target);
        for line in lines {
            let mut header = line.splitn(2, |&byte| byte == b':');
            let name = HeaderName::from_bytes(header.next().unwrap_or_default());
            let value = HeaderValue::from_bytes(header.next().unwrap_or_default());
            if let (Ok(name), Ok(value)) = (name, value) {
                request.headers_mut().append(name, value);
            }
        }
        let (status, beginning) = self.send(request);
        let documented: &[u16] = match (path.as_str(), method.as_str()) {
            ("/events" | "/a", "GET") => &[200, 400, 406, 414],
            ("/events" | "/a", "HEAD") => &[200, 400, 406, 414],
            ("/events", "OPTIONS") => &[204],
            ("/events" | "/a", _) => &[405],
            _ => &[404],
        };
        assert!(documented.contains(&status), "{method} {path}: {status}");
        if status == 200 && method == Method::GET {
            assert_eq!(parser::read(&beginning).events[0].name, "sse-open");
        }
        documented != [404]
    }

    /// Status, and the body up to where the first event has come.
    fn send(&self, request: Request<Body>) -> (u16, Vec<u8>) {
        self.runtime.block_on(async {
            let answering = self.app.clone().oneshot(request);
            let answer: Response<Body> =
                tokio::time::timeout(Duration::from_secs(10), answering).await.unwrap().unwrap();
            let status = answer.status().as_u16();
            let mut body = answer.into_body();
            let mut beginning = Vec::new();
            loop {
                let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await;
                let frame = frame.expect("a body begins or ends").map(|frame| frame.unwrap());
                let Some(piece) = frame.and_then(|frame| frame.into_data().ok()) else { break };
                beginning.extend_from_slice(&piece);
                if !parser::read(&beginning).events.is_empty() {
                    break;
                }
            }
            (status, beginning)
        })
    }
}
