//! A response's body, which goes on until the client goes, or there is nothing more to come.

use super::control::{self, CloseReason, Gap};
use super::cursor::{Cursor, Step};
use super::filter::Sieve;
use super::handover::{Handover, HandoverState};
use super::snapshot::{BoxError, PANICKED, Pending, Piece, Pieces};
use crate::hub::{Core, Settings};
use crate::id::EventId;
use crate::unwind::caught;
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
    source: Source,
    last_sent: Instant,
    /// As long as it lasts, nothing is read: what comes meanwhile goes out in one write.
    rest_until: Option<Instant>,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    handover: Arc<HandoverState>,
}

/// What comes before everything else.
pub(super) struct Opening {
    /// The client goes on where it was.
    pub(super) resumed: bool,
    /// The client knows nothing of what is before.
    pub(super) fresh: bool,
    /// The state, for who does not know it.
    pub(super) snapshot: Option<Pending>,
}

enum Stage {
    /// What shows that the stream is there, while it is looked up where that begins.
    Starting(Bytes, Opening),
    Seeking(Opening),
    /// The first event, and perhaps a snapshot after it.
    Opening(Bytes, Option<Pending>),
    Snapshot(Pending),
    Pieces(Pieces),
    Live,
    Ended,
}

/// Where frames come from.
pub(super) enum Source {
    /// They were rendered once for all.
    Shared(Cursor<Bytes>),
    /// They are rendered for this one, by code of the app's own.
    Sifted(Box<Sieve>),
}

impl Source {
    fn core(&self) -> &Arc<Core> {
        match self {
            Source::Shared(cursor) => cursor.core(),
            Source::Sifted(sieve) => sieve.cursor().core(),
        }
    }

    /// The seq of the last record that has been read or passed over.
    fn at(&self) -> u64 {
        match self {
            Source::Shared(cursor) => cursor.at(),
            Source::Sifted(sieve) => sieve.at(),
        }
    }

    fn told(&self) -> u64 {
        match self {
            Source::Shared(cursor) => cursor.told(),
            Source::Sifted(sieve) => sieve.cursor().told(),
        }
    }

    /// Notes the seq of an id that the client is given.
    fn tell(&mut self, seq: u64) {
        match self {
            Source::Shared(cursor) => cursor.tell(seq),
            Source::Sifted(sieve) => sieve.cursor_mut().tell(seq),
        }
    }

    fn is_at_head(&self) -> bool {
        match self {
            Source::Shared(cursor) => cursor.is_at_head(),
            Source::Sifted(sieve) => sieve.is_at_head(),
        }
    }

    fn completed(&self) -> Option<EventId> {
        match self {
            Source::Shared(cursor) => cursor.completed(),
            Source::Sifted(sieve) => sieve.cursor().completed(),
        }
    }

    fn go_to(&mut self, at: u64) {
        match self {
            Source::Shared(cursor) => cursor.go_to(at),
            Source::Sifted(sieve) => sieve.cursor_mut().go_to(at),
        }
    }

    fn is_seeking(&self) -> bool {
        match self {
            Source::Shared(cursor) => cursor.is_seeking(),
            Source::Sifted(sieve) => sieve.cursor().is_seeking(),
        }
    }

