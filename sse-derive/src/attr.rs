//! The attributes of a type or a variant: `#[sse(...)]`, doc comments, and the words of serde's.

mod docs;
mod serde;

pub(crate) use docs::{deprecated, description};
pub(crate) use serde::{Renames, is_not_read, serde_words};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, ExprPath, Ident, Lit, LitStr, Path, Result, Token};

use crate::ctxt::Ctxt;
use crate::suggest::{list, nearest};

const WORDS: [&str; 8] =
    ["name", "rename_all", "topic", "version", "upcast", "json", "no_from", "crate"];

/// What stands in `#[sse(...)]`, each at most once.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) name: Option<Text>,
    pub(crate) rename_all: Option<Text>,
    pub(crate) topic: Option<Text>,
    pub(crate) json: Option<Path>,
    pub(crate) no_from: Option<Path>,
    pub(crate) krate: Option<Text>,
    pub(crate) version: Option<Version>,
    pub(crate) upcast: Option<Upcast>,
}

/// `version = 2`.
pub(crate) struct Version {
    pub(crate) word: Path,
    pub(crate) value: u32,
}

/// `upcast = from_v1`.
pub(crate) struct Upcast {
    pub(crate) word: Path,
    /// The function, as the user wrote it.
    pub(crate) value: TokenStream,
}

/// `word = "value"`.
pub(crate) struct Text {
    pub(crate) word: Path,
    pub(crate) value: LitStr,
}

impl Attrs {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut found = Attrs::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("sse")) {
            if let Ok(value) = attr.parse_args::<Lit>() {
                let value = value.to_token_stream();
                ctxt.error(&value, format!("a value without a word: write `name = {value}`"));
                continue;
            }
            let parsed = attr.parse_nested_meta(|meta| found.take(ctxt, &meta));
            parsed.unwrap_or_else(|error| ctxt.push(error));
        }
        found
    }

    /// An error that leaves the rest readable goes to `ctxt`, so that the rest is checked, too.
    fn take(&mut self, ctxt: &Ctxt, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match written(&meta.path).as_str() {
            "name" => set(ctxt, meta, &mut self.name, text(ctxt, meta)?),
            "rename_all" => set(ctxt, meta, &mut self.rename_all, text(ctxt, meta)?),
            "topic" => set(ctxt, meta, &mut self.topic, text(ctxt, meta)?),
            "json" => set(ctxt, meta, &mut self.json, flag(ctxt, meta)?),
            "no_from" => set(ctxt, meta, &mut self.no_from, flag(ctxt, meta)?),
            "crate" => set(ctxt, meta, &mut self.krate, text(ctxt, meta)?),
            "version" => set(ctxt, meta, &mut self.version, version(ctxt, meta)?),
            "upcast" => set(ctxt, meta, &mut self.upcast, upcast(ctxt, meta)?),
            word => {
                ctxt.error(&meta.path, unknown(word));
                skip_value(meta.input)?;
            }
        }
        Ok(())
    }
}

fn set<T>(ctxt: &Ctxt, meta: &ParseNestedMeta<'_>, slot: &mut Option<T>, value: Option<T>) {
    if slot.is_some() {
        let word = written(&meta.path);
        ctxt.error(&meta.path, format!("`{word}` is given twice: remove one"));
    } else {
        *slot = value;
    }
}

fn text(ctxt: &Ctxt, meta: &ParseNestedMeta<'_>) -> Result<Option<Text>> {
    let word = written(&meta.path);
    let wanted = format!("`{word}` needs a string literal: write `{word} = \"...\"`");
    if !meta.input.peek(Token![=]) {
        ctxt.error(&meta.path, wanted);
        skip_value(meta.input)?;
        return Ok(None);
    }
    let input = meta.value()?;
    if input.peek(LitStr) {
        return Ok(Some(Text { word: meta.path.clone(), value: input.parse()? }));
    }
    ctxt.push(input.error(wanted));
    skip_value(input)?;
    Ok(None)
}

