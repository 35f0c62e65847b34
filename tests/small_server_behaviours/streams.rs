//! One stream and what it carries besides events.

use super::{publish, serve};
use std::collections::HashSet;
use std::time::Duration;
use support::client::Client;
use support::served::{Served, Server, eventually};

support::by_every_server!(
    a_retry_interval_is_sent_and_can_be_set,
    subscribers_are_counted_as_they_come_and_go,
    the_last_event_id_is_the_servers_and_the_clients,
    a_quiet_stream_has_heartbeats,
    events_of_other_topics_do_not_keep_heartbeats_away,
);

fn a_retry_interval_is_sent_and_can_be_set(server: Server) {
    let retries = |served: &Served| -> HashSet<u64> {
        let connect = |_| Client::connect(served.address(), "/events", "");
        let clients: Vec<_> = (0..20).map(connect).collect();
        let opened = |client: &Client| client.wait("sse-open", |seen| !seen.events.is_empty());
        clients.iter().map(|client| opened(client).retry.unwrap()).collect()
    };
    let (served, _hub) = serve(server, |hub| hub);
    let usual = retries(&served);
    assert!(usual.iter().all(|retry| (1000..=3000).contains(retry)), "{usual:?}");
    // A server that is killed tells nobody when to come back: not all are to come in one moment.
    assert!(usual.len() > 10, "{usual:?}");

    let (served, _hub) = serve(server, |hub| hub.retry(Duration::from_millis(7500)));
    let longer = retries(&served);
    assert!(longer.iter().all(|retry| (3750..=11_250).contains(retry)), "{longer:?}");
}

fn subscribers_are_counted_as_they_come_and_go(server: Server) {
    let (served, hub) = serve(server, |hub| hub);
    assert_eq!(hub.subscriber_count(), 0);
    let topics = ["", "?topic=a", "?topic=a/**", "?topic=a&topic=b"];
    let mut clients = Vec::new();
    for (before, topic) in topics.iter().enumerate() {
        assert_eq!(hub.subscriber_count(), before);
        clients.push(Client::connect(served.address(), &format!("/events{topic}"), ""));
    }
    while let Some(client) = clients.pop() {
        assert_eq!(hub.subscriber_count(), clients.len() + 1);
        client.leave();
        eventually("the subscription ends", || hub.subscriber_count() == clients.len());
    }
}

fn the_last_event_id_is_the_servers_and_the_clients(server: Server) {
    let (served, hub) = serve(server, |hub| hub);
    let before = hub.last_event_id().to_string();
    let client = Client::connect(served.address(), "/events", "");
    let open = client.wait("sse-open", |seen| !seen.events.is_empty());
    assert_eq!(open.last_event_id, before, "the position before the first event");
    for n in 1..=3 {
        let id = publish(&served, &hub, n);
        assert_eq!(hub.last_event_id().to_string(), id);
        client.wait("the event's id", |seen| seen.last_event_id == id);
    }
    let late = Client::connect(served.address(), "/events", "");
    let open = late.wait("sse-open", |seen| !seen.events.is_empty());
    assert_eq!(open.last_event_id, hub.last_event_id().to_string());
}

fn a_quiet_stream_has_heartbeats(server: Server) {
    let (served, hub) = serve(server, |hub| hub.heartbeat(Duration::from_millis(30)));
    let client = Client::connect(served.address(), "/events", "");
    let seen = client.wait("heartbeats", |seen| seen.comments >= 3);
    assert_eq!(seen.events.len(), 1, "a heartbeat is no event: {:?}", seen.events);
    publish(&served, &hub, 1);
    assert_eq!(client.data(1), [r#"{"n":1}"#]);
    let comments = client.seen().comments;
    client.wait("more heartbeats", |seen| seen.comments > comments);
}

fn events_of_other_topics_do_not_keep_heartbeats_away(server: Server) {
    let (served, hub) = serve(server, |hub| hub.heartbeat(Duration::from_millis(30)));
    let client = Client::connect(served.address(), "/events?topic=quiet", "");
    eventually("a heartbeat among events of others", || {
        publish(&served, &hub, 1);
        client.seen().named("sse-cursor").len() >= 3
    });
    assert_eq!(client.seen().ordinary().count(), 0);
}
