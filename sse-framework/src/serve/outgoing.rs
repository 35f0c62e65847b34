//! A response's body on its way out, and the place where it changes hands.

use super::socket::Limit;
use crate::subscribe::Handover;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{StatusCode, Version, header};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A body that hyper sends, until it is taken.
pub(super) struct Outgoing {
    /// None when it has been taken.
    body: Option<Body>,
    offer: Option<Offer>,
    /// A stream of events may be silent for long, but its client may not.
    _limit: Option<Limit>,
}

struct Offer {
    handover: Handover,
    begun: bool,
    slot: Slot,
    keep_alive: bool,
}

/// Where a connection finds the body that it is to take over.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Taken>>>);

/// A body, and how it is to be driven.
pub(super) struct Taken {
    pub(super) body: Body,
    pub(super) heartbeat: Duration,
    /// Whether the connection may serve another request afterwards.
    pub(super) keep_alive: bool,
}

impl Slot {
    pub(super) fn is_filled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn take(&self) -> Option<Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, taken: Taken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
    }
}

/// What a request says about the connection of its response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// It is answered in chunks, and nothing of it is left to be read.
    pub(super) may_take: bool,
    pub(super) keep_alive: bool,
}

impl Terms {
    pub(super) fn of(request: &http::Request<impl http_body::Body>) -> Self {
        let may_take = request.version() == Version::HTTP_11 && request.body().is_end_stream();
        Terms { may_take, keep_alive: !says_close(request.headers()) }
    }
}

impl Outgoing {
    /// The response as it goes to hyper: the body comes into the slot once it has sent its first
    /// bytes, if it is one of ours and unchanged.
    pub(super) fn response(
        response: Response,
        terms: Terms,
        slot: &Slot,
        limit: impl FnOnce() -> Limit,
    ) -> http::Response<Self> {
        let (mut parts, body) = response.into_parts();
        let handover = parts.extensions.remove::<Handover>();
        let chunked = parts.status == StatusCode::OK
            && !parts.headers.contains_key(header::CONTENT_LENGTH)
            && !parts.headers.contains_key(header::TRANSFER_ENCODING);
        let keep_alive = terms.keep_alive && !says_close(&parts.headers);
        let offer = handover.filter(|_| terms.may_take && chunked).map(|handover| Offer {
            handover,
            begun: false,
            slot: slot.clone(),
            keep_alive,
        });
        let limit = is_stream_of_events(&parts.headers).then(limit);
        http::Response::from_parts(parts, Outgoing { body: Some(body), offer, _limit: limit })
    }

    /// The response as it goes out by hyper to its end.
    #[cfg(feature = "http2")]
    pub(super) fn plain(response: Response) -> http::Response<Self> {
        response.map(|body| Outgoing { body: Some(body), offer: None, _limit: None })
    }
}

fn is_stream_of_events(headers: &http::HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

fn says_close(headers: &http::HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"))
}

impl Offer {
    /// Looks at what the body yields. False if that is not what ours begins with.
    fn stands_after(&mut self, frame: Option<&Result<Frame<Bytes>, axum::Error>>) -> bool {
        if std::mem::replace(&mut self.begun, true) {
            return true;
        }
        let Some(Ok(frame)) = frame else { return false };
        // The same place in memory: a layer that encodes, or adds, makes bytes of its own.
        frame.data_ref().is_some_and(|bytes| {
            bytes.as_ptr() == self.handover.first.as_ptr()
                && bytes.len() == self.handover.first.len()
        })
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Some(offer) =
            this.offer.take_if(|offer| offer.begun && offer.handover.state.is_live())
            && let Some(body) = this.body.take()
        {
            offer.handover.state.take();
            let Offer { handover, slot, keep_alive, .. } = offer;
            slot.put(Taken { body, heartbeat: handover.heartbeat, keep_alive });
        }
        // Taken, it waits for nothing: the connection looks into the slot after every poll.
        let Some(body) = &mut this.body else { return Poll::Pending };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if let Some(offer) = &mut this.offer
            && !offer.stands_after(frame.as_ref())
        {
            this.offer = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::new, Body::size_hint)
    }
}
