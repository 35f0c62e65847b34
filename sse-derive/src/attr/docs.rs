//! What a type or a variant says of itself: `///` and `#[deprecated]`.

use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

/// The doc comment, one leading space per line taken away.
pub(crate) fn description(attrs: &[Attribute]) -> String {
    let docs = attrs.iter().filter(|attr| attr.path().is_ident("doc"));
    let lines: Vec<_> = docs
        .filter_map(|attr| text(&attr.meta))
        .flat_map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>())
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The reason that `#[deprecated]` gives, empty without one.
pub(crate) fn deprecated(attrs: &[Attribute]) -> Option<String> {
    let attr = attrs.iter().find(|attr| attr.path().is_ident("deprecated"))?;
    let mut note = text(&attr.meta);
    // What cannot be read is left for rustc to report.
    let _ = attr.parse_nested_meta(|meta| {
        let value: LitStr = meta.value()?.parse()?;
        if meta.path.is_ident("note") {
            note = Some(value.value());
        }
        Ok(())
    });
    Some(note.unwrap_or_default())
}

/// The string of `word = "string"`.
fn text(meta: &Meta) -> Option<String> {
    let Meta::NameValue(meta) = meta else { return None };
    let mut value = &meta.value;
    // Around what a `macro_rules!` macro was given.
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_doc_comment_becomes_the_description() {
        let item: syn::DeriveInput = parse_quote! {
            /// An order was accepted.
            ///
            ///   Indented.
            #[doc(hidden)]
            #[doc = " Last."]
            struct A;
        };
        assert_eq!(description(&item.attrs), "An order was accepted.\n\n  Indented.\nLast.");
    }

    #[test]
    fn a_block_comment_is_taken_line_by_line() {
        let item: syn::DeriveInput = parse_quote! {
            #[doc = " One.\n Two.\n"]
            struct A;
        };
        assert_eq!(description(&item.attrs), "One.\nTwo.");
    }

    #[test]
    fn a_deprecation_carries_its_reason() {
        let of = |item: syn::DeriveInput| deprecated(&item.attrs);
        assert_eq!(
            of(parse_quote!(
                struct A;
            )),
            None
        );
        let plain = of(parse_quote!(
            #[deprecated]
            struct A;
        ));
        assert_eq!(plain.as_deref(), Some(""));
        let short = of(parse_quote!(
            #[deprecated = "use B"]
            struct A;
        ));
        assert_eq!(short.as_deref(), Some("use B"));
        let long = of(parse_quote!(
            #[deprecated(since = "2", note = "use B")]
            struct A;
        ));
        assert_eq!(long.as_deref(), Some("use B"));
        let since = of(parse_quote!(
            #[deprecated(since = "2")]
            struct A;
        ));
        assert_eq!(since.as_deref(), Some(""));
    }
}
