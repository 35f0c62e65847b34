//! A position in the log that moves forward.

use super::control::{CloseReason, Gap, GapReason};
use super::page::Page;
use crate::hub::Core;
use crate::log::LogError;
use crate::tail::{Registration, TailRead};
use crate::topic::TopicSelection;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A subscriber's position, and how it gets on from there: out of the tail, or out of the log when
/// the tail no longer reaches back.
///
/// There is no queue and no task: a subscriber that does not poll costs nothing but this.
pub(super) struct Cursor<P: Page> {
    core: Arc<Core>,
    registration: Registration,
    at: u64,
    /// Told before the next page.
    gap: Option<Gap>,
    reading: Option<Reading<P::Draft>>,
    ended: bool,
}

type Reading<D> = Pin<Box<dyn Future<Output = Result<(D, u64), LogError>> + Send>>;

/// What a cursor comes upon.
pub(super) enum Step<P> {
    Page(P),
    Gap(Gap),
    /// The last step.
    Closed(CloseReason),
}

impl<P: Page> Cursor<P> {
    pub(super) fn new(
        core: Arc<Core>,
        registration: Registration,
        at: u64,
        gap: Option<Gap>,
    ) -> Self {
        Cursor { core, registration, at, gap, reading: None, ended: false }
    }

    /// The same position, for pages of another form.
    pub(super) fn into_form<Q: Page>(self) -> Cursor<Q> {
        Cursor::new(self.core, self.registration, self.at, self.gap)
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The seq of the last record that has been read or passed over.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn topics(&self) -> &Arc<TopicSelection> {
        self.registration.topics()
    }

    /// What is to be told before anything else, once.
    pub(super) fn take_gap(&mut self) -> Option<Gap> {
        self.gap.take()
    }

    /// Goes to another position.
    pub(super) fn go_to(&mut self, at: u64, gap: Option<Gap>) {
        (self.at, self.gap, self.reading) = (at, gap, None);
    }

    /// Resolves when the hub ends the subscription.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        self.registration.wait(cx.waker());
        match self.ended_by_hub() {
            Some(reason) => Poll::Ready(reason),
            None => Poll::Pending,
        }
    }

    fn ended_by_hub(&self) -> Option<CloseReason> {
        self.registration.has_ended().then(|| match self.core.subscribers.all_end() {
            true => CloseReason::Drain,
            false => CloseReason::Disconnected,
        })
    }

    /// The next step; none after [`Step::Closed`].
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step<P>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            if let Some(gap) = self.gap.take() {
                return Poll::Ready(Some(Step::Gap(gap)));
            }
            if let Some(reason) = self.ended_by_hub() {
                return self.close(reason);
            }
            if let Some(reading) = &mut self.reading {
                let Poll::Ready(read) = reading.as_mut().poll(cx) else {
                    // A log that hangs must not keep the hub from ending the stream.
                    self.registration.wait(cx.waker());
                    return if self.registration.has_ended() { continue } else { Poll::Pending };
                };
                self.reading = None;
                match read {
                    Ok((draft, until)) => {
                        if let Some(page) = self.accept(draft, until) {
                            return Poll::Ready(Some(Step::Page(page)));
                        }
                    }
                    Err(error) => return self.fail(&error),
                }
                continue;
            }
            self.at = self.registration.passed(self.at);
            match P::from_tail(&self.core.tail, self.at, self.registration.topics()) {
                TailRead::Page { page, until } => {
                    self.at = until;
                    if !page.is_empty() {
                        return Poll::Ready(Some(Step::Page(page)));
                    }
                }
                TailRead::Behind { first } => self.read_log(first),
                TailRead::AtEnd => {
                    let waits =
                        self.registration.wait_at_head(cx.waker(), &self.core.tail, self.at);
                    if waits && !self.registration.has_ended() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// Begins to read what the tail, which starts at `tail_first`, no longer has.
    fn read_log(&mut self, tail_first: u64) {
        if self.skip_trimmed() {
            return;
        }
        let (core, topics) = (self.core.clone(), self.registration.topics().clone());
        let at = self.at;
        self.reading = Some(Box::pin(async move {
            core.read(at, tail_first - 1, topics, P::Draft::default(), P::add).await
        }));
    }

    /// Takes what was read, unless retention has overtaken the cursor meanwhile.
    fn accept(&mut self, draft: P::Draft, until: u64) -> Option<P> {
        if self.skip_trimmed() {
            return None;
        }
        self.at = until;
        Some(P::finish(draft)).filter(|page| !page.is_empty())
    }

    /// Moves a cursor whose next record is no longer kept to the oldest that is, with a gap.
    fn skip_trimmed(&mut self) -> bool {
        let history = self.core.log.history();
        if self.at + 1 >= history.first() {
            return false;
        }
        let resumed = history.first() - 1;
        self.gap = Some(Gap {
            reason: GapReason::Trimmed,
            asked: history.id(self.at).to_string(),
            resumed_after: history.id(resumed),
        });
        self.at = resumed;
        true
    }

    fn fail(&mut self, error: &LogError) -> Poll<Option<Step<P>>> {
        if matches!(error, LogError::Closed) {
            return self.close(CloseReason::Drain);
        }
        tracing::error!(
            error = error as &dyn std::error::Error,
            after = self.at,
            "a stream ends because the log cannot be read"
        );
        self.close(CloseReason::Failed)
    }

    fn close(&mut self, reason: CloseReason) -> Poll<Option<Step<P>>> {
        self.ended = true;
        Poll::Ready(Some(Step::Closed(reason)))
    }
}

impl<P: Page> fmt::Debug for Cursor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("at", &self.at).finish_non_exhaustive()
    }
}
