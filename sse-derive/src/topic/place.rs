//! Where a placeholder leads.

use proc_macro2::Span;
use syn::{Ident, Index, Member};

use super::Placeholder;
use crate::ast::Field;
use crate::attr::plain;
use crate::suggest::{list, nearest};

/// A field of the event, and what within it.
pub(crate) struct Place {
    /// The field's place among all.
    pub(crate) index: usize,
    pub(crate) field: Member,
    pub(crate) within: Vec<Member>,
}

/// # Errors
///
/// Why the placeholder leads to none of `fields`.
pub(crate) fn resolve(placeholder: &Placeholder, fields: &[Field<'_>]) -> Result<Place, String> {
    let Placeholder { path, span } = placeholder;
    // Shown there, and meant as in the rest of the derive's code.
    let span = span.resolved_at(Span::call_site());
    if path.is_empty() {
        return Err("`{}` names no field: write `{field}`".to_owned());
    }
    if let Some((field, _)) = path.split_once(':') {
        return Err(format!("formats are not supported: write `{{{field}}}`"));
    }
    let mut steps = path.split('.');
    let first = steps.next().unwrap_or_default();
    let index = fields.iter().position(|field| shown(&field.member) == first);
    let index = index.ok_or_else(|| missing(first, fields))?;
    let field = spanned(fields[index].member.clone(), span);
    let within = steps.map(|step| {
        member(step, span).ok_or_else(|| {
            format!(
                "`{{{path}}}` leads to no field: write names with one dot between them, as in \
                 `{{order.shop}}`"
            )
        })
    });
    Ok(Place { index, field, within: within.collect::<Result<_, _>>()? })
}

fn spanned(mut member: Member, span: Span) -> Member {
    match &mut member {
        Member::Named(ident) => ident.set_span(span),
        Member::Unnamed(index) => index.span = span,
    }
    member
}

fn missing(wanted: &str, fields: &[Field<'_>]) -> String {
    let names: Vec<String> = fields.iter().map(|field| shown(&field.member)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = match (nearest(wanted, &names), names.as_slice()) {
        (Some(near), _) => format!("did you mean `{{{near}}}`?"),
        (None, []) => "it has no fields".to_owned(),
        (None, [one]) => format!("its only field is `{one}`"),
        (None, _) => format!("its fields are {}", list(&names)),
    };
    format!("no field `{wanted}` for the topic's `{{{wanted}}}`: {hint}")
}

fn shown(member: &Member) -> String {
    match member {
        Member::Named(ident) => plain(ident),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

fn member(step: &str, span: Span) -> Option<Member> {
    if step.starts_with(|first: char| first.is_ascii_digit()) {
        let index = step.parse().ok()?;
        return Some(Member::Unnamed(Index { index, span }));
    }
    let ident = syn::parse_str::<Ident>(step).or_else(|_| syn::parse_str(&format!("r#{step}")));
    ident.ok().map(|mut ident| {
        ident.set_span(span);
        Member::Named(ident)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_lead_to_fields() {
        let ty = syn::parse_quote!(u8);
        let fields = [syn::parse_quote!(shop), syn::parse_quote!(r#type), syn::parse_quote!(0)]
            .map(|member| Field { member, ty: &ty });
        let found = |path: &str| {
            let placeholder = Placeholder { path: path.to_owned(), span: Span::call_site() };
            resolve(&placeholder, &fields).map(|Place { field, within, .. }| {
                quote::quote!(#field #(.#within)*).to_string().replace(' ', "")
            })
        };
        assert_eq!(found("shop"), Ok("shop".to_owned()));
        assert_eq!(found("type"), Ok("r#type".to_owned()));
        assert_eq!(found("0"), Ok("0".to_owned()));
        assert_eq!(found("shop.type.0.id"), Ok("shop.r#type.0.id".to_owned()));
        for path in ["", "shpo", "shop:?", "shop.", "shop..id", "shop.self", "a b", " shop"] {
            assert!(found(path).is_err(), "{path}");
        }
        assert!(found("shpo").unwrap_err().contains("did you mean `{shop}`?"));
    }
}
