//! `From<Payload>` for a set.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, Ident, Type};

use super::{Outline, shown_at};
use crate::ast::{Shape, Variant};
use crate::generics::{is_parameter, is_projection, mentions};

/// `From<Payload>` for every variant that stands for its payload's events, where it is clear which
/// variant that is.
pub(super) fn from_impls(outline: &Outline<'_>) -> TokenStream {
    let Shape::Set(variants) = &outline.input.data else {
        return TokenStream::new();
    };
    let generics = outline.generics();
    let wanted = variants.iter().filter_map(wanted);
    // For all that the compiler knows, a projection could be the set itself, which has a `From`.
    let wanted: Vec<_> = wanted.filter(|(_, payload)| !is_projection(generics, payload)).collect();
    let clear = wanted.iter().enumerate().filter(|(place, (_, payload))| {
        let mut others = wanted.iter().enumerate().filter(|(other, _)| other != place);
        !others.any(|(_, (_, other))| overlap(generics, payload, other))
    });
    clear.map(|(_, (variant, payload))| from_impl(outline, variant, payload)).collect()
}

fn wanted<'a>(variant: &'a Variant<'_>) -> Option<(&'a Ident, &'a Type)> {
    let payload = variant.payload().filter(|_| variant.attrs.no_from.is_none())?;
    Some((&variant.original.ident, payload))
}

fn from_impl(outline: &Outline<'_>, variant: &Ident, payload: &Type) -> TokenStream {
    let (sse, this) = (&outline.sse, outline.this());
    let (params, _, clause) = outline.generics().split_for_impl();
    quote_spanned! {shown_at(payload.span())=>
        #[automatically_derived]
        impl #params #sse::From<#payload> for #this #clause {
            fn from(__payload: #payload) -> Self {
                Self::#variant(__payload)
            }
        }
    }
}

/// Whether some arguments could make two payloads the same type.
fn overlap(generics: &Generics, a: &Type, b: &Type) -> bool {
    let any_type = is_parameter(generics, a) || is_parameter(generics, b);
    let changing = mentions(generics, a) || mentions(generics, b);
    any_type || (changing && head(a) == head(b)) || same(a, b)
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
