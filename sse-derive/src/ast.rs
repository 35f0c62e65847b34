//! What the derive reads out of a type: one event, or a set of them.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{
    Data, DataEnum, DataStruct, DeriveInput, Error, Fields, GenericArgument, Ident, Member, Path,
    PathArguments, Type, TypePath,
};

use crate::attr::{Attrs, Renames, Text, Upcast, deprecated, description, is_not_read, plain};
use crate::case::Case;
use crate::ctxt::Ctxt;
use crate::suggest::{list, nearest};
use crate::topic::Template;

pub(crate) struct Input<'a> {
    pub(crate) original: &'a DeriveInput,
    pub(crate) attrs: Attrs,
    /// The path to sse-framework.
    pub(crate) framework: Path,
    pub(crate) data: Shape<'a>,
}

pub(crate) enum Shape<'a> {
    Event(Event<'a>),
    Set(Vec<Variant<'a>>),
    /// Refused already.
    Unsupported,
}

/// An event type.
pub(crate) struct Event<'a> {
    pub(crate) name: Name,
    pub(crate) description: String,
    /// The reason, if there is one.
    pub(crate) deprecated: Option<String>,
    pub(crate) topic: Option<Template>,
    pub(crate) version: u32,
    /// How a record of the version before is read: a function.
    pub(crate) upcast: Option<TokenStream>,
    pub(crate) fields: Vec<Field<'a>>,
}

pub(crate) struct Field<'a> {
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
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
    /// Its place among the variants that serde reads, by which serde finds it.
    pub(crate) index: u32,
    pub(crate) attrs: Attrs,
    pub(crate) role: Role<'a>,
    /// What serde calls it when it is written, and when it is read.
    pub(crate) serde_names: [String; 2],
}

pub(crate) enum Role<'a> {
    /// It stands for the payload's events.
    Delegate(&'a Type),
    /// It is an event type itself.
    Own(Event<'a>),
}

impl<'a> Input<'a> {
    pub(crate) fn parse(ctxt: &Ctxt, original: &'a DeriveInput) -> Self {
        let attrs = Attrs::parse(ctxt, &original.attrs);
        let framework = framework(ctxt, &attrs);
        let data = match &original.data {
            Data::Struct(data) => Shape::Event(one(ctxt, original, data, &attrs)),
            Data::Enum(data) => Shape::Set(set(ctxt, original, data, &attrs)),
            Data::Union(data) => {
                let message = "a union cannot be an event: write a struct or an enum";
                ctxt.error(data.union_token, message);
                Shape::Unsupported
            }
        };
        Input { original, attrs, framework, data }
    }

    /// Whether `ty` is this very type, in boxes or not.
    pub(crate) fn is(&self, ty: &Type) -> bool {
        let written = |tokens: &dyn ToTokens| tokens.to_token_stream().to_string().replace(' ', "");
        let (_, arguments, _) = self.original.generics.split_for_impl();
        let ty = written(without_boxes(ty));
        ty == "Self" || ty == written(&self.original.ident) + &written(&arguments)
    }

    /// Every event type that is not a payload's.
    pub(crate) fn own(&self) -> Vec<&Event<'a>> {
        match &self.data {
            Shape::Event(event) => vec![event],
            Shape::Set(variants) => variants.iter().filter_map(Variant::own).collect(),
            Shape::Unsupported => Vec::new(),
        }
    }

    /// The payloads that bring their own event types.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &'a Type> {
        let variants = match &self.data {
            Shape::Set(variants) => variants.as_slice(),
            _ => &[],
        };
        variants.iter().filter_map(Variant::payload)
    }
}

impl<'a> Variant<'a> {
    pub(crate) fn own(&self) -> Option<&Event<'a>> {
        match &self.role {
            Role::Own(event) => Some(event),
            Role::Delegate(_) => None,
        }
    }

    pub(crate) fn payload(&self) -> Option<&'a Type> {
        match self.role {
            Role::Delegate(payload) => Some(payload),
            Role::Own(_) => None,
        }
    }
}

fn framework(ctxt: &Ctxt, attrs: &Attrs) -> Path {
    let default = || syn::parse_quote!(::sse_framework);
    let Some(Text { value, .. }) = &attrs.krate else {
        return default();
    };
    value.parse_with(Path::parse_mod_style).unwrap_or_else(|_| {
        let message = "`crate` needs the path by which this crate reaches sse-framework: write \
                       `crate = \"path::to::sse_framework\"`";
        ctxt.error(value, message);
        default()
    })
}

fn one<'a>(
    ctxt: &Ctxt,
    original: &'a DeriveInput,
    data: &'a DataStruct,
    attrs: &Attrs,
) -> Event<'a> {
    Event {
        name: name(&original.ident, attrs, case(ctxt, attrs)),
        description: description(&original.attrs),
        deprecated: deprecated(&original.attrs),
        topic: template(ctxt, attrs.topic.as_ref()),
        version: version(attrs),
        upcast: upcast(attrs),
        fields: fields(&data.fields),
    }
}

