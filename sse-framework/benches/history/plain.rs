//! The floor: a plain file that holds the same records, and what anybody would have to do who keeps a
//! log in one.

use super::{payload, topic};
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

const BUFFER: usize = 256 << 10;

/// A record: checksum, length, and then time, schema version, topic, name and payload.
fn encode(n: u64) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    body.extend((1_767_225_600_000 + n).to_le_bytes());
    body.extend(1u32.to_le_bytes());
    for text in [&*topic(n), "load"] {
        body.extend((text.len() as u16).to_le_bytes());
        body.extend_from_slice(text.as_bytes());
    }
    body.extend(payload(n));
    let mut record = Vec::with_capacity(body.len() + 8);
    record.extend(crc32fast::hash(&body).to_le_bytes());
    record.extend((body.len() as u32).to_le_bytes());
    record.extend(body);
    record
}

pub(crate) fn write(path: &Path, events: u64) {
    let mut file = BufWriter::with_capacity(BUFFER, File::create(path).unwrap());
    for n in 1..=events {
        file.write_all(&encode(n)).unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
}

/// Reads and checks every record, and takes it apart.
pub(crate) fn read(path: &Path, events: u64) {
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).unwrap());
    let (mut head, mut body) = ([0; 8], Vec::new());
    for _ in 0..events {
        file.read_exact(&mut head).unwrap();
        let [a, b, c, d, length @ ..] = head;
        body.resize(u32::from_le_bytes(length) as usize, 0);
        file.read_exact(&mut body).unwrap();
        assert_eq!(crc32fast::hash(&body), u32::from_le_bytes([a, b, c, d]));
        let (time, rest) = body.split_first_chunk().unwrap();
        let (version, rest) = rest.split_first_chunk().unwrap();
        let (topic, rest) = text(rest);
        let (name, data) = text(rest);
        let (time, version) = (u64::from_le_bytes(*time), u32::from_le_bytes(*version));
        black_box((time, version, topic, name, data));
    }
}

fn text(bytes: &[u8]) -> (&str, &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (text, rest) = rest.split_at(usize::from(u16::from_le_bytes(*length)));
    (std::str::from_utf8(text).unwrap(), rest)
}
