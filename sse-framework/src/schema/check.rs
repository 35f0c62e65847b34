//! Compares the event types with what the log was written with.

use super::compare::{Mismatch, Reader, UNKNOWN, compare};
use super::stored::{Stored, Today, Unread, Written};
use super::{Breaks, OnSchemaChange, SchemaChange, SchemaError};
use crate::event::EventType;
use crate::log::{EventLog, LogError, read_all};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// What the app has chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    pub(crate) on_change: OnSchemaChange,
    /// Event types that have left the set on purpose.
    pub(crate) retired: BTreeSet<String>,
}

/// Why the event types cannot be used with a log.
#[derive(Debug)]
pub(crate) enum Refused {
    Log(LogError),
    Schema(SchemaError),
}

impl From<LogError> for Refused {
    fn from(error: LogError) -> Self {
        Refused::Log(error)
    }
}

/// Where a log keeps its schemas is its own affair.
const NAME: &str = "the log's schemas";

/// The schemas of event types that fit a log.
#[derive(Debug)]
pub(crate) struct Fitting {
    before: Option<Vec<u8>>,
    stored: Stored,
}

/// Checks the event types against what the log keeps. Changes nothing.
pub(crate) fn check(
    types: &'static [EventType],
    log: &dyn EventLog,
    choices: &Choices,
) -> Result<Fitting, Refused> {
    let before = log.schemas()?;
    let (mut stored, unreadable) = match before.as_deref().map(Stored::parse) {
        None => (Stored::default(), None),
        Some(Ok(stored)) => (stored, None),
        Some(Err(Unread::Damage(reason))) => (Stored::default(), Some(reason)),
        Some(Err(Unread::Format(reason))) => {
            return Err(Refused::Log(LogError::Format { path: NAME.into(), reason }));
        }
    };
    let today = Today::all(types);
    today.iter().for_each(tell_flaws);
    let history = log.history();
    if before.is_none() && history.first() <= history.last() {
        tracing::warn!(
            "the log has records and no schemas: whether the event types fit is not known"
        );
    }
    stored.forget_before(history.first());
    let mut changes = changes_of(&today, &stored, history.last(), &choices.retired);
    if !changes.is_empty() {
        // Not before, since it may take all records to find none.
        forget_unused(log, &mut stored, &changes)?;
        changes = changes_of(&today, &stored, history.last(), &choices.retired);
    }
    changes.extend(unreadable.map(unreadable_change));
    if !changes.is_empty() {
        match choices.on_change {
            OnSchemaChange::Refuse => return Err(Refused::Schema(SchemaError { changes })),
            OnSchemaChange::Accept => {
                changes.iter().for_each(tell);
                accept(&today, &mut stored, history.last(), &choices.retired);
            }
        }
    }
    stored.note(today, history.last() + 1);
    Ok(Fitting { before, stored })
}

impl Fitting {
    /// Keeps them with the log.
    pub(crate) fn keep(&self, log: &dyn EventLog) -> Result<(), LogError> {
        let bytes = self.stored.to_bytes();
        let bytes = bytes.map_err(|error| LogError::other("writing its schemas", error))?;
        if self.before.as_ref() != Some(&bytes) {
            log.store_schemas(&bytes)?;
            let types = self.stored.types.len();
            tracing::info!(types, "the log's schemas are those of today");
        }
        Ok(())
    }

    /// The event types of whose records some, of today's version, are not what clients know today: say a field
    /// is missing that was added later. And the seq before which these are.
    pub(crate) fn outdated(&self) -> HashMap<&str, u64> {
        let outdated = |written: &[Written]| {
            let (today, earlier) = written.split_last()?;
            let place = earlier.iter().rposition(|earlier| !is_shown_alike(earlier, today))?;
            Some(written[place + 1].since)
        };
        let types = self.stored.types.iter();
        types.filter_map(|(name, written)| Some((name.as_str(), outdated(written)?))).collect()
    }
}

/// Whether records of a schema are what clients expect that know today's. Another version is another matter.
fn is_shown_alike(written: &Written, today: &Written) -> bool {
    written.version != today.version
        || written.is_like(today)
        || match (&written.schema, &today.schema) {
            (Some(written), Some(today)) => compare(written, today, Reader::Client).is_empty(),
            // Nothing can be told of what is not known.
            _ => false,
        }
}

