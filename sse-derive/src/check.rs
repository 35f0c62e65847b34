//! What would not work, said before rustc says it less clearly.

use std::collections::HashMap;

use quote::ToTokens;
use syn::{Data, Error, Field, Path};

use crate::ast::{Event, Input, Name, Role, Shape, Variant, newtype};
use crate::attr::{Attrs, serde_words};
use crate::ctxt::Ctxt;
use crate::topic::resolve;

/// The longest name that sse-framework takes, in bytes.
const MAX_NAME_LENGTH: usize = 64;

/// How serde's derive lays out an enum, or whether it writes it at all; by one of these, the
/// variant's content no longer stands alone under the variant's name.
const SET_WORDS: [&str; 10] = [
    "tag",
    "content",
    "untagged",
    "from",
    "try_from",
    "into",
    "remote",
    "transparent",
    "field_identifier",
    "variant_identifier",
];
const VARIANT_WORDS: [&str; 5] =
    ["untagged", "other", "with", "serialize_with", "deserialize_with"];
const SKIP_WORDS: [&str; 3] = ["skip", "skip_serializing", "skip_deserializing"];

pub(crate) fn check(ctxt: &Ctxt, input: &Input<'_>) {
    generics(ctxt, input);
    fields(ctxt, input);
    match &input.data {
        Shape::Event(event) => one(ctxt, input, event),
        Shape::Set(variants) => set(ctxt, input, variants),
        Shape::Unsupported => {}
    }
}

fn generics(ctxt: &Ctxt, input: &Input<'_>) {
    let generics = &input.original.generics;
    if !generics.params.is_empty() {
        let message = "generic events are not supported yet: write a type without parameters for \
                       each event";
        ctxt.error(&generics.params, message);
    } else if let Some(clause) = &generics.where_clause {
        ctxt.error(clause, "an event needs no `where` clause: remove it");
    }
}

fn fields(ctxt: &Ctxt, input: &Input<'_>) {
    let fields: Vec<&Field> = match &input.original.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    for attr in fields.iter().flat_map(|field| &field.attrs) {
        if attr.path().is_ident("sse") {
            let message = "`#[sse(...)]` belongs on a type or a variant: for a field's JSON use \
                           `#[serde(...)]`";
            ctxt.error(attr, message);
        }
    }
}

fn one(ctxt: &Ctxt, input: &Input<'_>, event: &Event) {
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
    check_name(ctxt, &event.name);
    topic_of(ctxt, event);
}

fn set(ctxt: &Ctxt, input: &Input<'_>, variants: &[Variant<'_>]) {
    let Attrs { name, json, no_from, .. } = &input.attrs;
    let flags = [name.as_ref().map(|name| &name.word), json.as_ref(), no_from.as_ref()];
    for word in flags.into_iter().flatten() {
        let written = word.to_token_stream();
        ctxt.error(
            word,
            format!(
                "`{written}` belongs on a variant: an enum is a set of events, so remove it here"
            ),
        );
    }
    if variants.is_empty() {
        let message = "an event set needs at least one event type: add a variant";
        ctxt.error(&input.original.ident, message);
    }
    let any_own = variants.iter().any(|variant| variant.own().is_some());
    let for_own = [&input.attrs.rename_all, &input.attrs.topic];
    for text in for_own.into_iter().flatten().filter(|_| !any_own && !variants.is_empty()) {
        let word = text.word.to_token_stream();
        let message = format!(
            "`{word}` has no effect here, since every variant brings its payload's: \
             write it on the payloads' types"
        );
        ctxt.error(&text.word, message);
    }
    if any_own {
        set_serde(ctxt, input);
    }
    for variant in variants {
        check_variant(ctxt, input, variant, any_own);
    }
    duplicates(ctxt, variants);
}

fn set_serde(ctxt: &Ctxt, input: &Input<'_>) {
    for word in serde_words(&input.original.attrs).iter().filter(|word| one_of(word, &SET_WORDS)) {
        let written = word.to_token_stream();
        let message = format!(
            "`#[serde({written})]` on an event set: `data:` carries the variant's content alone, \
             and `event:` its name, so remove it; or give the variants payload types of their own"
        );
        ctxt.error(word, message);
    }
}

