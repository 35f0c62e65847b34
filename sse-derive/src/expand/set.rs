//! The code of an enum: a set of events.

mod types;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Bodies, Outline, shown_at, topic, upcast};
use crate::ast::{Event, Variant};
use crate::generics::mentions;
use crate::topic::{Place, resolve};
use types::types_of;

pub(super) fn set(outline: &Outline<'_>, variants: &[Variant<'_>]) -> Bodies {
    let delegates = variants.iter().enumerate();
    let delegates = delegates.filter_map(|(place, variant)| Delegate::of(outline, place, variant));
    let delegates: Vec<_> = delegates.collect();
    let tables = delegates.iter().map(|delegate| &delegate.item);
    let own = Own::of(outline, variants);
    let [types, own_types, types_items] = types_of(outline, variants, &delegates, own.as_ref());
    let own_item = own.as_ref().map(|own| &own.item);
    Bodies {
        items: quote!(#(#tables)* #own_item #types_items),
        types,
        event_type: event_type_of(variants, &delegates, &own_types),
        topic: topic_of(outline, variants, &delegates),
        encode: encode_of(outline, &delegates, own.as_ref()),
        decode: decode_of(outline, &delegates, own.as_ref()),
    }
}

/// A variant that stands for its payload's events.
struct Delegate<'a> {
    variant: &'a Ident,
    /// The constant that holds the payload's impl. There is none if the payload depends on a
    /// parameter, since items cannot.
    item: Option<TokenStream>,
    /// The payload's impl.
    table: TokenStream,
}

impl<'a> Delegate<'a> {
    fn of(outline: &Outline<'_>, place: usize, variant: &'a Variant<'_>) -> Option<Self> {
        let payload = variant.payload()?;
        let span = shown_at(payload.span());
        let (sse, there) = (&outline.sse, outline.sse_at(span));
        let value = quote_spanned!(span=> #there::delegate::<#payload>());
        let (item, table) = match mentions(outline.generics(), payload) {
            true => (None, value),
            false => {
                let name = format_ident!("__SSE_PAYLOAD_{place}");
                let item = quote!(const #name: #sse::Delegate<#payload> = #value;);
                (Some(item), quote!(#name))
            }
        };
        Some(Delegate { variant: &variant.original.ident, item, table })
    }
}

/// The variants that are event types themselves.
struct Own {
    /// The arms that find a variant's number and version by its name, or read an earlier version.
    arms: TokenStream,
    item: TokenStream,
    table: TokenStream,
}

impl Own {
    fn of(outline: &Outline<'_>, variants: &[Variant<'_>]) -> Option<Self> {
        let arms = variants.iter().filter_map(|variant| {
            let event = variant.own()?;
            let (name, upcast) = (&event.name.value, upcast(outline, event));
            let [index, version] = [variant.index, event.version].map(Literal::u32_unsuffixed);
            Some(quote!(#upcast #name => (#index, #version),))
        });
        let arms: TokenStream = arms.collect();
        let (item, table) = outline.own_table("variants", "Variants");
        Some(Own { arms, item, table }).filter(|own| !own.arms.is_empty())
    }
}

fn event_type_of(
    variants: &[Variant<'_>],
    delegates: &[Delegate<'_>],
    own_types: &TokenStream,
) -> TokenStream {
    let delegated = delegates.iter().map(|Delegate { variant, table, .. }| {
        quote!(Self::#variant(__payload) => (#table.event_type)(__payload),)
    });
    let own = variants.iter().filter(|variant| variant.own().is_some());
    let own = own.enumerate().map(|(place, variant)| {
        let ident = &variant.original.ident;
        let place = Literal::usize_unsuffixed(place);
        quote!(Self::#ident { .. } => &#own_types[#place],)
    });
    quote!(match self { #(#delegated)* #(#own)* })
}

fn topic_of(
    outline: &Outline<'_>,
    variants: &[Variant<'_>],
    delegates: &[Delegate<'_>],
) -> TokenStream {
    let sse = &outline.sse;
    let delegated = delegates.iter().map(|Delegate { variant, table, .. }| {
        quote!(Self::#variant(__payload) => (#table.topic)(__payload),)
    });
    let own: Vec<_> = variants
        .iter()
        .filter_map(|variant| own_topic(outline, &variant.original.ident, variant.own()?))
        .collect();
    let rest = variants.len() > delegates.len() + own.len();
    let rest = rest.then(|| quote!(_ => #sse::no_topic(),));
    match (delegates, own.as_slice()) {
        ([], []) => quote!(#sse::no_topic()),
        _ => quote!(match self { #(#delegated)* #(#own)* #rest }),
    }
}

fn own_topic(outline: &Outline<'_>, ident: &Ident, event: &Event<'_>) -> Option<TokenStream> {
    let template = event.topic.as_ref()?;
    let bound = |index: usize, span| format_ident!("__sse_{index}", span = span);
    let places = template.values().filter_map(|placeholder| {
        let place = resolve(placeholder, &event.fields).ok()?;
        Some((place.index, place.field, shown_at(placeholder.span)))
    });
    let mut places: Vec<_> = places.collect();
    places.sort_by_key(|(index, ..)| *index);
    places.dedup_by_key(|(index, ..)| *index);
    let patterns = places.into_iter().map(|(index, field, span)| {
        let name = bound(index, span);
        quote!(#field: #name,)
    });
    let topic = topic(outline, event, template, |Place { index, within, .. }, span| {
        let name = bound(*index, span);
        quote_spanned!(span=> (*#name) #(.#within)*)
    });
    Some(quote!(Self::#ident { #(#patterns)* .. } => #topic,))
}

fn encode_of(outline: &Outline<'_>, delegates: &[Delegate<'_>], own: Option<&Own>) -> TokenStream {
    let sse = &outline.sse;
    let delegated = delegates.iter().map(|Delegate { variant, table, .. }| {
        quote!(Self::#variant(__payload) => (#table.encode)(__payload, __out),)
    });
    let own = own.map(|Own { table, .. }| {
        quote!((#table.encode)(#sse::SseEvent::event_type(self).name(), self, __out))
    });
    match (own, delegates) {
        (Some(own), []) => own,
        (Some(own), _) => quote!(match self { #(#delegated)* _ => #own, }),
        (None, _) => quote!(match self { #(#delegated)* }),
    }
}

fn decode_of(outline: &Outline<'_>, delegates: &[Delegate<'_>], own: Option<&Own>) -> TokenStream {
    let sse = &outline.sse;
    let delegated = delegates.iter().map(|Delegate { variant, table, .. }| {
        quote! {
            if #table.has(__event.name) {
                return (#table.decode)(__event).map(Self::#variant);
            }
        }
    });
    let Some(Own { arms, table, .. }) = own else {
        return quote!(#(#delegated)* #sse::unknown(__event));
    };
    quote! {
        #(#delegated)*
        let (__index, __version) = match __event.name {
            #arms
            _ => return #sse::unknown(__event),
        };
        (#table.decode)(__event, __index, __version)
    }
}
