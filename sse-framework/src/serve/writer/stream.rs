//! A response that is being written.

use super::Adoption;
use super::bell::{Bell, StreamBell};
use super::chunk::{Chunk, Framer};
use crate::serve::connection::Return;
use crate::serve::socket::give_up_after;
use crate::unwind::caught;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A socket, the body that is written to it, and what is left of the piece before.
pub(super) struct Stream {
    socket: TcpStream,
    body: Contained,
    bell: Arc<StreamBell>,
    /// Made of `bell`.
    waker: Waker,
    chunk: Option<Chunk>,
    /// The socket takes nothing until it says so.
    blocked: bool,
    /// The last chunk is on its way, or written.
    ending: bool,
    /// It is among those that go on.
    pub(super) goes_on: bool,
    keep_alive: bool,
    /// When the socket took something last.
    active: Instant,
    heartbeat: Duration,
    read_before: Bytes,
    owner: Arc<dyn Return>,
}

/// What is to become of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for its body or its socket.
    Waits,
    /// It has more to write, or to look for, when others have had their turn.
    GoesOn,
    /// All of the response is written.
    Ended,
    /// Nobody listens any more.
    Gone,
}

/// About as many bytes as a stream may write in a row.
const TURN_BYTES: usize = 64 << 10;
/// Requests that are kept until the response has ended; more are left in the socket.
const MOST_READ_BEFORE: usize = 16 << 10;

impl Stream {
    pub(super) fn adopt(
        adoption: Adoption,
        registry: &Registry,
        key: usize,
        bell: Arc<Bell>,
        write_timeout: Duration,
    ) -> io::Result<Self> {
        let Adoption { stream, read_before, body, heartbeat, keep_alive, owner } = adoption;
        let stream = stream.into_std()?;
        give_up_after(&stream, Some(write_timeout));
        let mut socket = TcpStream::from_std(stream);
        registry.register(&mut socket, Token(key), Interest::READABLE | Interest::WRITABLE)?;
        let bell = Arc::new(StreamBell::new(bell, key));
        let (waker, active) = (bell.clone().into(), Instant::now());
        let (chunk, blocked, ending, goes_on) = (None, false, false, false);
        Ok(Stream {
            socket,
            body: Contained(Some(body)),
            bell,
            waker,
            chunk,
            blocked,
            ending,
            goes_on,
            keep_alive,
            active,
            heartbeat,
            read_before,
            owner,
        })
    }

    /// Writes what there is, unless the socket takes nothing.
    pub(super) fn advance(&mut self, now: Instant, framer: &mut Framer) -> Fate {
        self.bell.is_served();
        if self.blocked {
            return Fate::Waits;
        }
        let mut turn = 0;
        while turn < TURN_BYTES {
            // Also a body that yields nothing, again and again, has its turn and no more.
            turn += 1;
            turn += self.chunk.as_ref().map_or(0, Chunk::len);
            match self.write(now) {
                Ok(true) => {}
                Ok(false) => return Fate::Waits,
                Err(_) => return Fate::Gone,
            }
            if self.ending {
                return Fate::Ended;
            }
            match self.poll_body() {
                Poll::Pending if self.bell.may_rest() => return Fate::Waits,
                Poll::Pending => return Fate::GoesOn,
                Poll::Ready(Some(Ok(data))) => self.chunk = framer.frame(data),
                Poll::Ready(None) => self.end(),
                Poll::Ready(Some(Err(Failed))) => return Fate::Gone,
            }
        }
        Fate::GoesOn
    }

    /// Writes what is left of the piece before, as far as the socket takes it; true when that is all.
    fn write(&mut self, now: Instant) -> io::Result<bool> {
        let Some(chunk) = &mut self.chunk else { return Ok(true) };
        let before = chunk.len();
        self.blocked = !chunk.write_to(&mut self.socket)?;
        if chunk.len() < before {
            self.active = now;
        }
        if !self.blocked {
            self.chunk = None;
        }
        Ok(!self.blocked)
    }

    /// The body's next piece; a frame that is no data counts as an empty one.
    fn poll_body(&mut self) -> Poll<Option<Result<Bytes, Failed>>> {
        let frame = match self.body.poll(&mut Context::from_waker(&self.waker)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(frame)) => frame,
            Err(Failed) => return Poll::Ready(Some(Err(Failed))),
        };
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.into_data().unwrap_or_default()),
            Err(error) => {
                tracing::debug!(%error, "the body of a stream failed");
                Err(Failed)
            }
        }))
    }

    /// The body ends here.
    fn end(&mut self) {
        self.ending = true;
        self.chunk = Some(Chunk::last());
    }

    /// Ends the stream at the next boundary of its chunks.
    pub(super) fn cut_off(mut self, now: Instant) {
        // Whether the client takes it or not: it must not hold up the end of the server.
        if !self.blocked && matches!(self.write(now), Ok(true)) && !self.ending {
            self.end();
            drop(self.write(now));
        }
    }

    /// The socket takes bytes again.
    pub(super) fn unblock(&mut self, now: Instant) -> bool {
        self.active = now;
        std::mem::replace(&mut self.blocked, false)
    }

    /// What a look at the clock says.
    pub(super) fn check(&mut self, now: Instant, write_timeout: Duration) -> Fate {
        let idle = now.saturating_duration_since(self.active);
        match self.blocked {
            // The system announces room only when there is much: a client may be slow and no more.
            true if idle >= write_timeout => match self.write(now) {
                Ok(true) => Fate::GoesOn,
                Ok(false) if self.active == now => Fate::Waits,
                Ok(false) | Err(_) => Fate::Gone,
            },
            false if idle >= self.heartbeat => Fate::GoesOn,
            _ => Fate::Waits,
        }
    }

    /// Reads what the client sends, which is its end, or a request before its turn.
    pub(super) fn read(&mut self) -> Fate {
        let mut buffer = [0; 1024];
        while self.read_before.len() < MOST_READ_BEFORE {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Fate::Gone,
                Ok(count) => {
                    let mut read = BytesMut::from(std::mem::take(&mut self.read_before));
                    read.extend_from_slice(&buffer[..count]);
                    self.read_before = read.freeze();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fate::Waits,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Fate::Gone,
            }
        }
        Fate::Waits
    }

    /// The response is written, and the connection may serve the next request.
    pub(super) fn give_back(self, registry: &Registry) {
        let Stream { mut socket, read_before, keep_alive, owner, .. } = self;
        if !keep_alive || registry.deregister(&mut socket).is_err() {
            return;
        }
        let stream = std::net::TcpStream::from(socket);
        give_up_after(&stream, None);
        match tokio::net::TcpStream::from_std(stream) {
            Ok(stream) => owner.give_back(stream, read_before),
            Err(error) => tracing::debug!(%error, "a connection could not be given back"),
        }
    }
}

/// The body has failed, or panicked: the response cannot be ended properly.
struct Failed;

/// A body whose panics end its own stream, and not the thread that all streams share. `None` only while
/// it is dropped.
struct Contained(Option<Body>);

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

impl Contained {
    fn poll(&mut self, cx: &mut Context<'_>) -> Result<Polled, Failed> {
        let body = self.0.as_mut().ok_or(Failed)?;
        caught(|| Pin::new(body).poll_frame(cx)).map_err(|_| Failed)
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let body = self.0.take();
        if caught(|| drop(body)).is_err() {
            tracing::error!("the body of a stream panicked when it was dropped");
        }
    }
}
