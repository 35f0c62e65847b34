//! What there is instead of a stream: a refusal, or nothing but headers.

use super::control::CloseReason;
use super::request::SubscribeRejection;
use crate::hub::Pressure;
use crate::id::EventId;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A subscription that has not begun, and takes no room.
#[derive(Debug)]
pub(super) enum Unopened {
    /// For a client that wants to know the headers. A client that would be
    /// [refused](super::OnGap::Refuse), or that has all there will be, is told.
    Head { position: EventId, refused: bool },
    Rejected {
        position: EventId,
        rejection: SubscribeRejection,
        /// It would be told not to come back if there were room, so it is told so without.
        refused: bool,
        /// Within the process, that it is closed has been said.
        told: bool,
    },
}

impl Unopened {
    /// Counts a rejection and logs it: as a warning once in a while, so that those who are rejected
    /// cannot fill the log.
    pub(super) fn rejected(
        position: EventId,
        rejection: SubscribeRejection,
        refused: bool,
        pressure: &Pressure,
    ) -> Self {
        let limit = rejection.limit();
        if let Some(limit) = limit {
            pressure.met(limit);
        }
        match limit.filter(|limit| pressure.is_worth_a_warning(*limit)) {
            Some(limit) => {
                let (times, setting) = (pressure.count(limit), limit.setting());
                tracing::warn!(reason = %rejection, setting, times, "subscriptions are refused");
            }
            None => tracing::debug!(reason = %rejection, "a subscription is refused"),
        }
        Unopened::Rejected { position, rejection, refused, told: false }
    }

    /// Where it would have begun.
    pub(super) fn position(&self) -> EventId {
        let (Unopened::Head { position, .. } | Unopened::Rejected { position, .. }) = self;
        *position
    }

    pub(super) fn rejection(&self) -> Option<&SubscribeRejection> {
        match self {
            Unopened::Head { .. } => None,
            Unopened::Rejected { rejection, .. } => Some(rejection),
        }
    }

    /// Why there is no stream, once.
    pub(super) fn close(&mut self) -> Option<CloseReason> {
        match self {
            Unopened::Rejected { rejection, told, .. } if !*told => {
                *told = true;
                Some(match rejection.retry_after() {
                    Some(_) => CloseReason::Overloaded,
                    None => CloseReason::Failed,
                })
            }
            _ => None,
        }
    }
}

impl IntoResponse for Unopened {
    fn into_response(self) -> Response {
        match self {
            Unopened::Head { refused: true, .. } => nothing(),
            Unopened::Head { refused: false, .. } => stream(Body::new(NoBody)),
            Unopened::Rejected { rejection, refused: true, .. }
                if rejection.retry_after().is_some() =>
            {
                nothing()
            }
            Unopened::Rejected { rejection, .. } => rejection.into_response(),
        }
    }
}

/// The response whose body is a stream of events.
pub(super) fn stream(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().extend(HEADERS);
    response
}

/// The response after which a browser stops for good. A cache would give it to others, who have another last id.
pub(super) fn nothing() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

/// The stream must reach the client as it is and when it is: no cache keeps it, no proxy holds it
/// back or encodes it, and no browser takes it for anything else.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// Stands for a body of which nobody says how long it would be.
struct NoBody;

impl http_body::Body for NoBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}