/// Tells of an event type what its app should know, though nothing has changed.
fn tell_flaws(Today { event_type, written }: &Today) {
    let name = event_type.name();
    if written.schema.is_none() && event_type.is_described() {
        tracing::warn!(
            event_type = name,
            "its schema cannot be found in that of its set, so no change of it will be noticed: derive \
             `JsonSchema` on the set, without attributes that lay it out differently"
        );
    }
    let both = written.schema.as_ref().zip(written.read.as_ref());
    let unread = both.map(|(schema, read)| compare(schema, read, Reader::Decoder));
    for Mismatch { path, what } in unread.into_iter().flatten().filter(|it| it.what != UNKNOWN) {
        tracing::warn!(event_type = name, path, "it writes what it does not read itself: {what}");
    }
}

/// Forgets schemas of changed event types with which nothing has been written. Of what is damaged, which may be
/// restored, any record could be of any of them.
fn forget_unused(
    log: &dyn EventLog,
    stored: &mut Stored,
    changes: &[SchemaChange],
) -> Result<(), LogError> {
    let changed = |name: &str| changes.iter().any(|change| change.event_type == name);
    let types = stored.types.iter().filter(|(name, _)| changed(name));
    let since = types.flat_map(|(name, all)| all.iter().map(move |one| (name.clone(), one.since)));
    let mut unused: BTreeSet<(String, u64)> = since.collect();
    let damaged = read_all(log, &mut |record| {
        let mut all = stored.types.get(record.name).into_iter().flatten();
        if let Some(used) = all.rfind(|written| written.since <= record.id.seq()) {
            unused.remove(&(record.name.to_owned(), used.since));
        }
        if unused.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let first = log.history().first();
    for (name, all) in &mut stored.types {
        let mut end = u64::MAX;
        for written in all.iter_mut().rev() {
            let could_be =
                damaged.iter().any(|seqs| written.since <= *seqs.end() && *seqs.start() < end);
            end = written.since;
            written.is_gone = !could_be && unused.contains(&(name.clone(), written.since));
        }
        // What is no longer kept may have been shown to clients.
        all.retain(|written| !written.is_gone || written.since < first);
    }
    Ok(())
}

/// Remembers that the records that cannot be read by these types need not be, and that clients are shown
/// these types.
fn accept(all: &[Today], stored: &mut Stored, last: u64, retired: &BTreeSet<String>) {
    for (name, written) in &mut stored.types {
        let today = find(all, name);
        let latest = written.iter_mut().rfind(|written| written.since <= last);
        if let (Some(today), Some(latest)) = (today, latest)
            && !of_clients(today, latest).is_empty()
        {
            latest.shown = Some(Written::mark_shown(today));
        }
        for written in written {
            let breaks = match today {
                Some(today) => !of_records(today, written).is_empty(),
                None => !retired.contains(name),
            };
            if breaks {
                written.accepted = Some(Written::mark(today));
            }
        }
    }
}

fn find<'a>(all: &'a [Today], name: &str) -> Option<&'a Today> {
    all.iter().find(|today| today.event_type.name() == name)
}

fn tell(change: &SchemaChange) {
    let (event_type, version) = (&change.event_type, change.version);
    tracing::warn!(event_type, version, "a change of schemas is accepted: {change}");
}

fn unreadable_change(reason: String) -> SchemaChange {
    SchemaChange {
        event_type: "*".to_owned(),
        version: 0,
        path: String::new(),
        what: format!("the log's schemas cannot be read, so nothing can be told: {reason}"),
        breaks: Breaks::Records,
    }
}

impl EventType {
    /// What breaks if records of `before` are read as this type, and clients that know `before` are shown this
    /// type: for an app's own tests, which may keep the types that they once had. A hub compares the same when it
    /// starts.
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    /// use sse_framework::{Breaks, SseEvent};
    ///
    /// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// #[sse(name = "stock-changed")]
    /// struct Released { left: u32 }
    ///
    /// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// struct StockChanged { left: u32, place: String }
    ///
    /// let changes = StockChanged::TYPES[0].changes_since(&Released::TYPES[0]);
    /// assert_eq!(changes.len(), 1);
    /// assert_eq!((changes[0].path.as_str(), changes[0].breaks), ("place", Breaks::Records));
    /// ```
    pub fn changes_since(&'static self, before: &EventType) -> Vec<SchemaChange> {
        let (today, written) = (Today::of(self), Written::of(before));
        let mut changes = of_records(&today, &written);
        changes.extend(of_clients(&today, &written));
        changes
    }
}

