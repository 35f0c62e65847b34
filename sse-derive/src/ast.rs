//! What the derive reads out of a type: one event, or a set of them.

use proc_macro2::Span;
use syn::{Data, DataEnum, DataStruct, DeriveInput, Fields, Ident, Member, Type};

use crate::attr::{Attrs, Text, description, plain};
use crate::case::Case;
use crate::ctxt::Ctxt;
use crate::topic::Template;

pub(crate) struct Input<'a> {
    pub(crate) original: &'a DeriveInput,
    pub(crate) attrs: Attrs,
    pub(crate) data: Shape<'a>,
}

pub(crate) enum Shape<'a> {
    Event(Event),
    Set(Vec<Variant<'a>>),
    /// Refused already.
    Unsupported,
}

/// An event type.
pub(crate) struct Event {
    pub(crate) name: Name,
    pub(crate) description: String,
    pub(crate) topic: Option<Template>,
    pub(crate) fields: Vec<Member>,
}

/// A name on the wire, and what in the source it comes from.
pub(crate) struct Name {
    pub(crate) value: String,
    pub(crate) span: Span,
    /// Whether it is made from the name of the type or variant.
    pub(crate) derived: bool,
}

pub(crate) struct Variant<'a> {
    pub(crate) original: &'a syn::Variant,
    /// Its place among all variants, by which serde finds it.
    pub(crate) index: u32,
    pub(crate) attrs: Attrs,
    pub(crate) role: Role<'a>,
}

pub(crate) enum Role<'a> {
    /// It stands for the payload's events.
    Delegate(&'a Type),
    /// It is an event type itself.
    Own(Event),
}

impl<'a> Input<'a> {
    pub(crate) fn parse(ctxt: &Ctxt, original: &'a DeriveInput) -> Self {
        let attrs = Attrs::parse(ctxt, &original.attrs);
        let data = match &original.data {
            Data::Struct(data) => Shape::Event(one(ctxt, original, data, &attrs)),
            Data::Enum(data) => Shape::Set(set(ctxt, data, &attrs)),
            Data::Union(data) => {
                let message = "a union cannot be an event: write a struct or an enum";
                ctxt.error(data.union_token, message);
                Shape::Unsupported
            }
        };
        Input { original, attrs, data }
    }
}

impl Variant<'_> {
    pub(crate) fn own(&self) -> Option<&Event> {
        match &self.role {
            Role::Own(event) => Some(event),
            Role::Delegate(_) => None,
        }
    }
}

fn one(ctxt: &Ctxt, original: &DeriveInput, data: &DataStruct, attrs: &Attrs) -> Event {
    Event {
        name: name(&original.ident, attrs, attrs.case(ctxt)),
        description: description(&original.attrs),
        topic: template(ctxt, attrs.topic.as_ref()),
        fields: data.fields.members().collect(),
    }
}

fn set<'a>(ctxt: &Ctxt, data: &'a DataEnum, attrs: &Attrs) -> Vec<Variant<'a>> {
    let case = attrs.case(ctxt);
    // An error in the set's topic is one error, however many variants take it.
    let topic = template(ctxt, attrs.topic.as_ref()).map(|template| template.literal);
    let variants = (0..).zip(&data.variants);
    variants.map(|(index, original)| variant(ctxt, index, original, case, topic.as_ref())).collect()
}

fn variant<'a>(
    ctxt: &Ctxt,
    index: u32,
    original: &'a syn::Variant,
    case: Case,
    topic: Option<&syn::LitStr>,
) -> Variant<'a> {
    let attrs = Attrs::parse(ctxt, &original.attrs);
    let role = match newtype(&original.fields) {
        Some(payload) if attrs.json.is_none() => Role::Delegate(payload),
        _ => Role::Own(Event {
            name: name(&original.ident, &attrs, case),
            description: description(&original.attrs),
            topic: match &attrs.topic {
                None => topic.and_then(|topic| Template::parse(topic).ok()),
                own => template(ctxt, own.as_ref()),
            },
            fields: original.fields.members().collect(),
        }),
    };
    Variant { original, index, attrs, role }
}

/// The payload of a newtype variant.
pub(crate) fn newtype(fields: &Fields) -> Option<&Type> {
    match fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            fields.unnamed.first().map(|field| &field.ty)
        }
        _ => None,
    }
}

fn name(ident: &Ident, attrs: &Attrs, case: Case) -> Name {
    match &attrs.name {
        Some(Text { value, .. }) => {
            Name { value: value.value(), span: value.span(), derived: false }
        }
        None => Name { value: case.apply(&plain(ident)), span: ident.span(), derived: true },
    }
}

fn template(ctxt: &Ctxt, topic: Option<&Text>) -> Option<Template> {
    let literal = &topic?.value;
    Template::parse(literal).map_err(|message| ctxt.error(literal, message)).ok()
}
