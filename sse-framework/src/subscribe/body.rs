//! A response's body that never ends by itself.

use super::control;
use super::cursor::{Cursor, Step};
use crate::wire::HEARTBEAT;
use bytes::Bytes;
use http_body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The frames of a subscription.
#[derive(Debug)]
pub(super) struct EventBody {
    /// What comes before everything else.
    opening: Option<Bytes>,
    cursor: Cursor<Bytes>,
    last_sent: Instant,
    /// Made when there is something to wait for. It is not reset by every chunk; when it fires, it
    /// looks at `last_sent`.
    heartbeat: Option<Pin<Box<Sleep>>>,
}

impl EventBody {
    pub(super) fn new(opening: Bytes, cursor: Cursor<Bytes>) -> Self {
        EventBody { opening: Some(opening), cursor, last_sent: Instant::now(), heartbeat: None }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(opening));
        }
        let settings = self.cursor.core().settings;
        match self.cursor.poll_next(cx) {
            Poll::Ready(step) => Poll::Ready(step.map(|step| match step {
                Step::Page(frames) => frames,
                Step::Gap(gap) => control::gap(&gap),
                Step::Closed(reason) => control::close(reason, settings.retry),
            })),
            Poll::Pending => self.poll_heartbeat(cx, settings.heartbeat).map(Some),
        }
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>, interval: Duration) -> Poll<Bytes> {
        let due = self.last_sent + interval;
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
