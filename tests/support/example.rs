//! An example's program, started and killed like a server.

use crate::http::{self, Request};
use crate::port::Port;
use crate::served::eventually;
use crate::server;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A server that keeps its address when it is killed and started again. Dropped, it is killed.
pub struct Example {
    program: PathBuf,
    arguments: Box<dyn Fn(&mut Command)>,
    port: Port,
    child: Child,
    /// What it has printed, and its data if nobody says where to keep it.
    directory: TempDir,
}

impl Example {
    /// Builds the package `name` and starts it on a free port, which `arguments` passes on.
    pub fn start(name: &str, arguments: impl Fn(&mut Command, u16) + 'static) -> Self {
        Example::start_in(tempfile::tempdir().expect("a directory"), name, arguments)
    }

    /// The same for a program that takes `PORT`, `DATA` and these settings from its environment.
    pub fn with_settings(name: &str, settings: &[(&'static str, String)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        let settings = settings.to_vec();
        Example::start_in(directory, name, move |command, port| {
            command.env("PORT", port.to_string()).env("DATA", &data).envs(settings.clone());
        })
    }

    fn start_in(
        directory: TempDir,
        name: &str,
        arguments: impl Fn(&mut Command, u16) + 'static,
    ) -> Self {
        let program = server::build(name);
        let port = Port::free();
        let number = port.address().port();
        let arguments = Box::new(move |command: &mut Command| arguments(command, number));
        let child = spawn(&program, &arguments, &directory);
        let mut example = Example { program, arguments, port, child, directory };
        example.wait_until_it_listens();
        example
    }

    /// SIGKILL: the process has no say in it.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs until it is killed");
        self.child.wait().expect("a killed process can be waited for");
    }

    /// Starts it again, on the same port and with the same arguments.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.program, &self.arguments, &self.directory);
        self.wait_until_it_listens();
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// A page's or a stream's address on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// What it has printed since it was started last.
    pub fn output(&self) -> String {
        fs::read_to_string(output(&self.directory)).expect("it is text")
    }

    fn wait_until_it_listens(&mut self) {
        eventually("the server listens", || {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                panic!("{} ended: {status}", self.program.display());
            }
            TcpStream::connect(self.address()).is_ok()
        });
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Example").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Posts JSON; status and body of the answer.
///
/// # Errors
///
/// `ConnectionRefused` if the request was not sent. After any other, it may have been carried out.
pub fn post(address: SocketAddr, path: &str, body: &str) -> io::Result<(u16, String)> {
    let request = Request::new("POST", path).header("Content-Type", "application/json").body(body);
    let answer = http::send(address, &request)?;
    Ok((answer.head.status, answer.text().to_owned()))
}

fn output(directory: &TempDir) -> PathBuf {
    directory.path().join("output")
}

fn spawn(program: &Path, arguments: &dyn Fn(&mut Command), directory: &TempDir) -> Child {
    let mut command = Command::new(program);
    arguments(&mut command);
    let output = File::create(output(directory)).expect("a file");
    command.stdin(Stdio::null()).stdout(output);
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}
