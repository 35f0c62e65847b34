//! The payload of one variant through the enum's own derived serde impls.
//!
//! serde's derive writes an enum as `{"Variant": content}`. On the wire the variant stands in
//! `event:`, so that `data:` is the content alone. Two adapters stand between the enum and
//! serde_json for that, and every `#[serde(...)]` on a field keeps its meaning.

mod read;
mod write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Error;

use super::json;
use super::upcast::check_version;
use super::{DecodeError, EncodeError, RawEvent};

/// Appends the content of the variant that `set` is. It is an error if `Serialize` is not serde's
/// derive.
pub(super) fn encode<T: Serialize>(
    name: &'static str,
    set: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    json::append(name, out, |json| set.serialize(write::Content(json)))
}

/// Reads the content of variant number `index`, of this version.
pub(super) fn decode<T: DeserializeOwned>(
    event: RawEvent<'_>,
    index: u32,
    version: u32,
) -> Result<T, DecodeError> {
    check_version(event, version)?;
    json::read(event, |json, track| T::deserialize(read::Variant { index, json, track }))
}

fn not_derived() -> Error {
    use serde::ser::Error as _;
    Error::custom("the event set's Serialize and Deserialize must be serde's derives")
}
