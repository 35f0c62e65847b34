//! A listener for `axum::serve` whose connections are TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

// ANCHOR: listener
pub(crate) struct Listener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    /// A client that is slow in this must not keep others waiting.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Listener {
    pub(crate) fn new(
        tcp: TcpListener,
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(certificates, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Listener { tcp, acceptor, handshakes: JoinSet::new() })
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, peer) = axum::serve::Listener::accept(&mut self.tcp) => {
                    self.handshakes.spawn(handshake(self.acceptor.clone(), stream, peer));
                }
                done = self.handshakes.join_next(), if !self.handshakes.is_empty() => {
                    if let Some(Ok(Some(connection))) = done {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<(TlsStream<TcpStream>, SocketAddr)> {
    // An event is small and must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true).ok()?;
    let patience = Duration::from_secs(10);
    match tokio::time::timeout(patience, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some((stream, peer)),
        failed => {
            tracing::debug!(%peer, ?failed, "a client did not come to speak TLS");
            None
        }
    }
}
// ANCHOR_END: listener
