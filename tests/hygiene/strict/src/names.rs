//! Every name of the prelude, and of the crates that derived code uses, means something else here.
#![allow(dead_code, reason = "names are the point")]

use ::serde::{Deserialize, Serialize};

struct Result;
struct Option;
struct String;
struct Vec;
struct Box;
struct Ok;
struct Err;
struct Some;
struct None;
struct EventType;
trait From {}
trait Into {}
trait Send {}
trait Sync {}
trait Sized {}
trait Default {}
trait Clone {}
trait Display {}
trait SseEvent {}
mod core {}
mod std {}
mod sse_framework {}

/// A struct.
#[derive(
    ::core::fmt::Debug, ::core::cmp::PartialEq, Serialize, Deserialize, ::sse_framework::SseEvent,
)]
#[sse(topic = "a/{id}")]
pub struct Struct {
    /// A field.
    pub id: ::core::primitive::u8,
}

/// A set with every kind of variant.
#[derive(
    ::core::fmt::Debug, ::core::cmp::PartialEq, Serialize, Deserialize, ::sse_framework::SseEvent,
)]
pub enum Set {
    /// Delegates.
    Struct(Struct),
    /// Named fields.
    #[sse(topic = "b/{id}")]
    Own {
        /// A field.
        id: ::core::primitive::u8,
    },
    /// Plain data.
    #[sse(json)]
    Some(::core::primitive::u8),
    /// Nothing.
    None,
}

/// A set with parameters.
#[derive(
    ::core::fmt::Debug, ::core::cmp::PartialEq, Serialize, Deserialize, ::sse_framework::SseEvent,
)]
pub enum Parameters<E, T> {
    /// Delegates to its parameter.
    Any(E),
    /// Has a topic of its parameter.
    #[sse(topic = "c/{id}")]
    Own {
        /// A field.
        id: T,
    },
}

/// By hand, since schemars' derive does not bear such names.
macro_rules! described {
    ([$($parameter:ident),*] $ty:ty) => {
        impl<$($parameter),*> ::schemars::JsonSchema for $ty {
            fn schema_name() -> ::std::borrow::Cow<'static, ::core::primitive::str> {
                ::std::borrow::Cow::Borrowed("")
            }

            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                <() as ::schemars::JsonSchema>::json_schema(generator)
            }
        }
    };
}

described!([] Struct);
described!([] Set);
described!([E, T] Parameters<E, T>);
