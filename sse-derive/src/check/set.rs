//! The rules of a set and its variants.

use std::collections::HashMap;

use quote::ToTokens;
use syn::{Error, Path, Type};

use super::{name, serde, topic, upcast, words};
use crate::ast::{Event, Input, Role, Variant, newtype, without_boxes};
use crate::attr::Attrs;
use crate::ctxt::Ctxt;
use crate::topic::resolve;

pub(super) fn set(ctxt: &Ctxt, input: &Input<'_>, variants: &[Variant<'_>]) {
    if variants.is_empty() {
        let message = "an event set needs at least one event type: add a variant";
        ctxt.error(&input.original.ident, message);
    }
    let any_own = variants.iter().any(|variant| variant.own().is_some());
    let all_delegate = !any_own && !variants.is_empty();
    attributes(ctxt, &input.attrs, all_delegate);
    if any_own {
        serde::set(ctxt, input);
    }
    for this in variants {
        serde::variant(ctxt, this, any_own);
        variant(ctxt, input, this);
    }
    duplicates(ctxt, variants);
}

fn attributes(ctxt: &Ctxt, attrs: &Attrs, all_delegate: bool) {
    let Attrs { name, json, no_from, rename_all, topic, .. } = attrs;
    for word in words([name]).into_iter().chain(json).chain(no_from).chain(versions(attrs)) {
        let written = word.to_token_stream();
        let message = format!(
            "`{written}` belongs on a variant: an enum is a set of events, so remove it here"
        );
        ctxt.error(word, message);
    }
    for word in words([rename_all, topic]).into_iter().filter(|_| all_delegate) {
        let written = word.to_token_stream();
        let message = format!(
            "`{written}` has no effect here, since every variant brings its payload's: \
             write it on the payloads' types"
        );
        ctxt.error(word, message);
    }
}

/// The words that say which version an event type has.
fn versions(attrs: &Attrs) -> impl Iterator<Item = &Path> {
    let version = attrs.version.as_ref().map(|version| &version.word);
    version.into_iter().chain(attrs.upcast.as_ref().map(|upcast| &upcast.word))
}

fn variant(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>) {
    let Attrs { rename_all, krate, .. } = &variant.attrs;
    for word in words([rename_all]) {
        let message = "`rename_all` belongs on the enum: name this variant by `name = \"...\"`";
        ctxt.error(word, message);
    }
    for word in words([krate]) {
        ctxt.error(word, "`crate` belongs on the enum: it holds for all variants");
    }
    match &variant.role {
        Role::Delegate(payload) => delegate(ctxt, input, variant, payload),
        Role::Own(event) => own(ctxt, input, variant, event),
    }
}

fn delegate(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>, payload: &Type) {
    let Attrs { name, topic, .. } = &variant.attrs;
    for word in words([name, topic]).into_iter().chain(versions(&variant.attrs)) {
        let written = word.to_token_stream();
        let message = format!(
            "the payload brings its own {written}: write `{written}` on the payload's type; or, \
             if the payload is plain data, mark this variant `#[sse(json)]`"
        );
        ctxt.error(word, message);
    }
    if input.is(payload) {
        let message = "a set cannot pass on its own events, since they would be in it without \
                       end: carry another event; or, if this is plain data, mark the variant \
                       `#[sse(json)]`";
        ctxt.error(payload, message);
    }
}

fn own(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>, event: &Event<'_>) {
    let Attrs { json, no_from, .. } = &variant.attrs;
    if let (Some(json), None) = (json, newtype(&variant.original.fields)) {
        let message = "`json` is for a variant with one unnamed field, such as `Note(String)`: \
                       this variant is an event type anyway, so remove it";
        ctxt.error(json, message);
    }
    if let Some(no_from) = no_from {
        let message = "`no_from` has no effect: `From` comes only with a variant whose payload is \
                       an event, so remove it";
        ctxt.error(no_from, message);
    }
    name::name(ctxt, &event.name);
    upcast(ctxt, &variant.attrs);
    match (&variant.attrs.topic, &input.attrs.topic) {
        (None, Some(_)) => inherited_topic(ctxt, variant, event),
        _ => topic(ctxt, event),
    }
}

fn inherited_topic(ctxt: &Ctxt, variant: &Variant<'_>, event: &Event<'_>) {
    for placeholder in event.topic.iter().flat_map(|topic| topic.values()) {
        if let Err(message) = resolve(placeholder, &event.fields) {
            let message = format!(
                "the enum's topic does not fit this variant: {message}. Rename the field, or give \
                 the variant a `topic = \"...\"` of its own"
            );
            ctxt.error(&variant.original.ident, message);
        }
    }
}

fn duplicates(ctxt: &Ctxt, variants: &[Variant<'_>]) {
    let mut names = HashMap::new();
    let mut payloads = HashMap::new();
    for variant in variants {
        let this = &variant.original.ident;
        match &variant.role {
            Role::Own(Event { name, .. }) => {
                if let Some(first) = names.insert(name.value.clone(), this) {
                    let message = format!(
                        "`{}` is the event type of `{first}` already: give one of them another \
                         name with `#[sse(name = \"...\")]`",
                        name.value
                    );
                    ctxt.push(Error::new(name.span, message));
                }
            }
            Role::Delegate(payload) => {
                let written = without_boxes(payload).to_token_stream().to_string();
                if let Some(first) = payloads.insert(written, this) {
                    let message = format!(
                        "`{first}` carries the same events already: remove one, or give this \
                         variant a payload type of its own"
                    );
                    ctxt.error(payload, message);
                }
            }
        }
    }
}
