//! What clients of a server are told, and that they stop.

use crate::Token;
use axum::Router;
use axum::routing::get;
use sse_framework::{EventId, Hub, Snapshot, Start, Subscribe, Topic};
use support::client::{self, Client, End, Seen};
use support::http::{self, Request};
use support::served::{Served, Server};

support::by_every_server!(
    a_stream_of_closed_topics_ends_and_is_not_asked_for_again,
    a_stream_that_has_open_topics_too_goes_on,
    a_new_client_of_a_closed_topic_is_told_at_once,
    who_asks_for_what_is_not_known_is_told_that_and_the_end,
    a_snapshot_comes_before_the_end,
    a_filter_does_not_hide_the_end,
    a_filter_that_fails_before_the_end_does_not_move_the_client_there,
);

/// `/oldest/{topic}` and `/new/{topic}` show one topic, `/some` what the client asks for.
fn serve(server: Server) -> (Served, Hub<Token>) {
    Served::new(server, async || {
        let hub = Hub::<Token>::in_memory().unwrap();
        let one = |hub: &Hub<Token>, start| {
            let hub = hub.clone();
            get(async move |topic: axum::extract::Path<String>, request: Subscribe| {
                let topic: Topic = topic.0.parse().unwrap();
                hub.subscribe(request).start(start).topics([topic.into()])
            })
        };
        let snapshot = {
            let hub = hub.clone();
            get(async move |request: Subscribe| {
                hub.subscribe(request)
                    .topics(["a".parse().unwrap()])
                    .snapshot(async |_| Ok(Snapshot::from(vec![])))
            })
        };
        let filtered = {
            let hub = hub.clone();
            get(async move |request: Subscribe| {
                let shown = |token: &Token| match token.n {
                    13 => panic!("as a test asked for"),
                    n => n % 2 == 0,
                };
                let topics = ["a".parse().unwrap()];
                hub.subscribe(request).start(Start::Oldest).filter(shown).topics(topics)
            })
        };
        let app = Router::new()
            .route("/oldest/{topic}", one(&hub, Start::Oldest))
            .route("/new/{topic}", one(&hub, Start::New))
            .route("/some", hub.endpoint())
            .route("/snapshot", snapshot)
            .route("/filtered", filtered);
        (app, hub)
    })
}

impl Site {
    fn publish(&self, topic: &str, n: u64) -> EventId {
        self.served.block_on(self.hub.publish(Token { n }).topic(topic)).unwrap()
    }

    fn close(&self, topic: &str) -> EventId {
        self.served.block_on(self.hub.close_topic(topic)).unwrap()
    }

    fn connect(&self, target: &str, last_event_id: &str) -> Client {
        Client::connect(self.served.address(), target, last_event_id)
    }

    fn status(&self, target: &str, last_event_id: impl ToString) -> u16 {
        let id = last_event_id.to_string();
        client::open(self.served.address(), target, &id).unwrap().head.status
    }

    fn head(&self, target: &str, last_event_id: EventId) -> u16 {
        let request = Request::new("HEAD", target);
        let request = request.header("Last-Event-ID", last_event_id.to_string());
        http::send(self.served.address(), &request).unwrap().head.status
    }
}

struct Site {
    served: Served,
    hub: Hub<Token>,
}

fn site(server: Server) -> Site {
    let (served, hub) = serve(server);
    Site { served, hub }
}

/// Name, id and data of everything after `sse-open`.
fn events(seen: &Seen) -> Vec<(&str, &str, &str)> {
    assert_eq!(seen.events[0].name, "sse-open");
    let parts = seen.events[1..].iter();
    parts.map(|event| (&*event.name, &*event.id, &*event.data)).collect()
}

const COMPLETE: &str = r#"{"reason":"complete"}"#;

