//! A system that runs, as a child process.

use crate::Failure;
use crate::meter::Meter;
use crate::system::System;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

/// How long a server may take to end when it is asked to.
const END_WITHIN: Duration = Duration::from_secs(30);

impl Server {
    /// Starts it on a free port, with its log in `data`, and waits until it listens.
    pub(crate) fn start(system: System, data: &Path) -> Result<Self, Failure> {
        let mut child = system.command(data)?.spawn()?;
        let output = child.stdout.take().ok_or("a child without output")?;
        let mut server = Server { child, address: (Ipv4Addr::LOCALHOST, 0).into() };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse();
        let port = port.map_err(|_| format!("{} does not start", system.name()))?;
        server.address.set_port(port);
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter::of(self.child.id())
    }

    /// Ends it in good order, so that its log can be opened again.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        // The end of its input is the sign.
        drop(self.child.stdin.take());
        let deadline = Instant::now() + END_WITHIN;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("a server ended with {status}").into()),
                None if Instant::now() > deadline => return Err("a server does not end".into()),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; it is waited for in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
