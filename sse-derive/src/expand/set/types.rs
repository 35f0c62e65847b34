//! The list of a set's event types.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::Fields;
use syn::spanned::Spanned;

use super::super::{Outline, event_type, shown_at};
use super::{Delegate, Own};
use crate::ast::Variant;
use crate::generics::mentions;

/// All event types, those that are the set's own, and the items they need.
pub(super) fn types_of(
    outline: &Outline<'_>,
    variants: &[Variant<'_>],
    delegates: &[Delegate<'_>],
    own: Option<&Own>,
) -> [TokenStream; 3] {
    let owns = variants.iter().filter_map(|variant| described(outline, variant, own?));
    let (own_items, own) = outline.own_types(quote!(#(#owns),*));
    let tables = delegates.iter().map(|Delegate { table, .. }| quote!(#table.types));
    let parts = quote!(&[#own, #(#tables),*]);
    let countable = !mentions(outline.generics(), &own)
        && delegates.iter().all(|delegate| delegate.item.is_some());
    let (types, items) = if delegates.is_empty() {
        (own.clone(), TokenStream::new())
    } else if countable {
        counted(outline, delegates, &parts)
    } else {
        uncounted(outline, delegates, &parts)
    };
    [types, own, quote!(#own_items #items)]
}

/// An event type of the set's own, with its schema.
fn described(outline: &Outline<'_>, variant: &Variant<'_>, own: &Own) -> Option<TokenStream> {
    let (new, table) = (event_type(outline, variant.own()?), &own.table);
    let [written, read] = &variant.serde_names;
    Some(match variant.original.fields {
        Fields::Unit => quote!(#table.describe_null(#new)),
        _ => quote!(#table.describe(#new, #written, #read)),
    })
}

/// Where their number is known: as items, which are checked also where nobody uses the set.
fn counted(
    outline: &Outline<'_>,
    delegates: &[Delegate<'_>],
    parts: &TokenStream,
) -> (TokenStream, TokenStream) {
    let sse = &outline.sse;
    let distinct = distinct(outline, delegates, &quote!(__SSE_DISTINCT, __SSE_PARTS));
    let items = quote! {
        const __SSE_PARTS: &[&[#sse::EventType]] = #parts;
        const __SSE_DISTINCT: bool = #sse::are_distinct(__SSE_PARTS);
        #(const _: () = #distinct;)*
        const __SSE_TYPES: &[#sse::EventType] =
            &#sse::flatten::<{ #sse::count(__SSE_PARTS) }>(__SSE_PARTS);
    };
    (quote!(__SSE_TYPES), items)
}

/// Where their number depends on a parameter.
fn uncounted(
    outline: &Outline<'_>,
    delegates: &[Delegate<'_>],
    parts: &TokenStream,
) -> (TokenStream, TokenStream) {
    let (sse, head) = (&outline.sse, outline.head("Parts"));
    let these = quote!(<Self as #sse::Parts>);
    let distinct = distinct(outline, delegates, &quote!(#these::ARE_DISTINCT, #these::PARTS));
    let items = quote! {
        #[automatically_derived]
        #head {
            const PARTS: &'static [&'static [#sse::EventType]] = #parts;
        }
    };
    (quote!({ #(#distinct;)* #sse::Flat::<Self>::TYPES }), items)
}

/// For each delegating variant an expression that fails if one of its names is taken.
fn distinct(
    outline: &Outline<'_>,
    delegates: &[Delegate<'_>],
    parts: &TokenStream,
) -> Vec<TokenStream> {
    let delegates = (1..).zip(delegates);
    let calls = delegates.map(|(place, Delegate { variant, .. })| {
        let place = Literal::usize_unsuffixed(place);
        // All of the call, since rustc marks an expression from its first token to its last.
        let span = shown_at(variant.span());
        let sse = outline.sse_at(span);
        quote_spanned!(span=> #sse::assert_distinct(#parts, #place))
    });
    calls.collect()
}