/// What has changed and breaks something.
fn changes_of(
    all: &[Today],
    stored: &Stored,
    last: u64,
    retired: &BTreeSet<String>,
) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    for (name, written) in &stored.types {
        // With what is later than all records, nobody has ever been shown anything either.
        let written: Vec<_> = written.iter().filter(|written| written.since <= last).collect();
        let Some(latest) = written.last() else { continue };
        match find(all, name) {
            None if retired.contains(name) || latest.is_accepted_by(None) => {}
            None => changes.push(gone(name, latest.version)),
            Some(today) => {
                let counts =
                    |written: &&&Written| !written.is_gone && !written.is_accepted_by(Some(today));
                let counting = written.iter().filter(counts);
                for change in counting.flat_map(|written| of_records(today, written)) {
                    if !changes.contains(&change) {
                        changes.push(change);
                    }
                }
                if !latest.is_shown_as(today) {
                    changes.extend(of_clients(today, latest));
                }
            }
        }
    }
    changes
}

fn gone(name: &str, version: u32) -> SchemaChange {
    SchemaChange {
        event_type: name.to_owned(),
        version,
        path: String::new(),
        what: "the set has no event type of this name any more".to_owned(),
        breaks: Breaks::EventType,
    }
}

/// Whether the records of a schema can still be read.
fn of_records(today: &Today, written: &Written) -> Vec<SchemaChange> {
    let (event_type, known) = (today.event_type, today.written.version);
    let mismatches = if written.version == known {
        unread(written, &today.written)
    } else if let Some(reader) = earlier(event_type, written.version) {
        unread(written, &Written::of(reader))
    } else if written.version > known {
        whole(format!("records are of a later version than the program's, which is {known}"))
    } else {
        whole("no `upcast` leads from this version to the program's".to_owned())
    };
    changes(event_type, written, Breaks::Records, mismatches)
}

fn changes(
    event_type: &EventType,
    before: &Written,
    breaks: Breaks,
    mismatches: Vec<Mismatch>,
) -> Vec<SchemaChange> {
    let change = |Mismatch { path, what }| SchemaChange {
        event_type: event_type.name().to_owned(),
        version: before.version,
        path,
        what,
        breaks,
    };
    mismatches.into_iter().map(change).collect()
}

