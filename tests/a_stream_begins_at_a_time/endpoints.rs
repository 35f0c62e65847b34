//! What the app decides: where its streams begin, and what may be asked for.

use crate::{Count, MOMENT, groups, numbers, publish, route, since, text, times, until};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use sse_framework::{Hub, MemoryLog, Retention, Snapshot, Start, Subscribe, Subscription};
use std::time::{Duration, SystemTime};
use support::client::Client;
use support::served::{Served, Server};

support::by_every_server!(
    a_page_begins_an_hour_ago_and_goes_on_where_it_was,
    the_app_decides_whether_a_time_may_be_asked_for,
    a_snapshot_is_for_who_gets_no_history,
);

// ANCHOR: hour
async fn last_hour(State(hub): State<Hub<Count>>, request: Subscribe) -> Subscription<Count> {
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    hub.subscribe(request).start(Start::Since(hour_ago)).everything()
}
// ANCHOR_END: hour

fn a_page_begins_an_hour_ago_and_goes_on_where_it_was(server: Server) {
    let (served, hub) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        publish(&hub, 1..=3).await;
        (Router::new().route("/events", get(last_hour)).with_state(hub.clone()), hub)
    });
    let client = Client::connect(served.address(), "/events", "");
    assert_eq!(numbers(&until(&client, 3)), [1, 2, 3]);
    let id = client.leave().last_event_id;
    served.block_on(publish(&hub, 4..=5));
    let seen = until(&Client::connect(served.address(), "/events", &id), 5);
    assert_eq!(numbers(&seen), [4, 5]);
    let asked = format!("/events?last_event_id=&since={}", text(SystemTime::now() + 1000 * MOMENT));
    let client = Client::connect(served.address(), &asked, "");
    client.wait("sse-open", |seen| !seen.events.is_empty());
    served.block_on(publish(&hub, 6..=6));
    assert_eq!(numbers(&until(&client, 6)), [6], "the client says where to begin");
}

fn the_app_decides_whether_a_time_may_be_asked_for(server: Server) {
    let (served, (hub, times)) = Served::new(server, async || {
        let hub = Hub::in_memory().unwrap();
        groups(&hub, 1..=3).await;
        let times = times(&hub).await;
        let start = Start::Since(times[6]);
        let app = Router::new()
            .route("/events", route(&hub, |asked| asked.history(false).everything()))
            .route(
                "/start",
                route(&hub, move |asked| asked.history(false).start(start).everything()),
            );
        (app, (hub, times))
    });
    let asked = [since(times[3]), "/events?last_event_id=earliest".to_owned()];
    for (target, n) in asked.iter().zip(10..) {
        let client = Client::connect(served.address(), target, "");
        client.wait("the gap", |seen| !seen.named("sse-gap").is_empty());
        served.block_on(hub.publish(Count { n })).unwrap();
        let seen = until(&client, n);
        assert_eq!(numbers(&seen), [n], "{target}");
        assert!(seen.named("sse-gap")[0].data.starts_with(r#"{"reason":"not-allowed","asked":"#));
        let back = Client::connect(served.address(), target, &seen.events[1].id);
        assert_eq!(numbers(&until(&back, n)), [n], "an id is as good as ever");
    }
    let seen = until(&Client::connect(served.address(), "/start", ""), 11);
    assert_eq!(numbers(&seen), [7, 8, 9, 10, 11], "the app itself may");
}

fn a_snapshot_is_for_who_gets_no_history(server: Server) {
    let (served, (_hub, times)) = Served::new(server, async || {
        let hub = Hub::builder(MemoryLog::new()).retention(Retention::forever().events(4));
        let hub = hub.start().await.unwrap();
        groups(&hub, 1..=3).await;
        let times = times(&hub).await;
        let state = |subscription: Subscription<Count>| {
            subscription.snapshot(async |_| Ok(Snapshot::from(vec![Count { n: 100 }])))
        };
        let start = Start::Since(times[1]);
        let app = Router::new()
            .route("/events", route(&hub, move |asked| state(asked.everything())))
            .route("/start", route(&hub, move |asked| state(asked.start(start).everything())));
        (app, (hub, times))
    });
    let address = served.address();
    let seen = until(&Client::connect(address, &since(times[1]), ""), 9);
    assert_eq!(numbers(&seen), [7, 8, 9], "no state, but what was published");
    assert!(!seen.events[0].id.is_empty());
    for target in [since(times[0]), "/start".to_owned(), "/events".to_owned()] {
        let client = Client::connect(address, &target, "");
        let seen = client.wait("sse-cursor", |seen| !seen.named("sse-cursor").is_empty());
        assert_eq!(numbers(&seen), [100], "{target}");
        let gaps = seen.named("sse-gap").len();
        assert_eq!(gaps, usize::from(target == since(times[0])), "{target}");
        let ids: Vec<_> = seen.events.iter().filter(|event| !event.id.is_empty()).collect();
        assert_eq!((ids.len(), &*ids[0].name), (1, "sse-cursor"), "{target}");
    }
}
