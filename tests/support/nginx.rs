//! nginx, with a configuration of our own.

use crate::port::Port;
use crate::served::eventually;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running nginx. Dropped, it is ended.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    port: Port,
    /// Its configuration, and what it writes.
    directory: TempDir,
}

impl Nginx {
    /// Passes everything on to the app at this address, as the book says.
    pub fn before(app: SocketAddr) -> Self {
        Nginx::with(app, str::to_owned)
    }

    /// The same over TLS, on both sides, and in HTTP/2 with browsers.
    pub fn before_over_tls(app: SocketAddr) -> Self {
        let listen = "listen 127.0.0.1:PROXY_PORT";
        let certified = "ssl_certificate cert.pem; ssl_certificate_key key.pem;";
        Nginx::with(app, |text| {
            text.replace(&format!("{listen};"), &format!("{listen} ssl http2; {certified}"))
                .replace("proxy_pass http:", "proxy_pass https:")
        })
    }

    /// The same, with another configuration.
    pub fn with(app: SocketAddr, change: impl FnOnce(&str) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        certify(directory.path());
        let port = Port::free();
        let configuration = change(include_str!("nginx.conf"))
            .replace("APP_PORT", &app.port().to_string())
            .replace("PROXY_PORT", &port.address().port().to_string());
        fs::write(directory.path().join("nginx.conf"), configuration).expect("a file");
        let child = start(&directory);
        let mut nginx = Nginx { child, port, directory };
        nginx.wait_until_it_listens();
        nginx
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Ends it, with all its connections.
    pub fn end(&mut self) {
        // Its master ends its workers when it is asked to end, not when it is killed.
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }

    /// Starts it again, where it was.
    pub fn start_again(&mut self) {
        self.child = start(&self.directory);
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&mut self) {
        eventually("nginx listens", || {
            let ended = self.child.try_wait().expect("it is a child");
            assert!(ended.is_none(), "nginx has ended: {ended:?}");
            TcpStream::connect(self.address()).is_ok()
        });
    }
}

/// A certificate that nobody vouches for.
fn certify(directory: &Path) {
    let names = ["127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    fs::write(directory.join("cert.pem"), made.cert.pem()).expect("a file");
    fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
}

fn start(directory: &TempDir) -> Child {
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(directory.path()).arg("-c").arg(directory.path().join("nginx.conf"));
    // Its workers write into the directory, which is ours.
    nginx.args(["-g", "user root;"]).stdin(Stdio::null());
    nginx.spawn().unwrap_or_else(|error| {
        panic!("{error}: nginx is needed: apt-get update && apt-get install -y nginx")
    })
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}
