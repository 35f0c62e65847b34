//! T10: whatever a client sends as its last event id, it gets the answer that is documented.
//!
//! A browser cannot read a status or a header: an id that cannot be honoured is answered with a
//! stream that says so. Every row is asked over HTTP/1.1 and over HTTP/2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use axum::Router;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Epoch, EventId, Hub, IdStyle, Retention, SledLog, SseEvent};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant};
use support::client::{self, Client, Seen};
use support::http::{self, Protocol, Request};
use support::served::{Served, Server};

support::by_every_server!(
    any_last_event_id_gets_its_answer,
    any_opaque_last_event_id_gets_its_answer,
    an_id_of_the_other_style_is_unknown,
    a_request_that_is_no_http_is_refused_and_the_server_goes_on,
);

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Count {
    n: u64,
}

/// A log of which 1 to 4 are trimmed and 5 to 12 are kept; the second epoch begins with 7, the
/// third, which is open, with 10. The same numbers are the events' payloads.
struct Log {
    served: Served,
    hub: Hub<Count>,
    epochs: [Epoch; 3],
    directory: tempfile::TempDir,
}

const OLDEST: u64 = 5;
const NEWEST: u64 = 12;

impl Log {
    fn new(server: Server, style: IdStyle) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (served, (hub, epochs)) = Served::new(server, async || {
            let first = epoch(path, style, 1..=6).await;
            let second = epoch(path, style, 7..=9).await;
            let hub = open(path, style, NEWEST + 1 - OLDEST).await;
            let third = publish(&hub, 10..=NEWEST).await;
            (Router::new().route("/events", hub.endpoint()), (hub, [first, second, third]))
        });
        Log { served, hub, epochs, directory }
    }

    fn id(&self, epoch: usize, seq: u64) -> String {
        self.hub.encode_id(EventId::new(self.epochs[epoch], seq))
    }

    /// As if it were a plain id.
    fn plain(&self, epoch: usize, seq: impl std::fmt::Display) -> String {
        format!("{}-{seq}", self.epochs[epoch])
    }
}

async fn open(path: &Path, style: IdStyle, keep: u64) -> Hub<Count> {
    let log = Hub::builder(SledLog::new(path)).retention(Retention::forever().events(keep));
    log.ids(style).start().await.unwrap()
}

async fn epoch(path: &Path, style: IdStyle, numbers: RangeInclusive<u64>) -> Epoch {
    let hub = open(path, style, 100).await;
    let epoch = publish(&hub, numbers).await;
    hub.shutdown().await.unwrap();
    epoch
}

async fn publish(hub: &Hub<Count>, numbers: RangeInclusive<u64>) -> Epoch {
    let ids = hub.publish_all(numbers.map(|n| Count { n })).await.unwrap();
    ids[0].epoch()
}

/// What a client is told.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// It goes on where it was, and this comes next.
    Resumed(u64),
    /// A new stream, and this comes next.
    New(u64),
    /// A gap for this reason, and this comes next.
    Gap(&'static str, u64),
    /// No stream, but this status.
    Refused(u16),
    /// The connection is over, with all its streams.
    Ended,
}

/// What comes next if only new events do.
const LIVE: u64 = NEWEST + 1;

fn get() -> Request {
    Request::stream("/events", "")
}

fn header(value: impl AsRef<[u8]>) -> Request {
    get().header("Last-Event-ID", value)
}

fn query(value: impl std::fmt::Display) -> Request {
    Request::stream(&format!("/events?last_event_id={value}"), "")
}

fn since(text: &str) -> Request {
    Request::stream(&format!("/events?since={text}"), "")
}

