//! The look at the log, which is not waited for.

use crate::{Count, MOMENT, numbers, publish, since, until};
use axum::Router;
use sse_framework::{EventLog, Hub, LogError, Position};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use support::client::Client;
use support::log::{Hooked, Hooks};
use support::served::{Served, Server, eventually};

support::by_every_server!(
    a_lookup_that_hangs_or_fails_holds_nobody,
    a_stream_that_begins_at_a_time_is_driven_like_any_other,
);

#[derive(Clone, Copy)]
enum Lookup {
    Fails,
    Panics,
}

/// How a log looks times up, one after the other; in the end as it should.
struct Lookups(Mutex<Receiver<Lookup>>);

impl Hooks for Lookups {
    fn position_at(&self, log: &dyn EventLog, time_ms: u64) -> Result<Position, LogError> {
        let lookup = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match lookup {
            Ok(Lookup::Fails) => Err(LogError::other("looking a time up", "a test said so")),
            Ok(Lookup::Panics) => panic!("as a test asked for"),
            Err(_) => log.position_at(time_ms),
        }
    }
}

fn a_lookup_that_hangs_or_fails_holds_nobody(server: Server) {
    let (lookups, log): (Sender<Lookup>, _) = channel();
    let (served, hub) = Served::new(server, async || {
        let hub =
            Hub::builder(Hooked(Lookups(Mutex::new(log)))).heartbeat(50 * MOMENT).log_readers(2);
        let hub = hub.start().await.unwrap();
        publish(&hub, 1..=3).await;
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let connect = || Client::connect(served.address(), &since(SystemTime::UNIX_EPOCH), "");
    for lookup in [Lookup::Fails, Lookup::Panics] {
        let client = connect();
        lookups.send(lookup).unwrap();
        let seen = client.ended();
        let names: Vec<_> = seen.events.iter().map(|event| &*event.name).collect();
        assert_eq!(names, ["sse-close"]);
        assert_eq!((&*seen.events[0].data, &*seen.last_event_id), (r#"{"reason":"failed"}"#, ""));
    }
    // Two hang in the log, and more wait for their turn.
    let hanging = [(); 5].map(|()| connect());
    for client in &hanging {
        let seen = client.wait("heartbeats", |seen| seen.comments > 2);
        assert!(seen.events.is_empty(), "{:?}", seen.events);
    }
    let other = Client::connect(served.address(), "/events", "");
    other.wait("sse-open", |seen| !seen.events.is_empty());
    hub.disconnect_all();
    for client in hanging {
        let seen = client.ended();
        assert_eq!(seen.events.last().unwrap().data, r#"{"reason":"disconnected"}"#);
    }
    let late = connect();
    drop(lookups);
    assert_eq!(numbers(&until(&late, 3)), [1, 2, 3]);
}

fn a_stream_that_begins_at_a_time_is_driven_like_any_other(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        publish(&hub, 1..=3).await;
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let client = Client::connect(served.address(), &since(SystemTime::UNIX_EPOCH), "");
    until(&client, 3);
    let by_writer = usize::from(server == Server::Framework);
    eventually("the writer has it", || {
        let stats = hub.stats();
        (stats.streams_by_writer, stats.streams_by_body) == (by_writer, 1 - by_writer)
    });
    served.block_on(hub.publish(Count { n: 4 })).unwrap();
    assert_eq!(numbers(&until(&client, 4)), [1, 2, 3, 4]);
}
