//! What may not be seen, beside what does not exist: the answers are the same, byte by byte.

use super::tenants::in_query;
use super::{App, Tagged};
use sse_framework::{Hub, MemoryLog, Retention};
use std::sync::Arc;
use std::time::Duration;
use support::http::{Body, Connection, Head, Request};
use support::served::{Served, Server};

/// The client is this one.
const OWN: &str = "own";
/// It exists, and is busy.
const BUSY: &str = "busy";

pub(super) fn what_is_not_allowed_is_answered_like_what_does_not_exist(server: Server) {
    let (served, app) = Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).tail_bytes(1 << 20).tail_events(50);
        // Long enough that no heartbeat falls into the comparison.
        let hub =
            hub.retention(Retention::forever().events(500)).heartbeat(Duration::from_secs(60));
        let hub = hub.start().await.unwrap();
        let app = App { hub, tenants: Arc::new(vec![OWN.to_owned()]) };
        (app.router(), app)
    });
    let first = publish(&served, &app, 1_000);
    let asked = [
        ("not allowed", in_query(&["tenants", BUSY, "orders"])),
        ("not allowed and nothing there", in_query(&["tenants", "nobody", "orders"])),
        ("allowed and nothing there", in_query(&["tenants", OWN, "nothing"])),
        ("not allowed, by pattern", format!("{}/**", in_query(&["tenants", BUSY]))),
        ("nothing there, by pattern", format!("{}/**", in_query(&["tenants", "nobody"]))),
        ("another tree", in_query(&["busy"])),
    ];
    for path in ["under", "exact", "snapshot"] {
        for after in ["", "earliest", &first, "nonsense"] {
            let open = |(what, topic): &(&'static str, String)| {
                let request = Request::stream(&format!("/{path}/0?topic={topic}"), after);
                let (head, body) =
                    Connection::open(served.address()).unwrap().into_stream(&request).unwrap();
                (*what, head, body)
            };
            let streams: Vec<_> = asked.iter().map(open).collect();
            // Whoever begins with the oldest event may be overtaken by the retention, or not.
            if matches!(after, "" | "nonsense") {
                publish(&served, &app, 200);
            }
            app.hub.disconnect_all();
            let answers: Vec<_> =
                streams.into_iter().map(|(what, head, body)| (what, answer(&head, body))).collect();
            for (what, answer) in &answers {
                assert_eq!(answer, &answers[0].1, "{what}, {path} after {after:?}");
            }
            assert!(answers[0].1.contains("sse-open"), "{}", answers[0].1);
            assert!(!answers[0].1.contains(BUSY), "{}", answers[0].1);
        }
    }
}

/// The id of the first event.
fn publish(served: &Served, app: &App, count: u64) -> String {
    let event = |n| Tagged { tenant: BUSY.to_owned(), kind: "orders".to_owned(), n };
    let ids = served.block_on(app.hub.publish_all((0..count).map(event))).unwrap();
    ids[0].to_string()
}

/// Head and body, but for the date, and for the time to wait, which is different for each client.
fn answer(head: &Head, mut body: Body) -> String {
    let headers = head.sorted().into_iter().filter(|(name, _)| *name != "date");
    let mut answer = format!("{} {:?}\n", head.status, headers.collect::<Vec<_>>());
    let mut bytes = Vec::new();
    while let Some(piece) = body.piece().unwrap() {
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("event: sse-close"), "it ends politely: {text}");
    answer.extend(text.split_inclusive('\n').filter(|line| !line.starts_with("retry: ")));
    answer
}
