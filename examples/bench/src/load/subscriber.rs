//! One connection that listens.

use super::payload;
use mio::net::TcpStream;
use std::io::{self, Read};

/// A socket, and how far its stream has come.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) socket: TcpStream,
    /// The number of the newest event, and how many have come.
    pub(super) newest: Option<u64>,
    pub(super) received: u64,
    pub(super) opened: bool,
    /// The begin of a line whose end has not come.
    rest: Vec<u8>,
}

/// What a read has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The response's status.
    Status(u16),
    /// An event's number, and when it was sent.
    Event(u64, u64),
}

impl Subscriber {
    pub(super) fn new(socket: TcpStream) -> Self {
        Subscriber { socket, newest: None, received: 0, opened: false, rest: Vec::new() }
    }

    /// Reads what there is; false when the server has ended the stream.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        mut show: impl FnMut(&mut Self, Line),
    ) -> io::Result<bool> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.scan(&buffer[..count], &mut show);
                    // Less than was asked for: the socket is empty, and will say when it is not.
                    if count < buffer.len() {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn scan(&mut self, bytes: &[u8], show: &mut impl FnMut(&mut Self, Line)) {
        let mut begins = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = &bytes[begins..end];
            begins = end + 1;
            let found = match self.rest.is_empty() {
                true => line_of(line),
                false => {
                    self.rest.extend_from_slice(line);
                    let found = line_of(&self.rest);
                    self.rest.clear();
                    found
                }
            };
            if let Some(line) = found {
                show(self, line);
            }
        }
        self.rest.extend_from_slice(&bytes[begins..]);
    }
}

fn line_of(line: &[u8]) -> Option<Line> {
    if let Some((number, time)) = payload::read(line) {
        return Some(Line::Event(number, time));
    }
    let status = line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    Some(Line::Status(std::str::from_utf8(status).ok()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lines_are_found_wherever_reads_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut subscriber = Subscriber::new(TcpStream::from_std(socket));
        let mut server = listener.accept().unwrap().0;
        let text = "HTTP/1.1 200 OK\r\n\r\nid: 1\ndata: {\"n\":7,\"t\":8,\"p\":\"\"}\n\n";
        let mut seen = Vec::new();
        for byte in text.as_bytes() {
            server.write_all(&[*byte]).unwrap();
            subscriber.read(&mut [0; 64], |_, line| seen.push(line)).unwrap();
        }
        server.write_all(text.as_bytes()).unwrap();
        drop(server);
        while subscriber.read(&mut [0; 20], |_, line| seen.push(line)).unwrap() {}
        let once = [Line::Status(200), Line::Event(7, 8)];
        assert_eq!(seen, [once, once].concat());
    }
}
