//! What is called compatible can be read: types of before and of today, compiled both, and values by chance.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "that is how a test fails"
)]

mod everywhere;
mod random_value;
mod zoo;

use jsonschema::Validator;
use random_value::Chance;
use schemars::generate::Contract;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_framework::{Breaks, EventType, RawEvent, SchemaChange, SseEvent};
use std::collections::HashMap;
use std::fmt::Debug;
use support::random::{Random, cases, seed};

/// What is written and read: the derive's own code.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(transparent)]
#[sse(name = "of-the-zoo")]
struct Carried<T>(T);

trait Kept: Chance + Serialize + DeserializeOwned + JsonSchema + Send + 'static {}
impl<T: Chance + Serialize + DeserializeOwned + JsonSchema + Send + 'static> Kept for T {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    Fits,
    Breaks,
}

pub(crate) struct Pair {
    name: &'static str,
    /// What it must be called.
    called: [Called; 2],
    changes: Vec<SchemaChange>,
    species: [Species; 2],
    /// What of so many values is not read, or not what clients expect.
    tried: Box<dyn Fn(&mut Random, u32) -> Tried>,
}

/// One type, whichever it is.
#[derive(Clone, Copy)]
struct Species {
    event_type: &'static EventType,
    random: fn(&mut Random) -> Option<Vec<u8>>,
    reads: fn(&[u8]) -> bool,
}

impl Species {
    fn of<T: Kept>() -> Self {
        Species {
            event_type: &Carried::<T>::TYPES[0],
            random: |random| encoded(&Carried(T::chance(random))),
            reads: |data| decoded::<T>(data).is_ok(),
        }
    }

    /// The schemas by which it writes and reads.
    fn said(&self) -> [Option<Schema>; 2] {
        [Contract::Serialize, Contract::Deserialize].map(|it| self.event_type.schema_of(it))
    }
}

/// How many values there were, and of the others how many went wrong.
#[derive(Default)]
struct Tried {
    values: u32,
    unread: u32,
    unexpected: u32,
    example: Option<String>,
}

pub(crate) fn pair<Old: Kept, New: Kept>(
    name: &'static str,
    records: Called,
    clients: Called,
) -> Pair {
    let [before, today] = [&Carried::<Old>::TYPES[0], &Carried::<New>::TYPES[0]];
    let changes = today.changes_since(before);
    let tried = move |random: &mut Random, count| {
        let of = |schema: Option<Schema>| of_clients(schema.unwrap().to_value());
        let written = of(before.schema());
        let mut tried = Tried::default();
        for _ in 0..count {
            let old = encoded(&Carried(Old::chance(random)));
            // What even its own type cannot read says nothing of the change.
            if let Some(data) = old.filter(|data| decoded::<Old>(data).is_ok()) {
                tried.values += 1;
                let value: Value = serde_json::from_slice(&data).unwrap();
                assert!(written.is_valid(&value), "{name}: {value} is not as its schema says");
                if let Err(error) = decoded::<New>(&data) {
                    tried.unread += 1;
                    tried.example.get_or_insert(format!("{value}: {error:?}"));
                }
            }
            let new = encoded(&Carried(New::chance(random)));
            // A rest that has a field's name is written twice, and no type reads that.
            if let Some(data) = new.filter(|data| decoded::<New>(data).is_ok()) {
                let value: Value = serde_json::from_slice(&data).unwrap();
                tried.unexpected += u32::from(!written.is_valid(&value));
            }
        }
        tried
    };
    let species = [Species::of::<Old>(), Species::of::<New>()];
    Pair { name, called: [records, clients], changes, species, tried: Box::new(tried) }
}

/// None if it cannot be written, as what is no object within another.
fn encoded<E: SseEvent>(event: &E) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    event.encode(&mut data).ok().map(|()| data)
}

fn decoded<T: Kept>(data: &[u8]) -> Result<Carried<T>, sse_framework::DecodeError> {
    Carried::<T>::decode(RawEvent::new("of-the-zoo", 1, data))
}

/// The schema as a client looks at it, which takes no harm from more fields.
fn of_clients(mut schema: Value) -> Validator {
    fn open(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                fields.retain(|word, value| {
                    !(word.ends_with("Properties") && *value == Value::Bool(false))
                });
                fields.values_mut().for_each(open);
            }
            Value::Array(items) => items.iter_mut().for_each(open),
            _ => {}
        }
    }
    open(&mut schema);
    jsonschema::draft202012::new(&schema).unwrap()
}

impl Pair {
    fn is_called(&self, breaks: Breaks) -> Called {
        match self.changes.iter().any(|change| change.breaks == breaks) {
            true => Called::Breaks,
            false => Called::Fits,
        }
    }
}