/// The event type as it was in this version, if its records are read.
fn earlier(today: &'static EventType, version: u32) -> Option<&'static EventType> {
    let mut all = std::iter::successors(today.previous(), |later| later.previous());
    all.find(|event_type| event_type.version() == version)
}

fn unread(written: &Written, today: &Written) -> Vec<Mismatch> {
    match (&written.schema, today.read()) {
        _ if written.is_like(today) => Vec::new(),
        (Some(written), Some(read)) => compare(written, read, Reader::Decoder),
        (None, None) => Vec::new(),
        _ => whole(UNKNOWN.to_owned()),
    }
}

fn whole(what: String) -> Vec<Mismatch> {
    vec![Mismatch { path: String::new(), what }]
}

/// Whether clients that know the latest schema are shown what they expect. Another version is said to be
/// something else.
fn of_clients(Today { event_type, written: now }: &Today, latest: &Written) -> Vec<SchemaChange> {
    if latest.version != now.version || latest.is_like(now) {
        return Vec::new();
    }
    let mismatches = match (&now.schema, &latest.schema) {
        (Some(now), Some(before)) => compare(now, before, Reader::Client),
        (None, None) => Vec::new(),
        _ => whole(UNKNOWN.to_owned()),
    };
    changes(event_type, latest, Breaks::Clients, mismatches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdKey;
    use crate::log::{AppendError, Appended, Batch, History, Read, RecordRef};
    use crate::topic::TopicSelection;
    use schemars::{JsonSchema, Schema, SchemaGenerator};

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "it is only described")]
    struct More {
        a: u8,
        b: u8,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "it is only described")]
    struct Less {
        a: u8,
    }

    /// A log of 20 records, all of them of the type `x`, of which some cannot be read.
    struct Partial(Stored, fn(u64) -> Option<LogError>);

    impl EventLog for Partial {
        fn append(&self, _: &[Batch]) -> Result<Appended, AppendError> {
            Err(AppendError::Refused(LogError::Closed))
        }

        fn read(
            &self,
            after: u64,
            until: u64,
            _: &TopicSelection,
            visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
        ) -> Result<Read, LogError> {
            for seq in after + 1..=until {
                if let Some(error) = self.1(seq) {
                    return Err(error);
                }
                let record = RecordRef::new(self.history().id(seq), 0, None, "x", 1, b"{}");
                if visit(record).is_break() {
                    return Ok(Read::new(after + 1, seq));
                }
            }
            Ok(Read::new(after + 1, until))
        }

        fn history(&self) -> History {
            History::new([].into(), 1, 20)
        }

        fn id_key(&self) -> Result<IdKey, LogError> {
            Err(LogError::Closed)
        }

        fn schemas(&self) -> Result<Option<Vec<u8>>, LogError> {
            Ok(self.0.to_bytes().ok())
        }

        fn close(&self) -> Result<(), LogError> {
            Ok(())
        }
    }

    #[test]
    fn the_schema_of_records_that_are_damaged_is_not_forgotten() {
        fn damaged(first: u64, last: u64) -> LogError {
            LogError::Damaged { path: "log".into(), first, last, reason: String::new() }
        }
        let make = |make: fn(&mut SchemaGenerator) -> Schema| {
            Box::leak(Box::new([EventType::new("x").with_schema(make)]))
        };
        let (less, more) = (make(Less::json_schema), make(More::json_schema));
        let fits = |unreadable| {
            let mut stored = Stored::default();
            stored.note(Today::all(less), 1);
            stored.note(Today::all(more), 11);
            let checked = check(more, &Partial(stored, unreadable), &Choices::default());
            checked.map(|Fitting { stored, .. }| stored.types["x"].len())
        };
        assert!(matches!(fits(|_| None), Err(Refused::Schema(_))));
        let lost = |seq| (seq <= 10).then_some(LogError::Lost { first: 1, last: 10 });
        assert_eq!(fits(lost).unwrap(), 1, "no record is left of what cannot be read");
        let restorable = |seq| (seq <= 10).then(|| damaged(1, 10));
        assert!(matches!(fits(restorable), Err(Refused::Schema(_))));
        let its_last = |seq| match seq {
            1..10 => Some(LogError::Lost { first: 1, last: 9 }),
            10..13 => Some(damaged(10, 12)),
            _ => None,
        };
        assert!(matches!(fits(its_last), Err(Refused::Schema(_))));
        let others = |seq| match seq {
            1..11 => Some(LogError::Lost { first: 1, last: 10 }),
            _ => Some(damaged(11, 20)),
        };
        assert_eq!(fits(others).unwrap(), 1, "it is another's that is damaged");
    }

    #[test]
    fn records_are_outdated_up_to_the_last_that_lack_something() {
        let make = |make: fn(&mut SchemaGenerator) -> Schema, version| {
            Box::leak(Box::new([EventType::new("x").with_schema(make).with_version(version)]))
        };
        let (less, more) = (make(Less::json_schema, 1), make(More::json_schema, 1));
        let outdated = |types: &[&'static [EventType; 1]]| {
            let mut stored = Stored::default();
            for (since, types) in (0..).zip(types) {
                stored.note(Today::all(*types), 10 * since + 1);
            }
            Fitting { before: None, stored }.outdated().get("x").copied()
        };
        assert_eq!(outdated(&[less]), None);
        assert_eq!(outdated(&[more, less]), None, "clients pass over what is more");
        assert_eq!(outdated(&[less, more]), Some(11));
        assert_eq!(outdated(&[less, more, less, more]), Some(31));
        assert_eq!(outdated(&[less, more, make(More::json_schema, 2)]), None, "by its version");
        assert_eq!(outdated(&[make(Less::json_schema, 2), more]), None);
        let unknown: &[EventType; 1] = Box::leak(Box::new([EventType::new("x")]));
        assert_eq!(outdated(&[unknown, more]), Some(11), "who knows what it lacks");
        assert_eq!(outdated(&[more, unknown]), Some(11));
        assert_eq!(outdated(&[unknown, unknown]), None, "nothing has changed");
    }
}
