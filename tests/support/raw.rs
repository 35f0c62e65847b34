//! A connection on which a test writes and reads bytes as they are.

use crate::http::PATIENCE;
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A connection, and what has been read from it and not been asked for.
#[derive(Debug)]
pub struct Raw {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    /// Connects.
    pub fn open(address: SocketAddr) -> Self {
        Raw::over(TcpStream::connect(address).expect("a connection"))
    }

    /// Connects, and is ready to receive only a little at a time, so that who does not read stops
    /// its peer soon.
    pub fn open_narrow(address: SocketAddr) -> Self {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.connect(&address.into()).expect("a connection");
        Raw::over(socket.into())
    }

    /// Is ready to receive more from now on.
    pub fn widen(&self) {
        SockRef::from(&self.socket).set_recv_buffer_size(1 << 20).expect("a large buffer");
    }

    fn over(socket: TcpStream) -> Self {
        socket.set_nodelay(true).expect("no delay");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Raw { socket, read: Vec::new() }
    }

    /// Writes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).expect("the peer takes it");
    }

    /// Asks for a page or a stream.
    pub fn get(&mut self, target: &str) {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    /// Reads up to this text; what came, with it.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        let (text, mut looked_at) = (text.as_bytes(), 0);
        let end = loop {
            let new = &self.read[looked_at..];
            match new.windows(text.len()).position(|at| at == text) {
                Some(at) => break looked_at + at + text.len(),
                None => looked_at = (self.read.len() + 1).saturating_sub(text.len()),
            }
            assert!(
                self.more(),
                "the end, not \"{}\" after {:?}",
                text.escape_ascii(),
                self.text()
            );
        };
        let rest = self.read.split_off(end);
        String::from_utf8(std::mem::replace(&mut self.read, rest)).expect("text")
    }

    /// Reads to the end; what came.
    #[track_caller]
    pub fn to_end(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.read)
    }

    /// Reads for this long, and asserts that nothing comes.
    #[track_caller]
    pub fn silence(&mut self, time: Duration) {
        assert!(self.read.is_empty(), "there is {:?}", self.text());
        self.socket.set_read_timeout(Some(time)).expect("a timeout");
        let read = self.socket.read(&mut [0]);
        let silent = read.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        assert!(silent, "there is {read:?}");
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    }

    /// Reads this many bytes and leaves the rest where it is.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let already = count.min(self.read.len());
        let mut bytes: Vec<u8> = self.read.drain(..already).collect();
        bytes.resize(count, 0);
        self.socket.read_exact(&mut bytes[already..]).expect("so many bytes");
        bytes
    }

    /// Breaks the connection with a reset, whatever is on its way.
    pub fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).expect("no lingering");
    }

    /// From here on nothing that the peer sends arrives, nor is it acknowledged: for the peer, the
    /// machine has vanished.
    pub fn vanish(&self) {
        // A filter program of one instruction: keep 0 bytes of every packet.
        let drop_all = [socket2::SockFilter::new(0x06, 0, 0, 0)];
        SockRef::from(&self.socket).attach_filter(&drop_all).expect("a filter");
    }

    /// Says that it has nothing more to send.
    pub fn finish(&self) {
        self.socket.shutdown(Shutdown::Write).expect("it is connected");
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Reads once; false at the end, or if the peer has broken off.
    fn more(&mut self) -> bool {
        let mut buffer = [0; 64 << 10];
        match self.socket.read(&mut buffer) {
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error} after {:?}", self.text()),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read[self.read.len().saturating_sub(500)..]).into_owned()
    }
}
