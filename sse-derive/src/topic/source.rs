//! Where in the source a part of a literal stands.

use std::ops::Range;

use proc_macro2::{Literal, Span};
use syn::LitStr;

/// A literal as it is written.
pub(super) struct Source {
    token: Literal,
    /// Where its value begins, if every byte of the value is written as itself.
    begin: Option<usize>,
}

impl Source {
    pub(super) fn new(literal: &LitStr) -> Self {
        let token = literal.token();
        let begin = begin(&token.to_string(), &literal.value());
        Source { token, begin }
    }

    /// The span of these bytes of the value, or else of the whole literal. Stable compilers have
    /// only the latter.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let part = self
            .begin
            .filter(|_| !range.is_empty())
            .and_then(|begin| self.token.subspan(begin + range.start..begin + range.end));
        part.unwrap_or_else(|| self.token.span())
    }
}

/// Where `value` begins in a literal that is `written` like this. Escapes make the two differ.
fn begin(written: &str, value: &str) -> Option<usize> {
    let begin = written.find('"')? + 1;
    written.get(begin..)?.starts_with(value).then_some(begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_found_in_what_is_written() {
        let begin_of = |literal: LitStr| {
            let written = literal.token().to_string();
            begin(&written, &literal.value())
        };
        assert_eq!(begin_of(syn::parse_quote!("a/{b}")), Some(1));
        assert_eq!(begin_of(syn::parse_quote!("")), Some(1));
        assert_eq!(begin_of(syn::parse_quote!(r"a/{b}")), Some(2));
        assert_eq!(begin_of(syn::parse_quote!(r##"a/"{b}"##)), Some(4));
        assert_eq!(begin_of(syn::parse_quote!("\x61/{b}")), None);
    }

    /// Here spans are those of proc-macro2's own, which has them of parts, as nightly compilers do.
    #[test]
    fn a_part_has_its_own_span_where_there_is_one() {
        let literal: LitStr = syn::parse_str(r#""a/{b}/c""#).unwrap();
        let source = Source::new(&literal);
        assert_eq!(source.span(2..5).byte_range(), 3..6);
        assert_eq!(source.span(0..0).byte_range(), 0..9, "nothing to show");
        let escaped: LitStr = syn::parse_str(r#""\x61/{b}""#).unwrap();
        assert_eq!(Source::new(&escaped).span(2..5).byte_range(), 0..10, "no place is known");
    }
}
