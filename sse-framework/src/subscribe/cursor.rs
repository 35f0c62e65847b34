//! A position in the log that moves forward.

use super::completion::Completion;
use super::control::{CloseReason, Gap, GapReason};
use super::exclusive::Exclusive;
use super::page::Page;
use super::start::Sought;
use crate::hub::{Core, PageRead};
use crate::id::EventId;
use crate::log::{LogError, Position, Read};
use crate::tail::{End, Registration, TailRead};
use crate::topic::TopicSelection;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A subscriber's position, and how it gets on from there: out of the tail, or out of the log when
/// the tail no longer reaches back.
///
/// There is no queue and no task: a subscriber that does not poll costs nothing but this.
pub(super) struct Cursor<P: Page> {
    core: Arc<Core>,
    registration: Registration,
    at: u64,
    /// The seq of the last id that the client has been given.
    told: u64,
    completion: Completion,
    /// What comes before the next page. Rare, so it is not among what every event touches.
    first: Option<Box<First>>,
    /// Read, its last record, and the seq up to which the log has been read with it.
    page: Option<(P, u64, u64)>,
    reading: Option<Reading<P::Draft>>,
    /// How the hub ends the subscription: why, and what was the newest record then.
    end: Option<(CloseReason, u64)>,
    /// Whether it then still reads what there is: who cannot come back must.
    to_the_end: bool,
    closed: bool,
}

enum First {
    Gap(Gap),
    /// Where it begins has yet to be looked up, which is done from the first poll on.
    Seek(Sought, Option<LookingUp>),
}

type LookingUp = Exclusive<Pin<Box<dyn Future<Output = Result<Position, LogError>> + Send>>>;

/// In another box, since most cursors read nothing.
type Reading<D> = Box<Exclusive<Pin<Box<dyn Future<Output = PageRead<D>> + Send>>>>;

/// How far one read of the log may look for records that are selected: a reader of a quiet topic
/// must not hold one of the few readers for long.
const LOOK_AHEAD: u64 = 65_536;

