//! What surrounds the code of every shape.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Generics};

use super::shown_at;
use crate::ast::Input;
use crate::generics::{bounds, mentions};

/// The names and parameters that all of an input's code shares.
pub(crate) struct Outline<'a> {
    pub(crate) input: &'a Input<'a>,
    /// What the code calls the framework's items.
    pub(crate) sse: Ident,
    bounds: Vec<TokenStream>,
}

/// Every method's body; the rest of the impl is always the same.
pub(crate) struct Bodies {
    pub(crate) items: TokenStream,
    pub(crate) types: TokenStream,
    pub(crate) event_type: TokenStream,
    pub(crate) topic: TokenStream,
    pub(crate) encode: TokenStream,
    pub(crate) decode: TokenStream,
}

impl<'a> Outline<'a> {
    pub(crate) fn new(input: &'a Input<'a>) -> Self {
        let sse = alias(input.original);
        let bounds = bounds(input, &sse);
        Outline { input, sse, bounds }
    }

    /// For an impl that stands in when there were errors.
    pub(crate) fn stub(input: &'a Input<'a>) -> Self {
        let sse = alias(input.original);
        let bounds = vec![quote!(Self: #sse::Sized + #sse::Send + 'static)];
        Outline { input, sse, bounds }
    }

    /// Whether the impl is one for many types.
    pub(super) fn has_parameters(&self) -> bool {
        !self.bounds.is_empty()
    }

    pub(crate) fn generics(&self) -> &'a Generics {
        &self.input.original.generics
    }

    /// The same for an expression that is shown there as a whole.
    pub(super) fn sse_at(&self, span: Span) -> Ident {
        let mut sse = self.sse.clone();
        sse.set_span(span);
        sse
    }

    /// The type with its arguments.
    pub(crate) fn this(&self) -> TokenStream {
        let ident = &self.input.original.ident;
        let (_, arguments, _) = self.generics().split_for_impl();
        quote!(#ident #arguments)
    }

    /// Where the payload of the type itself is written and read: an item, and how to name it.
    ///
    /// The item is named once, so that a missing `Serialize` is one error; it is reported on the
    /// type's name. An item cannot speak of parameters, but there the bounds see to it.
    pub(super) fn own_table(&self, make: &str, table: &str) -> (TokenStream, TokenStream) {
        let this = self.this();
        let [make, table] = [make, table].map(|name| Ident::new(name, Span::call_site()));
        let span = shown_at(self.input.original.ident.span());
        let (sse, there) = (&self.sse, self.sse_at(span));
        let value = quote_spanned!(span=> #there::#make::<#this>());
        match !self.has_parameters() {
            true => {
                let item = quote!(const __SSE_PAYLOAD: #sse::#table<#this> = #value;);
                (item, quote!(__SSE_PAYLOAD))
            }
            false => (TokenStream::new(), value),
        }
    }

    /// The event types that a type or set has of its own: items, and how to name them. Where there are
    /// parameters, the schemas depend on them, and so they belong to a private trait; so they do
    /// where an `upcast` is `Self`'s.
    pub(super) fn own_types(&self, types: TokenStream) -> (TokenStream, TokenStream) {
        let sse = &self.sse;
        if !self.has_parameters() && !mentions(self.generics(), &types) {
            let item = quote!(const __SSE_OWN: &[#sse::EventType] = &[#types];);
            return (item, quote!(__SSE_OWN));
        }
        let head = self.head("Own");
        let item = quote! {
            #[automatically_derived]
            #head {
                const OWN: &'static [#sse::EventType] = &[#types];
            }
        };
        (item, quote!(<Self as #sse::Own>::OWN))
    }

    /// The head of an impl of this private trait.
    pub(super) fn head(&self, name: &str) -> TokenStream {
        let name = Ident::new(name, Span::call_site());
        let (params, _, clause) = self.generics().split_for_impl();
        let predicates = clause.map(|clause| clause.predicates.iter()).into_iter().flatten();
        let (sse, this, bounds) = (&self.sse, self.this(), &self.bounds);
        let clause = match clause.is_some() || !bounds.is_empty() {
            true => quote!(where #(#predicates,)* #(#bounds,)*),
            false => TokenStream::new(),
        };
        quote!(impl #params #sse::#name for #this #clause)
    }

    /// All of the code.
    pub(crate) fn block(&self, bodies: Bodies) -> TokenStream {
        let Bodies { items, types, event_type, topic, encode, decode } = bodies;
        let (sse, head, froms) = (&self.sse, self.head("SseEvent"), super::from_impls(self));
        let framework = &self.input.framework;
        // All of it is shown on the path that is written in `crate`, if that leads elsewhere.
        let span = shown_at(framework.span());
        let (there, private) = (self.sse_at(span), Ident::new("__private", span));
        quote! {
            #[allow(deprecated)]
            const _: () = {
                use #framework::#private as #there;
                #items

                #[automatically_derived]
                #head {
                    const TYPES: &'static [#sse::EventType] = #types;

                    fn event_type(&self) -> &'static #sse::EventType {
                        #event_type
                    }

                    fn topic(&self) -> #sse::Result<#sse::Option<#sse::Topic>, #sse::EncodeError> {
                        #topic
                    }

                    fn encode(&self, __out: &mut #sse::Vec<#sse::u8>) -> #sse::Result<(), #sse::EncodeError> {
                        #encode
                    }

                    fn decode(__event: #sse::RawEvent<'_>) -> #sse::Result<Self, #sse::DecodeError> {
                        #decode
                    }
                }

                #froms
            };
        }
    }
}

/// A name that means nothing in the input.
fn alias(original: &DeriveInput) -> Ident {
    let tokens = original.to_token_stream();
    let mut alias = format_ident!("__sse");
    while uses(tokens.clone(), &alias) {
        alias = format_ident!("{alias}_");
    }
    alias
}

fn uses(tokens: TokenStream, ident: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(found) => found == *ident,
        TokenTree::Group(group) => uses(group.stream(), ident),
        _ => false,
    })
}
