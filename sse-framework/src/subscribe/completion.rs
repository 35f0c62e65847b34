//! When a subscription is complete: all its topics are known by name, and all are closed.

use crate::hub::Core;
use crate::topic::{Topic, TopicSelection};

/// Whether there is an end to what a subscription reads.
#[derive(Debug)]
pub(super) enum Completion {
    /// Its topics cannot be listed, or it has none.
    Never,
    /// This one of its topics was open when so many had been closed.
    Open { topic: Topic, changes: u64 },
    /// After the record at this seq nothing is to come.
    At(u64),
}

impl Completion {
    /// Looks at the topics, up to the first that is open.
    pub(super) fn of(core: &Core, topics: &TopicSelection) -> Self {
        // Before the look: what is closed meanwhile makes it look again.
        let (changes, floor) = (core.closed.changes(), core.log.history().first());
        let mut last = None;
        let read = |topic: &&Topic| topics.includes(Some(topic.as_str()));
        for topic in topics.exact_topics().into_iter().flatten().filter(read) {
            match core.closed.find(topic.as_str(), floor) {
                Some(seq) => last = last.max(Some(seq)),
                None => return Completion::Open { topic: topic.clone(), changes },
            }
        }
        last.map_or(Completion::Never, Completion::At)
    }

    /// The seq of the last record, if it is known now. Costs nothing as long as no topic is closed,
    /// and little as long as the one that was open still is.
    pub(super) fn at(&mut self, core: &Core, topics: &TopicSelection) -> Option<u64> {
        if let Completion::Open { topic, changes } = self
            && *changes != core.closed.changes()
        {
            let now = core.closed.changes();
            match core.closed.find(topic.as_str(), core.log.history().first()) {
                Some(_) => *self = Completion::of(core, topics),
                None => *changes = now,
            }
        }
        self.known()
    }

    /// The seq of the last record, as far as is known.
    pub(super) fn known(&self) -> Option<u64> {
        match self {
            Completion::At(seq) => Some(*seq),
            Completion::Never | Completion::Open { .. } => None,
        }
    }
}