fn flag(ctxt: &Ctxt, meta: &ParseNestedMeta<'_>) -> Result<Option<Path>> {
    if !(meta.input.is_empty() || meta.input.peek(Token![,])) {
        let word = written(&meta.path);
        ctxt.push(meta.input.error(format!("`{word}` takes no value: write `#[sse({word})]`")));
        skip_value(meta.input)?;
    }
    Ok(Some(meta.path.clone()))
}

fn version(ctxt: &Ctxt, meta: &ParseNestedMeta<'_>) -> Result<Option<Version>> {
    let wanted = "`version` needs a number from 1 on: write `version = 2`";
    let literal = value::<Lit>(ctxt, meta, wanted)?;
    let number = literal.as_ref().and_then(|literal| match literal {
        Lit::Int(number) => number.base10_parse().ok().filter(|number| *number > 0),
        _ => None,
    });
    if let (Some(literal), None) = (&literal, number) {
        ctxt.error(literal, wanted);
    }
    Ok(number.map(|value| Version { word: meta.path.clone(), value }))
}

fn upcast(ctxt: &Ctxt, meta: &ParseNestedMeta<'_>) -> Result<Option<Upcast>> {
    let wanted = "`upcast` needs the path of a function: write `upcast = from_v1`";
    let path = value::<ExprPath>(ctxt, meta, wanted)?;
    let word = meta.path.clone();
    Ok(path.map(|path| Upcast { word, value: path.into_token_stream() }))
}

/// What stands behind `=`, if it is a `T`.
fn value<T: Parse>(ctxt: &Ctxt, meta: &ParseNestedMeta<'_>, wanted: &str) -> Result<Option<T>> {
    if !meta.input.peek(Token![=]) {
        ctxt.error(&meta.path, wanted);
        skip_value(meta.input)?;
        return Ok(None);
    }
    let input = meta.value()?;
    let ahead = input.fork();
    if let Ok(value) = ahead.parse::<T>()
        && (ahead.is_empty() || ahead.peek(Token![,]))
    {
        input.advance_to(&ahead);
        return Ok(Some(value));
    }
    ctxt.push(input.error(wanted));
    skip_value(input)?;
    Ok(None)
}

fn unknown(word: &str) -> String {
    let hint = match (word, nearest(word, &WORDS)) {
        ("rename" | "event" | "type", _) => "did you mean `name`?".to_owned(),
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (_, None) => format!("the attributes are {}", list(&WORDS)),
    };
    format!("unknown attribute `{word}`: {hint}")
}

/// Passes over `= value` or `(...)`, up to the comma.
fn skip_value(input: ParseStream<'_>) -> Result<()> {
    while !(input.is_empty() || input.peek(Token![,])) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// A path as the user wrote it.
fn written(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn one_mistake_hides_no_other() {
        let item: syn::DeriveInput = parse_quote! {
            #[sse(nmae = "x", version = 0, upcast = 1 + 1, json = true, topic, name = "a", name = "b")]
            #[sse("c")]
            struct A;
        };
        let ctxt = Ctxt::default();
        let attrs = Attrs::parse(&ctxt, &item.attrs);
        assert_eq!(attrs.name.map(|name| name.value.value()), Some("a".to_owned()));
        let errors: Vec<_> = ctxt.check().unwrap_err().into_iter().map(|e| e.to_string()).collect();
        assert_eq!(
            errors,
            [
                "unknown attribute `nmae`: did you mean `name`?",
                "`version` needs a number from 1 on: write `version = 2`",
                "`upcast` needs the path of a function: write `upcast = from_v1`",
                "`json` takes no value: write `#[sse(json)]`",
                "`topic` needs a string literal: write `topic = \"...\"`",
                "`name` is given twice: remove one",
                "a value without a word: write `name = \"c\"`",
            ]
        );
    }
}
