//! How the payload of a type that has serde's derives is written and read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::described::{HasSchema, Part};
use super::{DecodeError, EncodeError, EventType, RawEvent, json, variant};

/// What serde writes and reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not both `Serialize` and `Deserialize`",
    label = "its payload cannot be written and read without serde's derives",
    note = "write `#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]` on `{Self}`, and \
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
    pub decode: fn(RawEvent<'_>, u32) -> Result<T, DecodeError>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The payloads of `T`.
#[must_use]
pub const fn json<T: Payload + HasSchema>() -> Json<T> {
    Json { encode: json::encode, decode: json::decode, schema: <T as JsonSchema>::json_schema }
}

impl<T> Json<T> {
    /// The event type with the schema of its payload.
    #[must_use]
    pub const fn describe(&self, event_type: EventType) -> EventType {
        event_type.with_schema(self.schema)
    }
}

/// An enum of which the payload is the content of a variant.
#[derive(Debug)]
#[allow(missing_docs, clippy::type_complexity)]
pub struct Variants<T> {
    pub encode: fn(&'static str, &T, &mut Vec<u8>) -> Result<(), EncodeError>,
    pub decode: fn(RawEvent<'_>, u32, u32) -> Result<T, DecodeError>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The payloads of `T`.
#[must_use]
pub const fn variants<T: Payload + HasSchema>() -> Variants<T> {
    let schema = <T as JsonSchema>::json_schema;
    Variants { encode: variant::encode, decode: variant::decode, schema }
}

impl<T> Variants<T> {
    /// The event type with the schema of a variant's content. The names are those that serde gives the
    /// variant.
    #[must_use]
    pub const fn describe(
        &self,
        event_type: EventType,
        written: &'static str,
        read: &'static str,
    ) -> EventType {
        event_type.with_part(self.schema, Part::Variant { written, read })
    }

    /// The event type of a variant without content.
    #[must_use]
    pub const fn describe_null(&self, event_type: EventType) -> EventType {
        event_type.with_part(self.schema, Part::Null)
    }
}
