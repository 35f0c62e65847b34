//! What would not work, said before rustc says it less clearly.

mod name;
mod serde;
mod set;

use quote::ToTokens;
use syn::{Data, Field, Type, TypeReference};

use crate::ast::{Event, Input, Shape, bare};
use crate::attr::{Attrs, Text, is_not_read};
use crate::ctxt::Ctxt;
use crate::topic::resolve;

pub(crate) fn check(ctxt: &Ctxt, input: &Input<'_>) {
    lifetimes(ctxt, input);
    fields(ctxt, input);
    match &input.data {
        Shape::Event(event) => one(ctxt, input, event),
        Shape::Set(variants) => set::set(ctxt, input, variants),
        Shape::Unsupported => {}
    }
}

/// Why there can be no lifetimes.
const NO_BORROW: &str = "an event cannot borrow, since it is read back from the log when what it \
                         borrowed from is gone: own the data, as in `String` for `&str`";

fn lifetimes(ctxt: &Ctxt, input: &Input<'_>) {
    for param in input.original.generics.lifetimes() {
        ctxt.error(param, NO_BORROW);
    }
}

fn fields(ctxt: &Ctxt, input: &Input<'_>) {
    let fields: Vec<&Field> = match &input.original.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    for field in fields {
        for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("sse")) {
            let message = "`#[sse(...)]` belongs on a type or a variant: for a field's JSON use \
                           `#[serde(...)]`";
            ctxt.error(attr, message);
        }
        if borrows(input, field) {
            ctxt.error(&field.ty, NO_BORROW);
        }
    }
}

/// Whether the field is a `&'static` that nothing can be read into. Of other lifetimes the type's
/// parameters are told already.
fn borrows(input: &Input<'_>, field: &Field) -> bool {
    let Type::Reference(TypeReference { lifetime: Some(lifetime), elem, .. }) = bare(&field.ty)
    else {
        return false;
    };
    // Into text and bytes serde's derive borrows whatever else it is told.
    let another_way = !is_text_or_bytes(elem)
        && [&input.original.attrs, &field.attrs].iter().any(|a| serde::is_read_another_way(a));
    lifetime.ident == "static" && !is_not_read(&field.attrs) && !another_way
}

fn is_text_or_bytes(ty: &Type) -> bool {
    matches!(ty, Type::Slice(_)) || matches!(ty, Type::Path(path) if path.path.is_ident("str"))
}

fn one(ctxt: &Ctxt, input: &Input<'_>, event: &Event<'_>) {
    let Attrs { name, rename_all, json, no_from, .. } = &input.attrs;
    if let (Some(_), Some(rename_all)) = (name, rename_all) {
        let message = "`rename_all` has no effect beside `name`: remove one";
        ctxt.error(&rename_all.word, message);
    }
    for flag in [json, no_from].into_iter().flatten() {
        let word = flag.to_token_stream();
        let message = format!("`{word}` belongs on a newtype variant of an enum: remove it");
        ctxt.error(flag, message);
    }
    name::name(ctxt, &event.name);
    upcast(ctxt, &input.attrs);
    topic(ctxt, event);
}

fn upcast(ctxt: &Ctxt, attrs: &Attrs) {
    let first = attrs.version.as_ref().is_none_or(|version| version.value == 1);
    if let Some(upcast) = attrs.upcast.as_ref().filter(|_| first) {
        let message = "there is no version before version 1: say which version this is, as in \
                       `version = 2`";
        ctxt.error(&upcast.word, message);
    }
}

fn topic(ctxt: &Ctxt, event: &Event<'_>) {
    for placeholder in event.topic.iter().flat_map(|topic| topic.values()) {
        if let Err(message) = resolve(placeholder, &event.fields) {
            ctxt.push(syn::Error::new(placeholder.span, message));
        }
    }
}

fn words<'a>(texts: impl IntoIterator<Item = &'a Option<Text>>) -> Vec<&'a syn::Path> {
    texts.into_iter().flatten().map(|text| &text.word).collect()
}
