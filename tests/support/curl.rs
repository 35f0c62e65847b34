//! curl as a client that reconnects, read by the independent parser.

use crate::parser::{Event, Transcript, read_after};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A loop around `curl -N`, which says where to go on as a browser does.
#[derive(Debug)]
pub struct Curl {
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// What earlier connections brought.
    events: Vec<Event>,
    last_event_id: String,
    /// What this connection has brought so far.
    stream: Vec<u8>,
    child: Option<Child>,
    stopped: bool,
}

impl Curl {
    /// Begins to read, until it is dropped.
    pub fn listen(url: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (url, shared) = (url.to_owned(), Arc::clone(&state));
        let thread = Some(thread::spawn(move || while connect(&url, &shared) {}));
        Curl { state, thread }
    }

    /// What it has read so far.
    pub fn transcript(&self) -> Vec<Event> {
        let state = lock(&self.state);
        state.events.iter().cloned().chain(state.read().events).collect()
    }
}

impl Drop for Curl {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.stopped = true;
        if let Some(child) = &mut state.child {
            let _ = child.kill();
        }
        drop(state);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl State {
    fn read(&self) -> Transcript {
        read_after(&self.last_event_id, &self.stream)
    }
}

/// One connection. False when there shall not be another.
fn connect(url: &str, shared: &Mutex<State>) -> bool {
    let mut state = lock(shared);
    if state.stopped {
        return false;
    }
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--noproxy", "*", "--fail", url]);
    if !state.last_event_id.is_empty() {
        curl.args(["--header", &format!("Last-Event-ID: {}", state.last_event_id)]);
    }
    let mut child = curl.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| {
        panic!("{error}: curl is needed, and this installs it: apt-get install -y curl")
    });
    let mut output = child.stdout.take().expect("it is piped");
    state.child = Some(child);
    drop(state);

    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = output.read(&mut buffer) {
        lock(shared).stream.extend_from_slice(&buffer[..length]);
    }
    let mut state = lock(shared);
    let _ = state.child.take().map(|mut child| child.wait());
    let Transcript { events, last_event_id, .. } = state.read();
    state.events.extend(events);
    state.last_event_id = last_event_id;
    state.stream.clear();
    drop(state);
    thread::sleep(Duration::from_millis(100));
    true
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
