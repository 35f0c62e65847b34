//! Values for every shape.

use crate::shapes::{
    All, Data, Dressed, Generic, Kind, Middle, Named, Newtype, Own, Place, Referring, Through,
    Transparent, Tuple, Unit,
};
use proptest::collection::{btree_map, hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use sse_framework::{Epoch, EventId, Topic};

pub(crate) fn all() -> BoxedStrategy<All> {
    prop_oneof![
        named().prop_map(|named| All::Named(Box::new(named))),
        text().prop_map(|text| All::Newtype(Newtype(text))),
        (any::<u8>(), option::of(text())).prop_map(|(a, b)| All::Tuple(Tuple(a, b))),
        Just(All::Unit(Unit)),
        dressed().prop_map(All::Dressed),
        vec(any::<char>(), 0..5).prop_map(|chars| All::Through(Through(chars))),
        vec(any::<u8>(), 0..5).prop_map(|only| All::Transparent(Transparent { only })),
        referring().prop_map(All::Referring),
        middle().prop_map(All::Middle),
    ]
    .boxed()
}

/// Any text, often with what is special in JSON and in event streams.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[\r\n\0:\"\\\\ {}\u{feff}\u{2028}a]{0,8}"]
}

fn named() -> impl Strategy<Value = Named> {
    let part = any::<i32>().prop_map(|eighths| f64::from(eighths) / 8.0);
    let nested = option::of(data().prop_map(Box::new));
    (any::<u64>(), text(), any::<i64>(), part, any::<Option<bool>>(), nested).prop_map(
        |(id, text, number, part, maybe, nested)| Named { id, text, number, part, maybe, nested },
    )
}

fn data() -> impl Strategy<Value = Data> {
    let list = vec(any::<(u8, char)>(), 0..3);
    let map = btree_map(text(), option::of(text()), 0..3);
    (list, map, kind()).prop_map(|(list, map, kind)| Data { list, map, kind })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        any::<u8>().prop_map(Kind::Of),
        text().prop_map(|text| Kind::With { text }),
    ]
}

fn dressed() -> impl Strategy<Value = Dressed> {
    (text(), any::<Option<u8>>(), any::<u32>()).prop_map(|(new_name, left_out, code)| Dressed {
        new_name,
        left_out,
        code,
        cache: (),
    })
}

fn id() -> impl Strategy<Value = EventId> {
    let seq = prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 1..100_u64];
    (any::<u64>(), seq).prop_map(|(token, seq)| EventId::new(Epoch::from_token(token), seq))
}

/// Topics of any characters, and some that are as long as can be.
fn topic() -> impl Strategy<Value = Topic> {
    let segments = vec(text(), 1..4)
        .prop_filter_map("no topic", |segments| Topic::from_segments(segments).ok());
    prop_oneof![segments, "a{255}".prop_map(|text| text.parse().unwrap())]
}

fn referring() -> impl Strategy<Value = Referring> {
    let topics = btree_map(topic(), vec(topic(), 0..2), 0..3);
    let by_id = hash_map(id(), any::<u8>(), 0..3);
    let place = prop_oneof![
        id().prop_map(|at| Place::At { at }),
        topic().prop_map(|below| Place::Below { below }),
    ];
    // Its own topic has some characters more.
    let short = "[a-z%]{1,3}(/[a-z]{1,3}){0,2}".prop_map(|text| text.parse().unwrap());
    (id(), option::of(id()), short, topics, by_id, place).prop_map(
        |(id, before, topic, topics, by_id, place)| Referring {
            id,
            before,
            topic,
            topics,
            by_id,
            place,
        },
    )
}

fn middle() -> impl Strategy<Value = Middle<String>> {
    let generic = (text(), vec(text(), 0..3));
    prop_oneof![
        6 => own().prop_map(Middle::Own),
        1 => generic.prop_map(|(first, more)| Middle::Generic(Generic { first, more })),
        1 => text().prop_map(|value| Middle::Between { value }),
    ]
}

fn own() -> impl Strategy<Value = Own> {
    let rest = btree_map("[a-z]{1,4}", text(), 0..3);
    prop_oneof![
        Just(Own::UnitVariant),
        kind().prop_map(Own::Json),
        option::of(text()).prop_map(Own::Maybe),
        (any::<u8>(), kind()).prop_map(|(number, kind)| Own::TupleVariant(number, kind)),
        Just(Own::EmptyTuple()),
        Just(Own::EmptyStruct {}),
        (any::<u8>(), text(), vec(any::<u8>(), 0..3), any::<u32>()).prop_map(
            |(the_id, new_name, left_out, code)| Own::StructVariant {
                the_id,
                new_name,
                left_out,
                code,
            }
        ),
        (any::<u8>(), rest).prop_map(|(first, rest)| Own::Flat { first, rest }),
    ]
}
