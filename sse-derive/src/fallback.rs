//! What stands in for the impl when there were errors, so that a typo in one attribute is not
//! followed by an error at every use of the type.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::Input;
use crate::expand::{Bodies, Outline};

/// An impl that type-checks. It never runs, since the errors end the compilation.
pub(crate) fn stub(input: &Input<'_>) -> TokenStream {
    let outline = Outline::stub(input);
    let sse = &outline.sse;
    outline.block(Bodies {
        items: TokenStream::new(),
        types: quote!(&[]),
        event_type: quote!(loop {}),
        topic: quote!(#sse::no_topic()),
        encode: quote!(loop {}),
        decode: quote!(#sse::unknown(__event)),
    })
}
