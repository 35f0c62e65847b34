//! What has changed, told so that it can be mended.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

/// The event types no longer fit the log: see [`OnSchemaChange`](crate::OnSchemaChange).
///
/// As text it is a report for people: event type by event type and path by path what has changed, what that
/// breaks, and what can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaError {
    /// All that has changed and breaks something.
    pub changes: Vec<SchemaChange>,
}

/// One change that breaks something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaChange {
    /// The event type's name.
    pub event_type: String,
    /// The version that it had in the log.
    pub version: u32,
    /// Where in the payload, as `items[].price`; empty if it is the payload, or the event type, as a whole.
    pub path: String,
    /// What has changed.
    pub what: String,
    /// What that breaks.
    pub breaks: Breaks,
}

/// What a change breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Breaks {
    /// Records that the log keeps can no longer be decoded.
    Records,
    /// Clients that were written for the schema before are shown something else.
    Clients,
    /// The event type is gone: its records are of no type that the set has.
    EventType,
}

impl Error for SchemaError {}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the event types no longer fit the log:")?;
        let mut by_type = BTreeMap::<_, Vec<_>>::new();
        for change in &self.changes {
            by_type.entry((&change.event_type, change.version)).or_default().push(change);
        }
        for ((name, version), changes) in by_type {
            writeln!(f, "`{name}`, version {version}:")?;
            changes.into_iter().try_for_each(|change| writeln!(f, "- {change}"))?;
        }
        let breaks = |what| self.changes.iter().any(|change| change.breaks == what);
        writeln!(f, "what can be done:")?;
        if breaks(Breaks::Records) {
            writeln!(
                f,
                "- a field that was not written before: `#[serde(default)]`, or an `Option`"
            )?;
        }
        if breaks(Breaks::Records) || breaks(Breaks::Clients) {
            writeln!(
                f,
                "- a new version, and a function that makes it of the one before: \
                 `#[sse(version = 2, upcast = from_v1)]`"
            )?;
            writeln!(f, "- another event type beside this one, until nobody needs this one")?;
        }
        if breaks(Breaks::EventType) {
            writeln!(
                f,
                "- an event type that is gone for good: `HubBuilder::retired_types`; one that has another \
                 name now: `#[sse(name = \"...\")]` with the old one"
            )?;
        }
        write!(f, "- all of it is meant: `HubBuilder::on_schema_change(OnSchemaChange::Accept)`")
    }
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`: ", self.path)?;
        }
        let breaks = match self.breaks {
            Breaks::Records => "old records can no longer be decoded",
            Breaks::Clients => "clients are shown what they do not expect",
            Breaks::EventType => "its records are skipped, and clients get no more of it",
        };
        write!(f, "{}; {breaks}", self.what)
    }
}
