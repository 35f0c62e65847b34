//! Which of serde's words a set cannot honour.

use quote::ToTokens;
use syn::{Attribute, Path};

use crate::ast::{Input, Variant};
use crate::attr::serde_words;
use crate::ctxt::Ctxt;

/// How serde's derive lays out an enum, or whether it writes it at all; by one of these, the
/// variant's content no longer stands alone under the variant's name.
const SET_WORDS: [&str; 9] = [
    "tag",
    "content",
    "untagged",
    "from",
    "try_from",
    "into",
    "remote",
    "field_identifier",
    "variant_identifier",
];
const VARIANT_WORDS: [&str; 5] =
    ["untagged", "other", "with", "serialize_with", "deserialize_with"];
const SKIP_WORDS: [&str; 3] = ["skip", "skip_serializing", "skip_deserializing"];

pub(super) fn set(ctxt: &Ctxt, input: &Input<'_>) {
    for word in serde_words(&input.original.attrs).iter().filter(|word| one_of(word, &SET_WORDS)) {
        let written = word.to_token_stream();
        let message = format!(
            "`#[serde({written})]` on an event set: `data:` carries the variant's content alone, \
             and `event:` its name, so remove it; or give the variants payload types of their own"
        );
        ctxt.error(word, message);
    }
}

/// A variant that delegates may be skipped, since serde has no part in it.
pub(super) fn variant(ctxt: &Ctxt, variant: &Variant<'_>, any_own: bool) {
    for word in serde_words(&variant.original.attrs) {
        let written = word.to_token_stream();
        if variant.own().is_some() && one_of(&word, &SKIP_WORDS) {
            let message = format!(
                "`#[serde({written})]` on a variant that is an event of its own: serde writes and \
                 reads it, so remove the attribute, or the variant"
            );
            ctxt.error(word, message);
        } else if any_own && one_of(&word, &VARIANT_WORDS) {
            let message = format!(
                "`#[serde({written})]` on a variant of an event set does not work: remove it, or \
                 move it to a field or to a payload type of its own"
            );
            ctxt.error(word, message);
        }
    }
}

/// Whether a type or a field of these attributes is made of what another type's `Deserialize` reads.
pub(super) fn is_read_another_way(attrs: &[Attribute]) -> bool {
    let words = ["from", "try_from", "with", "deserialize_with"];
    serde_words(attrs).iter().any(|word| one_of(word, &words))
}

fn one_of(path: &Path, words: &[&str]) -> bool {
    words.iter().any(|word| path.is_ident(word))
}
