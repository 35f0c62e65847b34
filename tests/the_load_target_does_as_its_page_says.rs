//! `examples/loadtarget`, which measurements lean on: its options, its routes, its answers.
#![allow(clippy::unwrap_used, reason = "that is how a test fails")]

use support::client::Client;
use support::http::{Request, send};
use support::server::{Server, loadtarget};

#[test]
fn bad_json_publishes_nothing_and_good_lines_are_all_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("data"), directory.path().join("log"));
    let data = data.to_str().unwrap();
    for options in [
        &["--memory"][..],
        &["--memory", "--ids", "opaque"],
        &["--data", data, "--durability", "buffered"],
    ] {
        let server = Server::start(loadtarget(), options, &log);
        let publish = |target: &str, body: &str| {
            send(server.address(), &Request::new("POST", target).body(body)).unwrap()
        };
        let good = |n: u64| format!(r#"{{"n":{n},"t":{},"p":"x"}}"#, n + 1);
        let all = Client::connect(server.address(), "/events", "");
        let one_topic = Client::connect(server.address(), "/events?topic=t/1", "");
        for client in [&all, &one_topic] {
            client.wait("sse-open", |seen| !seen.events.is_empty());
        }

        for bad in ["{}", r#"{"n":1,"t":2}"#, r#"{"n":1,"t":2,"p":"x","q":3}"#, "x", r#"{"n":-1}"#]
        {
            let answer = publish("/publish", &format!("{}\n{bad}\n{}", good(1), good(2)));
            assert_eq!(answer.head.status, 400, "{bad}");
        }
        let answer = publish("/publish", &format!("{}\n{}\n", good(3), good(4)));
        assert_eq!(answer.head.status, 200);
        let ids: Vec<&str> = answer.text().lines().collect();
        assert_eq!(publish("/publish?topic=t/1", &good(5)).head.status, 200);
        assert_eq!(publish("/publish?topic=t//1", &good(6)).head.status, 400);
        assert_eq!(publish("/publish?topic=t/2", &good(7)).head.status, 200);
        assert_eq!(publish("/publish?topic=t/1", &good(8)).head.status, 200);

        assert_eq!(all.data(5), [3, 4, 5, 7, 8].map(good));
        assert_eq!(one_topic.data(2), [5, 8].map(good));
        let late = Client::connect(server.address(), "/events?last_event_id=earliest", "");
        assert_eq!(late.data(5), [3, 4, 5, 7, 8].map(good));
        let seen: Vec<String> = late.seen().ordinary().map(|event| event.id.clone()).collect();
        assert_eq!(ids, seen[..2]);
    }
}