fn version(attrs: &Attrs) -> u32 {
    attrs.version.as_ref().map_or(1, |version| version.value)
}

fn upcast(attrs: &Attrs) -> Option<TokenStream> {
    attrs.upcast.as_ref().map(|Upcast { value, .. }| value.clone())
}

fn set<'a>(
    ctxt: &Ctxt,
    original: &DeriveInput,
    data: &'a DataEnum,
    attrs: &Attrs,
) -> Vec<Variant<'a>> {
    let case = case(ctxt, attrs);
    let renames = Renames::of(&original.attrs, "rename_all");
    // An error in the set's topic is one error, however many variants take it.
    let topic = template(ctxt, attrs.topic.as_ref());
    let variant = |(index, original): (u32, &'a syn::Variant)| {
        let attrs = Attrs::parse(ctxt, &original.attrs);
        let role = role(ctxt, original, &attrs, case, topic.as_ref());
        Variant { original, index, attrs, role, serde_names: serde_names(original, &renames) }
    };
    indices(data).zip(&data.variants).map(variant).collect()
}

/// How many variants before each one serde reads.
fn indices(data: &DataEnum) -> impl Iterator<Item = u32> {
    data.variants.iter().scan(0, |read, variant| {
        let index = *read;
        *read += u32::from(!is_not_read(&variant.attrs));
        Some(index)
    })
}

/// What serde calls a variant when it is written, and when it is read.
fn serde_names(variant: &syn::Variant, all: &Renames) -> [String; 2] {
    let own = Renames::of(&variant.attrs, "rename");
    let name = |own: Option<String>, case: &Option<String>| {
        let case = case.as_deref().and_then(Case::named).unwrap_or(Case::Pascal);
        own.unwrap_or_else(|| case.apply(&plain(&variant.ident)))
    };
    [name(own.written, &all.written), name(own.read, &all.read)]
}

fn role<'a>(
    ctxt: &Ctxt,
    original: &'a syn::Variant,
    attrs: &Attrs,
    case: Case,
    topic: Option<&Template>,
) -> Role<'a> {
    match newtype(&original.fields) {
        Some(payload) if attrs.json.is_none() => Role::Delegate(payload),
        _ => Role::Own(Event {
            name: name(&original.ident, attrs, case),
            description: description(&original.attrs),
            deprecated: deprecated(&original.attrs),
            topic: match &attrs.topic {
                None => topic.cloned(),
                own => template(ctxt, own.as_ref()),
            },
            version: version(attrs),
            upcast: upcast(attrs),
            fields: fields(&original.fields),
        }),
    }
}

/// The payload of a newtype variant.
pub(crate) fn newtype(fields: &Fields) -> Option<&Type> {
    match fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            fields.unnamed.first().map(|field| bare(&field.ty))
        }
        _ => None,
    }
}

/// The type without what a `macro_rules!` macro puts around a type that it was given.
pub(crate) fn bare(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}

/// What is in the box, if the type is a `Box`.
pub(crate) fn boxed(ty: &Type) -> Option<&Type> {
    let Type::Path(TypePath { qself: None, path, .. }) = ty else { return None };
    let mut segments = path.segments.iter().rev();
    let name = segments.next().filter(|name| name.ident == "Box")?;
    let is_std = segments.next().is_none_or(|module| module.ident == "boxed");
    let PathArguments::AngleBracketed(arguments) = &name.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if is_std && arguments.args.len() == 1 => {
            Some(bare(inner))
        }
        _ => None,
    }
}

pub(crate) fn without_boxes(mut ty: &Type) -> &Type {
    while let Some(inner) = boxed(ty) {
        ty = inner;
    }
    ty
}

fn fields(fields: &Fields) -> Vec<Field<'_>> {
    let members = fields.members().zip(fields);
    members.map(|(member, field)| Field { member, ty: &field.ty }).collect()
}

fn name(ident: &Ident, attrs: &Attrs, case: Case) -> Name {
    match &attrs.name {
        Some(Text { value, .. }) => {
            Name { value: value.value(), span: value.span(), derived: false }
        }
        None => Name { value: case.apply(&plain(ident)), span: ident.span(), derived: true },
    }
}

/// The case of `rename_all`, kebab-case without it.
fn case(ctxt: &Ctxt, attrs: &Attrs) -> Case {
    let Some(Text { value, .. }) = &attrs.rename_all else {
        return Case::default();
    };
    let written = value.value();
    Case::named(&written).unwrap_or_else(|| {
        let names = Case::names();
        let hint = match nearest(&written, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the cases are {}", list(&names)),
        };
        ctxt.error(value, format!("unknown case `{written}`: {hint}"));
        Case::default()
    })
}

fn template(ctxt: &Ctxt, topic: Option<&Text>) -> Option<Template> {
    let parsed: Result<_, Error> = Template::parse(&topic?.value);
    parsed.map_err(|error| ctxt.push(error)).ok()
}
