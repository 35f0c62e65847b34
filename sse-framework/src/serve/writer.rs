//! The thread that writes the streams of events.

mod bell;
mod chunk;
mod round;
mod stream;

use self::bell::{BELL, Bell};
use self::round::Rounds;
use super::connection::Return;
use axum::body::Body;
use bytes::Bytes;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// The handle of a writer: one thread that drives the bodies of many responses.
///
/// # Ordering
///
/// A stream's bytes are those that its body yields, in that order, each piece as one chunk.
///
/// # Rounds
///
/// A body that has news rings the bell. In every round the writer polls the bodies that have rung,
/// and writes what they yield, so what has piled up since the last round goes out in one write. A
/// stream whose client does not take what there is is left alone until the client does: its body is
/// not polled, so it falls behind, and reads from the log later.
///
/// # Closing
///
/// The thread ends when there is neither a handle nor a stream. Streams end with their runtime.
#[derive(Clone)]
pub(super) struct Writer(Arc<Handle>);

/// A response that hyper has begun.
pub(super) struct Adoption {
    pub(super) stream: TcpStream,
    /// Requests that came after this one.
    pub(super) read_before: Bytes,
    pub(super) body: Body,
    /// Without news, the body wants to be polled this often.
    pub(super) heartbeat: Duration,
    pub(super) keep_alive: bool,
    /// Gets the connection back when the response has ended.
    pub(super) owner: Arc<dyn Return>,
}

struct Handle {
    orders: Arc<Orders>,
    /// Closed when the thread has ended.
    runs: watch::Receiver<()>,
}

/// What the writer is to do, from other threads.
struct Orders {
    bell: Arc<Bell>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    adoptions: Vec<Adoption>,
    /// Streams that last longer are cut off.
    stop_at: Option<Instant>,
    /// No more orders come.
    abandoned: bool,
    /// Nobody follows orders any more.
    closed: bool,
}

impl Waiting {
    /// Takes no more; what waited is given out, to be dropped when nothing is locked.
    fn close(&mut self) -> Self {
        std::mem::replace(self, Waiting { closed: true, ..Waiting::default() })
    }
}

impl Orders {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, order: impl FnOnce(&mut Waiting)) {
        order(&mut self.waiting());
        self.bell.ring();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.orders.give(|waiting| waiting.abandoned = true);
    }
}

/// Dropped with the runtime, it ends all streams: there, hyper's connections end, too.
struct EndOfRuntime(Arc<Orders>);

impl Drop for EndOfRuntime {
    fn drop(&mut self) {
        self.0.give(|waiting| waiting.stop_at = Some(Instant::now()));
    }
}

/// However the thread ends, nothing is given to it any more.
struct EndOfThread {
    orders: Arc<Orders>,
    _runs: watch::Sender<()>,
}

impl Drop for EndOfThread {
    fn drop(&mut self) {
        let left = self.orders.waiting().close();
        drop(left);
    }
}

impl Writer {
    /// Starts the thread, within the runtime that its bodies belong to.
    pub(super) fn start(write_timeout: Duration) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), BELL)?;
        let bell = Arc::new(Bell::new(move || waker.wake()));
        let orders = Arc::new(Orders { bell, waiting: Mutex::default() });
        let rounds = Rounds::new(poll, orders.clone(), write_timeout);
        let runtime = tokio::runtime::Handle::current();
        let (sender, runs) = watch::channel(());
        let end = EndOfThread { orders: orders.clone(), _runs: sender };
        let run = move || {
            let _entered = runtime.enter();
            let _end = end;
            rounds.run();
        };
        std::thread::Builder::new().name("sse-writer".to_owned()).spawn(run)?;
        let writer = Writer(Arc::new(Handle { orders: orders.clone(), runs }));
        let (with_runtime, ended) = (EndOfRuntime(orders), writer.ended());
        tokio::spawn(async move {
            let _with_runtime = with_runtime;
            ended.await;
        });
        Ok(writer)
    }

    /// Resolves when the thread has ended, which it does before the last handle is gone only if it has come to grief.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut runs = self.0.runs.clone();
        async move { while runs.changed().await.is_ok() {} }
    }

    /// Takes a response over. It breaks off if the thread has ended.
    pub(super) fn adopt(&self, adoption: Adoption) {
        // What is not taken is dropped when nothing is locked.
        let mut adoption = Some(adoption);
        self.0.orders.give(|waiting| {
            if !waiting.closed {
                waiting.adoptions.extend(adoption.take());
            }
        });
    }

    /// Cuts off the streams that have not ended by then.
    pub(super) fn stop_within(&self, time: Duration) {
        // What is beyond the clock never comes.
        let stop_at = Instant::now().checked_add(time);
        self.0.orders.give(|waiting| waiting.stop_at = stop_at);
    }
}

#[cfg(test)]
mod tests {
    use super::chunk::Framer;
    use super::stream::{Fate, Stream};
    use super::*;
    use http_body::Frame;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(10);

