//! Types with parameters are events for all arguments that make them so.
#![deny(missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sse_framework::{EventType, RawEvent, SseEvent};

#[track_caller]
fn stands_as<E: SseEvent + PartialEq + fmt::Debug>(
    event: &E,
    name: &'static str,
    json: &str,
    topic: Option<&str>,
) {
    let mut data = Vec::new();
    event.encode(&mut data).unwrap();
    assert_eq!(String::from_utf8_lossy(&data), json);
    assert_eq!(event.event_type().name(), name);
    assert!(E::TYPES.contains(event.event_type()));
    assert_eq!(event.topic().unwrap().map(|topic| topic.to_string()).as_deref(), topic);
    let raw = RawEvent::new(name, 1, &data);
    assert_eq!(E::decode(raw).unwrap(), *event);
}

fn names<E: SseEvent>() -> Vec<&'static str> {
    E::TYPES.iter().map(EventType::name).collect()
}

/// A field has another value.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "changes/{field}/{to}")]
struct Changed<T> {
    field: String,
    to: T,
}

/// The topic does not speak of the parameter, so that it need not be text.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "samples/{0}")]
struct Samples<T: Clone, const N: usize = 1>(u8, Vec<T>, PhantomData<[(); N]>)
where
    T: PartialEq;

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Window<const N: usize>;

