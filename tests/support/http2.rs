//! Streams over HTTP/2 without TLS. Its client is hyper, as nobody writes that by hand.

use crate::http::{Head, PATIENCE, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// The only stream of a connection, which lives while the stream is read.
#[derive(Debug)]
pub struct Stream {
    runtime: Runtime,
    body: Incoming,
    socket: TcpStream,
}

/// Connects, and asks for a body without end.
pub(crate) fn stream(address: SocketAddr, request: &Request) -> io::Result<(Head, Stream)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let socket = TcpStream::connect(address)?;
    let connection = socket.try_clone()?;
    connection.set_nonblocking(true)?;
    let answer = in_time(&runtime, async {
        let connection = TokioIo::new(tokio::net::TcpStream::from_std(connection)?);
        let handshake = http2::handshake(TokioExecutor::new(), connection);
        let (mut sender, connection) = handshake.await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        sender.send_request(translate(request)?).await.map_err(io::Error::other)
    })?;
    let (head, body) = answer.into_parts();
    Ok((head_of(&head), Stream { runtime, body, socket }))
}

impl Stream {
    /// The next piece; none at the body's proper end.
    pub(crate) fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(frame) = in_time(&self.runtime, async { Ok(self.body.frame().await) })? else {
            return Ok(None);
        };
        let data = frame.map_err(io::Error::other)?.into_data().unwrap_or_default();
        Ok(Some(data.to_vec()))
    }

    /// The connection's socket.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

fn in_time<T>(runtime: &Runtime, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await? })
}

fn translate(request: &Request) -> io::Result<axum::http::Request<Full<Bytes>>> {
    let uri = format!("http://test{}", request.target);
    let mut translated = axum::http::Request::builder().method(&*request.method).uri(uri);
    for (name, value) in &request.headers {
        translated = translated.header(name, &**value);
    }
    translated.body(request.body.clone().into()).map_err(io::Error::other)
}

fn head_of(parts: &axum::http::response::Parts) -> Head {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    Head { status: parts.status.as_u16(), headers }
}
