//! An example's program, started and killed like a server.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is killed when this is dropped.
pub struct Example {
    program: PathBuf,
    arguments: Box<dyn Fn(&mut Command)>,
    port: u16,
    child: Child,
}

impl Example {
    /// Builds the package `name` and starts it on a free port, which `arguments` passes on.
    pub fn start(name: &str, arguments: impl Fn(&mut Command, u16) + 'static) -> Self {
        let program = build(name);
        let port = free_port();
        let arguments = Box::new(move |command: &mut Command| arguments(command, port));
        let child = spawn(&program, &arguments);
        let mut example = Example { program, arguments, port, child };
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
        self.child = spawn(&self.program, &self.arguments);
        self.wait_until_it_listens();
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// An address on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.port)
    }

    fn wait_until_it_listens(&mut self) {
        eventually("the server listens", || {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                panic!("{} ended: {status}", self.program.display());
            }
            TcpStream::connect((HOST, self.port)).is_ok()
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

/// Asks until it is so, and fails when it is not for a long time.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Posts, and reads the whole answer: its status and its body.
///
/// # Errors
///
/// `ConnectionRefused` if the request was not sent. After any other, it may have been carried out.
pub fn post(port: u16, path: &str, body: &str) -> io::Result<(u16, String)> {
    let mut connection = TcpStream::connect((HOST, port))?;
    let unanswered = |error: io::Error| io::Error::other(error);
    connection.set_read_timeout(Some(PATIENCE)).map_err(unanswered)?;
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).map_err(unanswered)?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).map_err(unanswered)?;
    read_answer(&answer).ok_or_else(|| io::Error::other("the answer was cut off"))
}

fn read_answer(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
    });
    (length? == body.len()).then(|| (status, body.to_owned()))
}

/// Where an example's program is, built now: an old one would prove nothing.
fn build(name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    let built = cargo
        .args(["build", "--quiet", "--workspace", "--all-features", "--bin", name])
        .current_dir(package)
        .status();
    assert!(built.expect("cargo runs").success(), "{name} does not build");
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("a test is in target/<profile>/deps");
    profile.join(name)
}

fn spawn(program: &Path, arguments: &dyn Fn(&mut Command)) -> Child {
    let mut command = Command::new(program);
    arguments(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// A port below those that the system gives to clients: one that tries to connect to a killed
/// server could otherwise be given that very port, and meet itself.
fn free_port() -> u16 {
    let offset = (std::process::id() % 10_000) as u16;
    let mut ports = (0..10_000).map(|n| 20_000 + (offset + n) % 10_000);
    ports.find(|port| TcpListener::bind((HOST, *port)).is_ok()).expect("a port is free")
}