#[test]
fn a_struct_takes_types_and_constants() {
    let changed = Changed { field: "a".to_owned(), to: 7_u8 };
    stands_as(&changed, "changed", r#"{"field":"a","to":7}"#, Some("changes/a/7"));
    let changed = Changed { field: "a".to_owned(), to: "b/c".to_owned() };
    stands_as(&changed, "changed", r#"{"field":"a","to":"b/c"}"#, Some("changes/a/b%2Fc"));
    let samples = Samples::<_, 2>(1, vec![vec![2]], PhantomData);
    stands_as(&samples, "samples", "[1,[[2]],null]", Some("samples/1"));
    stands_as(&Window::<3>, "window", "null", None);
}

/// What serde's own bounds do not say is said by serde's attribute, and holds here, too.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(bound = "S: Source")]
struct Read<S: Source> {
    value: S::Value,
    #[serde(skip)]
    from: PhantomData<S>,
}

trait Source {
    type Value: fmt::Debug + PartialEq + Send + Serialize + DeserializeOwned + JsonSchema + 'static;
}

#[derive(Debug, PartialEq, JsonSchema)]
struct Sensor;

impl Source for Sensor {
    type Value = i32;
}

#[test]
fn bounds_are_those_of_serde() {
    let read = Read::<Sensor> { value: -1, from: PhantomData };
    stands_as(&read, "read", r#"{"value":-1}"#, None);
}

/// A set with events of its own and others.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Table<Row, const COLUMNS: usize> {
    /// Carries an event that depends on the parameter.
    Changed(Changed<Row>),
    /// Carries one that does not.
    Window(Window<9>),
    #[sse(topic = "rows/{key}")]
    Added {
        key: u32,
        row: Row,
    },
    #[sse(json)]
    Rows(Vec<Row>),
    Cleared,
}

#[test]
fn a_set_takes_types_and_constants() {
    type Texts = Table<String, 2>;
    assert_eq!(names::<Texts>(), ["added", "rows", "cleared", "changed", "window"]);
    let row = || "r".to_owned();
    let added = Texts::Added { key: 1, row: row() };
    stands_as(&added, "added", r#"{"key":1,"row":"r"}"#, Some("rows/1"));
    stands_as(&Texts::Rows(vec![row()]), "rows", r#"["r"]"#, None);
    stands_as(&Texts::Cleared, "cleared", "null", None);
    let changed = Texts::from(Changed { field: "a".to_owned(), to: row() });
    stands_as(&changed, "changed", r#"{"field":"a","to":"r"}"#, Some("changes/a/r"));
    stands_as(&Texts::from(Window), "window", "null", None);
}

/// Any event, and those of this crate. Only one of the two can have `From`, since the first could
/// be the second.
#[derive(Debug, PartialEq, SseEvent)]
enum WithSystem<E> {
    App(E),
    #[sse(no_from)]
    System(System),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum System {
    Started,
    Stopped,
}

/// The events of an app, of which serde and schemars know nothing, and one beside them.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum WithNote<E> {
    #[serde(skip)]
    App(E),
    #[sse(json)]
    Note(String),
}

#[test]
fn serde_need_not_know_an_argument_that_is_passed_on() {
    type Events = WithNote<WithSystem<Window<1>>>;
    assert_eq!(names::<Events>(), ["note", "window", "started", "stopped"]);
    stands_as(&Events::Note("a".to_owned()), "note", "\"a\"", None);
    stands_as(&Events::from(WithSystem::App(Window)), "window", "null", None);
}

/// Neither has `From`.
#[derive(Debug, PartialEq, SseEvent)]
enum Either<A, B> {
    A(A),
    B(B),
    Samples(Samples<u8>),
}

impl From<System> for Either<Table<u8, 1>, System> {
    fn from(system: System) -> Self {
        Either::B(system)
    }
}

#[test]
fn a_set_takes_sets() {
    type Events = WithSystem<Table<u8, 1>>;
    assert_eq!(
        names::<Events>(),
        ["added", "rows", "cleared", "changed", "window", "started", "stopped"]
    );
    stands_as(&Events::from(Table::Cleared), "cleared", "null", None);
    stands_as(&Events::System(System::Stopped), "stopped", "null", None);
    let either = Either::<Table<u8, 1>, System>::from(System::Started);
    stands_as(&either, "started", "null", None);
}

/// A payload may speak of the set.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Tree {
    Leaf { size: u8 },
    Branch(Box<Branch<Self>>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Branch<T> {
    children: Vec<T>,
}

#[test]
fn a_payload_may_carry_values_of_its_set() {
    assert_eq!(names::<Tree>(), ["leaf", "branch"]);
    let tree = Tree::from(Box::new(Branch { children: vec![Tree::Leaf { size: 1 }] }));
    stands_as(&tree, "branch", r#"{"children":[{"Leaf":{"size":1}}]}"#, None);
}

/// The derive asks nothing of a type's arguments that the type itself does not need.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Marked<T> {
    id: u8,
    #[serde(skip)]
    mark: PhantomData<fn() -> T>,
}

#[test]
fn an_argument_that_is_not_written_may_be_anything() {
    let marked = Marked::<Rc<Sensor>> { id: 1, mark: PhantomData };
    stands_as(&marked, "marked", r#"{"id":1}"#, None);
}

/// A box is as good as what is in it, where nothing else could be that.
#[derive(Debug, PartialEq, SseEvent)]
enum Boxes<E> {
    App(Box<E>),
    #[sse(no_from)]
    Window(Box<Window<2>>),
}

impl From<Window<2>> for Boxes<System> {
    fn from(window: Window<2>) -> Self {
        Boxes::Window(Box::new(window))
    }
}

/// What is in the box could be a `System`, so that there is no `From` of it.
#[derive(Debug, PartialEq, SseEvent)]
enum BoxAndSystem<E> {
    App(Box<E>),
    System(System),
}

/// Neither box is any box.
#[derive(Debug, PartialEq, SseEvent)]
enum TwoBoxes<E> {
    Changed(Box<Changed<E>>),
    System(Box<System>),
}

#[test]
fn a_set_is_made_of_what_is_in_a_box() {
    let changed = || Changed { field: "a".to_owned(), to: 1 };
    let json = r#"{"field":"a","to":1}"#;
    stands_as(&Boxes::from(System::Started), "started", "null", None);
    stands_as(&Boxes::<System>::from(Box::new(System::Started)), "started", "null", None);
    stands_as(&Boxes::<System>::from(Window), "window", "null", None);
    let boxed = BoxAndSystem::from(Box::new(changed()));
    stands_as(&boxed, "changed", json, Some("changes/a/1"));
    stands_as(&BoxAndSystem::<Changed<u8>>::from(System::Stopped), "stopped", "null", None);
    stands_as(&TwoBoxes::from(changed()), "changed", json, Some("changes/a/1"));
    stands_as(&TwoBoxes::from(Box::new(changed())), "changed", json, Some("changes/a/1"));
    stands_as(&TwoBoxes::<u8>::from(System::Stopped), "stopped", "null", None);
}

trait App: Send + 'static {
    type Event: SseEvent;
}

#[derive(Debug, PartialEq)]
struct Shop;

impl App for Shop {
    type Event = Changed<u8>;
}

/// A payload that a trait gives has no `From`, since it could be the set itself.
#[derive(Debug, PartialEq, SseEvent)]
enum OfApp<A: App> {
    App(A::Event),
    Again(<Other<A> as App>::Event),
    System(System),
}

#[derive(Debug, PartialEq)]
struct Other<A>(PhantomData<A>);

impl<A: App> App for Other<A> {
    type Event = Window<1>;
}

/// The first box could be the second, but what is in the second is in no doubt.
#[derive(Debug, PartialEq, SseEvent)]
enum OfAppInBoxes<A: App> {
    App(Box<A::Event>),
    System(Box<System>),
}

#[test]
fn a_payload_may_be_what_a_trait_gives() {
    assert_eq!(names::<OfApp<Shop>>(), ["changed", "window", "started", "stopped"]);
    let changed = OfApp::<Shop>::App(Changed { field: "a".to_owned(), to: 1 });
    stands_as(&changed, "changed", r#"{"field":"a","to":1}"#, Some("changes/a/1"));
    stands_as(&OfApp::<Shop>::from(System::Started), "started", "null", None);
    stands_as(&OfAppInBoxes::<Shop>::from(System::Started), "started", "null", None);
}

macro_rules! set {
    ($name:ident<$parameter:ident>, $first:ty, $second:ty) => {
        #[derive(Debug, PartialEq, SseEvent)]
        enum $name<$parameter> {
            First($first),
            Second($second),
            #[sse(no_from)]
            System(System),
        }
    };
}

set!(Given<T>, Changed<T>, Samples<u8>);

#[test]
fn a_payload_may_be_given_to_a_macro() {
    let changed = Given::from(Changed { field: "a".to_owned(), to: 1 });
    stands_as(&changed, "changed", r#"{"field":"a","to":1}"#, Some("changes/a/1"));
}

/// Before there were units.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "reading")]
struct ReadingV1<T> {
    value: T,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(version = 2, upcast = Self::from_v1)]
struct Reading<T>
where
    ReadingV1<T>: SseEvent,
{
    value: T,
    unit: String,
}

impl<T> Reading<T>
where
    ReadingV1<T>: SseEvent,
{
    fn from_v1(old: ReadingV1<T>) -> Self {
        Reading { value: old.value, unit: "m".to_owned() }
    }
}

/// The same as a variant of a set.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Readings<T>
where
    ReadingV1<T>: SseEvent,
{
    #[sse(version = 2, upcast = Self::from_v1)]
    Reading {
        value: T,
        unit: String,
    },
    Stopped,
}

impl<T> Readings<T>
where
    ReadingV1<T>: SseEvent,
{
    #[expect(clippy::unnecessary_wraps, reason = "an upcast may be one that can fail")]
    fn from_v1(old: ReadingV1<T>) -> Result<Self, fmt::Error> {
        Ok(Readings::Reading { value: old.value, unit: "m".to_owned() })
    }
}

#[test]
fn versions_and_schemas_depend_on_arguments() {
    let old = RawEvent::new("reading", 1, b"{\"value\":7}");
    let unit = "m".to_owned();
    assert_eq!(Reading::<u8>::decode(old).unwrap(), Reading { value: 7, unit: unit.clone() });
    assert_eq!(Readings::<u8>::decode(old).unwrap(), Readings::Reading { value: 7, unit });
    let kind = |types: &[EventType]| {
        types[0].schema().unwrap().pointer("/properties/value/type").cloned().unwrap()
    };
    assert_eq!(kind(Reading::<u8>::TYPES), "integer");
    assert_eq!(kind(Reading::<String>::TYPES), "string");
    assert_eq!(kind(Readings::<u8>::TYPES), "integer");
    assert_eq!(kind(Readings::<String>::TYPES), "string");
    let previous = Readings::<String>::TYPES[0].previous().unwrap();
    assert_eq!((previous.version(), kind(std::slice::from_ref(previous))), (1, "string".into()));
}
