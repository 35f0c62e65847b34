//! What a client gets that asks by `?since=`.

use crate::{Count, MOMENT, first_of, groups, numbers, route, since, text, times, until};
use axum::Router;
use sse_framework::{Hub, IdStyle, MemoryLog, OnGap, Retention, SledLog};
use std::path::Path;
use std::time::{Duration, SystemTime};
use support::client::Client;
use support::http::{self, Request};
use support::served::{Served, Server};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

support::by_every_server!(
    a_time_brings_what_was_published_then_or_later,
    a_time_is_written_as_rfc_3339,
    an_id_wins_over_a_time,
    what_may_be_gone_is_told,
    a_time_brings_only_what_the_client_may_see,
    topics_that_are_closed_are_told_and_not_asked_for_again,
    an_empty_log_has_nothing_of_any_time,
    what_is_no_time_is_refused,
);

async fn open(path: &Path) -> Hub<Count> {
    Hub::builder(SledLog::new(path).segment_bytes(1024)).tail_events(0).start().await.unwrap()
}

fn a_time_brings_what_was_published_then_or_later(server: Server) {
    let directory = tempfile::tempdir().unwrap();
    let (served, (hub, times)) = Served::new(server, async || {
        // A restart does not change what was published when.
        for part in [1..=8, 9..=16] {
            let hub = open(directory.path()).await;
            groups(&hub, part).await;
            hub.shutdown().await.unwrap();
        }
        let hub = open(directory.path()).await;
        groups(&hub, 17..=24).await;
        let times = times(&hub).await;
        (Router::new().route("/events", hub.endpoint()), (hub, times))
    });
    let live = times.len() as u64 + 1;
    let mut clients = Vec::new();
    for group in times.chunks(3) {
        assert!(group.iter().all(|time| *time == group[0]), "a batch has one time");
        for time in [group[0] - MOMENT, group[0], group[0] + MOMENT, group[0] + MOMENT / 2] {
            let rounded = if time == group[0] + MOMENT / 2 { group[0] } else { time };
            let client = Client::connect(served.address(), &since(time), "");
            clients.push((time, first_of(&times, rounded), client));
        }
    }
    let (long_ago, future) = (SystemTime::UNIX_EPOCH, SystemTime::now() + 1000 * MOMENT * 3600);
    for (time, first) in [(long_ago, 1), (times[0], 1), (future, live)] {
        clients.push((time, first, Client::connect(served.address(), &since(time), "")));
    }
    for (.., client) in &clients {
        client.wait("sse-open", |seen| !seen.events.is_empty());
    }
    served.block_on(hub.publish(Count { n: live })).unwrap();
    for (time, first, client) in clients {
        let seen = until(&client, live);
        assert_eq!(numbers(&seen), (first..=live).collect::<Vec<_>>(), "since {time:?}");
        let opened = &seen.events[0];
        assert_eq!(opened.name, "sse-open");
        assert!(opened.data.ends_with(r#""resumed":false}"#), "{opened:?}");
        assert_eq!(hub.decode_id(&opened.id).unwrap().seq(), first - 1, "since {time:?}");
        assert!(seen.named("sse-gap").is_empty());
    }
}

fn a_time_is_written_as_rfc_3339(server: Server) {
    let (served, (_hub, times)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        groups(&hub, 1..=4).await;
        let times = times(&hub).await;
        (Router::new().route("/events", hub.endpoint()), (hub, times))
    });
    let time = OffsetDateTime::from(times[5]);
    let zone = |hours, minutes| {
        let zone = time::UtcOffset::from_hms(hours, minutes, 0).unwrap();
        time.to_offset(zone).format(&Rfc3339).unwrap()
    };
    let texts = [
        zone(0, 0),
        zone(0, 0).to_lowercase(),
        zone(0, 0).replace('T', "%20"),
        zone(-3, -30),
        zone(5, 45).replace('+', "%2B"),
        zone(5, 45),
        // Less than a millisecond later.
        (time + Duration::from_nanos(999_999)).format(&Rfc3339).unwrap(),
    ];
    for text in texts {
        let target = format!("/events?since={text}&since=nonsense-that-does-not-count");
        let seen = until(&Client::connect(served.address(), &target, ""), 12);
        assert_eq!(numbers(&seen), (4..=12).collect::<Vec<_>>(), "{text}");
    }
}

fn an_id_wins_over_a_time(server: Server) {
    let (served, (hub, times)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        groups(&hub, 1..=3).await;
        let times = times(&hub).await;
        (Router::new().route("/events", hub.endpoint()), (hub, times))
    });
    let address = served.address();
    let client = Client::connect(address, &since(times[3]), "");
    assert_eq!(numbers(&until(&client, 9)), [4, 5, 6, 7, 8, 9]);
    let id = client.leave().last_event_id;
    served.block_on(hub.publish(Count { n: 10 })).unwrap();
    // What an `EventSource` does that comes back.
    let seen = until(&Client::connect(address, &since(times[3]), &id), 10);
    assert_eq!(numbers(&seen), [10]);
    assert!(seen.events[0].data.ends_with(r#""resumed":true}"#));
    let both = format!("{}&last_event_id={id}", since(times[3]));
    assert_eq!(numbers(&until(&Client::connect(address, &both, ""), 10)), [10]);
    let both = format!("/events?last_event_id={id}&since={}", text(times[3]));
    assert_eq!(numbers(&until(&Client::connect(address, &both, ""), 10)), [10]);
    let unknown = Client::connect(address, &since(times[3]), "nonsense");
    unknown.wait("the gap", |seen| seen.named("sse-gap").len() == 1);
    served.block_on(hub.publish(Count { n: 11 })).unwrap();
    assert_eq!(numbers(&until(&unknown, 11)), [11]);
}

fn what_may_be_gone_is_told(server: Server) {
    let (served, (hub, times)) = Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).retention(Retention::forever().events(8));
        let hub = hub.start().await.unwrap();
        groups(&hub, 1..=1).await;
        let first = times(&hub).await;
        groups(&hub, 2..=4).await;
        let times = [first, vec![SystemTime::UNIX_EPOCH], times(&hub).await].concat();
        let app = Router::new()
            .route("/events", route(&hub, |asked| asked.everything()))
            .route("/oldest", route(&hub, |asked| asked.on_gap(OnGap::Oldest).everything()))
            .route("/live", route(&hub, |asked| asked.on_gap(OnGap::Live).everything()))
            .route("/refuse", route(&hub, |asked| asked.on_gap(OnGap::Refuse).everything()));
        (app, (hub, times))
    });
    // Of the second group, whose time is that of its second event, the first event is gone.
    let second = times[4];
    let ask = |path: &str, time| {
        let target = format!("/{path}?since={}", text(time));
        let client = Client::connect(served.address(), &target, "");
        client.wait("sse-open", |seen| !seen.events.is_empty());
        (path.to_owned(), time, client)
    };
    let with_gap = ["events", "oldest", "refuse", "live"].map(|path| ask(path, second));
    let with_gap = with_gap.into_iter().chain([ask("events", times[0]), ask("live", times[0])]);
    let without = ["events", "oldest", "live", "refuse"].map(|path| ask(path, second + MOMENT));
    let with_gap: Vec<_> = with_gap.collect();
    served.block_on(hub.publish(Count { n: 13 })).unwrap();
    for (path, time, client) in with_gap {
        let seen = until(&client, 13);
        let first = if path == "live" { 13 } else { 5 };
        assert_eq!(numbers(&seen), (first..=13).collect::<Vec<_>>(), "{path} since {time:?}");
        let gap: serde_json::Value = serde_json::from_str(&seen.named("sse-gap")[0].data).unwrap();
        assert_eq!((&gap["reason"], &gap["asked"]), (&"trimmed".into(), &text(time).into()));
        assert!(seen.named("sse-open")[0].id.is_empty(), "no id before the gap");
        assert_eq!(hub.decode_id(&seen.named("sse-gap")[0].id).unwrap().seq(), first - 1);
    }
    for (path, _, client) in without {
        let seen = until(&client, 13);
        assert_eq!(numbers(&seen), (7..=13).collect::<Vec<_>>(), "{path}");
        assert!(seen.named("sse-gap").is_empty(), "{path}");
    }
}

