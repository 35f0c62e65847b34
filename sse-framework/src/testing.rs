//! Testing an app: subscriptions through its real router, without a socket.
//!
//! A [`TestClient`] sends requests to a router as a browser would, through every layer, extractor
//! and handler that the app has. A [`TestStream`] reads what comes back with the parser of this
//! crate, remembers the last event id, and can be cut off and resumed.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use sse_framework::testing::TestClient;
//! use sse_framework::{Hub, SseEvent};
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize, JsonSchema, SseEvent, Debug, PartialEq)]
//! struct OrderPlaced {
//!     id: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::<OrderPlaced>::in_memory()?;
//! let app = axum::Router::new().route("/events", hub.endpoint());
//! let client = TestClient::new(app);
//!
//! let mut stream = client.subscribe("/events").await?;
//! hub.publish(OrderPlaced { id: 7 }).await?;
//! assert_eq!(stream.event::<OrderPlaced>().await?, OrderPlaced { id: 7 });
//! stream.silence(Duration::from_millis(20)).await?;
//!
//! // The connection breaks; meanwhile something happens; the client comes back.
//! let away = stream.disconnect();
//! hub.publish(OrderPlaced { id: 8 }).await?;
//! let mut stream = away.resume().await?;
//! assert_eq!(stream.event::<OrderPlaced>().await?, OrderPlaced { id: 8 });
//! # Ok(())
//! # }
//! ```

use crate::event::{DecodeError, EventType, RawEvent, SseEvent};
use crate::wire::{Decoded, DecodedEvent, Decoder, TooLarge};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

/// How long a client waits for what is expected, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

#[doc(hidden)]
pub fn read_any_block(bytes: &[u8]) -> Result<(Vec<u64>, [u64; 2]), &'static str> {
    crate::log::sled::any_block::read(bytes)
}

#[doc(hidden)]
pub fn example_blocks() -> Vec<Vec<u8>> {
    crate::log::sled::any_block::examples()
}

/// A client of an app's router.
#[derive(Clone, Debug)]
pub struct TestClient {
    app: Router,
    headers: HeaderMap,
    patience: Duration,
}

impl TestClient {
    /// A client of this app.
    pub fn new(app: Router) -> Self {
        TestClient { app, headers: HeaderMap::new(), patience: PATIENCE }
    }

    /// The same client, sending this header with every request: a cookie, or a bearer token.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same client, whose streams wait this long for an event that is expected: five seconds, unless it is said here.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        TestClient { patience, ..self }
    }

    /// Opens a stream, as a browser's `EventSource` does for the first time, and reads its
    /// `sse-open`.
    ///
    /// # Errors
    ///
    /// [`TestError::Refused`] if the answer is not a stream.
    pub async fn subscribe(&self, path: &str) -> Result<TestStream, TestError> {
        self.open(Request::get(path).body(Body::empty())?).await
    }

    /// Opens a stream by any request, such as a `POST` whose body says what is wanted, and reads its `sse-open`.
    ///
    /// The headers of this client are added, and `Accept: text/event-stream` if there is no `Accept`. The body is read
    /// before it is sent: a client that is [resumed](Disconnected::resume) sends all of the request again.
    ///
    /// ```
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use axum::http::Request;
    /// use sse_framework::testing::TestClient;
    /// # use sse_framework::{Hub, SseEvent, Subscribe};
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent, Debug, PartialEq)]
    /// # struct Tick { n: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let hub = Hub::<Tick>::in_memory()?;
    /// # let ticks = hub.clone();
    /// # let events = async move |request: Subscribe, _: String| ticks.subscribe(request).everything();
    /// # let app = axum::Router::new().route("/search", axum::routing::post(events));
    /// let client = TestClient::new(app);
    /// let mut found = client.open(Request::post("/search").body("a cup".into())?).await?;
    /// hub.publish(Tick { n: 1 }).await?;
    /// assert_eq!(found.event::<Tick>().await?, Tick { n: 1 });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`TestError::Refused`] if the answer is not a stream.
    pub async fn open(&self, request: Request<Body>) -> Result<TestStream, TestError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(TestError::Broken)?.to_bytes();
        let last_event_id = parts.headers.get(LAST_EVENT_ID).map(HeaderValue::as_bytes);
        let last_event_id = String::from_utf8_lossy(last_event_id.unwrap_or_default()).into();
        TestStream::open(self.clone(), Request::from_parts(parts, body), last_event_id).await
    }
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A stream of events as a client sees it.
pub struct TestStream {
    client: TestClient,
    asked: Request<Bytes>,
    headers: HeaderMap,
    body: Body,
    decoder: Decoder,
}

