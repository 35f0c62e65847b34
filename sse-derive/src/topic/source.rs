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
        let part = self.place(range).and_then(|place| self.token.subspan(place));
        part.unwrap_or_else(|| self.token.span())
    }

    /// Where these bytes of the value stand in the literal.
    fn place(&self, range: Range<usize>) -> Option<Range<usize>> {
        let begin = self.begin.filter(|_| !range.is_empty())?;
        Some(begin + range.start..begin + range.end)
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
    fn a_part_is_found_in_what_is_written() {
        let place = |literal: LitStr| Source::new(&literal).place(2..5);
        assert_eq!(place(syn::parse_quote!("a/{b}")), Some(3..6));
        assert_eq!(place(syn::parse_quote!(r"a/{b}")), Some(4..7));
        assert_eq!(place(syn::parse_quote!(r##"a/{b}"#"##)), Some(6..9));
        assert_eq!(place(syn::parse_quote!("\x61/{b}")), None, "bytes are not where they seem");
    }

    #[test]
    fn without_a_part_it_is_the_whole() {
        let source = Source::new(&syn::parse_quote!("a/{b}"));
        assert_eq!(source.place(0..0), None);
        // Outside of a nightly compiler there are no spans of parts, and this must not end in one.
        let _ = source.span(2..5);
    }
}
