//! Names that derived code uses itself.
#![allow(non_camel_case_types, reason = "names are the point")]

use ::core::cmp::PartialEq;
use ::core::convert::{From, Into};
use ::core::fmt::Debug;
use ::schemars::JsonSchema;
use ::serde::{Deserialize, Serialize};
use ::sse_framework::SseEvent;

/// Fields.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
#[allow(clippy::pub_underscore_fields, reason = "names are the point")]
#[sse(topic = "{__event}/{__out}/{__sse}/{__sse_0}/{__sse_4}/{type}")]
pub struct Colliding {
    /// A parameter.
    pub __event: ::core::primitive::u8,
    /// Another.
    pub __out: ::core::primitive::u8,
    /// The framework.
    pub __sse: ::core::primitive::u8,
    /// A binding.
    pub __sse_0: ::core::primitive::u8,
    /// Another.
    pub __sse_4: ::core::primitive::u8,
    /// A keyword.
    pub r#type: ::core::primitive::u8,
}

/// Variants with such fields, and types of such names.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
pub enum Event {
    /// Fields.
    #[sse(topic = "{__sse_1}/{__sse_0}/{__payload}/{__index}/{self_}")]
    Own {
        /// The binding of the second.
        __sse_1: ::core::primitive::u8,
        /// The binding of the first.
        __sse_0: ::core::primitive::u8,
        /// A binding.
        __payload: ::core::primitive::u8,
        /// Another.
        __index: ::core::primitive::u8,
        /// Nearly a keyword.
        self_: ::core::primitive::u8,
    },
    /// A type.
    Type(__sse),
    /// Another.
    Other(__sse_),
    /// A keyword.
    #[sse(name = "kind")]
    r#type {
        /// Another.
        r#fn: ::core::primitive::u8,
    },
}

/// A type of the name that derived code gives the framework.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
pub struct __sse {
    /// A field.
    pub id: ::core::primitive::u8,
}

/// A type of the name that it gives the framework next.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
pub struct __sse_ {
    /// A field.
    pub id: ::core::primitive::u8,
}

/// A parameter of such a name.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
#[sse(topic = "{__out}")]
pub struct Generic<__sse> {
    /// A field.
    #[allow(clippy::pub_underscore_fields, reason = "names are the point")]
    pub __out: __sse,
}
