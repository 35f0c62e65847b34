//! A small HTTP/1.1 client that blocks and sends exactly the bytes that it is given; and the choice of
//! HTTP/2 in its place.

use crate::http2;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What an answer is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, by a client that knows that it is spoken.
    Http2,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
}

/// How long a read waits before the test is considered stuck.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request, written as it stands: nothing is checked or escaped.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A request with no headers but `Host`.
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Request { method, target, headers: Vec::new(), body: Vec::new() }
    }

    /// What a browser's `EventSource` sends.
    pub fn stream(target: &str, last_event_id: &str) -> Self {
        let request = Request::new("GET", target).header("Accept", "text/event-stream");
        match last_event_id {
            "" => request,
            id => request.header("Last-Event-ID", id),
        }
    }

    /// One header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        Request { body, ..self.header("Content-Length", length) }
    }

    fn bytes(&self) -> Vec<u8> {
        let line = format!("{} {} HTTP/1.1\r\nHost: test\r\n", self.method, self.target);
        let mut out = line.into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}

/// Status and headers of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// The only value of this header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(other, _): &&(String, String)| other == name;
        let mut values = self.headers.iter().filter(same).map(|(_, value)| value.as_str());
        let first = values.next();
        assert!(values.next().is_none(), "{name} more than once in {self:?}");
        first
    }

    /// Names and values as they came, names in lower case, sorted.
    pub fn sorted(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        all.sort_unstable();
        all
    }
}

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status and headers.
    pub head: Head,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}

/// A connection for one request after the other.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection { reader: BufReader::new(socket) })
    }

    /// Sends a request and reads the whole answer.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        let (head, mut framing) = self.begin(request)?;
        let mut body = Vec::new();
        while let Some(piece) = framing.read(&mut self.reader)? {
            body.extend_from_slice(&piece);
        }
        Ok(Response { head, body })
    }

    /// Sends a request whose answer has a body without end.
    pub fn into_stream(mut self, request: &Request) -> io::Result<(Head, Body)> {
        let (head, framing) = self.begin(request)?;
        Ok((head, Body::Http1 { reader: self.reader, framing }))
    }

    fn begin(&mut self, request: &Request) -> io::Result<(Head, Framing)> {
        self.reader.get_mut().write_all(&request.bytes())?;
        let head = read_head(&mut self.reader)?;
        let framing = match (head.header("transfer-encoding"), head.header("content-length")) {
            _ if request.method == "HEAD" || matches!(head.status, 204 | 304) => Framing::Left(0),
            (Some("chunked"), _) => Framing::Chunked,
            (_, Some(length)) => Framing::Left(length.parse().map_err(io::Error::other)?),
            _ => Framing::UntilEnd,
        };
        Ok((head, framing))
    }
}

/// One request, one answer.
pub fn send(address: SocketAddr, request: &Request) -> io::Result<Response> {
    Connection::open(address)?.send(request)
}

/// Asks for a body without end, by this protocol.
pub fn stream_over(
    protocol: Protocol,
    address: SocketAddr,
    request: &Request,
) -> io::Result<(Head, Body)> {
    match protocol {
        Protocol::Http1 => Connection::open(address)?.into_stream(request),
        Protocol::Http2 => {
            let (head, stream) = http2::stream(address, request)?;
            Ok((head, Body::Http2(stream)))
        }
    }
}

/// A body that is read piece by piece.
#[derive(Debug)]
pub enum Body {
    /// On a connection of its own.
    Http1 {
        /// The connection.
        reader: BufReader<TcpStream>,
        /// Where the body ends.
        framing: Framing,
    },
    /// The only stream of a connection.
    Http2(http2::Stream),
}

impl Body {
    /// The next piece; none at the body's proper end.
    ///
    /// A body that breaks off is [`ErrorKind::UnexpectedEof`] or a reset.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Body::Http1 { reader, framing } => framing.read(reader),
            Body::Http2(stream) => stream.piece(),
        }
    }

    /// The socket below, to break the connection from another thread.
    pub fn socket(&self) -> io::Result<TcpStream> {
        match self {
            Body::Http1 { reader, .. } => reader.get_ref().try_clone(),
            Body::Http2(stream) => stream.socket().try_clone(),
        }
    }
}

/// Where a body ends.
#[derive(Debug)]
pub enum Framing {
    /// Where it says so.
    Chunked,
    /// After so many bytes.
    Left(usize),
    /// Where the connection ends.
    UntilEnd,
}

impl Framing {
    fn read(&mut self, reader: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
        match self {
            Framing::Left(0) => Ok(None),
            Framing::Left(length) => {
                let piece = exactly(reader, *length)?;
                *self = Framing::Left(0);
                Ok(Some(piece))
            }
            Framing::Chunked => {
                let size = read_line(reader)?;
                let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
                let piece = exactly(reader, size)?;
                if !read_line(reader)?.is_empty() {
                    return Err(io::Error::other("a chunk does not end where it should"));
                }
                if size == 0 {
                    *self = Framing::Left(0);
                    return Ok(None);
                }
                Ok(Some(piece))
            }
            Framing::UntilEnd => {
                let piece = reader.fill_buf()?.to_vec();
                reader.consume(piece.len());
                Ok(Some(piece).filter(|piece| !piece.is_empty()))
            }
        }
    }
}

fn exactly(reader: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Head> {
    let status = read_line(reader)?;
    let status = status.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("not an HTTP/1.1 answer"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok(Head { status, headers });
        }
        let (name, value) = line.split_once(": ").ok_or_else(|| io::Error::other("no header"))?;
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    Ok(line.to_owned())
}