fn a_time_brings_only_what_the_client_may_see(server: Server) {
    for style in [IdStyle::Plain, IdStyle::Opaque] {
        let (served, (hub, middle)) = Served::new(server, async || {
            let hub = Hub::builder(MemoryLog::new()).ids(style).start().await.unwrap();
            let mut middle = SystemTime::UNIX_EPOCH;
            for n in 1..=20 {
                if n == 11 {
                    tokio::time::sleep(3 * MOMENT).await;
                    middle = SystemTime::now();
                }
                let topic = if n % 2 == 0 { "even" } else { "odd" };
                hub.publish(Count { n }).topic(topic).await.unwrap();
            }
            let even = || ["even".parse().unwrap()];
            let app = Router::new()
                .route("/topic", route(&hub, move |asked| asked.topics(even())))
                .route("/pattern", route(&hub, |asked| asked.topics(["even/**".parse().unwrap()])))
                .route(
                    "/filter",
                    route(&hub, |asked| asked.filter(|Count { n }| n % 2 == 0).everything()),
                )
                .route("/all", route(&hub, |asked| asked.everything()));
            (app, (hub, middle))
        });
        for path in ["/topic?", "/pattern?", "/filter?", "/all?topic=even&", "/topic?topic=**&"] {
            let target = format!("{path}since={}", text(middle));
            let client = Client::connect(served.address(), &target, "");
            let seen = until(&client, 20);
            assert_eq!(numbers(&seen), [12, 14, 16, 18, 20], "{path} {style:?}");
            let id = hub.decode_id(&seen.events[0].id).unwrap();
            assert_eq!(id.seq(), 10, "{path}");
        }
    }
}

