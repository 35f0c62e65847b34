//! A directory as text: its files without their zeros, and with repeated bytes written once.
//!
//! ```text
//! directory/file 8388607       a file and its size
//!  1f00 7b226e223a             at this offset, both hexadecimal, these bytes
//!  2f00 78*5dc                 or this byte, so often
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;

/// So many equal bytes are written as one.
const RUN: usize = 24;
/// The most bytes on a line.
const LINE: usize = 48;

/// The text of all files below a directory.
pub fn write(directory: &Path) -> String {
    let mut files = BTreeMap::new();
    collect(directory, "", &mut files);
    let mut out = String::new();
    for (name, bytes) in files {
        let _ = writeln!(out, "{name} {}", bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let run = bytes[at..].iter().take_while(|&&byte| byte == bytes[at]).count();
            if run >= RUN {
                if bytes[at] != 0 {
                    let _ = writeln!(out, " {at:x} {:02x}*{run:x}", bytes[at]);
                }
                at += run;
                continue;
            }
            let piece = &bytes[at..(at + LINE).min(bytes.len())];
            let equal = |window: &[u8]| window.iter().all(|byte| *byte == window[0]);
            let end = piece.windows(RUN).position(equal).unwrap_or(piece.len());
            let hex: String = piece[..end].iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(out, " {at:x} {hex}");
            at += end;
        }
    }
    out
}

fn collect(directory: &Path, above: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), files),
            false => drop(files.insert(name, fs::read(entry.path()).expect("a file"))),
        }
    }
}

/// Makes the files of which this is the text.
///
/// # Panics
///
/// If it is not.
pub fn read(text: &str, directory: &Path) {
    let number = |text| usize::from_str_radix(text, 16).expect("a hexadecimal number");
    let mut file: Option<File> = None;
    for line in text.lines() {
        match line.strip_prefix(' ') {
            None => {
                let (name, size) = line.rsplit_once(' ').expect("a name and a size");
                let path = directory.join(name);
                fs::create_dir_all(path.parent().expect("a directory")).expect("is made");
                let made = File::create(path).expect("a file");
                made.set_len(size.parse().expect("a number")).expect("a size");
                file = Some(made);
            }
            Some(piece) => {
                let (at, bytes) = piece.split_once(' ').expect("an offset and bytes");
                let bytes = match bytes.split_once('*') {
                    Some((byte, times)) => vec![number(byte) as u8; number(times)],
                    None => (0..bytes.len() / 2)
                        .map(|place| number(&bytes[2 * place..2 * place + 2]) as u8)
                        .collect(),
                };
                let file = file.as_mut().expect("a file before its bytes");
                file.seek(SeekFrom::Start(number(at) as u64)).expect("an offset");
                file.write_all(&bytes).expect("is written");
            }
        }
    }
}