impl TestStream {
    async fn open(
        client: TestClient,
        asked: Request<Bytes>,
        last_event_id: String,
    ) -> Result<Self, TestError> {
        let mut request = asked.clone().map(Body::from);
        let headers = request.headers_mut();
        let stream = || HeaderValue::from_static("text/event-stream");
        headers.entry(header::ACCEPT).or_insert_with(stream);
        match last_event_id.as_str() {
            "" => drop(headers.remove(LAST_EVENT_ID)),
            id => {
                let id = HeaderValue::from_bytes(id.as_bytes()).map_err(http::Error::from)?;
                headers.insert(LAST_EVENT_ID, id);
            }
        }
        headers.extend(client.headers.clone());
        let Ok(response) = client.app.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let content_type = parts.headers.get(header::CONTENT_TYPE).cloned();
        let is_stream = content_type.is_some_and(|value| is_event_stream(value.as_bytes()));
        if parts.status != StatusCode::OK || !is_stream {
            return Err(TestError::Refused { status: parts.status });
        }
        let decoder = Decoder::resume(last_event_id);
        let headers = parts.headers;
        let mut stream = TestStream { client, asked, headers, body, decoder };
        stream.named("sse-open").await?;
        Ok(stream)
    }

    /// The response's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What the client would send as `Last-Event-ID` now.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The next event, whatever it is; none at the stream's end.
    ///
    /// # Errors
    ///
    /// [`TestError::Nothing`] when the client's [patience](TestClient::patience) is over.
    pub async fn next(&mut self) -> Result<Option<DecodedEvent>, TestError> {
        let within = self.client.patience;
        match timeout(within, self.read()).await {
            Ok(read) => read,
            Err(_) => Err(TestError::Nothing { within }),
        }
    }

    /// The next event, which must be one of `E`.
    ///
    /// # Errors
    ///
    /// [`TestError`] if it is something else, say a gap, or nothing comes in time.
    pub async fn event<E: SseEvent>(&mut self) -> Result<E, TestError> {
        let event = self.next().await?.ok_or(TestError::Ended)?;
        if event.name.starts_with("sse-") {
            return Err(TestError::Unexpected(event));
        }
        // What stands in a stream is always of today's version.
        let version = EventType::find(E::TYPES, &event.name).map_or(1, EventType::version);
        let raw = RawEvent { name: &event.name, version, data: event.data.as_bytes() };
        Ok(E::decode(raw)?)
    }

    /// The next event, which must have this name: `sse-gap`, for example.
    ///
    /// # Errors
    ///
    /// [`TestError`] if it has another, or nothing comes in time.
    pub async fn named(&mut self, name: &str) -> Result<DecodedEvent, TestError> {
        match self.next().await?.ok_or(TestError::Ended)? {
            event if event.name == name => Ok(event),
            event => Err(TestError::Unexpected(event)),
        }
    }

    /// Waits this long and expects that no event comes. Heartbeats do not count.
    ///
    /// # Errors
    ///
    /// [`TestError::Unexpected`] with the event that came, [`TestError::Ended`] at the stream's end.
    pub async fn silence(&mut self, duration: Duration) -> Result<(), TestError> {
        match timeout(duration, self.read()).await {
            Err(_) => Ok(()),
            Ok(Ok(Some(event))) => Err(TestError::Unexpected(event)),
            Ok(Ok(None)) => Err(TestError::Ended),
            Ok(Err(error)) => Err(error),
        }
    }

    /// Breaks the connection. Events that are on their way are lost with it, as on a real one.
    pub fn disconnect(self) -> Disconnected {
        let last_event_id = self.decoder.last_event_id().to_owned();
        Disconnected { client: self.client, asked: self.asked, last_event_id }
    }

