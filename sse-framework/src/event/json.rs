//! Payloads as one line of JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::de::SliceRead;
use serde_json::{Deserializer, Result, Serializer};
use serde_path_to_error::Track;

use super::upcast::check_version;
use super::{DecodeError, EncodeError, RawEvent};

/// Appends `value` as one line of JSON.
pub(super) fn encode<T: Serialize>(
    name: &'static str,
    value: &T,
    out: &mut Vec<u8>,
) -> std::result::Result<(), EncodeError> {
    append(name, out, |json| value.serialize(json))
}

/// Reads a whole payload of this version.
pub(super) fn decode<T: DeserializeOwned>(
    event: RawEvent<'_>,
    version: u32,
) -> std::result::Result<T, DecodeError> {
    check_version(event, version)?;
    read(event, |json, track| T::deserialize(serde_path_to_error::Deserializer::new(json, track)))
}

/// Leaves `out` as it was if `write` fails half-way.
pub(super) fn append(
    name: &'static str,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Serializer<&mut Vec<u8>>) -> Result<()>,
) -> std::result::Result<(), EncodeError> {
    let start = out.len();
    let written = write(&mut Serializer::new(&mut *out));
    match written {
        Ok(()) => {
            join_lines(&mut out[start..]);
            Ok(())
        }
        Err(source) => {
            out.truncate(start);
            Err(EncodeError::Json { name, source })
        }
    }
}

/// Makes one line of JSON that came preformatted, as a `RawValue` can. Line ends stand between
/// tokens only, since within strings they are escaped; so a space means the same.
fn join_lines(json: &mut [u8]) {
    if json.contains(&b'\n') || json.contains(&b'\r') {
        for byte in json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
}

pub(super) fn read<'de, T>(
    event: RawEvent<'de>,
    read: impl FnOnce(&mut Deserializer<SliceRead<'de>>, &mut Track) -> Result<T>,
) -> std::result::Result<T, DecodeError> {
    let mut json = Deserializer::from_slice(event.data);
    let mut track = Track::new();
    let value = read(&mut json, &mut track).and_then(|value| json.end().map(|()| value));
    value.map_err(|source| DecodeError::Payload {
        name: event.name.to_owned(),
        path: track.path().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preformatted_json_becomes_one_line() {
        let mut json = b"{\r\n  \"a\\n\": 1\n}".to_vec();
        join_lines(&mut json);
        assert_eq!(json, b"{    \"a\\n\": 1 }");
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value, serde_json::json!({ "a\n": 1 }));
    }
}
