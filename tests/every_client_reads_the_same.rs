//! T16: Chromium's `EventSource`, undici's and curl with an independent parser write down the same
//! of every stream, and it is what was published.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::{Value, json};
use std::fs;
use support::browser::Driver;
use support::curl::Curl;
use support::example::{Example, eventually, post};
use support::parser::Event;

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
    let mut server = Example::start("example-loadtarget", move |command, port| {
        command.arg("--port").arg(port.to_string()).arg("--data").arg(&path);
    });
    let mut clients = Clients::listen(&server);
    let mut story = Story::default();
    clients.wait(&story);

    for n in 0..20 {
        story.publish(&server, "", n, "live");
        story.publish(&server, "shops/7/orders", n, "live, in the shop");
        story.publish(&server, "shops/8/orders", n, "live, next door");
    }
    for (n, text) in HOSTILE.into_iter().enumerate() {
        story.publish(&server, "shops/7/hostile", u64::MAX - n as u64, text);
    }
    story.publish(&server, "shops/7/large", 1, &"é☕𝄞\n".repeat((200 << 10) / 11));
    clients.wait(&story);

    // The filtered clients go on from an id that is not the last.
    story.publish(&server, "shops/8/orders", 2, "the last before the kill");
    clients.wait(&story);
    server.kill();
    server.start_again();
    story.told.push(Told::Resumed);
    clients.wait(&story);
    for n in 0..20 {
        story.publish(&server, "shops/7/orders", n, "after the kill");
    }
    clients.wait(&story);

    // With another log behind the same address, what the clients ask for cannot be had.
    server.kill();
    fs::remove_dir_all(&data).expect("the log is there");
    server.start_again();
    story.told.push(Told::AnotherLog);
    clients.wait(&story);
    story.publish(&server, "shops/7/orders", 3, "in a new log");
    clients.wait(&story);

    for stream in &STREAMS {
        let [chromium, undici, curl] = clients.transcripts(stream);
        assert_eq!(chromium, undici, "{}: Chromium and undici", stream.name);
        assert_eq!(chromium, curl, "{}: Chromium and curl", stream.name);
        story.check(stream, &chromium);
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
    fn publish(&mut self, server: &Example, topic: &'static str, n: u64, text: &str) {
        let text = serde_json::to_string(text).expect("a string is JSON");
        let data = format!(r#"{{"n":{n},"t":0,"p":{text}}}"#);
        let path =
            if topic.is_empty() { "/publish".into() } else { format!("/publish?topic={topic}") };
        let (status, ids) = post(server.port(), &path, &data).expect("the server answers");
        assert_eq!(status, 200, "{ids}");
        let event = Event::new("load", data, ids.trim_end());
        self.told.push(Told::Event { topic, event });
    }

    /// What a client of this stream hears, but for the data of events about the stream. An id that
    /// is not known from what was published is `?`.
    fn heard(&self, stream: &Stream) -> Vec<Event> {
        let about = |name, id: &str| Event::new(name, "", id);
        let mut heard = match stream.begins_with {
            1 => vec![about("sse-open", "?")],
            _ => vec![about("sse-open", ""), about("sse-gap", "?")],
        };
        let mut last = "?".to_owned();
        for told in &self.told {
            match told {
                Told::Event { topic, event } => {
                    if stream.topic.is_none_or(|of_stream| topic.starts_with(of_stream)) {
                        last.clone_from(&event.id);
                        heard.push(event.clone());
                    }
                }
                Told::Resumed => heard.push(about("sse-open", &last)),
                Told::AnotherLog => {
                    heard.extend([about("sse-open", &last), about("sse-gap", "?")]);
                }
            }
        }
        heard
    }

    fn check(&self, stream: &Stream, transcript: &[Event]) {
        let expected = self.heard(stream);
        assert_eq!(transcript.len(), expected.len(), "{}", stream.name);
        let mut opened = Vec::new();
        for (is, should) in transcript.iter().zip(&expected) {
            assert_eq!(is.name, should.name, "{}", stream.name);
            if should.id == "?" {
                assert!(is.id.contains('-'), "a position: {is:?}");
            } else {
                assert_eq!(is.id, should.id, "{}: {is:?}", stream.name);
            }
            match &*is.name {
                "sse-open" => opened.push(json(&is.data)["resumed"].clone()),
                "sse-gap" => assert_eq!(json(&is.data)["reason"], "unknown-id"),
                _ => assert_eq!(is.data, should.data),
            }
        }
        assert_eq!(json!(opened), json!([false, true, false]), "{}", stream.name);
    }
}

/// All clients, each with all streams.
struct Clients {
    driver: Driver,
    curls: Vec<Curl>,
}

const DRIVEN: [&str; 2] = ["chromium", "undici"];

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

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
