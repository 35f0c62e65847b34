//! A connection as hyper sees it.

use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection, bytes of it that have been read already, and what others know of it.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    read_before: Bytes,
    shared: Arc<Shared>,
    /// What the system has been told to give up after.
    told: u64,
}

#[derive(Debug, Default)]
struct Shared {
    blocked: AtomicBool,
    /// Milliseconds; 0 is none.
    patience: AtomicU64,
}

/// What a connection knows of its socket while hyper has it.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Shared>);

impl Line {
    /// Whether the last write to the socket has to wait. As long as it does, what hyper has sent may lie
    /// in hyper's buffers; otherwise hyper has handed over everything.
    pub(super) fn is_blocked(&self) -> bool {
        self.0.blocked.load(Ordering::Relaxed)
    }

    /// Until it is dropped, a peer is given up that takes or acknowledges nothing for this long.
    pub(super) fn limit(&self, patience: Duration) -> Limit {
        let millis = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.0.patience.store(millis.max(1), Ordering::Relaxed);
        Limit(self.0.clone())
    }
}

/// A limit to a peer's silence. A response takes it along.
#[derive(Debug)]
pub(super) struct Limit(Arc<Shared>);

impl Drop for Limit {
    fn drop(&mut self) {
        self.0.patience.store(0, Ordering::Relaxed);
    }
}

/// Lets the system give up a peer that acknowledges nothing, or takes nothing, for so long; or as it
/// is used to.
pub(super) fn give_up_after<'s, S>(stream: &'s S, time: Option<Duration>)
where
    socket2::SockRef<'s>: From<&'s S>,
{
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(time) {
        tracing::debug!(%error, "a dead peer will be found later");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "fuchsia")))]
    let _ = (stream, time);
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Socket { stream, read_before: Bytes::new(), shared: Arc::default(), told: 0 }
    }

    /// The same, of which these bytes have been read.
    pub(super) fn with_read(self, read_before: Bytes) -> Self {
        Socket { read_before, ..self }
    }

    pub(super) fn line(&self) -> Line {
        Line(self.shared.clone())
    }

    /// Reads once, behind what has been read before; how much, which is 0 at the end.
    #[cfg(feature = "http2")]
    pub(super) async fn read_more(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        tokio::io::AsyncReadExt::read(&mut self.stream, buffer).await
    }

    pub(super) fn into_parts(self) -> (TcpStream, Bytes) {
        (self.stream, self.read_before)
    }

    /// Before a write: what it is part of may have a limit, or be the first that has none again.
    fn heed_limit(&mut self) {
        let patience = self.shared.patience.load(Ordering::Relaxed);
        if patience != self.told {
            self.told = patience;
            give_up_after(&self.stream, (patience > 0).then(|| Duration::from_millis(patience)));
        }
    }

    fn note<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.shared.blocked.store(written.is_pending(), Ordering::Relaxed);
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
        this.heed_limit();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.heed_limit();
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
