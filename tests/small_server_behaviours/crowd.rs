//! Many clients, and slow ones.

use super::{Count, number, serve};
use axum::Router;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, MemoryLog, SseEvent};
use std::time::{Duration, Instant};
use support::client::{self, Client};
use support::random::{self, Random};
use support::served::{Served, Server};

support::by_every_server!(
    many_clients_get_everything_in_one_order,
    a_slow_client_loses_nothing_and_slows_nobody,
);

fn many_clients_get_everything_in_one_order(server: Server) {
    const PUBLISHERS: u64 = 6;
    const EACH: u64 = 100;
    let seed = random::seed();
    for tail in [(16 << 20, 65_536), (16 << 20, 3), (0, 1000)] {
        let (served, hub) = serve(server, |hub| hub.tail_bytes(tail.0).tail_events(tail.1));
        let connect = |target: &str| Client::connect(served.address(), target, "");
        let clients: Vec<_> = (0..25).map(|_| connect("/events")).collect();
        let of_topic_1 = connect("/events?topic=1");
        served.block_on(async {
            let publishers: Vec<_> = (0..PUBLISHERS)
                .map(|p| {
                    let (hub, mut random) = (hub.clone(), Random::new(seed + p));
                    tokio::spawn(async move {
                        for n in 0..EACH {
                            let event = Count { n: p * EACH + n };
                            hub.publish(event).topic(p.to_string()).await.unwrap();
                            if random.below(9) == 0 {
                                tokio::time::sleep(Duration::from_millis(1)).await;
                            }
                        }
                    })
                })
                .collect();
            for publisher in publishers {
                publisher.await.unwrap();
            }
        });
        let last = served.block_on(hub.publish(Count { n: u64::MAX }).topic("1")).unwrap();
        let last = last.to_string();
        let orders: Vec<Vec<u64>> = clients
            .iter()
            .chain([&of_topic_1])
            .map(|client| client.wait("the last event", |seen| seen.last_event_id == last))
            .map(|seen| seen.ordinary().map(number).collect())
            .collect();
        let (of_topic_1, orders) = orders.split_last().unwrap();
        assert_eq!(orders[0].len() as u64, PUBLISHERS * EACH + 1);
        assert!(orders.iter().all(|order| *order == orders[0]), "one order for all");
        for p in 0..PUBLISHERS {
            let own = orders[0].iter().filter(|n| **n / EACH == p).copied();
            assert!(own.eq(p * EACH..(p + 1) * EACH), "a publisher's events in its order");
        }
        assert!(of_topic_1.iter().copied().eq((EACH..2 * EACH).chain([u64::MAX])));
    }
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Large {
    n: u64,
    padding: String,
}

/// More than the sockets between take: a client that does not read stops its stream.
const EVENTS: u64 = 400;
const EVENT_BYTES: usize = 64 << 10;

fn a_slow_client_loses_nothing_and_slows_nobody(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::<Large>::builder(MemoryLog::new()).tail_bytes(256 << 10).tail_events(1000);
        let hub = hub.start().await.unwrap();
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let slow: Vec<_> =
        (0..3).map(|_| client::open(served.address(), "/events", "").unwrap()).collect();
    let healthy = Client::connect(served.address(), "/events", "");
    let began = Instant::now();
    let padding = "x".repeat(EVENT_BYTES);
    for n in 1..=EVENTS {
        let id = served.block_on(hub.publish(Large { n, padding: padding.clone() })).unwrap();
        if n % 50 == 0 {
            let id = id.to_string();
            healthy.wait("a live event", |seen| seen.last_event_id == id);
        }
    }
    eprintln!("{} MiB published in {:?}", (EVENTS * EVENT_BYTES as u64) >> 20, began.elapsed());
    for client in slow {
        let client = client.read();
        let seen = client.wait("all events", |seen| seen.ordinary().count() as u64 == EVENTS);
        let numbers = seen.ordinary().map(|event| {
            let event: Large = serde_json::from_str(&event.data).unwrap();
            assert_eq!(event.padding, padding);
            event.n
        });
        assert!(numbers.eq(1..=EVENTS));
        assert!(seen.named("sse-gap").is_empty());
    }
}
