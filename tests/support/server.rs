//! A server in a process of its own, to be killed.

use crate::port::Port;
use std::ffi::OsStr;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Names a program in place of the target that would be built.
pub const LOADTARGET: &str = "SSE_LOADTARGET";

/// The target of measurements and torture, built once.
pub fn loadtarget() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let given = || std::env::var_os(LOADTARGET).map(PathBuf::from);
    BUILT.get_or_init(|| given().unwrap_or_else(|| build("example-loadtarget")))
}

/// Builds a package with one binary; where the binary is.
pub fn build(package: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    // As the tests are built, so that nothing is compiled twice.
    build
        .args(["build", "--workspace", "--all-features", "--message-format=json", "--bin", package])
        .stderr(Stdio::inherit());
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(built.status.success(), "{package} does not build");
    let messages = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
    let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut binaries = messages.filter_map(|message: serde_json::Value| {
        let ours = message["target"]["name"] == package;
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    });
    binaries.next_back().expect("cargo names the binary")
}

/// A running server. Dropped, it is killed and waited for.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    _port: Option<Port>,
}

impl Server {
    /// Starts `program` with `--port` and these arguments. What it writes to its standard error
    /// goes to the file `log`.
    pub fn spawn<S: AsRef<OsStr>>(program: &Path, arguments: &[S], log: &Path) -> Self {
        let port = Port::free();
        Server::launch(port.address(), Some(port), program, arguments, log)
    }

    /// The same, on a port of the caller's choice.
    pub fn spawn_at<S: AsRef<OsStr>>(
        address: SocketAddr,
        program: &Path,
        arguments: &[S],
        log: &Path,
    ) -> Self {
        Server::launch(address, None, program, arguments, log)
    }

    fn launch<S: AsRef<OsStr>>(
        address: SocketAddr,
        port: Option<Port>,
        program: &Path,
        arguments: &[S],
        log: &Path,
    ) -> Self {
        let output = File::create(log).expect("a file for the server's log");
        let mut command = Command::new(program);
        command.arg("--port").arg(address.port().to_string()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let child = command.spawn().expect("the server starts");
        Server { child, address, log: log.to_owned(), _port: port }
    }

    /// The same, and waits until it accepts connections.
    pub fn start<S: AsRef<OsStr>>(program: &Path, arguments: &[S], log: &Path) -> Self {
        loop {
            let mut server = Server::spawn(program, arguments, log);
            match server.answers(Duration::from_secs(60)) {
                Ok(()) => return server,
                // Another process took the port in between.
                Err(log) if log.contains("AddrInUse") => {}
                Err(log) => panic!("the server does not start:\n{log}"),
            }
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has written to its standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its resident memory in KiB.
    pub fn resident(&self) -> usize {
        self.status("VmRSS:")
    }

    /// The most memory that it has ever had resident, in KiB.
    pub fn most_resident(&self) -> usize {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> usize {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).expect("it runs");
        let value = status.lines().find_map(|line| line.strip_prefix(field));
        let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {field} in {status}"))
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        let open = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(open).expect("it runs").count()
    }

    /// For each of its connections, how many bytes the system has taken from it and the client has
    /// not.
    pub fn queued(&self) -> Vec<usize> {
        let port = format!(":{:04X}", self.address.port());
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("this is Linux");
        let queued = |line: &str| {
            let mut fields = line.split_whitespace().skip(1);
            let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
            let (queued, _) = fields.next()?.split_once(':')?;
            let is_ours = local.ends_with(&port) && state == "01";
            usize::from_str_radix(queued, 16).ok().filter(|_| is_ours)
        };
        sockets.lines().filter_map(queued).collect()
    }

    /// Waits until it accepts connections; its log, if it does not.
    pub fn answers(&mut self, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        while TcpStream::connect(self.address).is_err() {
            let exited = self.child.try_wait().expect("a child can be asked").is_some();
            if exited || Instant::now() > deadline {
                return Err(self.log());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Kills it without warning; what it had written to its standard error.
    pub fn kill(mut self) -> String {
        self.end();
        self.log()
    }

    /// Asks it to end, and waits; none if it does not within this time.
    pub fn terminate(self, within: Duration) -> Option<ExitStatus> {
        self.ask_to_end();
        self.ended(within)
    }

    /// Asks it to end.
    pub fn ask_to_end(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success(), "the server had already ended:\n{}", self.log());
    }

    /// Waits for its end; none if it does not come within this time.
    pub fn ended(mut self, within: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            match self.child.try_wait().expect("a child can be asked") {
                None if Instant::now() > deadline => return None,
                None => std::thread::sleep(Duration::from_millis(1)),
                ended => return ended,
            }
        }
    }

    fn end(&mut self) {
        // It may have ended by itself; it is waited for in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
