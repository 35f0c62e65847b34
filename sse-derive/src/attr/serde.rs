//! The words of `#[serde(...)]`.

use syn::{Attribute, Path};

use super::skip_value;

/// The words within `#[serde(...)]`. What cannot be read is left for serde to report.
pub(crate) fn serde_words(attrs: &[Attribute]) -> Vec<Path> {
    let mut words = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        let _ = attr.parse_nested_meta(|meta| {
            skip_value(meta.input)?;
            words.push(meta.path);
            Ok(())
        });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn all_words_of_serde_are_seen() {
        let item: syn::DeriveInput = parse_quote! {
            #[serde(rename = "a", bound(serialize = "T: X, U: Y"), tag = "t")]
            #[serde(untagged)]
            struct A;
        };
        let words = serde_words(&item.attrs);
        for (word, expected) in words.iter().zip(["rename", "bound", "tag", "untagged"]) {
            assert!(word.is_ident(expected), "{expected}");
        }
        assert_eq!(words.len(), 4);
    }
}
