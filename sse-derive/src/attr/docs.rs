//! What a type or a variant says of itself: `///` and `#[deprecated]`.

use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

/// The doc comment without its margin. Documentation that a macro makes, as `include_str!` does, is
/// not known yet when the derive runs.
pub(crate) fn description(attrs: &[Attribute]) -> String {
    let docs = attrs.iter().filter(|attr| attr.path().is_ident("doc"));
    let lines: Vec<_> = docs
        .filter_map(|attr| text(&attr.meta))
        .flat_map(|text| without_margin(&text))
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The lines of one attribute: of a `///`, or a whole `/** */`.
fn without_margin(text: &str) -> Vec<String> {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let rest = without_stars(lines.collect());
    let filled = rest.iter().filter(|line| !line.trim().is_empty());
    let margin = filled.map(|line| line.len() - line.trim_start_matches([' ', '\t']).len());
    let margin = margin.min().unwrap_or(0);
    let first = first.strip_prefix(' ').unwrap_or(first);
    let rest = rest.iter().map(|line| line.get(margin..).unwrap_or(""));
    std::iter::once(first).chain(rest).map(str::to_owned).collect()
}

/// The lines without the column of stars that a `/** */` may have.
fn without_stars(lines: Vec<&str>) -> Vec<&str> {
    let starless: Option<Vec<_>> = lines.iter().map(|line| after_star(line)).collect();
    starless.unwrap_or(lines)
}

/// What stands behind ` *`; of a blank line, nothing.
fn after_star(line: &str) -> Option<&str> {
    let text = line.trim_start_matches([' ', '\t']);
    let indented = text.len() < line.len();
    let rest = text.strip_prefix('*').filter(|_| indented);
    rest.or_else(|| text.trim().is_empty().then_some(""))
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
    fn the_margin_of_a_block_comment_is_no_text() {
        let of = |text: &str| {
            let item: syn::DeriveInput = parse_quote! {
                #[doc = #text]
                struct A;
            };
            description(&item.attrs)
        };
        assert_eq!(of("\n * One.\n *\n * - Two.\n "), "One.\n\n- Two.");
        assert_eq!(of(" One.\n     * Two.\n     "), "One.\nTwo.");
        assert_eq!(of("\n    One.\n\n        Two.\n    "), "One.\n\n    Two.");
        assert_eq!(of("* One.\n* Two."), "* One.\n* Two.");
        assert_eq!(of("\n  One.\n  * Two.\n"), "One.\n* Two.");
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
