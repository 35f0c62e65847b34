//! What went wrong, told to a client.

use super::request::SubscribeRejection;
use crate::hub::{PublishError, TryPublishError};
use crate::topic::TopicError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

/// What went wrong, as a response that a person and a program understand: `application/problem+json`
/// (RFC 9457) with the members `type`, `title`, `status`, `detail`, and `help`, which says what to do.
///
/// What the framework itself refuses is answered so. A handler that publishes can answer so too: with `?`,
/// since errors of publishing become problems. What a client is told is about what it can do; paths, the
/// names of types and what the disk said are in the log lines.
///
/// ```
/// # use axum::extract::{Json, State};
/// # use axum::http::StatusCode;
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// use sse_framework::{Hub, Problem, SseEvent};
/// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
/// # struct OrderPlaced { id: u64 }
///
/// async fn order(
///     State(hub): State<Hub<OrderPlaced>>,
///     Json(order): Json<OrderPlaced>,
/// ) -> Result<StatusCode, Problem> {
///     hub.publish(order).await?;
///     Ok(StatusCode::CREATED)
/// }
/// ```
///
/// | [`PublishError`] | status |
/// |---|---|
/// | `IdempotencyKey` | `400 Bad Request` |
/// | `TopicClosed` | `409 Conflict` |
/// | `EventTooLarge`, `BatchTooLarge` | `413 Content Too Large` |
/// | `Conflict` | `422 Unprocessable Content` |
/// | `QueueFull`, `Closed`, `Refused` | `503 Service Unavailable` with `Retry-After`: the event is not in the log |
/// | `Encode`, `Topic`, `OutcomeUnknown` | `500 Internal Server Error` |
///
/// A [`TopicError`] is `400 Bad Request`: of a topic that the handler makes of what the client sent, say of a part of the
/// path with [`Topic::from_segments`](crate::Topic::from_segments).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: Cow<'static, str>,
    help: &'static str,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    allow: Option<&'static str>,
}

impl Problem {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The problem's type: the address of its documentation.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The problem in few words, the same for all of its type.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What is the matter here.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What the client can do about it.
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// When the client should try again, if that may help.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn new(
        status: StatusCode,
        (of, variant): (&str, &str),
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
        help: &'static str,
    ) -> Self {
        let kind = format!(
            "https://docs.rs/sse-framework/latest/sse_framework/enum.{of}.html#variant.{variant}"
        );
        Problem { kind, title, status, detail: detail.into(), help, retry_after: None, allow: None }
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

const TELL: &str = "Tell whoever runs the server; its log lines say more.";
const STREAM_METHODS: &str = "GET,HEAD,POST";

impl From<&SubscribeRejection> for Problem {
    fn from(rejection: &SubscribeRejection) -> Self {
        use SubscribeRejection as R;
        let new = |status, variant, title, detail: Cow<'static, str>, help| {
            Problem::new(status, ("SubscribeRejection", variant), title, detail, help)
        };
        let retry_after = rejection.retry_after();
        let problem = match rejection {
            R::Topic(error) => new(
                StatusCode::BAD_REQUEST,
                "Topic",
                "Not a topic",
                format!("A query parameter `topic` is not a topic: {}.", reason(error)).into(),
                "Give each `topic` as segments between slashes, percent-encoded; `*` is any one segment, \
                 and `**` at the end whatever follows.",
            ),
            R::Since { .. } => new(
                StatusCode::BAD_REQUEST,
                "Since",
                "Not a time",
                "The query parameter `since` is not a time.".into(),
                "Give it as RFC 3339 has it, such as `2026-11-26T07:00:00Z`; of an offset such as `+01:00`, encode \
                 the plus as `%2B`.",
            ),
            R::TooManyTopics { given, limit } => new(
                StatusCode::BAD_REQUEST,
                "TooManyTopics",
                "Too many topics",
                format!("{given} topics are asked for, of {limit} at most.").into(),
                "Ask for patterns such as `shops/**`, or open another stream for the rest.",
            ),
            R::TooManyTopicsAllowed { .. } => new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "TooManyTopicsAllowed",
                "Too many topics for a subscription",
                "The server gave this subscription more topics than it may have.".into(),
                TELL,
            ),
            R::QueryTooLong { bytes, limit } => new(
                StatusCode::URI_TOO_LONG,
                "QueryTooLong",
                "Query too long",
                format!("The query has {bytes} bytes, of {limit} at most.").into(),
                "Ask for fewer topics, or for patterns such as `shops/**`.",
            ),
            R::NotAcceptable => new(
                StatusCode::NOT_ACCEPTABLE,
                "NotAcceptable",
                "Not acceptable",
                "Here is a stream of events, and the header `Accept` excludes `text/event-stream`."
                    .into(),
                "Send `Accept: text/event-stream`, or no `Accept` at all.",
            ),
            R::MethodNotAllowed => Problem {
                allow: Some(STREAM_METHODS),
                ..new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "MethodNotAllowed",
                    "Method not allowed",
                    "Here is a stream of events, and this method does not ask for one.".into(),
                    "Use `GET`; what is allowed stands in the header `Allow`.",
                )
            },
            R::TooManySubscriptions { .. } => new(
                StatusCode::SERVICE_UNAVAILABLE,
                "TooManySubscriptions",
                "Too many streams",
                "There are as many streams as the server allows.".into(),
                "Try again after the time in `Retry-After`.",
            ),
            R::TooManySubscriptionsOfKey { limit, .. } => new(
                StatusCode::SERVICE_UNAVAILABLE,
                "TooManySubscriptionsOfKey",
                "Too many streams of yours",
                format!("There are {limit} streams of yours, as many as the server allows.").into(),
                "Close one, or share one between tabs; or try again after the time in `Retry-After`.",
            ),
        };
        Problem { retry_after, ..problem }
    }
}

