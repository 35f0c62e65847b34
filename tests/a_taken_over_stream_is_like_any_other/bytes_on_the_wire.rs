//! What arrives, byte by byte.

use super::{Leaves, nobody, open, publish, serve};
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use sse_framework::Hub;
use std::time::Duration;
use support::raw::Raw;
use support::served::Server;

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
    const HEADERS: usize = 100;
    // More than the sockets between take: some of it is still hyper's when the stream begins.
    async fn add(mut response: Response) -> Response {
        let value = HeaderValue::from_str(&"x".repeat(60_000)).unwrap();
        for _ in 0..HEADERS {
            response.headers_mut().append("x-large", value.clone());
        }
        response
    }
    let (served, hub) = serve(server, |app| app.layer(map_response(add)));
    let mut client = Raw::open_narrow(served.address());
    client.get("/events");
    std::thread::sleep(Duration::from_millis(300));
    open(&hub, server, Leaves::Nothing, 1);
    client.widen();
    let head = client.until("\r\n\r\n");
    assert_eq!(head.matches("x-large: ").count(), HEADERS);
    assert!(head.len() > HEADERS * 60_000);
    client.until("sse-open");
    open(&hub, server, Leaves::Hyper, 1);
    publish(&served, &hub, 1);
    client.until(r#"{"n":1}"#);
}