#[test]
fn every_change_is_called_what_the_table_says() {
    let zoo = zoo::zoo();
    assert!(zoo.len() >= 60, "{}", zoo.len());
    let mut wrong = Vec::new();
    for pair in &zoo {
        let found = [pair.is_called(Breaks::Records), pair.is_called(Breaks::Clients)];
        if found != pair.called {
            wrong.push(format!("{}: {found:?}, {:#?}", pair.name, pair.changes));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_change_is_wrongly_called_compatible() {
    let (zoo, mut random) = (zoo::zoo(), Random::new(seed()));
    let each = cases(100_000).div_ceil(zoo.len() as u32);
    let (mut values, mut wrong, mut careful) = (0, Vec::new(), Vec::new());
    for pair in &zoo {
        let tried = (pair.tried)(&mut random, each);
        values += tried.values;
        let found = [(Breaks::Records, tried.unread), (Breaks::Clients, tried.unexpected)];
        for (what, failed) in found {
            match (pair.is_called(what), failed) {
                (Called::Fits, 1..) => {
                    wrong.push(format!("{}: {what:?} {failed} {:?}", pair.name, tried.example));
                }
                (Called::Breaks, 0) => careful.push(format!("{} ({what:?})", pair.name)),
                _ => {}
            }
        }
    }
    println!(
        "{} pairs, {values} values: {} wrongly called compatible; called breaking where no value showed it: \
         {} of {} verdicts: {}",
        zoo.len(),
        wrong.len(),
        careful.len(),
        2 * zoo.len(),
        careful.join(", ")
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What types of before write, read by types of today: `pairs` are their places in `all`.
fn no_pair_is_wrong<N: Debug>(
    all: &[(N, Species)],
    pairs: impl Iterator<Item = (usize, usize)>,
    random: &mut Random,
) {
    let written = |(_, species): &(N, Species)| {
        let written = (0..20).filter_map(|_| (species.random)(random));
        written.filter(|data| (species.reads)(data)).collect::<Vec<_>>()
    };
    let written: Vec<_> = all.iter().map(written).collect();
    // Types that look the same are compared once.
    let said: Vec<_> = all.iter().map(|(_, species)| species.said()).collect();
    let look = |at: usize| said.iter().position(|other| *other == said[at]);
    let looks: Vec<_> = (0..all.len()).map(look).collect();
    let expected = |species: &Species| of_clients(species.event_type.schema().unwrap().to_value());
    let expected: Vec<_> = all.iter().map(|(_, species)| expected(species)).collect();
    let is_expected = |at: usize, data: &[u8]| {
        let value: Value = serde_json::from_slice(data).unwrap();
        expected[at].is_valid(&value)
    };
    let mut verdicts = HashMap::new();
    let (mut tried, mut compatible, mut values, mut wrong) = (0, 0, 0, Vec::new());
    for (before, today) in pairs {
        tried += 1;
        let [(old_name, old), (new_name, new)] = [&all[before], &all[today]];
        let [is_read, is_fine] =
            *verdicts.entry([looks[before], looks[today]]).or_insert_with(|| {
                let changes = new.event_type.changes_since(old.event_type);
                let fits = |breaks| changes.iter().all(|change| change.breaks != breaks);
                [fits(Breaks::Records), fits(Breaks::Clients)]
            });
        if is_read {
            compatible += 1;
            values += written[before].len();
            let unread = written[before].iter().find(|data| !(new.reads)(data));
            wrong.extend(unread.map(|data| {
                format!("{old_name:?} read as {new_name:?}: {}", String::from_utf8_lossy(data))
            }));
        }
        if is_fine {
            // What is not as even its own type says, says nothing of the change.
            let mut shown = written[today].iter().filter(|data| is_expected(today, data));
            let unexpected = shown.find(|data| !is_expected(before, data));
            wrong.extend(unexpected.map(|data| {
                format!("{new_name:?} shown as {old_name:?}: {}", String::from_utf8_lossy(data))
            }));
        }
    }
    println!(
        "{} types, {tried} pairs, {compatible} of them called compatible, {values} values read",
        all.len()
    );
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
}

/// Every type of the zoo against every other, however little they have to do with each other.
#[test]
fn no_two_types_are_wrongly_called_compatible() {
    let zoo = zoo::zoo();
    let species = zoo.iter().flat_map(|pair| pair.species.map(|species| (pair.name, species)));
    let all: Vec<_> = species.collect();
    let pairs = (0..all.len()).flat_map(|before| (0..all.len()).map(move |today| (before, today)));
    // A schema does not tell of aliases, so not that a record may have both names.
    let pairs = pairs.filter(|(_, today)| all[*today].0 != "a_field_with_alias");
    no_pair_is_wrong(&all, pairs, &mut Random::new(seed()));
}

/// Types of one kind in two places, and of two kinds in one.
#[test]
fn no_type_is_wrongly_called_compatible_wherever_it_stands() {
    let (mut all, mut random) = (everywhere::everywhere(), Random::new(seed()));
    // What cannot be written there, or not be read again, makes no sense.
    all.retain(|(_, species)| {
        let mut values = (0..30).map(|_| (species.random)(&mut random));
        values.all(|data| data.is_some_and(|data| (species.reads)(&data)))
    });
    let said: Vec<_> = all.iter().map(|(_, species)| species.said()).collect();
    let related = |(before, today): &(usize, usize)| {
        let [[place, kind], [other_place, other_kind]] = [all[*before].0, all[*today].0];
        // Of what looks the same, nothing can be told.
        (place == other_place || kind == other_kind) && said[*before] != said[*today]
    };
    let (mut other, most) = (Random::new(random.bits()), all.len());
    let any = std::iter::repeat_with(|| (other.below(most), other.below(most)));
    let pairs = any.filter(related).take(cases(10_000) as usize);
    no_pair_is_wrong(&all, pairs, &mut random);
}
