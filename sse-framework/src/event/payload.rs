//! How the payload of a type that has serde's derives is written and read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, EncodeError, RawEvent, json, variant};

/// What serde writes and reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not both `Serialize` and `Deserialize`",
    label = "its payload cannot be written and read without serde's derives",
    note = "write `#[derive(Serialize, Deserialize, SseEvent)]` on `{Self}`, and \
            `use serde::{{Deserialize, Serialize}};` above it"
)]
pub trait Payload: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Payload for T {}

/// A type of which the payload is the whole value.
#[derive(Debug)]
#[allow(missing_docs, clippy::type_complexity)]
pub struct Json<T> {
    pub encode: fn(&'static str, &T, &mut Vec<u8>) -> Result<(), EncodeError>,
    pub decode: fn(RawEvent<'_>) -> Result<T, DecodeError>,
}

/// The payloads of `T`.
#[must_use]
pub const fn json<T: Payload>() -> Json<T> {
    Json { encode: json::encode, decode: json::decode }
}

/// An enum of which the payload is the content of a variant.
#[derive(Debug)]
#[allow(missing_docs, clippy::type_complexity)]
pub struct Variants<T> {
    pub encode: fn(&'static str, &T, &mut Vec<u8>) -> Result<(), EncodeError>,
    pub decode: fn(RawEvent<'_>, u32) -> Result<T, DecodeError>,
}

/// The payloads of `T`.
#[must_use]
pub const fn variants<T: Payload>() -> Variants<T> {
    Variants { encode: variant::encode, decode: variant::decode }
}
