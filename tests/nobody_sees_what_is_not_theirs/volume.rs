//! With opaque ids, a tenant cannot tell how much the hub carries for others: whatever it is shown
//! differs only in ids, and ids have no structure.

use super::tenants::in_query;
use super::{App, Tagged};
use sse_framework::{Durability, EventId, Hub, IdStyle, MemoryLog, Retention, SledLog, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::http::{self, Body, Connection, Request};
use support::random::Random;
use support::served::{Served, Server};

/// The client is this one.
const OWN: &str = "own";
const OTHER: &str = "other";
/// Events of its own, of which the second half is kept.
const EVENTS: usize = 600;
const TRIMMED: usize = EVENTS / 2;
/// How often it looks where the log stands.
const LOOKS: usize = 50;

pub(super) fn nobody_can_tell_how_many_events_others_have(server: Server) {
    let nothing = Run::new(server, IdStyle::Opaque, &[0; EVENTS]);
    let mut random = Random::new(1);
    let volumes: Vec<_> = (0..EVENTS).map(|_| random.below(40)).collect();
    let much = Run::new(server, IdStyle::Opaque, &volumes);
    for (how, shown) in &nothing.shown {
        assert_eq!(without_ids(shown), without_ids(&much.shown[how]), "{how}");
    }
    for (run, volumes) in [(&nothing, &[0; EVENTS][..]), (&much, &volumes)] {
        run.events_have_one_id_and_positions_have_none_twice();
        assert_eq!(structure(&run.ids(), volumes), None);
    }
}

/// The measure, on ids that are known to tell.
pub(super) fn plain_ids_tell_how_many_events_others_have(server: Server) {
    let mut random = Random::new(1);
    let volumes: Vec<_> = (0..EVENTS).map(|_| random.below(40)).collect();
    let run = Run::new(server, IdStyle::Plain, &volumes);
    let seqs = run.events.iter().map(|id| id.rsplit_once('-').unwrap().1.parse().unwrap());
    assert!(structure(&seqs.collect::<Vec<u128>>(), &volumes).is_some());
}

/// What a tenant was shown, over the life of a log.
struct Run {
    /// The whole of each stream, as it came.
    shown: BTreeMap<&'static str, String>,
    /// The ids of the tenant's own events, as it gets them from those who publish.
    events: Vec<String>,
}

impl Run {
    /// Before each event of the tenant's own, others have as many as this.
    fn new(server: Server, style: IdStyle, volumes: &[usize]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut shown = BTreeMap::new();
        let log = Log::open(server, directory.path(), style, Retention::forever());
        let live = log.stream("/under/0", "");
        let mut ids = Vec::new();
        for (n, volume) in volumes.iter().enumerate() {
            log.publish(OTHER, 0..*volume);
            ids.extend(log.publish(OWN, n..n + 1));
        }
        let events: Vec<_> = ids.iter().map(|id| log.app.hub.encode_id(*id)).collect();
        shown.insert("live", log.all(live, Some(EVENTS - 1)));
        for (how, after) in [("the newest", EVENTS - 1), ("a cursor", EVENTS / 3)] {
            let stream = log.stream("/under/0", &events[after]);
            shown.insert(how, log.all(stream, (after + 1 < EVENTS).then_some(EVENTS - 1)));
        }
        shown.insert("standing still", log.looks(0));
        log.end();

        // The retention reaches back to the same event of the tenant's, whatever others had.
        let kept = ids[EVENTS - 1].seq() - ids[TRIMMED - 1].seq();
        let log = Log::open(server, directory.path(), style, Retention::forever().events(kept));
        let asked = [
            ("replay", "/under/0", "earliest", Some(EVENTS - 1)),
            ("replay by topic", "/exact/0", "earliest", Some(EVENTS - 1)),
            ("cursor", "/under/0", &events[EVENTS - 5], Some(EVENTS - 1)),
            ("trimmed", "/exact/0", &events[7], Some(EVENTS - 1)),
            ("made up", "/under/0", "0123456789abcdefghjkmnpqrs", None),
            ("nonsense", "/under/0", "nonsense", None),
            ("snapshot", "/snapshot/0", "", None),
            ("snapshot after a gap", "/snapshot/0", "nonsense", None),
        ];
        for (how, target, after, last) in asked {
            let text = log.all(log.stream(target, after), last);
            // What was asked for is no news.
            shown.insert(how, text.replace(&format!(r#""asked":"{after}","#), ""));
        }
        shown.insert("moving on", log.looks(volumes[1]));
        shown.insert("complete", log.complete(volumes[1]));
        log.end();
        shown.insert("quiet", quiet(server, style, volumes[1]));
        Run { shown, events }
    }

    fn ids(&self) -> Vec<u128> {
        self.events.iter().map(|id| number(id)).collect()
    }

    fn events_have_one_id_and_positions_have_none_twice(&self) {
        let events: BTreeSet<&str> = self.events.iter().map(String::as_str).collect();
        assert_eq!(events.len(), EVENTS);
        let mut positions = BTreeSet::new();
        for (how, shown) in &self.shown {
            for block in shown.split("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                let (id, name, data) = (field("id: "), field("event: "), field("data: "));
                if let (Some("tagged"), Some(id), Some(data)) = (name, id, data) {
                    let event: Tagged = serde_json::from_str(data).unwrap();
                    assert_eq!(id, self.events[event.n as usize], "{how}");
                    continue;
                }
                if name == Some("sse-topic-close") {
                    assert_eq!(id.map(str::len), Some(26), "{how}: {block}");
                    continue;
                }
                // The same position stands in the data, too.
                let of_block: BTreeSet<_> = ids_in(block).collect();
                for id in of_block {
                    assert_eq!(id.len(), 52, "{how}: {block}");
                    assert!(positions.insert(id.to_owned()), "{how}: {id} again");
                    assert!(!events.contains(&id[..26]) && !events.contains(&id[26..]), "{how}");
                }
            }
        }
        assert!(positions.len() > 2 * LOOKS, "{} positions", positions.len());
        let blocks: Vec<_> = positions.iter().flat_map(|id| [&id[..26], &id[26..]]).collect();
        let blocks: Vec<_> = blocks.into_iter().map(number).collect();
        assert_eq!(structure(&blocks, &[]), None);
    }
}

/// A log that is open, with those who read it.
struct Log {
    served: Served,
    app: App,
}

impl Log {
    fn open(server: Server, directory: &Path, style: IdStyle, retention: Retention) -> Self {
        let (served, app) = Served::new(server, async || {
            let sync_every = Duration::from_secs(1);
            let log = SledLog::new(directory).durability(Durability::Buffered { sync_every });
            // Some is read from memory, some from the log, and no heartbeat falls in between.
            let hub = Hub::builder(log)
                .ids(style)
                .retention(retention)
                .tail_bytes(1 << 20)
                .tail_events(100);
            let hub = hub.heartbeat(Duration::from_secs(3600)).start().await.unwrap();
            let app = App { hub, tenants: Arc::new(vec![OWN.to_owned()]) };
            (app.router(), app)
        });
        Log { served, app }
    }

    fn publish(&self, tenant: &str, numbers: std::ops::Range<usize>) -> Vec<EventId> {
        let event = |n: usize| {
            let (tenant, kind) = (tenant.to_owned(), "orders".to_owned());
            Tagged { tenant, kind, n: n as u64 }
        };
        self.served.block_on(self.app.hub.publish_all(numbers.map(event))).unwrap()
    }

    fn stream(&self, target: &str, after: &str) -> Body {
        let request = Request::stream(target, after);
        let opened = Connection::open(self.served.address()).unwrap().into_stream(&request);
        opened.unwrap().1
    }

    /// All of a stream that is ended when it has come to this event of the tenant's own, or to where
    /// nothing follows.
    fn all(&self, mut body: Body, last: Option<usize>) -> String {
        let mut bytes = Vec::new();
        let end = last.map(|n| format!("\"n\":{n}}}\n\n"));
        loop {
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            let whole = match &end {
                Some(end) => text.ends_with(end),
                None if text.contains("\"kind\"") => text.contains("sse-cursor"),
                None => text.ends_with("\n\n"),
            };
            if whole {
                break;
            }
            bytes.extend_from_slice(&body.piece().unwrap().expect("it goes on"));
        }
        self.app.hub.disconnect_all();
        while let Some(piece) = body.piece().unwrap() {
            bytes.extend_from_slice(&piece);
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("event: sse-close"), "it ends politely: {text}");
        without_retry(&text)
    }

    /// New streams, one after the other, while others have so many events before each.
    fn looks(&self, volume: usize) -> String {
        let look = |_| {
            self.publish(OTHER, 0..volume);
            self.all(self.stream("/under/0", ""), None)
        };
        (0..LOOKS).map(look).collect()
    }

    /// A stream of a topic that is closed, and what one gets who comes back to it.
    fn complete(&self, volume: usize) -> String {
        let topic = in_query(&["tenants", OWN, "answer"]);
        let target = format!("/under/0?topic={topic}");
        let mut body = self.stream(&target, "");
        self.publish(OTHER, 0..volume);
        let topic = Topic::from_segments(["tenants", OWN, "answer"]).unwrap();
        self.served.block_on(self.app.hub.close_topic(topic.as_str())).unwrap();
        self.publish(OTHER, 0..volume);
        let mut bytes = Vec::new();
        while let Some(piece) = body.piece().unwrap() {
            bytes.extend_from_slice(&piece);
        }
        let text = String::from_utf8(bytes).unwrap();
        let (_, close) = text.rsplit_once("id: ").unwrap();
        let request = Request::stream(&target, close.lines().next().unwrap());
        assert_eq!(http::send(self.served.address(), &request).unwrap().head.status, 204);
        without_retry(&text)
    }

    fn end(self) {
        self.served.block_on(self.app.hub.shutdown()).unwrap();
    }
}

/// The first heartbeats of a stream that is shown nothing, while others have so many events between
/// two.
fn quiet(server: Server, style: IdStyle, volume: usize) -> String {
    let (served, app) = Served::new(server, async || {
        let heartbeat = Duration::from_millis(100);
        let hub = Hub::builder(MemoryLog::new()).ids(style).heartbeat(heartbeat).start();
        let app = App { hub: hub.await.unwrap(), tenants: Arc::new(vec![OWN.to_owned()]) };
        (app.router(), app)
    });
    let log = Log { served, app };
    let mut body = log.stream("/under/0", "");
    let mut beats = Vec::new();
    while beats.len() < 4 {
        let piece = String::from_utf8(body.piece().unwrap().unwrap()).unwrap();
        beats.push(piece);
        log.publish(OTHER, 0..volume);
    }
    without_retry(&beats.concat())
}

/// The time to wait is another for each client.
fn without_retry(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("retry: ")).collect()
}

/// Everything in a stream that has the form of an opaque id.
fn ids_in(text: &str) -> impl Iterator<Item = &str> {
    let is_digit = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    let words = text.split(move |c| !is_digit(c));
    words.filter(|word| [26, 52].contains(&word.len()))
}

fn without_ids(text: &str) -> String {
    ids_in(text).fold(text.to_owned(), |text, id| text.replace(id, "ID"))
}

/// The digits as they are documented.
fn number(text: &str) -> u128 {
    let digits = "0123456789abcdefghjkmnpqrstvwxyz";
    text.chars().fold(0, |number, c| number << 5 | digits.find(c).unwrap() as u128)
}

/// What these numbers, in their order, tell that numbers by chance do not; `volumes` is what they
/// must not tell. One in a million runs is accused by chance.
fn structure(numbers: &[u128], volumes: &[usize]) -> Option<String> {
    const SIGMAS: f64 = 6.0;
    let count = numbers.len() as f64;
    let off = |sum: f64, mean: f64, deviation: f64| (sum - mean).abs() > SIGMAS * deviation;
    for bit in 0..128 {
        let set = numbers.iter().filter(|number| **number >> bit & 1 == 1).count() as f64;
        if off(set, count / 2.0, count.sqrt() / 2.0) {
            return Some(format!("bit {bit} is set in {set} of {count}"));
        }
    }
    let pairs = || numbers.windows(2).map(|pair| (pair[0], pair[1]));
    let rising = pairs().filter(|(a, b)| a < b).count() as f64;
    if off(rising, count / 2.0, (count / 12.0).sqrt()) {
        return Some(format!("{rising} of {count} rise"));
    }
    let changed: f64 = pairs().map(|(a, b)| f64::from((a ^ b).count_ones())).sum();
    if off(changed, 64.0 * (count - 1.0), (32.0 * count).sqrt()) {
        return Some(format!("{changed} bits change in {count}"));
    }
    for (what, turn) in [("begin", false), ("end", true)] {
        let turned =
            numbers.iter().map(|number| if turn { number.reverse_bits() } else { *number });
        let mut sorted: Vec<_> = turned.collect();
        sorted.sort_unstable();
        let same = sorted.windows(2).map(|pair| (pair[0] ^ pair[1]).leading_zeros()).max();
        if same > Some(64) {
            return Some(format!("two {what} with the same {same:?} bits"));
        }
    }
    // How far two ids are apart, and what lies between them.
    let between: Vec<f64> = volumes.iter().skip(1).map(|volume| *volume as f64).collect();
    for low in [false, true] {
        let apart: Vec<f64> = pairs()
            .map(|(a, b)| b.wrapping_sub(a))
            .map(|apart| if low { (apart & 0xffff) as f64 } else { (apart >> 112) as f64 })
            .collect();
        let linked = correlation(&apart, &between).unwrap_or_default();
        if linked.abs() > SIGMAS / count.sqrt() {
            return Some(format!("distances and volumes are linked by {linked}"));
        }
    }
    None
}

/// None if there is nothing to compare.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product = |x: &[f64], mean_x: f64, y: &[f64], mean_y: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum()
    };
    let spread = product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b);
    (a.len() == b.len() && spread > 0.0).then(|| product(a, mean_a, b, mean_b) / spread.sqrt())
}
