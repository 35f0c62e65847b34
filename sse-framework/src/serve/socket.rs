//! A connection as hyper sees it.

use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection, bytes of it that have been read already, and whether it takes what is written.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    read_before: Bytes,
    blocked: Arc<AtomicBool>,
}

/// Whether the last write to a socket has to wait. As long as it does, what hyper has sent may lie
/// in hyper's buffers; otherwise hyper has handed over everything.
#[derive(Clone, Debug)]
pub(super) struct Blocked(Arc<AtomicBool>);

impl Blocked {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Socket { stream, read_before: Bytes::new(), blocked: Arc::default() }
    }

    /// The same, of which these bytes have been read.
    pub(super) fn with_read(self, read_before: Bytes) -> Self {
        Socket { read_before, ..self }
    }

    pub(super) fn blocked(&self) -> Blocked {
        Blocked(self.blocked.clone())
    }

    /// Reads once, behind what has been read before; false at the end.
    #[cfg(feature = "http2")]
    pub(super) async fn read_more(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        tokio::io::AsyncReadExt::read(&mut self.stream, buffer).await
    }

    pub(super) fn into_parts(self) -> (TcpStream, Bytes) {
        (self.stream, self.read_before)
    }

    fn note<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.blocked.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.read_before.is_empty() {
            let length = this.read_before.len().min(buffer.remaining());
            buffer.put_slice(&this.read_before[..length]);
            this.read_before.advance(length);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bytes);
        this.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.get_mut().stream).poll_flush(cx))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
