//! The life of a log in a process of its own: it is opened, written, read and closed, while calls
//! to the system fail. What happens is told line by line, for [`Account`](crate::account).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    EventId, Hub, PublishError, Received, Retention, SledLog, SseEvent, Start, StartError,
    Subscribe,
};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// The directory of the log.
pub(crate) const DIRECTORY: &str = "SSE_TEST_LIFE";
const PUBLISHES: u64 = 60;
const SEGMENT: u64 = 4096;

#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) struct Note {
    pub(crate) n: u64,
    p: String,
}

impl Note {
    pub(crate) fn new(n: u64) -> Self {
        Note { n, p: padding(n) }
    }
}

fn padding(n: u64) -> String {
    let length = if n % 50 == 7 { 30_000 } else { 100 };
    "x".repeat(length)
}

/// What is stored for it.
pub(crate) fn payload(n: u64) -> String {
    format!(r#"{{"n":{n},"p":"{}"}}"#, padding(n))
}

pub(crate) fn settings(directory: &Path) -> (SledLog, Retention) {
    (SledLog::new(directory).segment_bytes(SEGMENT), Retention::forever().events(100))
}

/// Small parts, so that all that a log does comes up; and a short tail, so that it is read.
pub(crate) async fn open(directory: &Path) -> Result<Hub<Note>, StartError> {
    let (log, retention) = settings(directory);
    Hub::builder(log).retention(retention).tail_bytes(1).tail_events(1).start().await
}

#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // What is not the log's is opened by now: the clock, the locale, the random numbers.
    say("\nready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    runtime.block_on(live(Path::new(&directory)));
    say("end");
}

async fn live(directory: &Path) {
    for _ in 0..4 {
        match open(directory).await {
            Ok(hub) => {
                say("opened");
                publish(&hub).await;
                read(&hub).await;
                match hub.shutdown().await {
                    Ok(()) => say("closed"),
                    Err(error) => say(&format!("not closed {}", told(&error))),
                }
                return;
            }
            Err(error) => say(&format!("not opened {}", told(&error))),
        }
    }
}

async fn publish(hub: &Hub<Note>) {
    let mut next = 1;
    for publish in 0..PUBLISHES {
        let count = if publish % 9 == 4 { 5 } else { 1 };
        say(&format!("sending {next} {count}"));
        match hub.publish_all((next..next + count).map(Note::new)).await {
            Ok(ids) => {
                let ids: Vec<String> = ids.iter().map(EventId::to_string).collect();
                say(&format!("acked {}", ids.join(" ")));
            }
            Err(error @ PublishError::OutcomeUnknown(_)) => {
                say(&format!("unknown {}", told(&error)));
            }
            Err(error) => say(&format!("refused {}", told(&error))),
        }
        next += count;
    }
}

/// Reads all, if need be in several streams: one that fails says so, and may be tried again.
async fn read(hub: &Hub<Note>) {
    let mut at = Start::Oldest;
    for attempt in 0..20 {
        if attempt > 0 && hub.last_event_id().seq() > position(at) {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let mut stream = hub.subscribe(Subscribe::default()).start(at).everything();
        while hub.last_event_id().seq() > position(at) {
            match tokio::time::timeout(Duration::from_secs(10), stream.next()).await {
                Ok(Some(Received::Event(event))) => {
                    say(&format!("saw {} {}", event.id, event.event.n));
                    at = Start::After(event.id);
                }
                Ok(Some(Received::Gap(_))) if at == Start::Oldest => {}
                ended => {
                    eprintln!("a stream ends: {ended:?}");
                    break;
                }
            }
        }
    }
    let missing = hub.last_event_id().seq() - position(at);
    say(&format!("unread {missing}"));
}

fn position(at: Start) -> u64 {
    if let Start::After(id) = at { id.seq() } else { 0 }
}

fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|cause| format!("{cause}; ").replace('\n', " ")).collect()
}

/// One write for each line: it must not be lost when the process ends.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}
