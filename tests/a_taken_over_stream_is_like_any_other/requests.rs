//! Requests of every kind, before a stream, for it, and after it on the same connection.

use super::{Leaves, count, nobody, open, publish, serve};
use std::time::Duration;
use support::parser;
use support::raw::Raw;
use support::served::Server;

support::by_every_server!(
    an_http_1_0_client_gets_a_stream_that_ends_with_the_connection,
    connection_close_is_kept,
    a_connection_serves_requests_and_streams_one_after_the_other,
    requests_that_come_early_wait_for_the_end_of_the_stream,
    many_early_requests_are_all_answered,
    a_request_may_have_a_body,
    a_method_may_come_in_pieces,
);

/// The end of a body in chunks.
const END: &str = "\r\n0\r\n\r\n";

fn an_http_1_0_client_gets_a_stream_that_ends_with_the_connection(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let mut client = Raw::open(served.address());
    client.send("GET /events HTTP/1.0\r\n\r\n");
    let head = client.until("\r\n\r\n");
    assert!(head.starts_with("HTTP/1.0 200") && !head.contains("chunked"), "{head}");
    open(&hub, server, Leaves::Nothing, 1);
    publish(&served, &hub, 1);
    let mut body = client.until(r#"{"n":1}"#).into_bytes();
    hub.disconnect_all();
    body.extend(client.to_end());
    let names: Vec<_> = parser::read(&body).events.into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["sse-open", "count", "sse-close"]);
    nobody(&hub);
}

fn connection_close_is_kept(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let mut client = Raw::open(served.address());
    client.send("GET /events HTTP/1.1\r\nHost: test\r\nConnection: Close\r\n\r\n");
    client.send("GET /page HTTP/1.1\r\nHost: test\r\n\r\n");
    client.until("sse-open");
    open(&hub, server, Leaves::Hyper, 1);
    hub.disconnect_all();
    client.until(END);
    assert!(client.to_end().is_empty(), "it is closed, and the page is not sent");
}

fn a_connection_serves_requests_and_streams_one_after_the_other(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let mut client = Raw::open(served.address());
    for n in 1..=3 {
        client.get("/page");
        client.until("a page");
        client.send("HEAD /events HTTP/1.1\r\nHost: test\r\n\r\n");
        client.until("\r\n\r\n");
        client.get("/events");
        client.until("sse-open");
        open(&hub, server, Leaves::Hyper, 1);
        publish(&served, &hub, n);
        client.until(&format!("{{\"n\":{n}}}"));
        hub.disconnect_all();
        client.until(END);
        nobody(&hub);
    }
}

fn requests_that_come_early_wait_for_the_end_of_the_stream(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let mut client = Raw::open(served.address());
    // One with the request itself, one in pieces when the stream has been taken over.
    let page = "GET /page HTTP/1.1\r\nHost: test\r\n\r\n";
    client.send(["GET /events HTTP/1.1\r\nHost: test\r\n\r\n", page].concat());
    client.until("sse-open");
    open(&hub, server, Leaves::Hyper, 1);
    for byte in page.as_bytes() {
        client.send([*byte]);
    }
    publish(&served, &hub, 1);
    client.until("\n\n\r\n");
    client.until("\n\n\r\n");
    client.silence(Duration::from_millis(50));
    hub.disconnect_all();
    client.until(END);
    for _ in 0..2 {
        let answer = client.until("a page");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    }
    client.silence(Duration::from_millis(50));
}

fn many_early_requests_are_all_answered(server: Server) {
    // More than the writer keeps, and than hyper does.
    const REQUESTS: usize = 20_000;
    let (served, hub) = serve(server, |app| app);
    let mut client = Raw::open(served.address());
    client.get("/events");
    client.until("\n\n\r\n");
    open(&hub, server, Leaves::Hyper, 1);
    let mut sending = client.socket().try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        use std::io::Write;
        let page = "GET /page HTTP/1.1\r\nHost: test\r\n\r\n";
        sending.write_all(page.repeat(REQUESTS).as_bytes()).unwrap();
    });
    // The client's requests do not keep its events away.
    for n in 1..=20 {
        publish(&served, &hub, n);
        client.until(&format!("{{\"n\":{n}}}"));
    }
    hub.disconnect_all();
    client.until(END);
    for _ in 0..REQUESTS {
        client.until("a page");
    }
    sender.join().unwrap();
}

fn a_request_may_have_a_body(server: Server) {
    let (served, hub) = serve(server, |app| app);
    let length = "GET /events HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n";
    let chunks = "GET /events HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (head, body) in [(length, "hello"), (chunks, "5\r\nhello\r\n0\r\n\r\n")] {
        for at_once in [true, false] {
            let mut client = Raw::open(served.address());
            match at_once {
                true => client.send([head, body].concat()),
                false => client.send(head),
            }
            client.until("sse-open");
            open(&hub, server, Leaves::Nothing, 1);
            if !at_once {
                client.send(body);
            }
            let id = served.block_on(hub.publish(count(1))).unwrap();
            client.until(&id.to_string());
            hub.disconnect_all();
            client.until(END);
            nobody(&hub);
        }
    }
}

fn a_method_may_come_in_pieces(server: Server) {
    let (served, _hub) = serve(server, |app| app);
    // It begins as HTTP/2 does.
    let request = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
    let mut client = Raw::open(served.address());
    for _ in 0..2 {
        for byte in request.as_bytes() {
            client.send([*byte]);
        }
        assert!(client.until("hello").starts_with("HTTP/1.1 200"));
    }
    let mut client = Raw::open(served.address());
    client.send("PRI");
    client.finish();
    assert!(!String::from_utf8(client.to_end()).unwrap().contains("200"));
}
