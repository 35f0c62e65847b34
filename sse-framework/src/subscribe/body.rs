//! A response's body that never ends by itself.

use super::control::{self, CloseReason};
use super::cursor::{Cursor, Step};
use super::handover::{Handover, HandoverState};
use super::snapshot::{Pending, Rendered};
use crate::wire::HEARTBEAT;
use bytes::Bytes;
use http_body::Frame;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The frames of a subscription.
pub(super) struct EventBody {
    stage: Stage,
    cursor: Cursor<Bytes>,
    last_sent: Instant,
    /// Made when there is something to wait for. It is not reset by every chunk; when it fires, it
    /// looks at `last_sent`.
    heartbeat: Option<Pin<Box<Sleep>>>,
    handover: Arc<HandoverState>,
}

enum Stage {
    /// What comes before everything else, and perhaps a snapshot after it.
    Opening(Bytes, Option<Pending>),
    Snapshot(Pending),
    Live,
    Ended,
}

impl EventBody {
    pub(super) fn new(opening: Bytes, snapshot: Option<Pending>, cursor: Cursor<Bytes>) -> Self {
        let handover = Arc::new(HandoverState::new(cursor.core().streams.clone()));
        let stage = Stage::Opening(opening, snapshot);
        EventBody { stage, cursor, last_sent: Instant::now(), heartbeat: None, handover }
    }

    /// For who can drive it better than a task; none after the first poll.
    pub(super) fn handover(&self) -> Option<Handover> {
        let Stage::Opening(first, _) = &self.stage else { return None };
        let (first, heartbeat) = (first.clone(), self.cursor.core().settings.heartbeat);
        Some(Handover { first, heartbeat, state: self.handover.clone() })
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let settings = self.cursor.core().settings;
        let polled = match std::mem::replace(&mut self.stage, Stage::Live) {
            Stage::Opening(opening, None) => {
                self.handover.goes_live();
                return Poll::Ready(Some(opening));
            }
            Stage::Opening(opening, Some(snapshot)) => {
                self.stage = Stage::Snapshot(snapshot);
                return Poll::Ready(Some(opening));
            }
            Stage::Snapshot(snapshot) => self.poll_snapshot(snapshot, settings.retry, cx).map(Some),
            Stage::Live => self.cursor.poll_next(cx).map(|step| {
                step.map(|step| match step {
                    Step::Page(frames) => frames,
                    Step::Gap(gap) => control::gap(&gap, true),
                    Step::Closed(reason) => control::close(reason, settings.retry),
                })
            }),
            Stage::Ended => {
                self.stage = Stage::Ended;
                return Poll::Ready(None);
            }
        };
        match polled {
            Poll::Ready(bytes) => Poll::Ready(bytes),
            Poll::Pending => self.poll_heartbeat(cx, settings.heartbeat).map(Some),
        }
    }

    fn poll_snapshot(
        &mut self,
        mut snapshot: Pending,
        retry: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Bytes> {
        let reason = match (snapshot.as_mut().poll(cx), self.cursor.poll_end(cx)) {
            (Poll::Ready(Ok(Rendered { frames, position })), _) => {
                self.cursor.go_to(position);
                self.handover.goes_live();
                return Poll::Ready(frames.into());
            }
            (Poll::Ready(Err(error)), _) => {
                tracing::error!(error = &*error as &dyn Error, "a snapshot could not be had");
                CloseReason::Failed
            }
            (Poll::Pending, Poll::Ready(reason)) => reason,
            (Poll::Pending, Poll::Pending) => {
                self.stage = Stage::Snapshot(snapshot);
                return Poll::Pending;
            }
        };
        self.stage = Stage::Ended;
        Poll::Ready(control::close(reason, retry))
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>, interval: Duration) -> Poll<Bytes> {
        let due = self.last_sent + interval;
        if self.handover.is_taken() {
            // It is polled often enough without.
            self.heartbeat = None;
            return match due <= Instant::now() {
                true => Poll::Ready(Bytes::from_static(HEARTBEAT)),
                false => Poll::Pending,
            };
        }
        let sleep = self.heartbeat.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while sleep.as_mut().poll(cx).is_ready() {
            if due <= Instant::now() {
                sleep.as_mut().reset(Instant::now() + interval);
                return Poll::Ready(Bytes::from_static(HEARTBEAT));
            }
            sleep.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        this.poll_bytes(cx).map(|bytes| {
            this.last_sent = Instant::now();
            bytes.map(|bytes| Ok(Frame::data(bytes)))
        })
    }
}

impl fmt::Debug for EventBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