/// What a cursor comes upon.
pub(super) enum Step<P> {
    /// Records in a row, of which the last has the seq `shown`.
    Page {
        page: P,
        shown: u64,
    },
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
        let completion = Completion::of(&core, registration.topics());
        Cursor {
            core,
            registration,
            at,
            told: at,
            completion,
            first: gap.map(|gap| Box::new(First::Gap(gap))),
            page: None,
            reading: None,
            end: None,
            to_the_end: true,
            closed: false,
        }
    }

    /// The same, but it begins where that time stands, if one is given.
    pub(super) fn seeking(self, sought: Option<Sought>) -> Self {
        match sought {
            Some(sought) => Cursor { first: Some(Box::new(First::Seek(sought, None))), ..self },
            None => self,
        }
    }

    /// The same position, for a client that can come back.
    pub(super) fn for_response<Q: Page>(self) -> Cursor<Q> {
        let Cursor { core, registration, at, first, .. } = self;
        Cursor { to_the_end: false, first, ..Cursor::new(core, registration, at, None) }
    }

    /// Whether it is not known yet where it begins.
    pub(super) fn is_seeking(&self) -> bool {
        matches!(self.first.as_deref(), Some(First::Seek(..)))
    }

    /// Looks up where it begins, if that is not known yet, and goes there; else why it ends.
    pub(super) fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let Some(First::Seek(sought, looking_up)) = self.first.as_deref_mut() else {
            return Poll::Ready(Ok(()));
        };
        let lookup = looking_up.get_or_insert_with(|| {
            let (core, time_ms) = (self.core.clone(), sought.since.time_ms);
            Exclusive::new(Box::pin(async move { core.position_at(time_ms).await }))
        });
        let found = ready!(lookup.get_mut().as_mut().poll(cx));
        // If it has failed, it can be tried anew: a stream that has ended may still become a response.
        *looking_up = None;
        let found = found.map_err(|error| self.failure(&error))?;
        if let Some(First::Seek(sought, _)) = self.first.take().map(|first| *first) {
            let (at, gap) = sought.found(self.core.history(), found);
            self.go_to(at);
            self.first = gap.map(|gap| Box::new(First::Gap(gap)));
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The seq of the last record that has been read or passed over.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Up to where it has missed nothing, also while it waits and nobody polls it.
    pub(super) fn passed(&self) -> u64 {
        self.registration.look(self.at).0
    }

    /// Whether there is nothing after it now.
    pub(super) fn is_at_head(&self) -> bool {
        self.core.tail.head() <= self.at
    }

    pub(super) fn topics(&self) -> &Arc<TopicSelection> {
        self.registration.topics()
    }

    /// What is to be told before anything else.
    pub(super) fn gap(&self) -> Option<&Gap> {
        match self.first.as_deref() {
            Some(First::Gap(gap)) => Some(gap),
            Some(First::Seek(..)) | None => None,
        }
    }

    /// The same, once.
    pub(super) fn take_gap(&mut self) -> Option<Gap> {
        match *self.first.take_if(|first| matches!(**first, First::Gap(_)))? {
            First::Gap(gap) => Some(gap),
            First::Seek(..) => None,
        }
    }

    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// Notes the seq of an id that the client is given.
    pub(super) fn tell(&mut self, seq: u64) {
        self.told = seq;
    }

    /// Goes to another position, of which the client is told.
    pub(super) fn go_to(&mut self, at: u64) {
        (self.at, self.told) = (at, at);
        (self.first, self.page, self.reading) = (None, None, None);
    }

    /// The seq after which nothing is to come, if it is known by now.
    pub(super) fn last(&mut self) -> Option<u64> {
        self.completion.at(&self.core, self.registration.topics())
    }

    /// The position at which it is complete, if it is.
    pub(super) fn completed(&self) -> Option<EventId> {
        let last = self.completion.known().filter(|last| *last <= self.at)?;
        Some(self.core.log.history().id(last.max(self.told)))
    }

    /// Why the hub ends the subscription, if it does.
    pub(super) fn ended(&mut self) -> Option<CloseReason> {
        self.ended_by_hub().map(|(reason, _)| reason)
    }

    /// Resolves when the hub ends the subscription.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        self.registration.wait(cx.waker());
        match self.ended_by_hub() {
            Some((reason, _)) => Poll::Ready(reason),
            None => Poll::Pending,
        }
    }

    /// The end, as it was when it was seen first. The newest record is looked up after the reason:
    /// what was published before a drain is before this end.
    fn ended_by_hub(&mut self) -> Option<(CloseReason, u64)> {
        if self.end.is_none()
            && let Some(end) = self.registration.end()
        {
            let reason = match end {
                End::Drain => CloseReason::Drain,
                End::Disconnected => CloseReason::Disconnected,
                End::Expired => CloseReason::Expired,
            };
            self.end = Some((reason, self.core.tail.head()));
        }
        self.end
    }

    /// The next step; none after [`Step::Closed`].
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step<P>>> {
        loop {
            if self.closed {
                return Poll::Ready(None);
            }
            if let Err(reason) = ready!(self.poll_seek(cx)) {
                return self.close(reason);
            }
            if let Some(gap) = self.take_gap() {
                return Poll::Ready(Some(Step::Gap(gap)));
            }
            if let Some((page, shown, until)) = self.page.take() {
                self.at = until;
                return Poll::Ready(Some(Step::Page { page, shown }));
            }
            if self.last().is_some_and(|last| last <= self.at) {
                return self.close(CloseReason::Complete);
            }
            if let Some((reason, newest)) = self.ended_by_hub()
                && (!self.to_the_end || self.at >= newest)
            {
                self.reading = None;
                return self.close(reason);
            }
            if let Some(reading) = &mut self.reading {
                let Poll::Ready(read) = reading.get_mut().as_mut().poll(cx) else {
                    self.registration.wait(cx.waker());
                    // A log that hangs must not keep the hub from ending a response.
                    match self.registration.has_ended() && !self.to_the_end {
                        true => continue,
                        false => return Poll::Pending,
                    }
                };
                self.reading = None;
                match self.accept(read) {
                    Ok(()) => continue,
                    Err(error) => return self.fail(&error),
                }
            }
            self.at = self.registration.passed(self.at);
            match P::from_tail(&self.core.tail, self.at, self.registration.topics()) {
                TailRead::Page { page, shown, until } => {
                    self.at = until;
                    if !page.is_empty() {
                        return Poll::Ready(Some(Step::Page { page, shown }));
                    }
                    // Others have their turn before it looks on.
                    if !self.is_at_head() {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                TailRead::Behind { first } => {
                    let topics = self.registration.topics();
                    match P::recent(&self.core, self.at, topics) {
                        Some((page, until)) => self.page = Some((page, until, until)),
                        None => self.read_log(first),
                    }
                }
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

    /// Whether it goes on with records after this step, as far as can be told.
    pub(super) fn goes_on(&self, polled: &Poll<Option<Step<P>>>) -> bool {
        match polled {
            Poll::Ready(step) => matches!(step, Some(Step::Page { .. })),
            Poll::Pending => self.reading.is_some(),
        }
    }

    /// Begins to read what the tail, which starts at `tail_first`, no longer has.
    fn read_log(&mut self, tail_first: u64) {
        let (core, topics) = (self.core.clone(), self.registration.topics().clone());
        let (at, until) = (self.at, (tail_first - 1).min(self.at.saturating_add(LOOK_AHEAD)));
        let read = async move { core.read(at, until, topics, P::draft, P::add).await };
        self.reading = Some(Box::new(Exclusive::new(Box::pin(read))));
    }

    /// Takes what was read.
    fn accept(
        &mut self,
        PageRead { page, shown, read }: PageRead<P::Draft>,
    ) -> Result<(), LogError> {
        match read {
            Ok(Read { first, until }) => {
                if self.at + 1 < first {
                    self.skip_to(first - 1, GapReason::Trimmed);
                }
                let page = P::finish(page, &self.core, self.registration.topics());
                self.take(page, shown, until.max(self.at));
                Ok(())
            }
            // Where the page begins is not known: what retention took goes first.
            Err(_) if self.at + 1 < self.core.log.history().first() => {
                self.skip_to(self.core.log.history().first() - 1, GapReason::Trimmed);
                Ok(())
            }
            // The error comes again, after what could be read.
            Err(_) if shown > self.at => {
                let page = P::finish(page, &self.core, self.registration.topics());
                self.take(page, shown, shown);
                Ok(())
            }
            Err(error @ LogError::Damaged { last, .. }) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a stream goes on behind damaged records");
                self.skip_to(last.max(self.at + 1), GapReason::Unreadable);
                Ok(())
            }
            Err(LogError::Lost { last, .. }) => {
                self.skip_to(last.max(self.at + 1), GapReason::Lost);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, page: P, shown: u64, until: u64) {
        match page.is_empty() {
            true => self.at = until,
            false => self.page = Some((page, shown, until)),
        }
    }

    /// Goes on after `resumed`, with a gap; after the newest record at the latest.
    fn skip_to(&mut self, resumed: u64, reason: GapReason) {
        let resumed = resumed.min(self.core.tail.head());
        let history = self.core.log.history();
        let asked = self.core.ids.position(history.id(self.at));
        let resumed_after = history.id(resumed);
        self.first = Some(Box::new(First::Gap(Gap { reason, asked, resumed_after })));
        (self.at, self.told) = (resumed, resumed);
    }

    /// Why the stream ends if the log cannot be read.
    fn failure(&self, error: &LogError) -> CloseReason {
        if matches!(error, LogError::Closed) {
            return CloseReason::Drain;
        }
        tracing::error!(
            error = error as &dyn std::error::Error,
            after = self.at,
            "a stream ends because the log cannot be read"
        );
        CloseReason::Failed
    }

    fn fail(&mut self, error: &LogError) -> Poll<Option<Step<P>>> {
        let reason = self.failure(error);
        self.close(reason)
    }

    fn close(&mut self, reason: CloseReason) -> Poll<Option<Step<P>>> {
        self.closed = true;
        Poll::Ready(Some(Step::Closed(reason)))
    }
}

impl<P: Page> fmt::Debug for Cursor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("at", &self.at).finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod schedules;