fn a_stream_of_closed_topics_ends_and_is_not_asked_for_again(server: Server) {
    let site = site(server);
    let live = site.connect("/new/a", "");
    live.wait("it is open", |seen| !seen.events.is_empty());
    let first = site.publish("a", 1);
    let id = site.close("a");
    let beyond = site.publish("b", 2);
    let (first_text, id_text) = (first.to_string(), id.to_string());
    let all = [
        ("token", &*first_text, r#"{"n":1}"#),
        ("sse-topic-close", &id_text, r#"{"topic":"a"}"#),
        ("sse-close", &id_text, COMPLETE),
    ];
    let seen = live.ended();
    assert_eq!((events(&seen), seen.end), (all.to_vec(), Some(End::Whole)));
    let targets = ["/new/a", "/oldest/a", "/some?topic=a", "/some?topic=a&topic=a"];
    for target in targets {
        for past in [id, beyond] {
            assert_eq!(site.status(target, past), 204, "{target} after {past}");
            assert_eq!(site.head(target, past), 204, "HEAD {target} after {past}");
        }
        assert_eq!(site.head(target, first), 200, "{target}: the end is still to be told");
        let resumed = site.connect(target, &first_text).ended();
        assert_eq!(events(&resumed), all[1..]);
    }
    // Without an id, all of it can be had again, also by who asks for it.
    for target in
        ["/oldest/a", "/new/a?last_event_id=earliest", "/some?topic=a&last_event_id=earliest"]
    {
        assert_eq!(events(&site.connect(target, "").ended()), all, "{target}");
    }
    assert_eq!(site.status(&format!("/new/a?last_event_id={id}"), ""), 204);
}

fn a_stream_that_has_open_topics_too_goes_on(server: Server) {
    let site = site(server);
    let targets = ["/some?topic=a&topic=b", "/some?topic=*", "/some"];
    let streams: Vec<_> = targets.iter().map(|target| site.connect(target, "")).collect();
    for stream in &streams {
        stream.wait("it is open", |seen| !seen.events.is_empty());
    }
    let id = site.close("a");
    site.publish("b", 1);
    for stream in &streams {
        let seen = stream.wait("news", |seen| seen.ordinary().count() == 1);
        assert_eq!(events(&seen)[0], ("sse-topic-close", &*id.to_string(), r#"{"topic":"a"}"#));
        assert_eq!((seen.named("sse-close").len(), seen.end), (0, None), "it is not over");
    }
    for target in targets {
        assert_eq!(site.status(target, id), 200, "{target}");
    }
    let end = site.close("b");
    assert_eq!(
        events(&streams[0].ended()).last(),
        Some(&("sse-close", &*end.to_string(), COMPLETE))
    );
    assert_eq!(site.status(targets[0], id), 200, "the end of b is still to be told");
    assert_eq!(site.status(targets[0], end), 204);
    assert_eq!(site.status(targets[1], end), 200, "there may be more topics");
    assert_eq!(streams[1].seen().end, None);
}

fn a_new_client_of_a_closed_topic_is_told_at_once(server: Server) {
    let site = site(server);
    site.close("a");
    let newest = site.publish("b", 1).to_string();
    let seen = site.connect("/new/a", "").ended();
    // The id never goes back.
    assert_eq!(events(&seen), [("sse-close", &*newest, COMPLETE)]);
    assert_eq!(seen.events[0].id, newest);
    assert_eq!(site.status("/new/a", newest), 204);
}

fn who_asks_for_what_is_not_known_is_told_that_and_the_end(server: Server) {
    let site = site(server);
    site.close("a");
    let newest = site.publish("b", 1).to_string();
    let seen = site.connect("/new/a", "nonsense").ended();
    let names: Vec<_> = events(&seen).iter().map(|event| (event.0, event.1)).collect();
    assert_eq!(names, [("sse-gap", &*newest), ("sse-close", &*newest)]);
    assert_eq!(site.status("/new/a", newest), 204);
}

fn a_snapshot_comes_before_the_end(server: Server) {
    let site = site(server);
    site.publish("a", 1);
    let id = site.close("a").to_string();
    let seen = site.connect("/snapshot", "").ended();
    let names: Vec<_> = events(&seen).iter().map(|event| (event.0, event.1)).collect();
    assert_eq!(names, [("sse-cursor", &*id), ("sse-close", &*id)]);
}

fn a_filter_does_not_hide_the_end(server: Server) {
    let site = site(server);
    let live = site.connect("/filtered", "");
    live.wait("it is open", |seen| !seen.events.is_empty());
    let [_, shown, _] = [1, 2, 3].map(|n| site.publish("a", n).to_string());
    let id = site.close("a").to_string();
    for stream in [live, site.connect("/filtered", "")] {
        let seen = stream.ended();
        let names: Vec<_> = events(&seen).iter().map(|event| (event.0, event.1)).collect();
        assert_eq!(names, [("token", &*shown), ("sse-topic-close", &*id), ("sse-close", &*id)]);
    }
    assert_eq!(site.status("/filtered", id), 204);
}

fn a_filter_that_fails_before_the_end_does_not_move_the_client_there(server: Server) {
    let site = site(server);
    let first = site.publish("a", 2).to_string();
    site.publish("a", 13);
    site.close("a");
    let seen = site.connect("/filtered", "").ended();
    let last = seen.events.last().unwrap();
    assert_eq!((&*last.name, &*last.data), ("sse-close", r#"{"reason":"failed"}"#));
    assert_eq!(seen.last_event_id, first, "there is more to come");
}
