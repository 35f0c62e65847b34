//! What stands in for the impl when there were errors, so that a typo in one attribute is not
//! followed by an error at every use of the type.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::ast::{Input, Role, Shape};
use crate::expand::from_impls;

/// An impl that type-checks. It never runs, since the errors end the compilation.
pub(crate) fn stub(input: &Input<'_>) -> TokenStream {
    let ident = &input.original.ident;
    let (params, arguments, clause) = input.original.generics.split_for_impl();
    let bounds = clause.map(|clause| clause.predicates.iter());
    let bounds = bounds.into_iter().flatten();
    let froms = froms(input);
    quote! {
        const _: () = {
            use ::sse_framework::__private as __sse;

            #[automatically_derived]
            impl #params __sse::SseEvent for #ident #arguments
            where
                #(#bounds,)*
                Self: __sse::Sized + __sse::Send + 'static,
            {
                const TYPES: &'static [__sse::EventType] = &[];

                fn event_type(&self) -> &'static __sse::EventType {
                    loop {}
                }

                fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
                    __sse::no_topic()
                }

                fn encode(&self, _: &mut __sse::Vec<__sse::u8>) -> __sse::Result<(), __sse::EncodeError> {
                    loop {}
                }

                fn decode(event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
                    __sse::unknown(event)
                }
            }
        };
        #froms
    }
}

fn froms(input: &Input<'_>) -> TokenStream {
    let Shape::Set(variants) = &input.data else {
        return TokenStream::new();
    };
    let mut payloads = HashSet::new();
    let unambiguous = variants.iter().all(|variant| match variant.role {
        Role::Delegate(payload) => payloads.insert(payload.to_token_stream().to_string()),
        Role::Own(_) => true,
    });
    match unambiguous && input.original.generics.params.is_empty() {
        true => from_impls(&input.original.ident, variants),
        false => TokenStream::new(),
    }
}
