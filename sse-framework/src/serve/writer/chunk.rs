//! Chunks of a chunked body (RFC 9112, section 7.1) on their way into a socket.

use bytes::{Buf as _, Bytes};
use std::io::{self, IoSlice, Write};

/// A piece of a body in its frame, of which a part may be written already.
#[derive(Debug)]
pub(super) enum Chunk {
    /// All of it side by side, which is the cheapest to write.
    Copied(Bytes),
    /// Around a piece that stays where it is.
    Around(Box<Around>),
}

#[derive(Debug)]
pub(super) struct Around {
    line: Bytes,
    piece: Bytes,
    end: Bytes,
}

/// Larger pieces are not copied into their frames. They may be shared with others who stand
/// elsewhere, and a client that does not take its piece would keep the copy.
const MOST_COPIED: usize = 8 << 10;

const LINE_END: &[u8] = b"\r\n";

impl Chunk {
    /// The end of a body.
    pub(super) fn last() -> Self {
        Chunk::Copied(Bytes::from_static(b"0\r\n\r\n"))
    }

    /// How many bytes are left to be written.
    pub(super) fn len(&self) -> usize {
        match self {
            Chunk::Copied(bytes) => bytes.len(),
            Chunk::Around(around) => around.parts().into_iter().map(Bytes::len).sum(),
        }
    }

    /// Writes as much as the socket takes; true when that is all of it.
    pub(super) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while self.len() > 0 {
            let written = match self {
                Chunk::Copied(bytes) => socket.write(bytes),
                Chunk::Around(around) => {
                    socket.write_vectored(&around.parts().map(|part| IoSlice::new(part)))
                }
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn advance(&mut self, mut count: usize) {
        match self {
            Chunk::Copied(bytes) => bytes.advance(count),
            Chunk::Around(around) => {
                for part in [&mut around.line, &mut around.piece, &mut around.end] {
                    let written = count.min(part.len());
                    part.advance(written);
                    count -= written;
                }
            }
        }
    }
}

impl Around {
    fn parts(&self) -> [&Bytes; 3] {
        [&self.line, &self.piece, &self.end]
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
        if piece.len() > MOST_COPIED {
            let (line, end) = (size_line(&piece).into(), Bytes::from_static(LINE_END));
            return Some(Chunk::Around(Box::new(Around { line, piece, end })));
        }
        let same = self.piece.as_ptr() == piece.as_ptr() && self.piece.len() == piece.len();
        if !same {
            self.framed = [size_line(&piece).as_bytes(), &piece, LINE_END].concat().into();
            // Kept, so that its place in memory is nobody else's.
            self.piece = piece;
        }
        (!self.piece.is_empty()).then(|| Chunk::Copied(self.framed.clone()))
    }

    /// Gives memory back when there is nothing to share it with.
    pub(super) fn rest(&mut self) {
        *self = Framer::default();
    }
}

fn size_line(piece: &[u8]) -> String {
    format!("{:X}\r\n", piece.len())
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
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
            self.blocks = !self.blocks;
            if self.blocks {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let before = self.taken.len();
            let bytes = parts.iter().flat_map(|part| part.iter());
            self.taken.extend(bytes.take(self.width));
            Ok(self.taken.len() - before)
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
    fn a_large_piece_goes_out_whole_and_stays_where_it_is() {
        let large: Bytes = (0..=u8::MAX).cycle().take(MOST_COPIED + 1).collect::<Vec<_>>().into();
        let expected = [b"2001\r\n", &large[..], b"\r\n"].concat();
        for width in (1..30).chain([large.len() - 1, expected.len() - 1, expected.len()]) {
            let mut socket = Narrow { taken: Vec::new(), width, blocks: false };
            let mut chunk = Framer::default().frame(large.clone()).unwrap();
            let Chunk::Around(around) = &chunk else { panic!("it was copied") };
            assert_eq!((around.piece.as_ptr(), chunk.len()), (large.as_ptr(), expected.len()));
            while !chunk.write_to(&mut socket).unwrap() {}
            assert!(socket.taken == expected, "{width}");
        }
    }

    #[test]
    fn the_same_bytes_are_framed_once_and_an_empty_piece_not_at_all() {
        let mut framer = Framer::default();
        let mut framed = |piece: Bytes| match framer.frame(piece)? {
            Chunk::Copied(framed) => Some(framed),
            Chunk::Around(_) => panic!("it is small"),
        };
        let piece = Bytes::from_static(b"data: 1\n\n");
        let first = framed(piece.clone()).unwrap();
        assert_eq!(first.as_ptr(), framed(piece.clone()).unwrap().as_ptr());
        let shorter = framed(piece.slice(..4)).unwrap();
        assert_eq!(&shorter[..], b"4\r\ndata\r\n");
        assert!(framed(Bytes::new()).is_none(), "it would be the last chunk");
    }
}