impl From<SubscribeRejection> for Problem {
    fn from(rejection: SubscribeRejection) -> Self {
        Problem::from(&rejection)
    }
}

/// Why text is no topic, as a client is told.
fn reason(error: &TopicError) -> Cow<'static, str> {
    match error {
        TopicError::ControlCharacter => "control characters are not allowed in it".into(),
        // The placeholder is the name of a field.
        TopicError::NoValue { .. } => "a part of it is empty".into(),
        error => error.to_string().into(),
    }
}

impl From<TopicError> for Problem {
    fn from(error: TopicError) -> Self {
        let variant = match error {
            TopicError::EmptySegment => "EmptySegment",
            TopicError::TooLong { .. } => "TooLong",
            TopicError::ControlCharacter => "ControlCharacter",
            TopicError::Wildcard => "Wildcard",
            TopicError::NoValue { .. } => "NoValue",
        };
        Problem::new(
            StatusCode::BAD_REQUEST,
            ("TopicError", variant),
            "Not a topic",
            format!("What the request names is not a topic: {}.", reason(&error)),
            "Name it otherwise: with nothing empty, not so long, and without `*` and control characters.",
        )
    }
}

/// The answer to a method that an endpoint does not know; axum adds what is allowed.
pub(super) async fn method_not_allowed() -> Problem {
    Problem { allow: None, ..Problem::from(&SubscribeRejection::MethodNotAllowed) }
}

/// What is in the log already needs no more than a moment.
const SOON: Duration = Duration::from_secs(1);

impl From<PublishError> for Problem {
    /// Logs the error at the level `debug`, since the client is not told all of it.
    fn from(error: PublishError) -> Self {
        use PublishError as P;
        tracing::debug!(error = &error as &dyn Error, "a publish is answered with a problem");
        let new = |status, variant, title, detail: Cow<'static, str>, help| {
            Problem::new(status, ("PublishError", variant), title, detail, help)
        };
        let unavailable = |variant, title, detail: &'static str| Problem {
            retry_after: Some(SOON),
            ..new(
                StatusCode::SERVICE_UNAVAILABLE,
                variant,
                title,
                detail.into(),
                "Nothing was published: try again after the time in `Retry-After`.",
            )
        };
        let too_large = |variant, title, detail: String| {
            let help = "Send less at once, or a reference to where the data is.";
            new(StatusCode::PAYLOAD_TOO_LARGE, variant, title, detail.into(), help)
        };
        let failed = |variant, title, detail: &'static str, help| {
            new(StatusCode::INTERNAL_SERVER_ERROR, variant, title, detail.into(), help)
        };
        match error {
            P::Encode(_) => failed("Encode", "No event", "No event could be made of this.", TELL),
            P::Topic(_) => failed("Topic", "No topic", "The event's topic is not a topic.", TELL),
            P::IdempotencyKey(_) => new(
                StatusCode::BAD_REQUEST,
                "IdempotencyKey",
                "No idempotency key",
                "The idempotency key is empty or too long.".into(),
                "Send text that is made once for each request, for example a UUID.",
            ),
            P::Conflict { .. } => new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Conflict",
                "Idempotency key used before",
                "The idempotency key has been used before, for something else.".into(),
                "Nothing was published: make a new key for each request, and use it again only to \
                 send the same request again.",
            ),
            P::TopicClosed { .. } => new(
                StatusCode::CONFLICT,
                "TopicClosed",
                "Topic closed",
                "The topic has been closed, so nothing more is published to it.".into(),
                "Nothing was published: publish to another topic.",
            ),
            P::EventTooLarge { bytes, limit, .. } => too_large(
                "EventTooLarge",
                "Event too large",
                format!("The event has {bytes} bytes, of {limit} at most."),
            ),
            P::BatchTooLarge { bytes, limit } => too_large(
                "BatchTooLarge",
                "Too much at once",
                format!("The events take {bytes} bytes together, of {limit} at most."),
            ),
            P::QueueFull => {
                unavailable("QueueFull", "Too busy", "Other events wait to be stored already.")
            }
            P::Closed => unavailable("Closed", "Stopping", "The server is being stopped."),
            P::Refused(_) => unavailable("Refused", "Not stored", "The event could not be stored."),
            P::OutcomeUnknown(_) => failed(
                "OutcomeUnknown",
                "Perhaps stored",
                "Storing the event failed half way: it may or may not have been kept.",
                "Look whether it is there before you try again; with the idempotency key that it was sent \
                 with, just try again.",
            ),
        }
    }
}

impl<E> From<TryPublishError<E>> for Problem {
    /// As for the [`error`](TryPublishError::error) in it.
    fn from(error: TryPublishError<E>) -> Self {
        error.error.into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Text and numbers are always JSON.
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(time) = self.retry_after {
            let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}
