//! nginx, with a configuration of our own.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use support::served::eventually;
use tempfile::TempDir;

/// A running nginx. Dropped, it is killed.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    /// Its configuration, and what it writes.
    _directory: TempDir,
}

impl Nginx {
    /// Passes everything on to the app at this address.
    pub(crate) fn before(app: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Given back, and hopefully still free when nginx takes it.
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let configuration = include_str!("nginx.conf")
            .replace("APP_PORT", &app.port().to_string())
            .replace("PROXY_PORT", &address.port().to_string());
        let path = directory.path().join("nginx.conf");
        fs::write(&path, configuration).unwrap();
        let mut nginx = Command::new("nginx");
        // Workers must be able to write into the directory, whoever they run as.
        nginx.arg("-p").arg(directory.path()).arg("-c").arg(&path).args(["-g", "user root;"]);
        let child = nginx.stdin(Stdio::null()).spawn().unwrap_or_else(|error| {
            panic!("{error}: nginx is needed: apt-get update && apt-get install -y nginx")
        });
        let mut nginx = Nginx { child, address, _directory: directory };
        eventually("nginx listens", || {
            assert!(nginx.child.try_wait().unwrap().is_none(), "nginx has ended");
            TcpStream::connect(address).is_ok()
        });
        nginx
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its master ends its workers when it is asked to end, not when it is killed.
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
