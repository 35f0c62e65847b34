//! A browser's page shows the whole of an answer, token by token, though it is reloaded and the
//! server is killed in the middle; then the stream is over, and the browser asks no more.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use support::browser::Driver;
use support::example::Example;
use support::served::eventually;

#[derive(Debug, Deserialize)]
struct Answer {
    state: String,
    text: String,
    /// The statuses of the answers to requests for the stream.
    streams: Vec<u16>,
}

/// A tab with the example's page.
struct Tab<'d> {
    driver: &'d mut Driver,
    name: &'static str,
}

impl<'d> Tab<'d> {
    fn ask(driver: &'d mut Driver, name: &'static str, server: &Example, prompt: &str) -> Self {
        driver.tell(json!({ "command": "open", "name": name, "url": server.url("/") }));
        driver.tell(json!({ "command": "ask", "name": name, "prompt": prompt }));
        Tab { driver, name }
    }

    fn look(&mut self) -> Answer {
        self.driver.ask(json!({ "command": "answer", "name": self.name }))
    }

    fn wait(&mut self, what: &str, condition: impl Fn(&Answer) -> bool) -> Answer {
        let mut seen = self.look();
        eventually(what, || {
            seen = self.look();
            condition(&seen)
        });
        seen
    }
}

#[test]
fn an_answer_goes_on_where_it_was() {
    let data = tempfile::tempdir().expect("a directory can be made");
    let path = data.path().join("tokens");
    let mut server = Example::start("example-tokens", move |command, port| {
        command.env("PORT", port.to_string()).env("DATA", &path);
    });
    let mut driver = Driver::start();

    // Nobody disturbs this one.
    let mut tab = Tab::ask(&mut driver, "calm", &server, "Where was I?");
    let whole = tab.wait("it is over", |now| now.state == "over");
    assert!(whole.text.split(' ').count() > 30, "{whole:?}");
    assert_eq!(whole.streams, [200, 204], "it asked once more, and was told that that was all");

    // The same question has the same answer.
    let mut tab = Tab::ask(&mut driver, "rough", &server, "Where was I?");
    let some = tab.wait("some tokens are there", |now| now.text.len() > 30).text;
    tab.driver.tell(json!({ "command": "reload", "name": "rough" }));
    let more = tab.wait("it goes on after a reload", |now| now.text.len() > some.len()).text;
    assert!(more.starts_with(&some));
    for _ in 0..3 {
        let before = tab.look().text;
        server.kill();
        tab.wait("it notices", |now| now.state == "reconnecting");
        server.start_again();
        let after = tab.wait("it goes on", |now| now.text.len() > before.len()).text;
        assert!(after.starts_with(&before) && whole.text.starts_with(&after), "{after}");
    }
    let end = tab.wait("it is over", |now| now.state == "over");
    assert_eq!(end.text, whole.text);
    assert_eq!(end.streams.last(), Some(&204));

    // Over is over, also for a server that was started again, and a reload shows all of it.
    server.kill();
    server.start_again();
    tab.driver.tell(json!({ "command": "reload", "name": "rough" }));
    let again = tab.wait("it is over again", |now| now.state == "over");
    assert_eq!(again.text, whole.text);
    std::thread::sleep(Duration::from_secs(2));
    let still = tab.look();
    assert_eq!((still.state.as_str(), still.streams), ("over", again.streams), "it asks no more");
}
