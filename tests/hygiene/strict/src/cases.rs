//! Private types, functions, macros, `#[cfg]` and `#[deprecated]`.
#![allow(deprecated, reason = "schemars' derive does not allow it itself")]

use ::core::cmp::PartialEq;
use ::core::convert::{From, Into};
use ::core::fmt::Debug;
use ::core::result::Result::{self, Ok};
use ::schemars::JsonSchema;
use ::serde::{Deserialize, Serialize};
use ::sse_framework::{EncodeError, SseEvent};
use ::std::vec::Vec;

/// Some variants and fields are not there.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
pub enum Conditional {
    /// Never there. Its payload is no type at all.
    #[cfg(any())]
    Gone(Nowhere),
    /// There, with a name that depends on the build.
    #[cfg(not(doctest))]
    #[cfg_attr(not(doctest), sse(name = "kept", topic = "kept/{id}"))]
    Here {
        /// Never there.
        #[cfg(any())]
        gone: Nowhere,
        /// There.
        id: ::core::primitive::u8,
    },
    /// There. It comes third in the source and second in the type.
    Last,
}

/// No longer used.
#[deprecated(since = "1.0.0", note = "use `Conditional`")]
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
#[sse(topic = "old/{id}")]
pub struct Old {
    /// No longer used either.
    #[deprecated]
    pub id: ::core::primitive::u8,
}

/// Carries what is no longer used.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[schemars(crate = "::schemars")]
pub enum Deprecated {
    /// Delegates.
    #[allow(deprecated, reason = "old events can still be read")]
    Old(Old),
    /// Of its own.
    #[deprecated]
    #[sse(topic = "older/{id}")]
    Older {
        /// A field.
        #[deprecated]
        id: ::core::primitive::u8,
    },
}

/// Derives within a function and a macro, on types that nobody else sees.
///
/// # Errors
///
/// None.
pub fn local() -> Result<Vec<::core::primitive::u8>, EncodeError> {
    macro_rules! event {
        ($(#[$attr:meta])* $name:ident, $field:ident: $ty:ty, $topic:literal, $crate_path:literal) => {
            #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
            #[schemars(crate = "::schemars")]
            #[sse(topic = $topic, crate = $crate_path)]
            $(#[$attr])*
            struct $name {
                $field: $ty,
            }
        };
    }
    event!(#[sse(name = "x")] Inner, id: ::core::primitive::u8, "inner/{id}", "::sse_framework");

    #[derive(SseEvent)]
    enum Outer {
        Inner(Inner),
    }

    let mut out = Vec::new();
    Outer::from(Inner { id: 7 }).encode(&mut out)?;
    Ok(out)
}