type Row = (&'static str, Request, Answer);

fn rows(log: &Log, protocol: Protocol) -> Vec<Row> {
    use Answer::{Ended, Gap, New, Refused, Resumed};
    let unknown = || Gap("unknown-id", LIVE);
    // Over HTTP/2 hyper takes 16 KiB of headers, the target among them, before any handler sees them.
    let over_http2 = |refusal| if protocol == Protocol::Http1 { unknown() } else { refusal };
    let known = log.id(1, 8);
    let stranger = "0000000000000-8";
    let begins_well = log.plain(2, "1".repeat(100_000));
    vec![
        ("absent", get(), New(LIVE)),
        ("empty", header(""), New(LIVE)),
        ("empty in the query", query(""), New(LIVE)),
        ("the newest", header(log.id(2, NEWEST)), Resumed(LIVE)),
        ("of this epoch", header(log.id(2, 10)), Resumed(11)),
        ("of an earlier epoch", header(&known), Resumed(9)),
        ("the last of an earlier epoch", header(log.id(1, 9)), Resumed(10)),
        ("where an epoch began", header(log.id(2, 9)), Resumed(10)),
        ("in the query", query(&known), Resumed(9)),
        ("header and query", query("earliest").header("Last-Event-ID", &known), Resumed(9)),
        ("empty header and query", query(&known).header("Last-Event-ID", ""), Resumed(9)),
        ("the same twice", header(&known).header("Last-Event-ID", &known), Resumed(9)),
        ("two that differ", header(&known).header("Last-Event-ID", log.id(2, 10)), unknown()),
        ("before the oldest", header(log.id(0, OLDEST - 1)), Resumed(OLDEST)),
        ("earliest", header("earliest"), New(OLDEST)),
        ("earliest in the query", query("earliest"), New(OLDEST)),
        ("a time before all that is kept", since("1970-01-01T00:00:00Z"), Gap("trimmed", OLDEST)),
        ("a time to come", since("9999-12-31T23:59:59Z"), New(LIVE)),
        ("no time", since(""), New(LIVE)),
        ("nonsense for a time", since("yesterday"), Refused(400)),
        (
            "an id and nonsense for a time",
            since("yesterday").header("Last-Event-ID", &known),
            Refused(400),
        ),
        (
            "a time and an id",
            since("1970-01-01T00:00:00Z").header("Last-Event-ID", &known),
            Resumed(9),
        ),
        (
            "a time and nonsense",
            since("1970-01-01T00:00:00Z").header("Last-Event-ID", "x"),
            unknown(),
        ),
        ("a time and earliest", since("9999-12-31T23:59:59Z&last_event_id=earliest"), New(OLDEST)),
        ("trimmed", header(log.id(0, 2)), Gap("trimmed", OLDEST)),
        ("before the first", header(log.id(0, 0)), Gap("trimmed", OLDEST)),
        ("past the end of an earlier epoch", header(log.id(1, 11)), Gap("lost", 10)),
        ("past the end of the first epoch", header(log.id(0, 9)), Gap("lost", 7)),
        ("in the future", header(log.id(2, NEWEST + 1)), Gap("lost", LIVE)),
        ("in the far future", header(log.id(2, u64::MAX)), Gap("lost", LIVE)),
        ("before its epoch", header(log.id(2, 7)), unknown()),
        ("of another log", header(stranger), unknown()),
        ("2^64", header(log.plain(2, "18446744073709551616")), unknown()),
        ("2^64 alone", header("18446744073709551616"), unknown()),
        ("40 digits", header("1".repeat(40)), unknown()),
        ("40 digits after an epoch", header(log.plain(2, "1".repeat(40))), unknown()),
        ("negative", header(log.plain(2, "-8")), unknown()),
        ("negative alone", header("-1"), unknown()),
        ("with a sign", header(log.plain(2, "+10")), unknown()),
        ("a leading zero", header(log.plain(2, "010")), unknown()),
        ("upper case", header(known.to_uppercase()), unknown()),
        ("no seq", header(log.plain(2, "")), unknown()),
        ("garbage", header("../../etc/passwd"), unknown()),
        ("quotes and tags", header(r#"","x":"<script>"#), unknown()),
        ("not UTF-8", header([0xff, 0xfe, b'-', b'8']), unknown()),
        ("not UTF-8 in the query", query("%ff%fe-8"), unknown()),
        ("line ends in the query", query(format!("{known}%0Aevent:%20x%0D%0A%0D%0A")), unknown()),
        ("NUL in the query", query(format!("{known}%00")), unknown()),
        ("8 KB", header("1".repeat(8_000)), unknown()),
        ("30 KB", header("1".repeat(30_000)), over_http2(Refused(431))),
        ("30 KB in the query", query("1".repeat(30_000)), over_http2(Refused(431))),
        ("100 KB", header("1".repeat(100_000)), over_http2(Ended)),
        ("100 KB of what begins well", header(begins_well), over_http2(Ended)),
    ]
}

fn any_last_event_id_gets_its_answer(server: Server) {
    for protocol in Protocol::ALL {
        let log = Log::new(server, IdStyle::Plain);
        answers_are_as_expected(&log, protocol, rows(&log, protocol));
    }
}

fn any_opaque_last_event_id_gets_its_answer(server: Server) {
    for protocol in Protocol::ALL {
        let log = Log::new(server, IdStyle::Opaque);
        let rows = rows(&log, protocol).into_iter().chain(rows_of_opaque_ids(&log));
        answers_are_as_expected(&log, protocol, rows.collect());
    }
}

/// What there is beside the rows of all ids.
fn rows_of_opaque_ids(log: &Log) -> Vec<Row> {
    use Answer::{Gap, Resumed};
    let unknown = || Gap("unknown-id", LIVE);
    let (known, id) = (log.id(1, 8), |epoch: usize, seq| EventId::new(log.epochs[epoch], seq));
    let position = |epoch, seq| log.hub.encode_cursor(id(epoch, seq));
    let at = position(1, 8);
    let mut rows = vec![
        ("a position", header(position(1, 8)), Resumed(9)),
        ("the newest position", header(position(2, NEWEST)), Resumed(LIVE)),
        ("a trimmed position", header(position(0, 2)), Gap("trimmed", OLDEST)),
        ("a lost position", header(position(2, NEWEST + 1)), Gap("lost", LIVE)),
        ("a position in the query", query(position(1, 8)), Resumed(9)),
        ("plain", header(log.plain(1, 8)), unknown()),
        ("plain and trimmed", header(log.plain(0, 2)), unknown()),
        ("plain and in the future", header(log.plain(2, NEWEST + 1)), unknown()),
        ("the form of one", header("0123456789abcdefghjkmnpqrs"), unknown()),
        ("the form of one that is too large", header("z".repeat(26)), unknown()),
        ("the form of a position", header("7".repeat(52)), unknown()),
        ("all zeros", header("0".repeat(26)), unknown()),
        ("half a position", header(&at[..26]), unknown()),
        ("the other half", header(&at[26..]), unknown()),
        ("an id twice", header(known.repeat(2)), unknown()),
        ("a position for an id", header(format!("{}{known}", &at[..26])), unknown()),
        ("with a hyphen", header(format!("{known}-")), unknown()),
        ("one character short", header(&known[1..]), unknown()),
    ];
    for text in [known, at] {
        for place in 0..text.len() {
            let mut changed = text.clone();
            let other = if text[place..].starts_with('0') { "1" } else { "0" };
            changed.replace_range(place..=place, other);
            rows.push(("one character changed", header(changed), unknown()));
        }
    }
    rows
}

fn an_id_of_the_other_style_is_unknown(server: Server) {
    for (before, after) in [(IdStyle::Plain, IdStyle::Opaque), (IdStyle::Opaque, IdStyle::Plain)] {
        let log = Log::new(server, before);
        let (id, plain, at) =
            (log.id(1, 8), log.plain(1, 8), log.hub.encode_cursor(log.hub.last_event_id()));
        log.served.block_on(log.hub.shutdown()).unwrap();
        let path = log.directory.path();
        let (served, hub) = Served::new(server, async || {
            let hub = open(path, after, 100).await;
            (Router::new().route("/events", hub.endpoint()), hub)
        });
        let asked = [
            (id, Answer::Gap("unknown-id", LIVE)),
            (at, Answer::Gap("unknown-id", LIVE)),
            (hub.encode_id(plain.parse().unwrap()), Answer::Resumed(9)),
        ];
        let clients = asked.map(|(text, expected)| {
            let name = "another style";
            (told(served.address(), Protocol::Http1, name, &header(text)).unwrap(), expected)
        });
        served.block_on(hub.publish(Count { n: LIVE })).unwrap();
        for (client, expected) in clients {
            let seen = client.wait("the next", |seen| seen.ordinary().count() > 0);
            assert_eq!(answer(&seen), expected, "{before:?}, then {after:?}");
        }
    }
}

fn answers_are_as_expected(log: &Log, protocol: Protocol, rows: Vec<Row>) {
    let answers: Vec<_> = rows
        .into_iter()
        .map(|(name, request, expected)| {
            (name, told(log.served.address(), protocol, name, &request), expected)
        })
        .collect();
    // What only new events would bring.
    log.served.block_on(log.hub.publish(Count { n: LIVE })).unwrap();
    for (name, told, expected) in answers {
        let client = match told {
            Ok(client) => client,
            Err(refused) => {
                assert_eq!(refused, expected, "{name} over {protocol:?}");
                continue;
            }
        };
        let seen = client.wait(name, |seen| seen.ordinary().count() > 0);
        assert_eq!(answer(&seen), expected, "{name} over {protocol:?}: {:?}", seen.events);
        let most = 1024 + 128 * seen.ordinary().count();
        assert!(seen.bytes < most, "{name}: {} bytes", seen.bytes);
        follows(log, &seen, name);
    }
}

/// Opens a stream and waits for its beginning, which must come soon.
fn told(
    address: SocketAddr,
    protocol: Protocol,
    name: &str,
    request: &Request,
) -> Result<Client, Answer> {
    let began = Instant::now();
    let opened = client::open_over(protocol, address, request).map_err(|error| {
        eprintln!("{name} over {protocol:?}: {error:?}");
        Answer::Ended
    })?;
    if opened.head.status != 200 {
        return Err(Answer::Refused(opened.head.status));
    }
    let client = opened.read();
    client.wait(name, |seen| !seen.events.is_empty());
    assert!(began.elapsed() < Duration::from_secs(15), "{name} took {:?}", began.elapsed());
    Ok(client)
}

fn answer(seen: &Seen) -> Answer {
    let data = |name| {
        let events = seen.named(name);
        assert!(events.len() <= 1, "{events:?}");
        events.first().map(|event| serde_json::from_str::<serde_json::Value>(&event.data).unwrap())
    };
    let next = seen.ordinary().next().unwrap();
    let next = serde_json::from_str::<Count>(&next.data).unwrap().n;
    let resumed = data("sse-open").unwrap()["resumed"] == true;
    match data("sse-gap") {
        Some(gap) => {
            let reasons = ["unknown-id", "trimmed", "lost"];
            let reason = reasons.into_iter().find(|reason| gap["reason"] == **reason).unwrap();
            assert!(gap["asked"].as_str().unwrap().chars().count() <= 64, "{gap}");
            assert!(!resumed);
            Answer::Gap(reason, next)
        }
        None if resumed => Answer::Resumed(next),
        None => Answer::New(next),
    }
}

/// Every id is a place to resume from, and nothing is skipped or shown twice. A stream with a gap
/// gives no id before it has told.
fn follows(log: &Log, seen: &Seen, name: &str) {
    let seq = |id: &str| (!id.is_empty()).then(|| log.hub.decode_id(id).unwrap().seq());
    let gap = !seen.named("sse-gap").is_empty();
    assert_eq!(seen.named("sse-open")[0].id.is_empty(), gap, "{name}: {:?}", seen.events);
    let seqs: Vec<_> = seen.events.iter().filter_map(|event| seq(&event.id)).collect();
    let expected: Vec<_> = (seqs[0]..).take(seqs.len()).collect();
    assert_eq!(seqs, expected, "{name}");
    for event in seen.ordinary() {
        let n = serde_json::from_str::<Count>(&event.data).unwrap().n;
        assert_eq!(seq(&event.id), Some(n), "{name}: {event:?}");
        assert_eq!(event.id, log.hub.encode_id(log.hub.decode_id(&event.id).unwrap()), "{name}");
    }
}

fn a_request_that_is_no_http_is_refused_and_the_server_goes_on(server: Server) {
    let log = Log::new(server, IdStyle::Plain);
    let address = log.served.address();
    for bytes in [&b"\x01"[..], b"a\0b", b"\x7f"] {
        let refused = http::send(address, &header(bytes)).unwrap();
        assert_eq!(refused.head.status, 400, "{bytes:?}");
    }
    told(address, Protocol::Http1, "afterwards", &get()).unwrap();
}