    struct Panics;

    impl Return for Panics {
        fn give_back(self: Arc<Self>, _: TcpStream, _: Bytes) {
            panic!("a defect of the writer's own");
        }
    }

    /// A body that has more and more, or nothing and no end.
    struct Endless {
        piece: Option<Bytes>,
        _held: watch::Sender<()>,
    }

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match &self.piece {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece.clone())))),
                None => Poll::Pending,
            }
        }
    }

    /// A body that yields nothing.
    struct Silent<F>(F);

    impl<F: FnMut(&Waker) + Unpin> http_body::Body for Silent<F> {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            (self.0)(cx.waker());
            Poll::Pending
        }
    }

    /// A body that yields these pieces, and who hears that it is dropped.
    fn endless(piece: Option<&'static [u8]>) -> (Body, watch::Receiver<()>) {
        let (held, is_held) = watch::channel(());
        let piece = piece.map(Bytes::from_static);
        (Body::new(Endless { piece, _held: held }), is_held)
    }

    /// A response that is to be written, and its client.
    async fn adoption(body: Body) -> (Adoption, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let heartbeat = Duration::from_secs(60);
        let (read_before, keep_alive, owner) = (Bytes::new(), true, Arc::new(Panics));
        (Adoption { stream, read_before, body, heartbeat, keep_alive, owner }, client)
    }

    /// Lets the writer write a response; its client.
    async fn adopt(writer: &Writer, body: Body) -> TcpStream {
        let (adoption, client) = adoption(body).await;
        writer.adopt(adoption);
        client
    }

    #[tokio::test]
    async fn a_thread_that_comes_to_grief_is_noticed_and_holds_nothing() {
        let writer = Writer::start(Duration::from_secs(60)).unwrap();
        let (body, mut before) = endless(None);
        let _waits = adopt(&writer, body).await;
        // It ends at once, and then the connection is given back.
        let _ended = adopt(&writer, Body::empty()).await;
        timeout(PATIENCE, writer.ended()).await.unwrap();
        let (body, mut after) = endless(None);
        let _too_late = adopt(&writer, body).await;
        for is_held in [&mut before, &mut after] {
            assert!(timeout(PATIENCE, is_held.changed()).await.unwrap().is_err());
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = crate::serve(listener, axum::Router::new());
        assert!(timeout(PATIENCE, server.run_by(writer)).await.unwrap().is_err());
    }

    #[tokio::test]
    async fn who_takes_what_there_is_gets_a_proper_end_when_it_is_cut_off_and_nobody_else() {
        let poll = mio::Poll::new().unwrap();
        for blocked in [false, true] {
            let (body, _held) = endless(Some(&[b'x'; 16 << 10]));
            let (adoption, mut client) = adoption(body).await;
            let bell = Arc::new(Bell::new(|| Ok(())));
            let stream = Stream::adopt(adoption, poll.registry(), 1, bell, PATIENCE);
            let (mut stream, mut framer) = (stream.unwrap(), Framer::default());
            // It has more to write than a turn takes.
            assert_eq!(stream.advance(Instant::now(), &mut framer), Fate::GoesOn);
            while blocked && stream.advance(Instant::now(), &mut framer) == Fate::GoesOn {}
            stream.cut_off(Instant::now());
            let mut got = Vec::new();
            timeout(PATIENCE, client.read_to_end(&mut got)).await.unwrap().unwrap();
            assert!(got.len() > 64 << 10, "{}", got.len());
            assert_eq!(got.ends_with(b"x\r\n0\r\n\r\n"), !blocked);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_has_news_does_not_wait_for_all_who_look_for_some() {
        const LOOKING: usize = 200;
        let writer = Writer::start(PATIENCE).unwrap();
        let (looks, mut clients) = (Arc::new(AtomicUsize::new(0)), Vec::new());
        for _ in 0..LOOKING {
            let looks = looks.clone();
            let body = Silent(move |waker: &Waker| {
                looks.fetch_add(1, Ordering::AcqRel);
                waker.wake_by_ref();
            });
            clients.push(adopt(&writer, Body::new(body)).await);
        }
        let (polled, polls) = mpsc::channel();
        let seen = looks.clone();
        let body = Silent(move |waker: &Waker| {
            let _gone = polled.send((waker.clone(), seen.load(Ordering::Acquire)));
        });
        clients.push(adopt(&writer, Body::new(body)).await);
        // Between the look at the count and the ring any time may pass: not always.
        let mut fewest = usize::MAX;
        let (mut waker, _) = polls.recv_timeout(PATIENCE).unwrap();
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(2));
            let before = looks.load(Ordering::Acquire);
            waker.wake();
            let (next, after) = polls.recv_timeout(PATIENCE).unwrap();
            (waker, fewest) = (next, fewest.min(after - before));
        }
        assert!(looks.load(Ordering::Acquire) > 10 * LOOKING, "they go on");
        assert!(fewest <= 130, "{fewest} had their turn before");
    }
}
