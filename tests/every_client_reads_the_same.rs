//! T16: Chromium's `EventSource`, undici's and curl with an independent parser write down the same
//! of every stream, and it is what was published.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use support::browser::Driver;
use support::curl::Curl;
use support::example::{Example, post};
use support::parser::Event;
use support::served::{Server, eventually};

/// Each is read by every client. All their clients hear is what they listen for; curl hears more.
const STREAMS: [Stream; 3] = [
    Stream { name: "everything", query: "last_event_id=earliest", topic: None, begins_with: 1 },
    Stream {
        name: "a shop",
        query: "last_event_id=earliest&topic=shops%2F7%2F**",
        topic: Some("shops/7/"),
        begins_with: 1,
    },
    Stream { name: "nonsense", query: "last_event_id=garbage", topic: None, begins_with: 2 },
];
const NAMES: [&str; 6] = ["load", "message", "sse-open", "sse-gap", "sse-cursor", "sse-close"];

/// Payloads that would be something else if anything took them for lines, fields or markup.
const HOSTILE: [&str; 16] = [
    "",
    " leading, trailing ",
    "\r\n\r\ndata: forged\n\nid: 0000000000000-1\n\n",
    "\u{0}\u{1}\u{b}\u{c}\u{7f}\u{85}",
    "\u{2028}\u{2029}",
    "\u{feff}a mark\u{feff}",
    "\u{fffd}\u{fffe}\u{ffff}\u{10ffff}",
    "👩‍👩‍👧‍👦 🇫🇷 e\u{301} \u{202e}desrever\u{202c}",
    "Ελληνικά 中文 עברית ไทย",
    "\\ \\\\ \\n \\u0000 \" ' ` / \t",
    ": a comment",
    "retry: 1",
    "event: sse-close",
    "</script><script>throw 1</script><!-- &amp;",
    "{\"n\":1,\"t\":2,\"p\":\"3\"}",
    "%00%0A+%F0%9F",
];

#[test]
fn every_client_reads_the_same() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let data = directory.path().join("events");
    let path = data.clone();
    // Every other time it is served by axum: no client may tell the difference.
    let starts = Cell::new(0);
    let mut server = Example::start("example-loadtarget", move |command, port| {
        let by = Server::ALL[starts.replace(starts.get() + 1) % 2];
        command.arg("--port").arg(port.to_string()).arg("--data").arg(&path);
        command.args(["--server", by.name(), "--event-bytes", "2000000"]);
    });
    let mut clients = Clients::listen(&server);
    let mut story = Story::default();
    clients.wait(&story);

    for n in 0..20 {
        story.publish(&server, "", n, &["live"]);
        story.publish(&server, "shops/7/orders", n, &["live, in the shop"]);
        story.publish(&server, "shops/8/orders", n, &["live, next door"]);
    }
    story.publish(&server, "shops/7/hostile", u64::MAX, &HOSTILE);
    let text = |bytes: usize| "é☕𝄞\n".repeat(bytes / 11);
    story.publish(&server, "shops/7/large", 1, &[&text(1 << 20)]);
    clients.wait(&story);

    // The filtered clients go on from an id that is not the last.
    story.publish(&server, "shops/8/orders", 2, &["the last before the kill"]);
    clients.wait(&story);
    server.kill();
    server.start_again();
    story.told.push(Told::Resumed);
    clients.wait(&story);
    for n in 0..20 {
        story.publish(&server, "shops/7/orders", n, &["after the kill"]);
    }
    clients.wait(&story);

    // Killed while it sends more than fits into buffers: some clients have the half of an event.
    story.publish(&server, "shops/7/large", 2, &[text(200 << 10).as_str(); 8]);
    server.kill();
    server.start_again();
    story.told.push(Told::Resumed);
    story.publish(&server, "shops/7/orders", 3, &["after the second kill"]);
    clients.wait(&story);

    // With another log behind the same address, what the clients ask for cannot be had.
    server.kill();
    fs::remove_dir_all(&data).expect("the log is there");
    server.start_again();
    story.told.push(Told::AnotherLog);
    clients.wait(&story);
    story.publish(&server, "shops/7/orders", 4, &["in a new log"]);
    clients.wait(&story);

    for stream in &STREAMS {
        let expected = story.heard(stream);
        let transcripts = clients.transcripts(stream);
        for (client, transcript) in CLIENTS.iter().zip(&transcripts) {
            check(&format!("{client}, {}", stream.name), &expected, transcript);
        }
        let [chromium, undici, curl] = transcripts.map(but_the_openings);
        assert!(chromium == undici, "{}: Chromium and undici differ", stream.name);
        assert!(chromium == curl, "{}: Chromium and curl differ", stream.name);
    }
}

#[derive(Debug)]
struct Stream {
    name: &'static str,
    query: &'static str,
    topic: Option<&'static str>,
    /// With how many events about itself.
    begins_with: usize,
}

#[derive(Debug)]
enum Told {
    Event {
        topic: &'static str,
        event: Event,
    },
    /// The connection was lost, and the stream went on where it was.
    Resumed,
    /// The same, but it could not.
    AnotherLog,
}

