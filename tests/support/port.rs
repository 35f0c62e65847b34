//! Ports for servers in processes of their own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A free port of this machine's. No other test is given it before this is dropped.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    /// The same port of UDP, which no server needs. It is bound when the server is not: tens of
    /// milliseconds pass before it is, and between two of its lives.
    _taken: UdpSocket,
}

impl Port {
    /// One below those that the system gives to clients: one that tries to connect to a killed server
    /// could otherwise be given that very port, and meet itself.
    pub fn free() -> Self {
        static LOOKED_AT: AtomicU16 = AtomicU16::new(0);
        // Tests that run beside each other look at different places.
        let offset = (std::process::id() % 1_000) as u16 * 10;
        let free = (0..COUNT).find_map(|_| {
            let place = LOOKED_AT.fetch_add(1, Ordering::Relaxed) % COUNT;
            let port = FIRST + (offset + place) % COUNT;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let taken = UdpSocket::bind(address).ok()?;
            TcpListener::bind(address).ok()?;
            Some(Port { address, _taken: taken })
        });
        free.expect("a port is free")
    }

    /// With the host, on which nobody else reaches it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[test]
fn nobody_else_is_given_a_port() {
    let one = Port::free();
    // Although nobody listens yet.
    let others: Vec<Port> = (0..100).map(|_| Port::free()).collect();
    assert!(others.iter().all(|other| other.address() != one.address()));
    assert!(UdpSocket::bind(one.address()).is_err());
    assert!(TcpListener::bind(one.address()).is_ok(), "its server can have it");
}