    async fn read(&mut self) -> Result<Option<DecodedEvent>, TestError> {
        loop {
            for decoded in self.decoder.by_ref() {
                if let Decoded::Event(event) = decoded? {
                    return Ok(Some(event));
                }
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame.map_err(TestError::Broken)?.into_data() {
                        self.decoder.push(&data);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}

impl fmt::Debug for TestStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStream")
            .field("uri", self.asked.uri())
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}

/// What a browser looks at: the type without its parameters.
fn is_event_stream(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// A client whose connection broke.
#[derive(Clone, Debug)]
pub struct Disconnected {
    client: TestClient,
    asked: Request<Bytes>,
    last_event_id: String,
}

impl Disconnected {
    /// The id of the last event that was read.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Connects again, as a browser does, with the same request and the last event id.
    ///
    /// # Errors
    ///
    /// [`TestError::Refused`] if the answer is not a stream.
    pub async fn resume(self) -> Result<TestStream, TestError> {
        TestStream::open(self.client, self.asked, self.last_event_id).await
    }

    /// The same client at another app: the one that was started again.
    #[must_use]
    pub fn at(self, app: Router) -> Self {
        Disconnected { client: TestClient { app, ..self.client }, ..self }
    }
}

/// A stream was not what the test expects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// The answer is no stream of events.
    #[error("the app answered with {status} instead of a stream of events")]
    Refused {
        /// The status of the answer, `200 OK` if only the content type is wrong.
        status: StatusCode,
    },
    /// Nothing came in time.
    #[error("no event came within {within:?}")]
    Nothing {
        /// The client's [patience](TestClient::patience).
        within: Duration,
    },
    /// The stream ended.
    #[error("the stream ended where an event was expected")]
    Ended,
    /// Another event came.
    #[error("unexpected event: {0:?}")]
    Unexpected(DecodedEvent),
    /// An event came that is not one of the set.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An event came that is too large for the parser.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The response's body, or the request's, ended with an error.
    #[error("the connection broke")]
    Broken(#[source] axum::Error),
    /// The path or a header is none.
    #[error("the request cannot be sent")]
    Request(#[from] http::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SseEvent;
    use crate::hub::Hub;
    use crate::subscribe::Subscribe;
    use crate::topic::TopicFilter;
    use axum::routing::any;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
    #[sse(crate = "crate")]
    struct Beat;

    /// An app whose clients say in the body which topic they want.
    fn app(hub: &Hub<Beat>) -> Router {
        let hub = hub.clone();
        let events = async move |request: Subscribe, topic: String| {
            let topic: TopicFilter = topic.parse().unwrap();
            hub.subscribe(request).topics([topic])
        };
        Router::new().route("/", any(events))
    }

    #[tokio::test]
    async fn a_stream_is_opened_by_any_request_and_resumed_by_the_same() {
        let hub = Hub::<Beat>::in_memory().unwrap();
        for method in ["POST", "QUERY"] {
            let asked = || Request::builder().method(method).uri("/").header("x-of", "a");
            let client = TestClient::new(app(&hub));
            let mut stream = client.open(asked().body("a".into()).unwrap()).await.unwrap();
            hub.publish(Beat).topic("b").await.unwrap();
            let first = hub.publish(Beat).topic("a").await.unwrap();
            assert_eq!(stream.event::<Beat>().await.unwrap(), Beat);
            assert_eq!(stream.last_event_id(), first.to_string());
            let away = stream.disconnect();
            hub.publish(Beat).topic("b").await.unwrap();
            let second = hub.publish(Beat).topic("a").await.unwrap();
            let mut stream = away.resume().await.unwrap();
            assert_eq!(stream.named("beat").await.unwrap().last_event_id, second.to_string());

            let later = asked().header("Last-Event-ID", first.to_string()).body("a".into());
            let mut stream = client.open(later.unwrap()).await.unwrap();
            assert_eq!(stream.named("beat").await.unwrap().last_event_id, second.to_string());
        }
        let client = TestClient::new(app(&hub));
        let refused = client.open(Request::put("/").body("a".into()).unwrap()).await.unwrap_err();
        let status = StatusCode::METHOD_NOT_ALLOWED;
        assert!(matches!(refused, TestError::Refused { status: s } if s == status), "{refused:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_waits_as_long_as_it_is_told() {
        let hub = Hub::<Beat>::in_memory().unwrap();
        let app = Router::new().route("/", hub.endpoint());
        let usual = TestClient::new(app);
        for (client, patience) in [
            (usual.clone(), Duration::from_secs(5)),
            (usual.patience(Duration::from_secs(20)), Duration::from_secs(20)),
        ] {
            let mut stream = client.subscribe("/").await.unwrap();
            let begun = tokio::time::Instant::now();
            let nothing = stream.next().await.unwrap_err();
            assert!(matches!(nothing, TestError::Nothing { within } if within == patience));
            assert_eq!(begun.elapsed().as_secs(), patience.as_secs());
        }
    }
}
