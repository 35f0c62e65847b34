//! Chromium and undici, driven through `tests/browser/driver.mjs`.

use crate::served::eventually;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// More than the driver waits for something itself, which then says what.
const PATIENCE: Duration = Duration::from_secs(60);
const STARTING: Duration = Duration::from_secs(180);

/// A browser and what else reads streams in JavaScript. It ends when this is dropped, and when the
/// test is killed: the end of its standard input tells it to.
pub struct Driver {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Answer(Value),
    Error(String),
}

impl Driver {
    /// Starts the driver and its browser, or says what has to be installed.
    pub fn start() -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let chromium = std::env::var("CHROMIUM").unwrap_or("/usr/bin/chromium".to_owned());
        require(&PathBuf::from(chromium), "apt-get update && apt-get install -y chromium");
        for package in ["playwright-core", "undici"] {
            package_is_there(package);
        }
        let mut child = Command::new("node")
            .arg("--disable-warning=UNDICI-ES")
            .arg(tests.join("browser/driver.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{error}: node (20 or later) is needed: apt-get install -y nodejs npm")
            });
        let commands = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, answers) = channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line).ok());
        });
        let ready = answers.recv_timeout(STARTING);
        let driver = Driver { child, commands, answers };
        ready.expect("node and the browser start");
        driver
    }

    /// Gives a command and takes its answer.
    pub fn ask<T: DeserializeOwned>(&mut self, command: Value) -> T {
        let mut commands = self.commands.as_ref().expect("it is not being dropped");
        writeln!(commands, "{command}").expect("the driver reads commands");
        let answer = self.answers.recv_timeout(PATIENCE);
        let answer = answer.unwrap_or_else(|_| panic!("the driver does not answer {command}"));
        match serde_json::from_str(&answer).expect("an answer is JSON") {
            Answer::Answer(value) => {
                serde_json::from_value(value).expect("the answer has this form")
            }
            Answer::Error(error) => panic!("{error}"),
        }
    }

    /// Gives a command that has nothing to answer.
    pub fn tell(&mut self, command: Value) {
        self.ask::<Value>(command);
    }

    /// Opens a page that shares nothing with others, and is called `name` from now on.
    pub fn open(&mut self, name: &str, url: &str) {
        self.open_beside(name, None, url);
    }

    /// Opens a page in the profile of another, if there is one: as a second tab of the same browser.
    pub fn open_beside(&mut self, name: &str, other: Option<&str>, url: &str) {
        self.tell(json!({ "command": "open", "name": name, "beside": other, "url": url }));
    }

    /// The statuses of all answers to a page's requests for streams.
    pub fn streams(&mut self, name: &str) -> Vec<u16> {
        self.ask(json!({ "command": "streams", "name": name }))
    }

    /// How often a page was answered, whatever it had asked for.
    pub fn answers(&mut self, name: &str) -> usize {
        self.ask(json!({ "command": "answers", "name": name }))
    }

    /// Waits until a page was answered more often than so many times.
    #[track_caller]
    pub fn is_answered_again(&mut self, name: &str, times: usize) {
        eventually("the page is answered again", || self.answers(name) > times);
    }

    /// The texts of all elements that `selector` finds on a page.
    pub fn texts(&mut self, name: &str, selector: &str) -> Vec<String> {
        self.ask(json!({ "command": "texts", "name": name, "selector": selector }))
    }

    /// The text of the only one that it finds.
    pub fn text(&mut self, name: &str, selector: &str) -> String {
        let mut texts = self.texts(name, selector);
        assert_eq!(texts.len(), 1, "{selector}: {texts:?}");
        texts.remove(0)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.commands = None;
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("node", &self.child.id()).finish_non_exhaustive()
    }
}

/// Says what has to be installed if a package of node's is missing.
pub(crate) fn package_is_there(package: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules").join(package);
    require(&path, "npm ci --prefix tests");
}

fn require(path: &Path, install: &str) {
    assert!(path.exists(), "{} is missing; this installs it: {install}", path.display());
}
