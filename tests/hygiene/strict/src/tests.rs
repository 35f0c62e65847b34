//! Derived code does in such a crate what it does elsewhere.
#![allow(clippy::unwrap_used, deprecated, reason = "that is how a test fails")]

use ::core::option::Option::{self, None, Some};
use ::core::primitive::{str, u8};
use ::std::string::{String, ToString as _};
use ::std::vec::Vec;
use ::std::{assert_eq, vec};

use ::sse_framework::{EventType, SseEvent};

use super::*;

fn topic<E: SseEvent>(event: &E) -> Option<String> {
    Some(event.topic().unwrap()?.to_string())
}

fn data<E: SseEvent>(event: &E) -> Vec<u8> {
    let mut out = Vec::new();
    event.encode(&mut out).unwrap();
    out
}

fn names<E: SseEvent>() -> Vec<&'static str> {
    ::core::iter::Iterator::collect(::core::iter::Iterator::map(E::TYPES.iter(), EventType::name))
}

#[test]
fn shadowed_names_do_not_matter() {
    assert_eq!(names::<Set>(), vec!["own", "some", "none", "struct"]);
    assert_eq!(topic(&Set::Own { id: 1 }).as_deref(), Some("b/1"));
    let set: Set = ::core::convert::From::from(Struct { id: 2 });
    assert_eq!(data(&set), b"{\"id\":2}");
    assert_eq!(data(&Set::Some(3)), b"3");
    assert_eq!(data(&Set::None), b"null");
}

#[test]
fn colliding_names_do_not_matter() {
    let event = Colliding { __event: 1, __out: 2, __sse: 3, __sse_0: 4, __sse_4: 5, r#type: 6 };
    assert_eq!(topic(&event).as_deref(), Some("1/2/3/4/5/6"));
    let event = Event::Own { __sse_1: 1, __sse_0: 2, __payload: 3, __index: 4, self_: 5 };
    assert_eq!(topic(&event).as_deref(), Some("1/2/3/4/5"));
    assert_eq!(names::<Event>(), vec!["own", "kind", "--sse", "--sse-"]);
    assert_eq!(topic(&Generic { __out: 7 }).as_deref(), Some("7"));
}

#[test]
fn what_is_not_there_has_no_place() {
    assert_eq!(names::<Conditional>(), vec!["kept", "last"]);
    assert_eq!(topic(&Conditional::Here { id: 1 }).as_deref(), Some("kept/1"));
    let raw = ::sse_framework::RawEvent::new("last", 1, b"null");
    assert_eq!(Conditional::decode(raw).unwrap(), Conditional::Last);
}

#[test]
fn a_deprecation_is_known_and_does_not_warn() {
    let of = |name| EventType::deprecated(find(Deprecated::TYPES, name));
    assert_eq!(of("old"), Some("use `Conditional`"));
    assert_eq!(of("older"), Some(""));
    assert_eq!(Conditional::TYPES[0].deprecated(), None);
}

fn find(types: &'static [EventType], name: &str) -> &'static EventType {
    ::core::iter::Iterator::find(&mut types.iter(), |event_type| event_type.name() == name).unwrap()
}

#[test]
fn private_types_in_functions_work() {
    assert_eq!(local().unwrap(), b"{\"id\":7}");
}

#[test]
fn parameters_work_without_a_prelude() {
    assert_eq!(names::<Parameters<Struct, u8>>(), vec!["own", "struct"]);
}
