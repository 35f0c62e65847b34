//! `From` for a set.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, Ident, Type};

use super::{Outline, shown_at};
use crate::ast::{Shape, Variant, boxed};
use crate::generics::{is_parameter, is_projection, mentions};

/// A variant, and a type that it is made from.
type Source<'a> = (&'a Ident, &'a Type);

/// `From<Payload>` for every variant that stands for its payload's events, and for a payload in a
/// box from what is in it, where it is clear which variant that is.
pub(super) fn from_impls(outline: &Outline<'_>) -> TokenStream {
    let Shape::Set(variants) = &outline.input.data else {
        return TokenStream::new();
    };
    let generics = outline.generics();
    // The set itself has a `From`, and for all that the compiler knows, a projection could be the set.
    let is_another = |(_, ty): &Source<'_>| !is_projection(generics, ty) && !outline.input.is(ty);
    let payloads: Vec<_> = variants.iter().filter_map(wanted).filter(is_another).collect();
    let contents = payloads.iter().filter_map(|(variant, ty)| Some((*variant, boxed(ty)?)));
    let contents: Vec<_> = contents.filter(is_another).collect();
    // No payload loses its own for what is in another's box.
    let all = [payloads.as_slice(), &contents].concat();
    let sse = &outline.sse;
    let of_payloads = clear(generics, &payloads, &payloads);
    let of_payloads = of_payloads.map(|source| from_impl(outline, source, quote!(__payload)));
    let of_contents = clear(generics, &contents, &all);
    let in_a_box = quote!(#sse::From::from(__payload));
    let of_contents = of_contents.map(|source| from_impl(outline, source, in_a_box.clone()));
    of_payloads.chain(of_contents).collect()
}

fn wanted<'a>(variant: &'a Variant<'_>) -> Option<Source<'a>> {
    let payload = variant.payload().filter(|_| variant.attrs.no_from.is_none())?;
    Some((&variant.original.ident, payload))
}

/// The sources that no arguments make the same as one of another variant.
fn clear<'a>(
    generics: &Generics,
    sources: &[Source<'a>],
    others: &[Source<'_>],
) -> impl Iterator<Item = Source<'a>> {
    sources.iter().copied().filter(|(variant, ty)| {
        let mut others = others.iter().filter(|(other, _)| other != variant);
        !others.any(|(_, other)| overlap(generics, ty, other))
    })
}

fn from_impl(
    outline: &Outline<'_>,
    (variant, ty): Source<'_>,
    payload: TokenStream,
) -> TokenStream {
    let (sse, this) = (&outline.sse, outline.this());
    let (params, _, clause) = outline.generics().split_for_impl();
    quote_spanned! {shown_at(ty.span())=>
        #[automatically_derived]
        impl #params #sse::From<#ty> for #this #clause {
            fn from(__payload: #ty) -> Self {
                Self::#variant(#payload)
            }
        }
    }
}

/// Whether some arguments could make two payloads the same type.
fn overlap(generics: &Generics, a: &Type, b: &Type) -> bool {
    if let (Some(a), Some(b)) = (boxed(a), boxed(b)) {
        return overlap(generics, a, b);
    }
    let any_type = |ty| is_parameter(generics, ty) || is_projection(generics, ty);
    let changing = mentions(generics, a) || mentions(generics, b);
    any_type(a) || any_type(b) || (changing && head(a) == head(b)) || same(a, b)
}

fn same(a: &Type, b: &Type) -> bool {
    a.to_token_stream().to_string() == b.to_token_stream().to_string()
}

/// `Changed` of `shop::Changed<T>`.
fn head(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}
