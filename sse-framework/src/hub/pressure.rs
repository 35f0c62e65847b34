//! What has come up against a limit.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Counts, since the hub began, how often each limit was met.
#[derive(Debug)]
pub(crate) struct Pressure {
    met: [AtomicU64; Limit::COUNT],
    reads_waiting: AtomicUsize,
    begun: Instant,
    /// When each limit was last warned of, in milliseconds from the beginning; 0 for never.
    warned: [AtomicU64; Limit::COUNT],
}

/// What somebody may have too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Subscriptions,
    SubscriptionsPerKey,
    Topics,
    QueryBytes,
    LogReaders,
    PublishBytes,
    QueueBytes,
}

/// Whoever meets a limit again and again must not fill the log with it.
const WARN_EVERY: Duration = Duration::from_secs(10);

impl Limit {
    const COUNT: usize = Limit::QueueBytes as usize + 1;

    /// By what it is set.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Limit::Subscriptions => "HubBuilder::max_subscriptions",
            Limit::SubscriptionsPerKey => "HubBuilder::max_subscriptions_per_key",
            Limit::Topics => "HubBuilder::max_topics",
            Limit::QueryBytes => "HubBuilder::max_query_bytes",
            Limit::LogReaders => "HubBuilder::log_readers",
            Limit::PublishBytes => "HubBuilder::max_event_bytes",
            Limit::QueueBytes => "HubBuilder::queue_bytes",
        }
    }
}

impl Pressure {
    /// Notes that a limit has been met.
    pub(crate) fn met(&self, limit: Limit) {
        self.met[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it is time to warn that a limit is met: once in a while.
    pub(crate) fn is_worth_a_warning(&self, limit: Limit) -> bool {
        self.may_warn(limit, self.begun.elapsed())
    }

    pub(crate) fn count(&self, limit: Limit) -> u64 {
        self.met[limit as usize].load(Ordering::Relaxed)
    }

    pub(super) fn reads_waiting(&self) -> usize {
        self.reads_waiting.load(Ordering::Relaxed)
    }

    /// Counts a reader of the log that has to wait, until this is dropped.
    pub(super) fn read_waits(&self) -> ReadWaits<'_> {
        self.met(Limit::LogReaders);
        self.reads_waiting.fetch_add(1, Ordering::Relaxed);
        ReadWaits(&self.reads_waiting)
    }

    fn may_warn(&self, limit: Limit, now: Duration) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (now, every) = (millis(now).max(1), millis(WARN_EVERY));
        let warned = &self.warned[limit as usize];
        let last = warned.load(Ordering::Relaxed);
        (last == 0 || now.saturating_sub(last) >= every)
            && warned.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Default for Pressure {
    fn default() -> Self {
        Pressure {
            met: Default::default(),
            reads_waiting: AtomicUsize::new(0),
            begun: Instant::now(),
            warned: Default::default(),
        }
    }
}

pub(super) struct ReadWaits<'p>(&'p AtomicUsize);

impl Drop for ReadWaits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_warned_of_once_in_a_while_and_each_limit_by_itself() {
        let pressure = Pressure::default();
        let at = |limit, ms| pressure.may_warn(limit, Duration::from_millis(ms));
        assert_eq!(
            [0, 0, 9_999, 10_001].map(|ms| at(Limit::Topics, ms)),
            [true, false, false, true]
        );
        assert!(at(Limit::QueryBytes, 10_001));
    }
}
