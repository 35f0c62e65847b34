//! The templates of topics: `shops/{shop}/orders`.

mod place;
mod source;

pub(crate) use place::{Place, resolve};

use std::ops::Range;

use proc_macro2::Span;
use syn::{Error, LitStr, Result};

use source::Source;

/// The longest topic that sse-framework takes, in bytes.
const MAX_LENGTH: usize = 255;

/// A template that is well formed.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone)]
pub(crate) enum Part {
    Literal(String),
    Value(Placeholder),
}

/// `{path}`.
#[derive(Clone)]
pub(crate) struct Placeholder {
    pub(crate) path: String,
    /// The braces and what is between them, or the whole literal where the compiler has no such
    /// spans.
    pub(crate) span: Span,
}

impl Template {
    /// # Errors
    ///
    /// What is wrong with it and how to mend it.
    pub(crate) fn parse(literal: &LitStr) -> Result<Self> {
        let template = literal.value();
        let source = Source::new(literal);
        let refused = |(message, range): Refused| Error::new(source.span(range), message);
        let pieces = split(&template).map_err(refused)?;
        check(&template, &pieces).map_err(refused)?;
        let parts = pieces.into_iter().map(|piece| match piece {
            Piece::Literal(text, _) => Part::Literal(text),
            Piece::Value(path, range) => {
                Part::Value(Placeholder { path: path.to_owned(), span: source.span(range) })
            }
        });
        Ok(Template { parts: parts.collect() })
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(placeholder) => Some(placeholder),
            Part::Literal(_) => None,
        })
    }
}

/// A part, and where it stands in the template.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Literal(String, Range<usize>),
    Value(&'a str, Range<usize>),
}

/// A message, and what in the template it is about.
type Refused = (String, Range<usize>);

fn split(template: &str) -> std::result::Result<Vec<Piece<'_>>, Refused> {
    let mut pieces = Vec::new();
    let mut place = 0;
    while place < template.len() {
        let piece = match template[place..].starts_with('{') && !template[place..].starts_with("{{")
        {
            true => value(template, place)?,
            false => literal(template, place)?,
        };
        let (Piece::Literal(_, range) | Piece::Value(_, range)) = &piece;
        place = range.end;
        pieces.push(piece);
    }
    Ok(pieces)
}

fn value(template: &str, start: usize) -> std::result::Result<Piece<'_>, Refused> {
    let Some(length) = template[start..].find('}') else {
        let message = "a `{` is not closed: write `{field}`, or `{{` for the character";
        return Err((message.to_owned(), start..template.len()));
    };
    let end = start + length;
    Ok(Piece::Value(&template[start + 1..end], start..end + 1))
}

/// Everything up to the next placeholder.
fn literal(template: &str, start: usize) -> std::result::Result<Piece<'_>, Refused> {
    let mut text = String::new();
    let mut place = start;
    while let Some(next) = template[place..].chars().next() {
        let doubled = template[place + next.len_utf8()..].starts_with(next);
        match next {
            '{' if !doubled => break,
            '}' if !doubled => {
                let message = "a `}` closes nothing: write `}}` for the character";
                return Err((message.to_owned(), place..place + 1));
            }
            '{' | '}' => place += 2,
            _ => place += next.len_utf8(),
        }
        text.push(next);
    }
    Ok(Piece::Literal(text, start..place))
}

fn check(template: &str, pieces: &[Piece<'_>]) -> std::result::Result<(), Refused> {
    let all = 0..template.len();
    let mut skeleton = String::new();
    let mut length = 0;
    for piece in pieces {
        match piece {
            Piece::Literal(text, range) => {
                literal_part(text, range)?;
                length += text.len();
                skeleton.push_str(text);
            }
            Piece::Value(..) => skeleton.push('v'),
        }
    }
    if skeleton.split('/').any(str::is_empty) {
        let message = "a segment of the topic is empty: write segments between single slashes, \
                       with none at the beginning or end, as in `shops/{shop}/orders`";
        return Err((message.to_owned(), all));
    }
    if length > MAX_LENGTH {
        let message =
            format!("the topic is {length} bytes before any value, at most {MAX_LENGTH} fit");
        return Err((message, all));
    }
    pieces.windows(2).try_for_each(apart)
}

fn literal_part(text: &str, range: &Range<usize>) -> std::result::Result<(), Refused> {
    let message = if text.contains('*') {
        "`*` stands only in filters, by which subscriptions choose: a topic names every segment"
    } else if text.contains(char::is_control) {
        "control characters are not allowed in a topic: remove them"
    } else {
        return Ok(());
    };
    Err((message.to_owned(), range.clone()))
}

fn apart(pair: &[Piece<'_>]) -> std::result::Result<(), Refused> {
    let [Piece::Value(first, start), Piece::Value(second, end)] = pair else {
        return Ok(());
    };
    let message = format!(
        "`{{{first}}}{{{second}}}` would make the same topic of different values: write a `/` \
         between them"
    );
    Err((message, start.start..end.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_literals_and_values() {
        let literal = |text: &str, range| Piece::Literal(text.to_owned(), range);
        let value = |text, range| Piece::Value(text, range);
        assert_eq!(split("shops"), Ok(vec![literal("shops", 0..5)]));
        assert_eq!(
            split("shops/{order.shop}/n-{0}").unwrap(),
            [
                literal("shops/", 0..6),
                value("order.shop", 6..18),
                literal("/n-", 18..21),
                value("0", 21..24)
            ]
        );
        assert_eq!(split("a{{b}}/{c}").unwrap(), [literal("a{b}/", 0..7), value("c", 7..10)]);
        assert_eq!(
            split("{{{c}}}").unwrap(),
            [literal("{", 0..2), value("c", 2..5), literal("}", 5..7)]
        );
        assert_eq!(split("ä{c}").unwrap(), [literal("ä", 0..2), value("c", 2..5)]);
    }

    #[test]
    fn what_makes_no_topic_is_refused_where_it_stands() {
        let long = "a".repeat(256);
        for (template, word, range) in [
            ("", "empty", 0..0),
            ("/a", "empty", 0..2),
            ("a/", "empty", 0..2),
            ("a//{b}", "empty", 0..6),
            ("{b}/a/*", "`*`", 3..7),
            ("a\n", "control", 0..2),
            ("a/{b", "not closed", 2..4),
            ("ä/b}", "closes nothing", 4..5),
            ("x/{a}{b}", "between them", 2..8),
            (&long, "256 bytes", 0..256),
        ] {
            let pieces = split(template);
            let (message, place) = pieces.and_then(|all| check(template, &all)).unwrap_err();
            assert!(message.contains(word), "{template}: {message}");
            assert_eq!(place, range, "{template}");
        }
    }
}
