//! The code that the derive writes.

mod from;
mod outline;
mod set;
#[cfg(test)]
mod snapshots;

pub(crate) use outline::{Bodies, Outline};

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::DeriveInput;
use syn::spanned::Spanned;

use crate::ast::{Event, Input, Shape};
use crate::ctxt::Ctxt;
use crate::topic::{Part, Place, Template, resolve};
use crate::{check, fallback};
use from::from_impls;

/// The impl, or all errors and a stub.
pub(crate) fn derive(original: &DeriveInput) -> TokenStream {
    let ctxt = Ctxt::default();
    let input = Input::parse(&ctxt, original);
    check::check(&ctxt, &input);
    let code = match ctxt.has_errors() {
        true => fallback::stub(&input),
        false => generate(&input),
    };
    match ctxt.check() {
        Ok(()) => code,
        Err(errors) => {
            let errors = errors.to_compile_error();
            quote!(#errors #code)
        }
    }
}

fn generate(input: &Input<'_>) -> TokenStream {
    let outline = Outline::new(input);
    let bodies = match &input.data {
        Shape::Event(event) => one(&outline, event),
        Shape::Set(variants) => set::set(&outline, variants),
        Shape::Unsupported => return TokenStream::new(),
    };
    outline.block(bodies)
}

/// Errors in code of this span are shown there, while names in it mean what they mean in the rest
/// of the derive's code, also when a `macro_rules!` macro wrote the type.
fn shown_at(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

fn one(outline: &Outline<'_>, event: &Event<'_>) -> Bodies {
    let sse = &outline.sse;
    let (name, version) = (&event.name.value, event.version);
    let (table, json) = outline.own_table("json", "Json");
    let new = event_type(outline, event);
    let (items, types) = outline.own_types(quote!(#json.describe(#new)));
    let upcast = upcast(outline, event);
    let topic = match &event.topic {
        None => quote!(#sse::no_topic()),
        Some(template) => topic(
            outline,
            event,
            template,
            |Place { field, within, .. }, span| quote_spanned!(span=> self.#field #(.#within)*),
        ),
    };
    Bodies {
        items: quote!(#table #items),
        event_type: quote!(&#types[0]),
        types,
        topic,
        encode: quote!((#json.encode)(#name, self, __out)),
        decode: quote! {
            match __event.name {
                #upcast
                #name => (#json.decode)(__event, #version),
                _ => #sse::unknown(__event),
            }
        },
    }
}

/// Builds the topic; `value` is the expression of a placeholder.
fn topic(
    outline: &Outline<'_>,
    event: &Event<'_>,
    template: &Template,
    value: impl Fn(&Place, Span) -> TokenStream,
) -> TokenStream {
    let sse = &outline.sse;
    let name = &event.name.value;
    let steps = template.parts.iter().filter_map(|part| match part {
        Part::Literal(text) => Some(quote!(.literal(#text))),
        Part::Value(placeholder) => resolve(placeholder, &event.fields).ok().map(|place| {
            let span = shown_at(placeholder.span);
            let (path, value) = (&placeholder.path, value(&place, span));
            quote_spanned!(span=> .value(#path, &#value))
        }),
    });
    quote!(#sse::TopicText::new(#name) #(#steps)* .finish())
}

fn event_type(outline: &Outline<'_>, event: &Event<'_>) -> TokenStream {
    let sse = &outline.sse;
    let Event { name, description, deprecated, version, upcast, .. } = event;
    let name = &name.value;
    let description = Some(description).filter(|text| !text.is_empty()).into_iter();
    let deprecated = deprecated.iter();
    let later = Some(version).filter(|version| **version > 1).into_iter();
    let previous = upcast.iter().map(|upcast| {
        let span = shown_at(upcast.span());
        let there = outline.sse_at(span);
        quote_spanned!(span=> #there::previous(#upcast, #name, #version))
    });
    quote! {
        #sse::EventType::new(#name)
            #(.with_description(#description))*
            #(.with_deprecated(#deprecated))*
            #(.with_version(#later))*
            #(.with_previous(#previous))*
    }
}

/// The arm that reads a record of an earlier version, if the event type has an `upcast`.
fn upcast(outline: &Outline<'_>, event: &Event<'_>) -> Option<TokenStream> {
    let (name, version, upcast) = (&event.name.value, event.version, event.upcast.as_ref()?);
    let span = shown_at(upcast.span());
    let there = outline.sse_at(span);
    let read = quote_spanned!(span=> #there::upcast(__event, #version, #upcast));
    Some(quote!(#name if __event.version < #version => return #read,))
}