fn check_variant(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>, any_own: bool) {
    for word in serde_words(&variant.original.attrs) {
        let written = word.to_token_stream();
        if one_of(&word, &SKIP_WORDS) {
            let message = format!(
                "`#[serde({written})]` on a variant: every variant of a set is an event that is \
                 written and read, so remove the attribute, or the variant"
            );
            ctxt.error(word, message);
        } else if any_own && one_of(&word, &VARIANT_WORDS) {
            let message = format!(
                "`#[serde({written})]` on a variant of an event set does not work: remove it, or \
                 move it to a field or to a payload type of its own"
            );
            ctxt.error(word, message);
        }
    }
    if let Some(rename_all) = &variant.attrs.rename_all {
        let message = "`rename_all` belongs on the enum: name this variant by `name = \"...\"`";
        ctxt.error(&rename_all.word, message);
    }
    match &variant.role {
        Role::Delegate(_) => delegate(ctxt, variant),
        Role::Own(event) => own(ctxt, input, variant, event),
    }
}

fn delegate(ctxt: &Ctxt, variant: &Variant<'_>) {
    let texts = [&variant.attrs.name, &variant.attrs.topic];
    for text in texts.into_iter().flatten() {
        let word = text.word.to_token_stream();
        let message = format!(
            "the payload brings its own {word}: write `{word}` on the payload's type; or, if the \
             payload is plain data, mark this variant `#[sse(json)]`"
        );
        ctxt.error(&text.word, message);
    }
}

fn own(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>, event: &Event) {
    let Attrs { json, no_from, topic, .. } = &variant.attrs;
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
    check_name(ctxt, &event.name);
    match (topic, &input.attrs.topic) {
        (None, Some(_)) => inherited_topic(ctxt, variant, event),
        _ => topic_of(ctxt, event),
    }
}

fn topic_of(ctxt: &Ctxt, event: &Event) {
    let Some(topic) = &event.topic else { return };
    for path in topic.values() {
        if let Err(message) = resolve(path, &event.fields, topic.literal.span()) {
            ctxt.error(&topic.literal, message);
        }
    }
}

fn inherited_topic(ctxt: &Ctxt, variant: &Variant<'_>, event: &Event) {
    let Some(topic) = &event.topic else { return };
    for path in topic.values() {
        if let Err(message) = resolve(path, &event.fields, topic.literal.span()) {
            let message = format!(
                "the enum's topic does not fit this variant: {message}. Rename the field, or give \
                 the variant a `topic = \"...\"` of its own"
            );
            ctxt.error(&variant.original.ident, message);
        }
    }
}

fn check_name(ctxt: &Ctxt, name: &Name) {
    if let Some(problem) = problem(&name.value) {
        let fix = match name.derived {
            true => "give it another name with `#[sse(name = \"...\")]`",
            false => "choose another name",
        };
        ctxt.push(Error::new(name.span, format!("{problem}: {fix}")));
    }
}

/// The rules of `EventType::check` in sse-framework.
fn problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the event type's name is empty".to_owned());
    }
    if name.len() > MAX_NAME_LENGTH {
        let length = name.len();
        return Some(format!("the name is {length} bytes long, at most {MAX_NAME_LENGTH} fit"));
    }
    if name.contains(char::is_control) {
        return Some("line ends and other control characters break the event stream".to_owned());
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Some("the name begins or ends with a space, which browsers lose".to_owned());
    }
    if matches!(name, "open" | "error") {
        return Some(format!("`{name}` is an event that `EventSource` sends about itself"));
    }
    if name.starts_with("sse-") {
        return Some("names that begin with `sse-` are the framework's own".to_owned());
    }
    None
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
                let written = payload.to_token_stream().to_string();
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

fn one_of(path: &Path, words: &[&str]) -> bool {
    words.iter().any(|word| path.is_ident(word))
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn names_that_break_on_the_wire_are_refused() {
        for name in ["", "a\n", "a\r", "a\0", "\u{85}", " a", "a ", "open", "error", "sse-a"] {
            assert!(problem(name).is_some(), "{name:?}");
        }
        assert!(problem(&"a".repeat(65)).is_some());
        assert_eq!(problem(&"a".repeat(64)), None);
        for name in ["opened", "sse", "message", "a b", "größe"] {
            assert_eq!(problem(name), None, "{name}");
        }
    }
}
