//! A socket, what is read of its request, and what it has not taken yet.

use mio::net::TcpStream;
use std::io::{self, Read, Write};

pub(super) struct Connection {
    socket: TcpStream,
    read: Vec<u8>,
    unsent: Vec<u8>,
}

/// What a client wants.
pub(super) enum Request {
    Listen { topic: Option<String> },
    Publish { topic: Option<String>, body: String },
}

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: open\n\n";
const DONE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

impl Connection {
    pub(super) fn new(socket: TcpStream) -> Self {
        Connection { socket, read: Vec::new(), unsent: Vec::new() }
    }

    /// Writes what is left and reads; a request is answered when it is whole. Fails when the client
    /// has gone.
    pub(super) fn advance(&mut self) -> io::Result<Option<Request>> {
        let unsent = std::mem::take(&mut self.unsent);
        self.send(&unsent);
        let mut buffer = [0; 64 << 10];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.read.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let request = self.request();
        match &request {
            Some(Request::Listen { .. }) => self.send(STREAM),
            Some(Request::Publish { .. }) => self.send(DONE),
            None => {}
        }
        Ok(request)
    }

    /// Sends what the socket takes, and keeps the rest.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let sent = match self.unsent.is_empty() && !bytes.is_empty() {
            true => self.socket.write(bytes).unwrap_or(0),
            false => 0,
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
    }

    fn request(&mut self) -> Option<Request> {
        let text = str::from_utf8(&self.read).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let target = head.split(' ').nth(1)?;
        let topic = target.split_once("?topic=").map(|(_, topic)| topic.to_owned());
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let request = match length {
            None => Request::Listen { topic },
            Some(length) if body.len() < length.parse().ok()? => return None,
            Some(_) => Request::Publish { topic, body: body.to_owned() },
        };
        self.read.clear();
        Some(request)
    }
}