    /// Finds where it begins, or why it ends before.
    fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        match self {
            Source::Shared(cursor) => cursor.poll_seek(cx),
            Source::Sifted(sieve) => sieve.cursor_mut().poll_seek(cx),
        }
    }

    fn take_gap(&mut self) -> Option<Gap> {
        match self {
            Source::Shared(cursor) => cursor.take_gap(),
            Source::Sifted(sieve) => sieve.cursor_mut().take_gap(),
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        match self {
            Source::Shared(cursor) => cursor.poll_end(cx),
            Source::Sifted(sieve) => sieve.cursor_mut().poll_end(cx),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step<Bytes>>> {
        match self {
            Source::Shared(cursor) => cursor.poll_next(cx),
            Source::Sifted(sieve) => sieve.poll_next(cx),
        }
    }
}

impl Opening {
    /// The first event, and the snapshot if there is to be one.
    fn frames(self, source: &mut Source) -> (Bytes, Option<Pending>) {
        let (core, gap) = (source.core().clone(), source.take_gap());
        let snapshot = self.snapshot.filter(|_| self.fresh || gap.is_some());
        let (starts_here, has_snapshot) = (gap.is_none(), snapshot.is_some());
        let with_id = starts_here && !has_snapshot;
        let (ids, retry) = (&core.ids, core.settings.retry);
        let at = core.log.history().id(source.at());
        let mut opening = control::open(ids, at, with_id, self.resumed, retry).to_vec();
        if let Some(gap) = gap {
            opening.extend_from_slice(&control::gap(ids, &gap, !has_snapshot));
        }
        (opening.into(), snapshot)
    }
}

impl EventBody {
    pub(super) fn new(opening: Opening, mut source: Source) -> Self {
        let handover = Arc::new(HandoverState::new(source.core().streams.clone()));
        let stage = if source.is_seeking() {
            Stage::Starting(Bytes::from_static(HEARTBEAT), opening)
        } else {
            let (frames, snapshot) = opening.frames(&mut source);
            Stage::Opening(frames, snapshot)
        };
        let last_sent = Instant::now();
        EventBody { stage, source, last_sent, rest_until: None, timer: None, handover }
    }

    /// For who can drive it better than a task; none after the first poll, nor if it runs code of the
    /// app's own to its end.
    pub(super) fn handover(&self) -> Option<Handover> {
        let (Stage::Opening(first, _) | Stage::Starting(first, _)) = &self.stage else {
            return None;
        };
        let Source::Shared(_) = &self.source else { return None };
        let (first, heartbeat) = (first.clone(), self.source.core().settings.heartbeat);
        Some(Handover { first, heartbeat, state: self.handover.clone() })
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let settings = self.source.core().settings;
        let polled = match std::mem::replace(&mut self.stage, Stage::Live) {
            Stage::Starting(first, opening) => {
                self.stage = Stage::Seeking(opening);
                return Poll::Ready(Some(first));
            }
            Stage::Seeking(opening) => self.poll_seek(opening, settings.retry, cx).map(Some),
            Stage::Opening(frames, snapshot) => {
                return Poll::Ready(Some(self.open(frames, snapshot)));
            }
            Stage::Snapshot(snapshot) => self.poll_snapshot(snapshot, settings.retry, cx).map(Some),
            Stage::Pieces(pieces) => self.poll_pieces(pieces, settings.retry, cx).map(Some),
            Stage::Live => self.poll_live(settings, cx),
            Stage::Ended => {
                self.stage = Stage::Ended;
                return Poll::Ready(None);
            }
        };
        match polled {
            Poll::Ready(bytes) => Poll::Ready(bytes),
            Poll::Pending => {
                ready!(self.poll_heartbeat(cx, settings.heartbeat));
                Poll::Ready(Some(self.heartbeat()))
            }
        }
    }

    fn poll_seek(
        &mut self,
        opening: Opening,
        retry: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Bytes> {
        match (self.source.poll_seek(cx), self.source.poll_end(cx)) {
            (Poll::Ready(Ok(())), _) => {
                let (frames, snapshot) = opening.frames(&mut self.source);
                Poll::Ready(self.open(frames, snapshot))
            }
            (Poll::Ready(Err(reason)), _) | (Poll::Pending, Poll::Ready(reason)) => {
                Poll::Ready(self.close(reason, retry))
            }
            (Poll::Pending, Poll::Pending) => {
                self.stage = Stage::Seeking(opening);
                Poll::Pending
            }
        }
    }

    /// Goes on behind the first event.
    fn open(&mut self, frames: Bytes, snapshot: Option<Pending>) -> Bytes {
        match snapshot {
            Some(snapshot) => self.stage = Stage::Snapshot(snapshot),
            None => self.handover.goes_live(),
        }
        frames
    }

    fn poll_snapshot(
        &mut self,
        mut snapshot: Pending,
        retry: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Bytes> {
        let polled = caught(|| snapshot.as_mut().poll(cx));
        let polled = polled.unwrap_or_else(|_| Poll::Ready(Err(PANICKED.into())));
        match (polled, self.source.poll_end(cx)) {
            (Poll::Ready(Ok(pieces)), _) => self.poll_pieces(pieces, retry, cx),
            (Poll::Ready(Err(error)), _) => Poll::Ready(self.fail(&error, retry)),
            (Poll::Pending, Poll::Ready(reason)) => Poll::Ready(self.close(reason, retry)),
            (Poll::Pending, Poll::Pending) => {
                self.stage = Stage::Snapshot(snapshot);
                Poll::Pending
            }
        }
    }

    /// The client may take long for all of them, so the hub can end it between two.
    fn poll_pieces(
        &mut self,
        mut pieces: Pieces,
        retry: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Bytes> {
        if let Poll::Ready(reason) = self.source.poll_end(cx) {
            return Poll::Ready(self.close(reason, retry));
        }
        match pieces.next() {
            Ok(Piece::Frames(frames)) => {
                self.stage = Stage::Pieces(pieces);
                if frames.is_empty() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(frames)
            }
            Ok(Piece::Last(frames, position)) => {
                self.source.go_to(position);
                self.handover.goes_live();
                Poll::Ready(frames)
            }
            Err(error) => Poll::Ready(self.fail(&error, retry)),
        }
    }

    fn fail(&mut self, error: &BoxError, retry: Duration) -> Bytes {
        tracing::error!(error = &**error as &dyn Error, "a snapshot could not be had");
        self.close(CloseReason::Failed, retry)
    }

    fn close(&mut self, reason: CloseReason, retry: Duration) -> Bytes {
        self.stage = Stage::Ended;
        control::close(reason, None, retry)
    }

    fn poll_live(&mut self, settings: Settings, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let rested = self.rest_until.is_some();
        if let Some(until) = self.rest_until {
            ready!(self.poll_timer(until, cx));
            self.rest_until = None;
        }
        let step = ready!(self.source.poll_next(cx));
        Poll::Ready(step.map(|step| match step {
            Step::Page { page, shown } => {
                self.source.tell(shown);
                self.rest_after_page(settings.coalesce, rested);
                page
            }
            Step::Gap(gap) => {
                self.source.tell(gap.resumed_after.seq());
                control::gap(&self.source.core().ids, &gap, true)
            }
            Step::Closed(reason) => {
                // Who failed before the end comes back for the rest.
                let is_complete = reason == CloseReason::Complete;
                let completed = self.source.completed().filter(|_| is_complete);
                let completed = completed.map(|at| self.source.core().ids.position(at));
                control::close(reason, completed.as_deref(), settings.retry)
            }
        }))
    }

    /// A stream rests that has sent all there is, and sends often: shortly after the page before, or
    /// as soon as it has rested. Who drives it without a task comes round so seldom under load that
    /// there is no need to.
    fn rest_after_page(&mut self, interval: Duration, rested: bool) {
        let now = Instant::now();
        let often = rested || now < self.last_sent + interval;
        if often && !interval.is_zero() && !self.handover.is_taken() && self.source.is_at_head() {
            self.rest_until = Some(now + interval);
        }
    }

    /// Shows that the stream is alive. A client that has been shown nothing for so long is told how
    /// far it has come: what it saw last may be gone when it comes back. If it must not learn whether
    /// the hub has gone on, it is told even if it has not.
    fn heartbeat(&mut self) -> Bytes {
        let (at, told, core) = (self.source.at(), self.source.told(), self.source.core().clone());
        // As long as a snapshot is made and sent, it stands where it began.
        let is_live = matches!(self.stage, Stage::Live);
        if at <= told && !(is_live && core.ids.are_opaque()) {
            return Bytes::from_static(HEARTBEAT);
        }
        let at = at.max(told);
        self.source.tell(at);
        control::cursor(&core.ids, core.log.history().id(at))
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>, interval: Duration) -> Poll<()> {
        let due = self.last_sent + interval;
        if self.handover.is_taken() {
            // It is polled often enough without a timer.
            self.timer = None;
            return if due <= Instant::now() { Poll::Ready(()) } else { Poll::Pending };
        }
        self.poll_timer(due, cx)
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
        f.debug_struct("EventBody").field("last_sent", &self.last_sent).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
