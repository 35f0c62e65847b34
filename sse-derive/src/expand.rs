//! The code that the derive writes.

mod set;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Ident};

use crate::ast::{Event, Input, Shape};
use crate::ctxt::Ctxt;
use crate::topic::{Part, Place, Template, resolve};
use crate::{check, fallback};

pub(crate) use set::from_impls;

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
        Shape::Set(variants) => set::set(ident, variants),
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

/// Builds the topic; `value` is the expression of a placeholder.
fn topic(event: &Event, template: &Template, value: impl Fn(&Place) -> TokenStream) -> TokenStream {
    let name = &event.name.value;
    let span = shown_at(template.literal.span());
    let steps = template.parts.iter().filter_map(|part| match part {
        Part::Literal(text) => Some(quote!(.literal(#text))),
        Part::Value(path) => resolve(path, &event.fields, span).ok().map(|place| {
            let value = value(&place);
            quote_spanned!(span=> .value(#path, &#value))
        }),
    });
    quote!(__sse::TopicText::new(#name) #(#steps)* .finish())
}

fn event_type(event: &Event) -> TokenStream {
    let Event { name, description, .. } = event;
    let name = &name.value;
    match description.as_str() {
        "" => quote!(__sse::EventType::new(#name)),
        text => quote!(__sse::EventType::new(#name).with_description(#text)),
    }
}