fn topics_that_are_closed_are_told_and_not_asked_for_again(server: Server) {
    let (served, (end, after)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        hub.publish(Count { n: 1 }).topic("a").await.unwrap();
        tokio::time::sleep(3 * MOMENT).await;
        let end = SystemTime::now();
        hub.publish(Count { n: 2 }).topic("a").await.unwrap();
        hub.close_topic("a").await.unwrap();
        tokio::time::sleep(3 * MOMENT).await;
        let after = SystemTime::now();
        hub.publish(Count { n: 3 }).topic("b").await.unwrap();
        let app = route(&hub, |asked| asked.topics(["a".parse().unwrap()]));
        (Router::new().route("/events", app), (end, after))
    });
    for (time, expected) in [(end, vec![2]), (after, vec![])] {
        let seen = Client::connect(served.address(), &since(time), "").ended();
        assert_eq!(numbers(&seen), expected);
        assert_eq!(seen.named("sse-close")[0].data, r#"{"reason":"complete"}"#);
        let again = Request::stream(&since(time), &seen.last_event_id);
        assert_eq!(http::send(served.address(), &again).unwrap().head.status, 204);
    }
}

fn an_empty_log_has_nothing_of_any_time(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::<Count>::in_memory().unwrap();
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let times = [SystemTime::UNIX_EPOCH, SystemTime::now(), SystemTime::now() + 1000 * MOMENT];
    let clients = times.map(|time| Client::connect(served.address(), &since(time), ""));
    for client in &clients {
        client.wait("sse-open", |seen| !seen.events.is_empty());
    }
    served.block_on(hub.publish(Count { n: 1 })).unwrap();
    for client in clients {
        let seen = until(&client, 1);
        assert_eq!((numbers(&seen), seen.named("sse-gap").len()), (vec![1], 0));
    }
}

fn what_is_no_time_is_refused(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub =
            Hub::<Count>::builder(MemoryLog::new()).max_query_bytes(60).start().await.unwrap();
        (Router::new().route("/events", hub.endpoint()), hub)
    });
    let texts = ["yesterday", "1795676400", "2026-11-26", "-1h", "%FF", "2026-11-26T07:00:00"];
    for text in texts {
        for method in ["GET", "HEAD"] {
            for id in ["", "0000000001bv4-17"] {
                let target = format!("/events?since={text}");
                let request = Request::new(method, &target).header("Last-Event-ID", id);
                let answer = http::send(served.address(), &request).unwrap();
                assert_eq!(answer.head.status, 400, "{method} {text}");
            }
        }
    }
    assert_eq!(hub.stats().queries_refused, 0);
    let long = format!("/events?since=2026-11-26T07:00:00.{}Z", "0".repeat(40));
    let answer = http::send(served.address(), &Request::new("GET", &long)).unwrap();
    assert_eq!((answer.head.status, hub.stats().queries_refused), (414, 1));
    let head = Request::new("HEAD", "/events?since=2026-11-26T07:00:00Z");
    assert_eq!(http::send(served.address(), &head).unwrap().head.status, 200);
    assert_eq!(hub.subscriber_count(), 0);
}
