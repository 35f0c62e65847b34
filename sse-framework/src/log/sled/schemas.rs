//! The file `schemas`: with which schemas the records were written.
//!
//! The first line is `sse-framework-schemas <format> <CRC-32 of the rest in 8 hexadecimal digits>`; the rest is
//! JSON, for operators to read. Like the state it is never changed but replaced.

use super::lock::sync_directory;
use super::{OnDamage, files, io};
use crate::log::LogError;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const FORMAT: u32 = 1;
const NAME: &str = "sse-framework-schemas";

/// What the file says, if there is one. To salvage means to go on without it, if it is damaged; it is kept
/// aside.
pub(crate) fn read(directory: &Path, on_damage: OnDamage) -> Result<Option<Vec<u8>>, LogError> {
    let path = directory.join("schemas");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("reading", &path)(error)),
    };
    match (parse(&text), on_damage) {
        (Ok(body), _) => Ok(Some(body.to_vec())),
        (Err(Flaw::Damage(reason)), OnDamage::Salvage) => {
            tracing::error!(reason, "the log's file `schemas` is damaged; it goes on without it");
            let aside = directory.join("schemas.damaged");
            fs::rename(&path, aside).map_err(io("renaming", &path))?;
            Ok(None)
        }
        (Err(Flaw::Damage(reason) | Flaw::Format(reason)), _) => {
            Err(LogError::Format { path, reason })
        }
    }
}

/// Replaces the file.
pub(crate) fn write(directory: &Path, body: &[u8]) -> Result<(), LogError> {
    let [path, fresh] = ["schemas", "schemas.new"].map(|name| directory.join(name));
    let header = format!("{NAME} {FORMAT} {:08x}\n", crc32fast::hash(body));
    files::write(&fresh, &[header.as_bytes(), body].concat())?;
    fs::rename(&fresh, &path).map_err(io("replacing", &path))?;
    sync_directory(directory)
}

enum Flaw {
    Damage(String),
    /// It is another version's.
    Format(String),
}

fn parse(text: &[u8]) -> Result<&[u8], Flaw> {
    let damage = |reason: &str| Flaw::Damage(reason.to_owned());
    let end = text.iter().position(|byte| *byte == b'\n');
    let (header, body) = text.split_at(end.ok_or_else(|| damage("it has no first line"))?);
    let (body, header) = (&body[1..], std::str::from_utf8(header).unwrap_or_default());
    let mut words = header.split(' ');
    if words.next() != Some(NAME) {
        return Err(damage("it does not begin like the schemas of a log"));
    }
    let format = words.next().and_then(|format| format.parse::<u32>().ok());
    let crc = words.next().and_then(|crc| u32::from_str_radix(crc, 16).ok());
    match format {
        Some(FORMAT) if crc == Some(crc32fast::hash(body)) => Ok(body),
        Some(FORMAT) => Err(damage("its checksum does not match")),
        Some(other) => {
            Err(Flaw::Format(format!("its format is {other}, this version knows {FORMAT}")))
        }
        None => Err(damage("it does not say which format it has")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(read(path, OnDamage::Refuse).unwrap(), None);
        write(path, b"{}\n").unwrap();
        assert_eq!(read(path, OnDamage::Refuse).unwrap().as_deref(), Some(b"{}\n".as_slice()));
        let text = fs::read(path.join("schemas")).unwrap();
        for place in 0..text.len() {
            let mut damaged = text.clone();
            damaged[place] ^= 4;
            assert!(parse(&damaged).is_err(), "byte {place}");
            assert!(parse(&text[..place]).is_err(), "{place} bytes");
        }
    }

    #[test]
    fn damage_is_refused_or_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::write(path.join("schemas"), "sse-framework-schemas 1 00000000\n{}\n").unwrap();
        assert!(matches!(read(path, OnDamage::Refuse), Err(LogError::Format { .. })));
        assert_eq!(read(path, OnDamage::Salvage).unwrap(), None);
        assert!(path.join("schemas.damaged").exists() && !path.join("schemas").exists());
        fs::write(path.join("schemas"), "sse-framework-schemas 2 00000000\n{}\n").unwrap();
        assert!(matches!(read(path, OnDamage::Salvage), Err(LogError::Format { .. })));
    }
}
