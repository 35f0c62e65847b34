//! Chunks of a chunked body (RFC 9112, section 7.1) on their way into a socket.

use bytes::{Bytes, BytesMut};
use std::fmt::Write as _;
use std::io::{self, Write};

/// A piece of a body in its frame, of which a part may be written already.
#[derive(Debug)]
pub(super) struct Chunk(Bytes);

impl Chunk {
    /// The end of a body.
    pub(super) fn last() -> Self {
        Chunk(Bytes::from_static(b"0\r\n\r\n"))
    }

    /// How many bytes are left to be written.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes as much as the socket takes; true when that is all of it.
    pub(super) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while !self.0.is_empty() {
            match socket.write(&self.0) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.0.split_to(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Frames pieces. Bodies that stand at the same place yield the same bytes, one after the other:
/// these are framed once.
#[derive(Debug, Default)]
pub(super) struct Framer {
    piece: Bytes,
    framed: Bytes,
}

impl Framer {
    /// A piece in its frame; none for an empty one, which would end the body.
    pub(super) fn frame(&mut self, piece: Bytes) -> Option<Chunk> {
        let same = self.piece.as_ptr() == piece.as_ptr() && self.piece.len() == piece.len();
        if !same {
            self.framed = framed(&piece);
            // Kept, so that its place in memory is nobody else's.
            self.piece = piece;
        }
        (!self.piece.is_empty()).then(|| Chunk(self.framed.clone()))
    }

    /// Gives memory back when there is nothing to share it with.
    pub(super) fn rest(&mut self) {
        *self = Framer::default();
    }
}

fn framed(piece: &[u8]) -> Bytes {
    // 16 digits at most.
    let mut framed = BytesMut::with_capacity(piece.len() + 20);
    let _ = write!(framed, "{:X}\r\n", piece.len());
    framed.extend_from_slice(piece);
    framed.extend_from_slice(b"\r\n");
    framed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then blocks once.
    struct Narrow {
        taken: Vec<u8>,
        width: usize,
        blocks: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.blocks = !self.blocks;
            if self.blocks {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(self.width);
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_chunk_goes_out_whole_however_narrow_the_socket() {
        for width in 1..30 {
            let mut socket = Narrow { taken: Vec::new(), width, blocks: false };
            let piece = Bytes::from_static(b"data: 1\n\ndata: 2\n\n");
            for mut chunk in [Framer::default().frame(piece).unwrap(), Chunk::last()] {
                while !chunk.write_to(&mut socket).unwrap() {}
            }
            assert_eq!(socket.taken, b"12\r\ndata: 1\n\ndata: 2\n\n\r\n0\r\n\r\n", "{width}");
        }
    }

    #[test]
    fn the_same_bytes_are_framed_once_and_an_empty_piece_not_at_all() {
        let mut framer = Framer::default();
        let piece = Bytes::from_static(b"data: 1\n\n");
        let first = framer.frame(piece.clone()).unwrap();
        assert_eq!(first.0.as_ptr(), framer.frame(piece.clone()).unwrap().0.as_ptr());
        let shorter = framer.frame(piece.slice(..4)).unwrap();
        assert_eq!(&shorter.0[..], b"4\r\ndata\r\n");
        assert!(framer.frame(Bytes::new()).is_none(), "it would be the last chunk");
    }
}
