//! A chunk of a chunked body (RFC 9112, section 7.1) on its way into a socket.

use bytes::Bytes;
use std::io::{self, IoSlice, Write};

/// A piece of a body with its frame, of which a part may be written already.
#[derive(Debug)]
pub(super) struct Chunk {
    head: Head,
    data: Bytes,
    /// How much of head, data and end.
    written: usize,
}

const END: &[u8] = b"\r\n";

impl Chunk {
    /// A piece that is not empty, which would end the body.
    pub(super) fn new(data: Bytes) -> Option<Self> {
        let head = Head::of(data.len());
        (!data.is_empty()).then_some(Chunk { head, data, written: 0 })
    }

    /// The end of a body.
    pub(super) fn last() -> Self {
        Chunk { head: Head::of(0), data: Bytes::new(), written: 0 }
    }

    /// Writes as much as the socket takes; true when that is all of it.
    pub(super) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        let parts = [self.head.as_bytes(), &self.data, END];
        let length: usize = parts.iter().map(|part| part.len()).sum();
        while self.written < length {
            let mut before = self.written;
            let left = parts.map(|part| {
                let (_, left) = part.split_at(before.min(part.len()));
                before = before.saturating_sub(part.len());
                IoSlice::new(left)
            });
            match socket.write_vectored(&left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// The length in hexadecimal digits, and the end of that line.
#[derive(Debug)]
struct Head {
    text: [u8; 18],
    length: u8,
}

impl Head {
    fn of(size: usize) -> Self {
        let mut text = [0; 18];
        let mut rest = &mut text[..];
        // 16 digits at most.
        let _ = write!(&mut rest, "{size:x}\r\n");
        let length = 18 - rest.len();
        Head { text, length: u8::try_from(length).unwrap_or(18) }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then blocks once.
    struct Narrow(Vec<u8>, usize, bool);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.2 = !self.2;
            if self.2 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(self.1);
            self.0.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_chunk_goes_out_whole_however_narrow_the_socket() {
        for width in 1..30 {
            let mut chunk = Chunk::new(Bytes::from_static(b"data: 1\n\ndata: 2\n\n")).unwrap();
            let mut socket = Narrow(Vec::new(), width, false);
            while !chunk.write_to(&mut socket).unwrap() {}
            let mut last = Chunk::last();
            while !last.write_to(&mut socket).unwrap() {}
            assert_eq!(socket.0, b"12\r\ndata: 1\n\ndata: 2\n\n\r\n0\r\n\r\n", "{width}");
        }
        assert!(Chunk::new(Bytes::new()).is_none(), "an empty chunk would be the last");
    }
}
