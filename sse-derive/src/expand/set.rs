//! The code of an enum: a set of events.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Member, Type};

use super::{Bodies, event_type, shown_at, topic};
use crate::ast::{Event, Role, Variant};
use crate::topic::resolve;

pub(super) fn set(ident: &Ident, variants: &[Variant<'_>]) -> TokenStream {
    let delegates = variants.iter().filter_map(Delegate::of).collect::<Vec<_>>();
    let froms = from_impls(ident, variants);
    let bodies = Bodies {
        items: items_of(variants, &delegates),
        types: quote!(__SSE_TYPES),
        event_type: event_type_of(variants),
        topic: topic_of(variants),
        encode: encode_of(ident, variants, &delegates),
        decode: decode_of(ident, variants, &delegates),
    };
    let code = bodies.into_impl(ident);
    quote!(#code #froms)
}

/// A variant that stands for its payload's events.
struct Delegate<'a> {
    variant: &'a Ident,
    payload: &'a Type,
    /// The constant that holds the payload's impl.
    table: Ident,
}

impl<'a> Delegate<'a> {
    fn of(variant: &'a Variant<'_>) -> Option<Self> {
        match variant.role {
            Role::Delegate(payload) => Some(Delegate {
                variant: &variant.original.ident,
                payload,
                table: table(variant.index),
            }),
            Role::Own(_) => None,
        }
    }
}

fn table(index: u32) -> Ident {
    format_ident!("__SSE_PAYLOAD_{index}", span = Span::call_site())
}

fn items_of(variants: &[Variant<'_>], delegates: &[Delegate<'_>]) -> TokenStream {
    let own = variants.iter().filter_map(Variant::own).map(event_type);
    let tables = delegates.iter().map(|Delegate { payload, table, .. }| {
        let span = shown_at(payload.span());
        let value = quote_spanned!(span=> __sse::delegate::<#payload>());
        quote!(const #table: __sse::Delegate<#payload> = #value;)
    });
    let mut seen = vec![quote!(__SSE_OWN)];
    let distinct: Vec<_> = delegates
        .iter()
        .map(|Delegate { variant, table, .. }| {
            let types = quote!(#table.types);
            // All of the call, since rustc marks an expression from its first token to its last.
            let assert = quote_spanned! {shown_at(variant.span())=>
                __sse::assert_distinct(#types, &[#(#seen),*])
            };
            let item = quote!(const _: () = #assert;);
            seen.push(types);
            item
        })
        .collect();
    quote! {
        const __SSE_OWN: &[__sse::EventType] = &[#(#own),*];
        #(#tables)*
        #(#distinct)*
        const __SSE_PARTS: &[&[__sse::EventType]] = &[#(#seen),*];
        const __SSE_TYPES: &[__sse::EventType] =
            &__sse::flatten::<{ __sse::count(__SSE_PARTS) }>(__SSE_PARTS);
    }
}

fn event_type_of(variants: &[Variant<'_>]) -> TokenStream {
    let mut own = 0..;
    let arms = variants.iter().map(|variant| {
        let ident = &variant.original.ident;
        match &variant.role {
            Role::Delegate(_) => {
                let table = table(variant.index);
                quote!(Self::#ident(__payload) => (#table.event_type)(__payload),)
            }
            Role::Own(_) => {
                let place = own.next().unwrap_or_default();
                let place = Literal::usize_unsuffixed(place);
                quote!(Self::#ident { .. } => &__SSE_OWN[#place],)
            }
        }
    });
    quote!(match self { #(#arms)* })
}

fn topic_of(variants: &[Variant<'_>]) -> TokenStream {
    let arms = variants.iter().map(|variant| {
        let ident = &variant.original.ident;
        match &variant.role {
            Role::Delegate(_) => {
                let table = table(variant.index);
                quote!(Self::#ident(__payload) => (#table.topic)(__payload),)
            }
            Role::Own(event) => own_topic(ident, event),
        }
    });
    quote!(match self { #(#arms)* })
}

fn own_topic(ident: &Ident, event: &Event) -> TokenStream {
    let Some(template) = &event.topic else {
        return quote!(Self::#ident { .. } => __sse::no_topic(),);
    };
    let span = shown_at(template.literal.span());
    let bound = |place: usize| format_ident!("__sse_{place}", span = span);
    let used = |field: &Member| {
        template
            .values()
            .any(|path| resolve(path, &event.fields, span).is_ok_and(|place| place.field == *field))
    };
    let fields = event.fields.iter().enumerate().filter(|(_, field)| used(field));
    let patterns = fields.map(|(place, field)| {
        let name = bound(place);
        quote!(#field: #name,)
    });
    let topic = topic(event, template, |path| {
        let place = event.fields.iter().position(|field| *field == path.field);
        let name = bound(place.unwrap_or_default());
        let within = &path.within;
        quote_spanned!(span=> (*#name) #(.#within)*)
    });
    quote!(Self::#ident { #(#patterns)* .. } => #topic,)
}

fn encode_of(ident: &Ident, variants: &[Variant<'_>], delegates: &[Delegate<'_>]) -> TokenStream {
    let delegated = delegates.iter().map(|Delegate { variant, table, .. }| {
        quote!(Self::#variant(__payload) => (#table.encode)(__payload, __out),)
    });
    let own = quote_spanned! {shown_at(ident.span())=>
        __sse::encode_variant::<#ident>(__sse::SseEvent::event_type(self).name(), self, __out)
    };
    let some_own = variants.len() > delegates.len();
    match (some_own, delegates) {
        (true, []) => own,
        (true, _) => quote!(match self { #(#delegated)* _ => #own, }),
        (false, _) => quote!(match self { #(#delegated)* }),
    }
}

fn decode_of(ident: &Ident, variants: &[Variant<'_>], delegates: &[Delegate<'_>]) -> TokenStream {
    let delegated = delegates.iter().map(|Delegate { variant, table, .. }| {
        quote! {
            if #table.has(__event.name) {
                return (#table.decode)(__event).map(Self::#variant);
            }
        }
    });
    let own = variants.iter().filter_map(|variant| {
        let name = &variant.own()?.name.value;
        let index = Literal::u32_unsuffixed(variant.index);
        Some(quote!(#name => #index,))
    });
    let delegated = quote!(#(#delegated)*);
    if variants.len() == delegates.len() {
        return quote!(#delegated __sse::unknown(__event));
    }
    let read = quote_spanned! {shown_at(ident.span())=>
        __sse::decode_variant::<#ident>(__event, __index)
    };
    quote! {
        #delegated
        let __index = match __event.name {
            #(#own)*
            _ => return __sse::unknown(__event),
        };
        #read
    }
}

/// `From<Payload>` for every variant that stands for its payload's events.
pub(crate) fn from_impls(ident: &Ident, variants: &[Variant<'_>]) -> TokenStream {
    let wanted = variants.iter().filter(|variant| variant.attrs.no_from.is_none());
    let impls = wanted.filter_map(Delegate::of).map(|Delegate { variant, payload, .. }| {
        let span = shown_at(payload.span());
        quote_spanned! {span=>
            #[automatically_derived]
            impl ::sse_framework::__private::From<#payload> for #ident {
                fn from(__payload: #payload) -> Self {
                    Self::#variant(__payload)
                }
            }
        }
    });
    quote!(#(#impls)*)
}
