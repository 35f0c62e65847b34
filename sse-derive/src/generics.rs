//! What a type with parameters must be known of, before it is an event.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{GenericParam, Generics, Ident, Type};

use crate::ast::{Event, Input};
use crate::topic::resolve;

/// Whether `tokens` speak of one of the type's parameters or of `Self`, which items outside of the
/// impl cannot.
pub(crate) fn mentions(generics: &Generics, tokens: impl ToTokens) -> bool {
    let parameters: Vec<&Ident> = generics.params.iter().filter_map(parameter).collect();
    any_of(&parameters, tokens.to_token_stream())
}

/// Whether the type is just a type parameter, and so any type at all.
pub(crate) fn is_parameter(generics: &Generics, ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    generics.type_params().any(|parameter| path.path.is_ident(&parameter.ident))
}

/// Whether the type is one that a trait gives for the type's parameters, as `E::Event` is.
pub(crate) fn is_projection(generics: &Generics, ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let mut segments = path.path.segments.iter();
    let first = segments.next().filter(|_| segments.next().is_some());
    let of =
        |first: &syn::PathSegment| generics.type_params().any(|param| param.ident == first.ident);
    match &path.qself {
        Some(_) => mentions(generics, ty),
        None => first.is_some_and(of),
    }
}

/// The bounds of the impl, beside the type's own. They speak of whole types, so that all that
/// `#[serde(...)]` does to the type's bounds holds here, too.
pub(crate) fn bounds(input: &Input<'_>, sse: &Ident) -> Vec<TokenStream> {
    let generics = &input.original.generics;
    if !generics.params.iter().any(|param| parameter(param).is_some()) {
        return Vec::new();
    }
    let mut bounds = vec![quote!(Self: #sse::Send + 'static)];
    let own = input.own();
    if !own.is_empty() {
        bounds.push(quote!(Self: #sse::Serialize + #sse::DeserializeOwned + #sse::JsonSchema));
    }
    let payloads = input.payloads().filter(|payload| mentions(generics, payload));
    bounds.extend(payloads.map(|payload| quote!(#payload: #sse::SseEvent)));
    let values = own.iter().flat_map(|event| values(event));
    let values = values.filter(|value| mentions(generics, value));
    bounds.extend(values.map(|value| quote!(#value: #sse::TopicValue)));
    bounds
}

/// The types of the fields that are values of the topic as a whole.
fn values<'a>(event: &Event<'a>) -> Vec<&'a Type> {
    let placeholders = event.topic.iter().flat_map(|topic| topic.values());
    let places = placeholders.filter_map(|placeholder| resolve(placeholder, &event.fields).ok());
    let whole = places.filter(|place| place.within.is_empty());
    whole.filter_map(|place| Some(event.fields.get(place.index)?.ty)).collect()
}

fn parameter(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

fn any_of(idents: &[&Ident], tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self" || idents.contains(&&ident),
        TokenTree::Group(group) => any_of(idents, group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_parameter_is_found_wherever_it_stands() {
        let item: syn::DeriveInput = parse_quote!(
            struct A<'a, T, const N: usize>(T);
        );
        let found = |ty: Type| mentions(&item.generics, ty);
        assert!(found(parse_quote!(T)));
        assert!(found(parse_quote!(Box<Vec<(u8, [T; 3])>>)));
        assert!(found(parse_quote!([u8; N])));
        assert!(found(parse_quote!(Branch<Self>)));
        assert!(!found(parse_quote!(Vec<U>)));
        assert!(!found(parse_quote!(&'a str)));
        assert!(is_parameter(&item.generics, &parse_quote!(T)));
        assert!(!is_parameter(&item.generics, &parse_quote!(Box<T>)));
    }

    #[test]
    fn a_projection_is_what_a_trait_gives_for_a_parameter() {
        let item: syn::DeriveInput = parse_quote!(
            struct A<T>(T);
        );
        let found = |ty: Type| is_projection(&item.generics, &ty);
        assert!(found(parse_quote!(T::Event)));
        assert!(found(parse_quote!(<T as Source>::Event)));
        assert!(found(parse_quote!(<Vec<T> as Source>::Event)));
        assert!(!found(parse_quote!(T)));
        assert!(!found(parse_quote!(events::T)));
        assert!(!found(parse_quote!(Box<T::Event>)));
        assert!(!found(parse_quote!(<u8 as Source>::Event)));
    }
}
