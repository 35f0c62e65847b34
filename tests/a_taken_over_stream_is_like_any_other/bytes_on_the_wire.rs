//! What arrives, byte by byte.

use super::{Leaves, app, hub, nobody, open, publish, serve};
use axum::Router;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use sse_framework::Hub;
use std::future::IntoFuture;
use std::time::Duration;
use support::raw::Raw;
use support::served::{Served, Server};

support::by_every_server!(a_stream_is_these_bytes, a_head_that_is_taken_slowly_arrives_whole,);

/// With `EPOCH` for the epoch, `DATE` for the date and `RETRY` for each retry, which is drawn by lot.
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
retry: RETRY
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
    let mut all = all.replace(&hub.last_event_id().epoch().to_string(), "EPOCH");
    let mut put = |field: &str, end: char, word: &str, length: usize| {
        let mut from = 0;
        while let Some(at) = all[from..].find(field) {
            let at = from + at + field.len();
            let end = at + all[at..].find(end).unwrap();
            // It has its length in the size of a chunk.
            assert_eq!(end - at, length, "{}", &all[at..end]);
            all.replace_range(at..end, word);
            from = at;
        }
    };
    put("date: ", '\r', "DATE", "Thu, 26 Nov 2026 10:00:00 GMT".len());
    put("retry: ", '\n', "RETRY", 4);
    all
}

fn a_head_that_is_taken_slowly_arrives_whole(server: Server) {
    const HEADERS: usize = 6;
    const LENGTH: usize = 60_000;
    async fn add(mut response: Response) -> Response {
        let value = HeaderValue::from_str(&"Z".repeat(LENGTH)).unwrap();
        (0..HEADERS).for_each(|_| {
            response.headers_mut().append("x-large", value.clone());
        });
        response
    }
    let large = get(async |Path(size): Path<usize>| "x".repeat(size));
    let layered = |app: Router| app.layer(map_response(add)).route("/large/{size}", large);
    let (served, hub) = match server {
        // They wait for each other.
        Server::Framework => Served::by(async |listener| {
            let hub = hub().await;
            let serving = sse_framework::serve(listener, layered(app(&hub)));
            (serving.write_timeout(Duration::from_secs(600)).into_future(), hub)
        }),
        Server::Axum => serve(server, layered),
    };
    // What the sockets between take is not known. If it is a little more than an answer, the head
    // behind it does not go out at once, and is still hyper's when the stream begins.
    let sizes = (1..=24).map(|n| n * 250_000);
    let mut clients: Vec<_> = sizes
        .map(|size: usize| {
            let mut client = Raw::open_narrow(served.address());
            let events = "GET /events HTTP/1.1\r\nHost: test\r\n\r\n";
            client.send(format!("GET /large/{size} HTTP/1.1\r\nHost: test\r\n\r\n{events}"));
            (size, client)
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    for (size, client) in &mut clients {
        client.widen();
        client.until("\r\n\r\n");
        assert_eq!(client.until("HTTP/1.1 200 OK\r\n").matches('x').count(), *size);
        assert_eq!(client.until("\r\n\r\n").matches('Z').count(), HEADERS * LENGTH);
        client.until("sse-open");
    }
    open(&hub, server, Leaves::Hyper, clients.len());
    publish(&served, &hub, 1);
    for (_, client) in &mut clients {
        client.until(r#"{"n":1}"#);
    }
}
