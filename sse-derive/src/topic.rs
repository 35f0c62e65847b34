//! The templates of topics: `shops/{shop}/orders`.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Ident, Index, LitStr, Member};

use crate::attr::plain;
use crate::suggest::{list, nearest};

/// The longest topic that sse-framework takes, in bytes.
const MAX_LENGTH: usize = 255;

/// A template that is well formed.
pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    /// The path between two braces.
    Value(String),
}

impl Template {
    /// # Errors
    ///
    /// What is wrong with it and how to mend it.
    pub(crate) fn parse(literal: &LitStr) -> Result<Self, String> {
        let parts = split(&literal.value())?;
        check(&parts)?;
        Ok(Template { literal: literal.clone(), parts })
    }

    /// What stands between braces.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(path) => Some(path.as_str()),
            Part::Literal(_) => None,
        })
    }
}

fn split(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(place) = rest.find(['{', '}']) {
        literal.push_str(&rest[..place]);
        rest = &rest[place..];
        if let Some(after) = rest.strip_prefix("{{") {
            literal.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("}}") {
            literal.push('}');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (path, after) = after
                .split_once('}')
                .ok_or("a `{` is not closed: write `{field}`, or `{{` for the character")?;
            flush(&mut literal, &mut parts);
            parts.push(Part::Value(path.to_owned()));
            rest = after;
        } else {
            return Err("a `}` closes nothing: write `}}` for the character".to_owned());
        }
    }
    literal.push_str(rest);
    flush(&mut literal, &mut parts);
    Ok(parts)
}

fn flush(literal: &mut String, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
}

fn check(parts: &[Part]) -> Result<(), String> {
    let mut skeleton = String::new();
    let mut length = 0;
    for part in parts {
        match part {
            Part::Literal(text) => {
                length += text.len();
                skeleton.push_str(text);
            }
            Part::Value(_) => skeleton.push('v'),
        }
    }
    if skeleton.split('/').any(str::is_empty) {
        return Err("a segment of the topic is empty: write segments between single slashes, \
                    with none at the beginning or end, as in `shops/{shop}/orders`"
            .to_owned());
    }
    if skeleton.contains('*') {
        return Err("`*` stands only in filters, by which subscriptions choose: a topic names \
                    every segment"
            .to_owned());
    }
    if skeleton.contains(char::is_control) {
        return Err("control characters are not allowed in a topic: remove them".to_owned());
    }
    if length > MAX_LENGTH {
        return Err(format!(
            "the topic is {length} bytes before any value, at most {MAX_LENGTH} fit"
        ));
    }
    let adjacent = |pair: &[Part]| matches!(pair, [Part::Value(_), Part::Value(_)]);
    match parts.windows(2).find(|pair| adjacent(pair)) {
        Some([Part::Value(first), Part::Value(second)]) => Err(format!(
            "`{{{first}}}{{{second}}}` would make the same topic of different values: \
             write a `/` between them"
        )),
        _ => Ok(()),
    }
}

/// Where a placeholder's value is found: a field of the event, and what within it.
pub(crate) struct Place {
    pub(crate) field: Member,
    pub(crate) within: Vec<Member>,
}

/// # Errors
///
/// Why `path` leads to none of `fields`.
pub(crate) fn resolve(path: &str, fields: &[Member], span: Span) -> Result<Place, String> {
    if path.is_empty() {
        return Err("`{}` names no field: write `{field}`".to_owned());
    }
    if let Some((field, _)) = path.split_once(':') {
        return Err(format!("formats are not supported: write `{{{field}}}`"));
    }
    let mut steps = path.split('.');
    let first = steps.next().unwrap_or_default();
    let field = fields.iter().find(|field| shown(field) == first);
    let mut field = field.ok_or_else(|| missing(first, fields))?.clone();
    match &mut field {
        Member::Named(ident) => ident.set_span(span),
        Member::Unnamed(index) => index.span = span,
    }
    let within = steps.map(|step| {
        member(step, span).ok_or_else(|| {
            format!("`{{{path}}}` is not a field, nor fields with single dots between them")
        })
    });
    Ok(Place { field, within: within.collect::<Result<_, _>>()? })
}

fn missing(wanted: &str, fields: &[Member]) -> String {
    let names: Vec<String> = fields.iter().map(shown).collect();
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

impl ToTokens for Place {
    fn to_tokens(&self, tokens: &mut proc_macro2::TokenStream) {
        let Place { field, within } = self;
        quote::quote!(#field #(.#within)*).to_tokens(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(template: &str) -> Result<Vec<Part>, String> {
        Template::parse(&LitStr::new(template, Span::call_site())).map(|template| template.parts)
    }

    #[test]
    fn a_template_is_literals_and_values() {
        let literal = |text: &str| Part::Literal(text.to_owned());
        let value = |text: &str| Part::Value(text.to_owned());
        assert_eq!(parse("shops"), Ok(vec![literal("shops")]));
        assert_eq!(
            parse("shops/{order.shop}/n-{0}").unwrap(),
            [literal("shops/"), value("order.shop"), literal("/n-"), value("0")]
        );
        assert_eq!(parse("a{{b}}/{c}").unwrap(), [literal("a{b}/"), value("c")]);
        assert_eq!(parse("{{{c}}}").unwrap(), [literal("{"), value("c"), literal("}")]);
    }

    #[test]
    fn what_makes_no_topic_is_refused() {
        for (template, word) in [
            ("", "empty"),
            ("/a", "empty"),
            ("a/", "empty"),
            ("a//{b}", "empty"),
            ("a/*", "`*`"),
            ("a\n", "control"),
            ("a/{b", "not closed"),
            ("a/b}", "closes nothing"),
            ("{a}{b}", "between them"),
            (&"a".repeat(256), "256 bytes"),
        ] {
            let refused = parse(template).unwrap_err();
            assert!(refused.contains(word), "{template}: {refused}");
        }
    }

    #[test]
    fn placeholders_lead_to_fields() {
        let fields: Vec<Member> =
            vec![syn::parse_quote!(shop), syn::parse_quote!(r#type), syn::parse_quote!(0)];
        let found = |path| {
            resolve(path, &fields, Span::call_site())
                .map(|place| place.to_token_stream().to_string().replace(' ', ""))
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