/// What happened, in order.
#[derive(Debug, Default)]
struct Story {
    told: Vec<Told>,
}

impl Story {
    /// Publishes all of these at once.
    fn publish(&mut self, server: &Example, topic: &'static str, n: u64, texts: &[&str]) {
        let event = |text| format!(r#"{{"n":{n},"t":0,"p":{}}}"#, json!(text));
        let events: Vec<String> = texts.iter().map(event).collect();
        let query = if topic.is_empty() { String::new() } else { format!("?topic={topic}") };
        let answer = post(server.address(), &format!("/publish{query}"), &events.join("\n"));
        let (status, ids) = answer.expect("the server answers");
        assert_eq!((status, ids.lines().count()), (200, texts.len()), "{ids}");
        self.told.extend(
            ids.lines()
                .zip(events)
                .map(|(id, data)| Told::Event { topic, event: Event::new("load", data, id) }),
        );
    }

    /// What a client of this stream hears. Of events about the stream the data is what it says in
    /// short; an id that is not known from what was published is `?`.
    fn heard(&self, stream: &Stream) -> Vec<Event> {
        let opened = |resumed: bool| Event::new("sse-open", resumed.to_string(), "");
        let gap = || Event::new("sse-gap", "unknown-id", "?");
        let mut heard = vec![opened(false)];
        heard.extend((stream.begins_with == 2).then(gap));
        for told in &self.told {
            match told {
                Told::Event { topic, event } => {
                    let is_read = stream.topic.is_none_or(|prefix| topic.starts_with(prefix));
                    heard.extend(is_read.then(|| event.clone()));
                }
                Told::Resumed => heard.push(opened(true)),
                Told::AnotherLog => heard.extend([opened(false), gap()]),
            }
        }
        heard
    }
}

/// Where the connection was cut is up to chance, so the openings are looked at by themselves.
fn check(who: &str, expected: &[Event], transcript: &[Event]) {
    let opened = |event: &&Event| event.name == "sse-open";
    let resumed =
        transcript.iter().filter(opened).map(|event| json(&event.data)["resumed"].clone());
    let expected_resumed = expected.iter().filter(opened).map(|event| json(&event.data));
    assert!(resumed.eq(expected_resumed), "{who}: resumed");
    // Nothing but a resumption moves a client that knows where it is.
    for pair in transcript.windows(2).filter(|pair| pair[1].name == "sse-open") {
        assert_eq!(pair[0].id, pair[1].id, "{who}: an opening moved the client");
    }
    let (is, should) = (but_the_openings(transcript), but_the_openings(expected));
    for (is, should) in is.iter().zip(&should) {
        assert_eq!(is.name, should.name, "{who}");
        match &*is.name {
            "sse-gap" => assert_eq!(json(&is.data)["reason"], *should.data, "{who}"),
            _ => assert_eq!((&is.id, &is.data), (&should.id, &should.data), "{who}"),
        }
    }
    assert_eq!(is.len(), should.len(), "{who}");
}

/// All clients, each with all streams.
struct Clients {
    driver: Driver,
    curls: Vec<Curl>,
}

const CLIENTS: [&str; 3] = ["chromium", "undici", "curl"];
const DRIVEN: [&str; 2] = [CLIENTS[0], CLIENTS[1]];

impl Clients {
    fn listen(server: &Example) -> Self {
        let mut driver = Driver::start();
        let mut curls = Vec::new();
        for Stream { name, query, .. } in STREAMS {
            let url = server.url(&format!("/events?{query}"));
            curls.push(Curl::listen(&url));
            for client in DRIVEN {
                driver.tell(json!({
                    "command": "listen", "client": client, "name": name, "url": url, "names": NAMES,
                }));
            }
        }
        Clients { driver, curls }
    }

    /// Until every client has heard it all.
    #[track_caller]
    fn wait(&mut self, story: &Story) {
        for (stream, curl) in STREAMS.iter().zip(&self.curls) {
            let expected = story.heard(stream).len();
            for client in DRIVEN {
                let heard = json!({ "command": "heard", "client": client, "name": stream.name });
                eventually(&format!("{client} hears {}", stream.name), || {
                    self.driver.ask::<usize>(heard.clone()) >= expected
                });
            }
            eventually(&format!("curl hears {}", stream.name), || {
                curl.transcript().len() >= expected
            });
        }
    }

    fn transcripts(&mut self, stream: &Stream) -> [Vec<Event>; 3] {
        let [chromium, undici] = DRIVEN.map(|client| {
            let name = stream.name;
            self.driver.ask(json!({ "command": "transcript", "client": client, "name": name }))
        });
        let nth = STREAMS.iter().position(|other| other.name == stream.name);
        [chromium, undici, self.curls[nth.expect("it is one of them")].transcript()]
    }
}

fn but_the_openings(transcript: impl AsRef<[Event]>) -> Vec<Event> {
    let transcript = transcript.as_ref().iter();
    transcript.filter(|event| event.name != "sse-open").cloned().collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
