//! The code that the derive writes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, Type};

use crate::ast::{Event, Input, Role, Shape, Variant};
use crate::ctxt::Ctxt;
use crate::topic::{Part, Template, resolve};
use crate::{check, fallback};

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
    let ident = &input.original.ident;
    match &input.data {
        Shape::Event(event) => one(ident, event),
        Shape::Set(variants) => set(ident, variants),
        Shape::Unsupported => TokenStream::new(),
    }
}

/// Errors in code of this span are shown there, while names in it mean what they mean in the rest
/// of the derive's code, also when a `macro_rules!` macro wrote the type.
fn shown_at(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// Every method's body; the rest of the impl is always the same.
struct Bodies {
    items: TokenStream,
    types: TokenStream,
    event_type: TokenStream,
    topic: TokenStream,
    encode: TokenStream,
    decode: TokenStream,
}

impl Bodies {
    fn into_impl(self, ident: &Ident) -> TokenStream {
        let Bodies { items, types, event_type, topic, encode, decode } = self;
        quote! {
            const _: () = {
                use ::sse_framework::__private as __sse;
                #items

                #[automatically_derived]
                impl __sse::SseEvent for #ident {
                    const TYPES: &'static [__sse::EventType] = #types;

                    fn event_type(&self) -> &'static __sse::EventType {
                        #event_type
                    }

                    fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
                        #topic
                    }

                    fn encode(&self, __out: &mut __sse::Vec<__sse::u8>) -> __sse::Result<(), __sse::EncodeError> {
                        #encode
                    }

                    fn decode(__event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
                        #decode
                    }
                }
            };
        }
    }
}

fn one(ident: &Ident, event: &Event) -> TokenStream {
    let new = event_type(event);
    let name = &event.name.value;
    // On the type's name, so that a missing `Serialize` is reported there.
    let span = shown_at(ident.span());
    let topic = match &event.topic {
        None => quote!(__sse::no_topic()),
        Some(template) => topic(event, template, |field| {
            let span = shown_at(template.literal.span());
            quote_spanned!(span=> self.#field)
        }),
    };
    let bodies = Bodies {
        items: quote!(const __SSE_TYPES: &[__sse::EventType] = &[#new];),
        types: quote!(__SSE_TYPES),
        event_type: quote!(&__SSE_TYPES[0]),
        topic,
        encode: quote_spanned!(span=> __sse::encode_json::<#ident>(#name, self, __out)),
        decode: quote_spanned! {span=>
            match __event.name {
                #name => __sse::decode_json::<#ident>(__event),
                _ => __sse::unknown(__event),
            }
        },
    };
    bodies.into_impl(ident)
}

fn set(ident: &Ident, variants: &[Variant<'_>]) -> TokenStream {
    let delegates = variants.iter().filter_map(Delegate::of).collect::<Vec<_>>();
    let froms = from_impls(ident, variants);
    let bodies = Bodies {
        items: set_items(variants, &delegates),
        types: quote!(__SSE_TYPES),
        event_type: set_event_type(variants),
        topic: set_topic(variants),
        encode: set_encode(ident, variants, &delegates),
        decode: set_decode(ident, variants, &delegates),
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

fn set_items(variants: &[Variant<'_>], delegates: &[Delegate<'_>]) -> TokenStream {
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

fn set_event_type(variants: &[Variant<'_>]) -> TokenStream {
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
                let place = proc_macro2::Literal::usize_unsuffixed(place);
                quote!(Self::#ident { .. } => &__SSE_OWN[#place],)
            }
        }
    });
    quote!(match self { #(#arms)* })
}

fn set_topic(variants: &[Variant<'_>]) -> TokenStream {
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
    let used = |field: &syn::Member| {
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

/// Builds the topic; `value` is the expression of a placeholder.
fn topic(
    event: &Event,
    template: &Template,
    value: impl Fn(&crate::topic::Place) -> TokenStream,
) -> TokenStream {
    let name = &event.name.value;
    let span = shown_at(template.literal.span());
    let steps = template.parts.iter().filter_map(|part| match part {
        Part::Literal(text) => Some(quote!(.literal(#text))),
        Part::Value(path) => resolve(path, &event.fields, span).ok().map(|place| {
            let value = value(&place).into_token_stream();
            quote_spanned!(span=> .value(#path, &#value))
        }),
    });
    quote!(__sse::TopicText::new(#name) #(#steps)* .finish())
}

fn set_encode(ident: &Ident, variants: &[Variant<'_>], delegates: &[Delegate<'_>]) -> TokenStream {
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

fn set_decode(ident: &Ident, variants: &[Variant<'_>], delegates: &[Delegate<'_>]) -> TokenStream {
    let delegated = delegates.iter().map(|Delegate { variant, table, .. }| {
        quote! {
            if #table.has(__event.name) {
                return (#table.decode)(__event).map(Self::#variant);
            }
        }
    });
    let own = variants.iter().filter_map(|variant| {
        let name = &variant.own()?.name.value;
        let index = proc_macro2::Literal::u32_unsuffixed(variant.index);
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

fn event_type(event: &Event) -> TokenStream {
    let Event { name, description, .. } = event;
    let name = &name.value;
    match description.as_str() {
        "" => quote!(__sse::EventType::new(#name)),
        text => quote!(__sse::EventType::new(#name).with_description(#text)),
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
