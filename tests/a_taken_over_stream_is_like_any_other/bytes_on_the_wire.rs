//! What arrives, byte by byte.

use super::{Leaves, hub, nobody, open, publish, serve};
use axum::Router;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use sse_framework::Hub;
use std::time::Duration;
use support::raw::Raw;
use support::served::{Served, Server};

support::by_every_server!(
    a_stream_is_these_bytes,
    a_head_that_the_client_takes_slowly_arrives_whole,
);

/// With `EPOCH` for the epoch, `DATE` for the date and `RETRY` for the retry that is drawn by lot.
const STREAM: &str = "\
HTTP/1.1 200 OK\r
content-type: text/event-stream\r
cache-control: no-cache, no-transform\r
x-content-type-options: nosniff\r
x-accel-buffering: no\r
x-served-by: node-7\r
connection: close\r
transfer-encoding: chunked\r
date: DATE\r
\r
64\r
id: EPOCH-0
event: sse-open
retry: 2000
data: {\"cursor\":\"EPOCH-0\",\"resumed\":false}

\r
30\r
id: EPOCH-1
event: count
data: {\"n\":1}

\r
30\r
id: EPOCH-2
event: count
data: {\"n\":2}

\r
3E\r
event: sse-close
retry: RETRY
data: {\"reason\":\"disconnected\"}

\r
0\r
\r
";

fn a_stream_is_these_bytes(server: Server) {
    async fn add(mut response: Response) -> Response {
        response.headers_mut().insert("x-served-by", HeaderValue::from_static("node-7"));
        response
    }
    let (served, hub) = serve(server, |app| app.layer(map_response(add)));
    let mut client = Raw::open(served.address());
    client.send("GET /events HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let mut all = client.until("\n\n\r\n");
    open(&hub, server, Leaves::Hyper, 1);
    for n in 1..=2 {
        publish(&served, &hub, n);
        all.push_str(&client.until("\n\n\r\n"));
    }
    hub.disconnect_all();
    all.push_str(std::str::from_utf8(&client.to_end()).unwrap());
    nobody(&hub);
    assert_eq!(told(&all, &hub), STREAM);
}

/// What differs from run to run goes.
fn told(all: &str, hub: &Hub<super::Count>) -> String {
    let after = |text: &str, end: char| {
        let at = all.rfind(text).unwrap() + text.len();
        let length = all[at..].find(end).unwrap();
        all[at..at + length].to_owned()
    };
    let (date, retry) = (after("date: ", '\r'), after("retry: ", '\n'));
    // Both have their lengths in the size of a chunk.
    assert_eq!(retry.len(), 4, "{retry}");
    all.replace(&hub.last_event_id().epoch().to_string(), "EPOCH")
        .replace(&date, "DATE")
        .replace(&format!("retry: {retry}\n"), "retry: RETRY\n")
}

fn a_head_that_the_client_takes_slowly_arrives_whole(server: Server) {
    // So much goes into a header; hyper polls a body while it has less than 400 KiB to send.
    const LENGTH: usize = 60_000;
    let add = map_response(async |Path(count): Path<usize>, mut response: Response| {
        let value = HeaderValue::from_str(&"x".repeat(LENGTH)).unwrap();
        (0..count).for_each(|_| {
            response.headers_mut().append("x-large", value.clone());
        });
        response
    });
    let (served, hub) = Served::new(server, async || {
        let hub = hub().await;
        (Router::new().route("/{count}", hub.endpoint().layer(add)), hub)
    });
    // What the sockets between take is not known: for some of these heads the last part stays with
    // hyper when the stream begins.
    let counts = (5..=100).step_by(5);
    let mut clients: Vec<_> = counts
        .map(|count: usize| {
            let mut client = Raw::open_narrow(served.address());
            client.get(&format!("/{count}"));
            (count, client)
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    for (count, client) in &mut clients {
        client.widen();
        let head = client.until("\r\n\r\n");
        assert_eq!(head.matches("x-large: ").count(), *count);
        assert!(head.len() > *count * LENGTH);
        client.until("sse-open");
    }
    open(&hub, server, Leaves::Hyper, clients.len());
    publish(&served, &hub, 1);
    for (_, client) in &mut clients {
        client.until(r#"{"n":1}"#);
    }
}
