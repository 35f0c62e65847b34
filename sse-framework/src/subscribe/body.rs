//! A response's body that never ends by itself.

use super::control::{self, CloseReason};
use super::cursor::{Cursor, Step};
use super::handover::{Handover, HandoverState};
use super::snapshot::{Pending, Rendered};
use crate::hub::Settings;
use crate::wire::HEARTBEAT;
use bytes::Bytes;
use http_body::Frame;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The frames of a subscription.
pub(super) struct EventBody {
    stage: Stage,
    cursor: Cursor<Bytes>,
    last_sent: Instant,
    /// As long as it lasts, nothing is read: what comes meanwhile goes out in one write.
    rest_until: Option<Instant>,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
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
        let last_sent = Instant::now();
        EventBody { stage, cursor, last_sent, rest_until: None, timer: None, handover }
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
            Stage::Live if self.rests(cx) => return Poll::Pending,
            Stage::Live => self.poll_cursor(settings, cx),
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

    fn poll_cursor(&mut self, settings: Settings, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let step = ready!(self.cursor.poll_next(cx));
        Poll::Ready(step.map(|step| match step {
            Step::Page(frames) => {
                self.rest_after_page(settings.coalesce);
                frames
            }
            Step::Gap(gap) => control::gap(&gap, true),
            Step::Closed(reason) => control::close(reason, settings.retry),
        }))
    }

    /// A stream that sends often, and has sent all there is, rests. Who drives it without a task
    /// comes round so seldom under load that there is no need to.
    fn rest_after_page(&mut self, interval: Duration) {
        if self.handover.is_taken() || !self.cursor.is_at_head() {
            return;
        }
        let now = Instant::now();
        if now < self.last_sent + interval {
            self.rest_until = Some(now + interval);
        }
    }

    fn rests(&mut self, cx: &mut Context<'_>) -> bool {
        let rests = self.rest_until.is_some_and(|until| self.poll_timer(until, cx).is_pending());
        if !rests {
            self.rest_until = None;
        }
        rests
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>, interval: Duration) -> Poll<Bytes> {
        let due = self.last_sent + interval;
        if self.handover.is_taken() {
            // It is polled often enough without a timer.
            self.timer = None;
            return match due <= Instant::now() {
                true => Poll::Ready(Bytes::from_static(HEARTBEAT)),
                false => Poll::Pending,
            };
        }
        ready!(self.poll_timer(due, cx));
        Poll::Ready(Bytes::from_static(HEARTBEAT))
    }

    /// Resolves at a time. The timer is not moved whenever that changes; when it fires too early, it
    /// is set anew.
    fn poll_timer(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if at < timer.deadline() {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if at <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
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
