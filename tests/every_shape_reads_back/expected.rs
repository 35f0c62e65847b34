//! The name and the payload that an event must have. A payload that serde knows by itself is
//! serde's; that of a variant is put together here.

use crate::shapes::{All, Dressed, Generic, Middle, Own};
use serde::Serialize;
use serde_json::{Map, Value, json, to_value};

pub(crate) fn expected(event: &All) -> (&'static str, Value) {
    match event {
        All::Named(named) => ("named", plain(named)),
        All::Newtype(newtype) => ("newtype", json!(newtype.0)),
        All::Tuple(tuple) => ("a pair", json!([tuple.0, tuple.1])),
        All::Unit(_) => ("unit", Value::Null),
        All::Dressed(event) => ("dressed", dressed(event)),
        All::Through(through) => ("through", json!(through.0.iter().collect::<String>())),
        All::Transparent(transparent) => ("transparent", json!(transparent.only)),
        All::Referring(referring) => ("referring", plain(referring)),
        All::Middle(Middle::Own(event)) => own(event),
        All::Middle(Middle::Generic(Generic { first, more })) => {
            ("generic", json!({ "first": first, "more": more }))
        }
        All::Middle(Middle::Between { value }) => ("between", json!({ "value": value })),
    }
}

fn own(event: &Own) -> (&'static str, Value) {
    match event {
        Own::UnitVariant => ("unitVariant", Value::Null),
        Own::Json(kind) => ("json", plain(kind)),
        Own::Maybe(text) => ("maybe", json!(text)),
        Own::TupleVariant(number, kind) => ("tupleVariant", json!([number, kind])),
        Own::EmptyTuple() => ("emptyTuple", json!([])),
        Own::EmptyStruct {} => ("emptyStruct", json!({})),
        Own::StructVariant { the_id, new_name, left_out, code } => {
            let mut fields = fields(new_name, *code);
            fields.insert("theId".to_owned(), json!(the_id));
            if !left_out.is_empty() {
                fields.insert("leftOut".to_owned(), json!(left_out));
            }
            ("structVariant", fields.into())
        }
        Own::Flat { first, rest } => {
            let mut fields: Map<_, _> =
                rest.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
            fields.insert("FIRST".to_owned(), json!(first));
            ("flat", fields.into())
        }
    }
}

fn dressed(event: &Dressed) -> Value {
    let mut fields = fields(&event.new_name, event.code);
    fields.insert("type".to_owned(), json!("Dressed!"));
    if let Some(left_out) = event.left_out {
        fields.insert(String::new(), json!(left_out));
    }
    fields.into()
}

fn fields(new_name: &str, code: u32) -> Map<String, Value> {
    let fields = [("newName", json!(new_name)), ("code", json!(format!("{code:x}")))];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn plain(value: &impl Serialize) -> Value {
    to_value(value).unwrap()
}
