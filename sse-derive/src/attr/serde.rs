//! The words of `#[serde(...)]`.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Path, Result, Token, token};

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

/// Whether serde leaves the field or variant out when it reads, so that nothing in it need be
/// `Deserialize`.
pub(crate) fn is_not_read(attrs: &[Attribute]) -> bool {
    let words = serde_words(attrs);
    words.iter().any(|word| word.is_ident("skip") || word.is_ident("skip_deserializing"))
}

/// What `rename = "..."`, or another word like it, says for writing and for reading.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Renames {
    pub(crate) written: Option<String>,
    pub(crate) read: Option<String>,
}

impl Renames {
    /// What `#[schemars(...)]` says comes first, since it speaks of the schema.
    pub(crate) fn of(attrs: &[Attribute], word: &str) -> Self {
        let [mut first, second] = ["schemars", "serde"].map(|name| Renames::in_(attrs, name, word));
        first.written = first.written.or(second.written);
        first.read = first.read.or(second.read);
        first
    }

    fn in_(attrs: &[Attribute], name: &str, word: &str) -> Self {
        let mut found = Renames::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
            // What cannot be read is left for serde to report.
            let _ = attr.parse_nested_meta(|meta| match meta.path.is_ident(word) {
                true => found.take(&meta),
                false => skip_value(meta.input),
            });
        }
        found
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.input.peek(Token![=]) {
            let value = meta.value()?.parse::<LitStr>()?.value();
            (self.written, self.read) = (Some(value.clone()), Some(value));
            return Ok(());
        }
        if !meta.input.peek(token::Paren) {
            return Ok(());
        }
        meta.parse_nested_meta(|half| {
            let value = half.value()?.parse::<LitStr>()?.value();
            match half.path.is_ident("serialize") {
                true => self.written = Some(value),
                false => self.read = Some(value),
            }
            Ok(())
        })
    }
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

    #[test]
    fn a_rename_may_have_two_halves() {
        let item: syn::DeriveInput = parse_quote! {
            #[serde(bound = "", rename(serialize = "a", deserialize = "b"))]
            #[schemars(rename(deserialize = "c"))]
            struct A;
        };
        let found = Renames::of(&item.attrs, "rename");
        assert_eq!(found, Renames { written: Some("a".into()), read: Some("c".into()) });
        assert_eq!(Renames::of(&item.attrs, "rename_all"), Renames::default());
    }
}
