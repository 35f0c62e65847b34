//! Records of earlier versions.

use super::{DecodeError, EventType, RawEvent, SseEvent};
use crate::unwind::{Panic, caught};
use std::error::Error;

type BoxError = Box<dyn Error + Send + Sync>;

/// What an `upcast` gives: the event, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "this `upcast` does not give `{New}`",
    label = "it must return `{New}`, or a `Result` of it whose error is one that `?` can box",
    note = "an `upcast` takes the type of the version before: \
            `fn from_v1(old: OrderPlacedV1) -> OrderPlaced`"
)]
pub trait Upcasted<New> {
    /// The event, or why there is none.
    ///
    /// # Errors
    ///
    /// Those of the app's own function.
    fn into_result(self) -> Result<New, BoxError>;
}

#[diagnostic::do_not_recommend]
impl<New> Upcasted<New> for New {
    fn into_result(self) -> Result<New, BoxError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<New, E: Into<BoxError>> Upcasted<New> for Result<New, E> {
    fn into_result(self) -> Result<New, BoxError> {
        self.map_err(Into::into)
    }
}

/// Whether the record is of the version that the type has.
pub(super) fn check_version(event: RawEvent<'_>, known: u32) -> Result<(), DecodeError> {
    match event.version == known {
        true => Ok(()),
        false => {
            let (name, found) = (event.name.to_owned(), event.version);
            Err(DecodeError::Version { name, found, known })
        }
    }
}

/// Reads a record of an earlier version than `known`, by way of the version before.
///
/// # Errors
///
/// [`DecodeError`]: the old type's, or [`DecodeError::Upcast`].
pub fn upcast<Old: SseEvent, R: Upcasted<New>, New>(
    event: RawEvent<'_>,
    known: u32,
    upcast: fn(Old) -> R,
) -> Result<New, DecodeError> {
    let old = Old::decode(event)?;
    // A record that an app's code cannot bear must not end what reads it.
    let made = caught(|| upcast(old).into_result());
    let panicked = |panic: Panic| Err(format!("it panicked: {}", panic.message()).into());
    made.unwrap_or_else(panicked).map_err(|source| {
        let (name, found) = (event.name.to_owned(), known.saturating_sub(1));
        DecodeError::Upcast { name, found, known, source }
    })
}

/// The type that an `upcast` to this version takes.
#[must_use]
#[track_caller]
#[allow(clippy::panic, reason = "evaluated by the compiler, where it is the error's text")]
pub const fn previous<Old: SseEvent, R>(
    _: fn(Old) -> R,
    name: &str,
    version: u32,
) -> &'static EventType {
    let Some(previous) = EventType::find(Old::TYPES, name) else {
        panic!(
            "what this `upcast` takes has another event type's name: give it that of the new version, \
             with `#[sse(name = \"...\")]`"
        );
    };
    if previous.version() + 1 != version {
        panic!(
            "what this `upcast` takes must be the version before: say which it is with \
             `#[sse(version = ...)]` on it"
        );
    }
    previous
}
