//! The file `schemas`: with which schemas the records were written.
//!
//! The first line is `sse-framework-schemas <format> <CRC-32 of the rest in 8 hexadecimal digits>`; the rest is
//! JSON, for operators to read. Like the state it is never changed but replaced.

use super::lock::sync_directory;
use super::{Core, OnDamage, files, io, locked, salvage};
use crate::log::LogError;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const FORMAT: u32 = 1;
const NAME: &str = "sse-framework-schemas";

/// What is wrong with the file `schemas` of a log. See [`SledLog::verify`](super::SledLog::verify).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemasFlaw {
    /// There is none. The next hub cannot check whether it reads the records that there are, and makes one.
    #[error("the file `schemas` is missing")]
    Missing,
    /// It is damaged. [`SledLog::salvage`](super::SledLog::salvage) puts it aside.
    #[error("the file `schemas` is damaged: {0}")]
    Damaged(String),
    /// It is of another version of the framework, and only that can open the log.
    #[error("the file `schemas` is of another version: {0}")]
    Format(String),
}

/// What the file says.
pub(crate) fn read(directory: &Path) -> Result<Result<Vec<u8>, SchemasFlaw>, LogError> {
    let path = directory.join("schemas");
    match fs::read(&path) {
        Ok(text) => Ok(parse(&text).map(<[_]>::to_vec)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Err(SchemasFlaw::Missing)),
        Err(error) => Err(io("reading", &path)(error)),
    }
}

impl Core {
    /// What the file says, if there is one. To salvage means to go on without it, if it is damaged.
    pub(crate) fn schemas(&self) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.directory.join("schemas");
        let reason = match read(&self.directory)? {
            Ok(body) => return Ok(Some(body)),
            Err(SchemasFlaw::Missing) => return Ok(None),
            Err(SchemasFlaw::Format(reason)) => reason,
            Err(SchemasFlaw::Damaged(reason)) => match self.settings.on_damage {
                OnDamage::Refuse => format!(
                    "{reason}; with `OnDamage::Salvage` the log goes on without it, and it cannot be \
                     told whether its records can be read"
                ),
                OnDamage::Salvage => {
                    let aside = salvage::put_file_aside(&path)?;
                    let (reason, path) = (&reason, aside.display());
                    tracing::error!(reason, %path, "the file `schemas` is damaged and kept aside");
                    *locked(&self.schemas_aside) = Some(aside);
                    return Ok(None);
                }
            },
        };
        Err(LogError::Format { path, reason })
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

fn parse(text: &[u8]) -> Result<&[u8], SchemasFlaw> {
    let damage = |reason: &str| SchemasFlaw::Damaged(reason.to_owned());
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
            Err(SchemasFlaw::Format(format!("its format is {other}, this version knows {FORMAT}")))
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
        assert_eq!(read(path).unwrap(), Err(SchemasFlaw::Missing));
        write(path, b"{}\n").unwrap();
        assert_eq!(read(path).unwrap().as_deref(), Ok(b"{}\n".as_slice()));
        let text = fs::read(path.join("schemas")).unwrap();
        for place in 0..text.len() {
            let mut damaged = text.clone();
            damaged[place] ^= 4;
            assert!(parse(&damaged).is_err(), "byte {place}");
            assert!(parse(&text[..place]).is_err(), "{place} bytes");
        }
    }

    #[test]
    fn another_format_is_no_damage() {
        let directory = tempfile::tempdir().unwrap();
        let read = |text| {
            fs::write(directory.path().join("schemas"), text).unwrap();
            read(directory.path()).unwrap().unwrap_err()
        };
        let damaged = read("sse-framework-schemas 1 00000000\n{}\n");
        assert!(matches!(damaged, SchemasFlaw::Damaged(_)), "{damaged:?}");
        let newer = read("sse-framework-schemas 2 00000000\n{}\n");
        assert!(matches!(newer, SchemasFlaw::Format(_)), "{newer:?}");
    }
}
