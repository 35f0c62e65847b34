//! A loss of power that may take what was not synced yet.

use super::{Id, Ledger, Sees, Sent, Shown, hash};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// What a loss of power took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How many acknowledged events.
    pub acknowledged: usize,
    /// How long before the loss the earliest of them had been acknowledged.
    pub earliest: Duration,
}

impl Ledger {
    /// Notes that power was lost at this time, and what the log gives since, the last of which was
    /// published since. What it lacks counts as never sent from here on, so that it is a fault if
    /// it comes back; who had seen it has to be told.
    pub fn power_was_lost(&mut self, at: Instant, history: &[(Id, String)]) -> Loss {
        let kept: HashSet<&Id> = history.iter().map(|(id, _)| id).collect();
        let payloads: HashSet<u64> = history.iter().map(|(_, data)| hash(data)).collect();
        let mut loss = Loss::default();
        for sent in self.sent.iter_mut().filter(|sent| !sent.refused) {
            let acked = sent.acked.iter().flatten().zip(&sent.payloads);
            let gone: Vec<_> = acked.filter(|(id, _)| !kept.contains(id)).collect();
            if let Some(acked_at) = sent.acked_at.filter(|_| !gone.is_empty()) {
                loss.earliest = loss.earliest.max(at.saturating_duration_since(acked_at));
            }
            loss.acknowledged += gone.len();
            self.lost.extend(gone.into_iter().map(|(id, payload)| (id.clone(), *payload)));
            sent.forget_unless(|payload| payloads.contains(&payload));
        }
        let point = history.last().map_or(0, |(id, _)| id.seq - 1);
        self.forget_what_was_shown_after(point, &kept);
        loss
    }

    fn forget_what_was_shown_after(&mut self, point: u64, kept: &HashSet<&Id>) {
        for client in self.clients.values_mut() {
            let Some(first) = client.shown.iter().position(|shown| shown.seq() > point) else {
                continue;
            };
            for shown in client.shown.drain(first..) {
                match shown {
                    Shown::Event(id, payload) if !kept.contains(&id) => {
                        self.lost.insert(id, payload);
                    }
                    _ => {}
                }
            }
            client.shown.push(Shown::Lost(point));
        }
    }
}

impl Sent {
    /// A batch that is not there is gone for good. Of one that is there in part, all counts: it is
    /// torn.
    fn forget_unless(&mut self, is_kept: impl Fn(u64) -> bool) {
        if !self.payloads.iter().any(|payload| is_kept(*payload)) {
            (self.acked, self.acked_at, self.refused) = (None, None, true);
        }
    }
}

impl Shown {
    /// Where the client stands with it.
    fn seq(&self) -> u64 {
        match self {
            Shown::Event(id, _) => id.seq,
            Shown::Resumed(seq)
            | Shown::Began(seq)
            | Shown::Gap(seq)
            | Shown::Forgotten(seq)
            | Shown::Lost(seq)
            | Shown::ToldOfLoss(seq) => *seq,
        }
    }
}

impl Sees {
    /// A position that the client's id has moved to while there was nothing to show.
    pub(super) fn may_move_unseen(&self) -> bool {
        *self != Sees::Everything
    }
}
