//! Many tenants, live, from the history, after an id, behind a gap and with a snapshot.

use super::tenants::{escaped, in_query, tenants};
use super::{App, KINDS, Tagged};
use sse_framework::{Durability, EventId, Hub, IdStyle, Retention, SledLog};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::client::{Client, Seen};
use support::random::{self, Random};
use support::served::{Served, Server};

const TENANTS: usize = 200;
/// Of the history only this part is kept, so that there are gaps.
const KEPT_PART: u64 = 4;

/// What was published, in order, by an index of the tenant and one of the kind.
type Published = Vec<(EventId, usize, usize)>;

pub(super) fn nobody_sees_an_event_of_another_tenant(server: Server) {
    nobody_sees(server, IdStyle::Plain, random::figure("SSE_TAGGED", 100_000));
}

/// The ways are the same, so fewer events are enough.
pub(super) fn nobody_sees_an_event_of_another_tenant_by_opaque_ids(server: Server) {
    nobody_sees(server, IdStyle::Opaque, random::figure("SSE_TAGGED", 100_000) / 4);
}

fn nobody_sees(server: Server, style: IdStyle, count: u64) {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let began = Instant::now();

    let trial = Trial::begin(server, directory.path(), style, Retention::forever());
    let live: Vec<_> = (0..TENANTS).map(|tenant| trial.connect(tenant, "", &mut random)).collect();
    let published = trial.publish(count, &mut random);
    let judged =
        |(asked, client): (Asked, Client)| trial.judge(&asked, client, &published, 0, "live");
    let mut judged: usize = live.into_iter().map(judged).sum();
    trial.served.block_on(trial.app.hub.shutdown()).unwrap();
    drop(trial);
    eprintln!("live: {:?}", began.elapsed());

    let first_kept = published.len() as u64 / KEPT_PART * (KEPT_PART - 1);
    let kept = published.len() as u64 - first_kept;
    let retention = Retention::forever().events(kept);
    let trial = Trial::begin(server, directory.path(), style, retention);
    for tenant in 0..TENANTS {
        let own =
            published.iter().filter(|(id, whose, _)| *whose == tenant && id.seq() > first_kept);
        let own: Vec<_> = own.collect();
        // The last id before an event of its own.
        let next = own[random.below(own.len())].0.seq() as usize;
        let before = published[..next - 1].iter().rev();
        let before = before.filter(|(id, whose, _)| *whose == tenant && id.seq() >= first_kept);
        let (within, ..) = before.chain([&published[next - 2]]).next().unwrap();
        // Somebody else's id is a position like any other.
        let (trimmed, ..) = published[random.below(first_kept as usize - 1)];
        let ways = [
            ("replay", "earliest".to_owned(), first_kept),
            ("cursor", trial.text(within), within.seq()),
            ("gap", trial.text(&trimmed), first_kept),
        ];
        for (how, id, after) in ways {
            let (asked, client) = trial.connect(tenant, &id, &mut random);
            judged += trial.judge(&asked, client, &published, after, how);
        }
        let since =
            Asked::any(tenant, &trial.app.tenants, &mut random).since("1970-01-01T00:00:00Z");
        let (asked, client) = trial.open(since, "");
        judged += trial.judge(&asked, client, &published, first_kept, "gap");
        trial.snapshot(tenant);
    }
    eprintln!("{judged} events judged, of {} published: {:?}", published.len(), began.elapsed());
}

struct Trial {
    served: Served,
    app: App,
}

/// What a client asked for, besides what its tenant may see.
#[derive(Debug)]
struct Asked {
    tenant: usize,
    name: String,
    kinds: &'static [usize],
    target: String,
}

const END: usize = KINDS.len() - 1;

impl Trial {
    fn begin(server: Server, directory: &Path, style: IdStyle, retention: Retention) -> Self {
        let (served, app) = Served::new(server, async || {
            let sync_every = Duration::from_secs(1);
            let log = SledLog::new(directory).durability(Durability::Buffered { sync_every });
            // Most of what is read has left memory.
            let hub = Hub::builder(log)
                .ids(style)
                .tail_bytes(1 << 20)
                .tail_events(2_000)
                .retention(retention);
            let app = App { hub: hub.start().await.unwrap(), tenants: Arc::new(tenants(TENANTS)) };
            (app.router(), app)
        });
        Trial { served, app }
    }

    /// As clients see it.
    fn text(&self, id: &EventId) -> String {
        self.app.hub.encode_id(*id)
    }

    fn connect(&self, tenant: usize, after: &str, random: &mut Random) -> (Asked, Client) {
        self.open(Asked::any(tenant, &self.app.tenants, random), after)
    }

    fn open(&self, asked: Asked, after: &str) -> (Asked, Client) {
        let client = Client::connect(self.served.address(), &asked.target, after);
        client.wait("its beginning", |seen| !seen.named("sse-open").is_empty());
        (asked, client)
    }

    /// Publishes batches of events of random tenants, and for each a last one.
    fn publish(&self, count: u64, random: &mut Random) -> Published {
        let mut published: Published = Vec::new();
        while (published.len() + TENANTS) < count as usize {
            let left = count as usize - TENANTS - published.len();
            let size = (random.below(300) + 1).min(left);
            let batch = (0..size).map(|_| (random.below(TENANTS), random.below(END)));
            self.publish_batch(batch.collect(), &mut published);
        }
        self.publish_batch((0..TENANTS).map(|tenant| (tenant, END)).collect(), &mut published);
        published
    }

    fn publish_batch(&self, batch: Vec<(usize, usize)>, published: &mut Published) {
        let events = batch.iter().zip(published.len() as u64 + 1..).map(|(&(tenant, kind), n)| {
            let (tenant, kind) = (self.app.tenants[tenant].clone(), KINDS[kind].to_owned());
            Tagged { tenant, kind, n }
        });
        let events: Vec<_> = events.collect();
        let ids = self.served.block_on(self.app.hub.publish_all(events)).unwrap();
        published.extend(ids.into_iter().zip(batch).map(|(id, (tenant, kind))| (id, tenant, kind)));
    }

    /// Waits for the last event, and compares all; how many there were.
    fn judge(
        &self,
        asked: &Asked,
        client: Client,
        published: &Published,
        after: u64,
        how: &str,
    ) -> usize {
        let expected = published.iter().filter(|(id, tenant, kind)| {
            id.seq() > after && *tenant == asked.tenant && asked.kinds.contains(kind)
        });
        let expected: Vec<_> = expected.collect();
        let last = self.text(&expected.last().unwrap().0);
        let seen = client.wait(how, |seen| seen.ordinary().any(|event| event.id == last));
        let told = events(&seen);
        let foreign = told.iter().filter(|event| event.tenant != asked.name).count();
        assert_eq!(foreign, 0, "{how}, {asked:?}: foreign events");
        let own = expected.iter().map(|(id, _, kind)| Tagged {
            tenant: asked.name.clone(),
            kind: KINDS[*kind].to_owned(),
            n: id.seq(),
        });
        assert_eq!(told, own.collect::<Vec<_>>(), "{how}, {asked:?}");
        let ids = seen.ordinary().map(|event| event.id.clone());
        assert!(ids.eq(expected.iter().map(|(id, ..)| self.text(id))), "{how}, {asked:?}");
        let gaps = seen.named("sse-gap");
        assert_eq!(gaps.len(), usize::from(how == "gap"), "{how}, {asked:?}: {gaps:?}");
        told.len()
    }

    fn snapshot(&self, tenant: usize) {
        let target = format!("/snapshot/{tenant}");
        let client = Client::connect(self.served.address(), &target, "");
        let seen = client.wait("the state", |seen| !seen.named("sse-cursor").is_empty());
        let own = KINDS.map(|kind| Tagged {
            tenant: self.app.tenants[tenant].clone(),
            kind: kind.to_owned(),
            n: 0,
        });
        assert_eq!(events(&seen), own);
    }
}

impl Asked {
    /// Everybody asks for the last event of their own, so that it is known when all has come.
    fn any(tenant: usize, tenants: &[String], random: &mut Random) -> Self {
        let (own, foreign) = (&tenants[tenant], &tenants[(tenant + 1) % tenants.len()]);
        let end = in_query(&["tenants", own, KINDS[END]]);
        let with_end = |asked: String| format!("?topic={asked}&topic={end}");
        let foreign_path = in_query(&["tenants", foreign]);
        let (query, kinds): (_, &[usize]) = match random.below(8) {
            0 | 1 => (String::new(), &[0, 1, 2, END]),
            2 => (with_end("**".to_owned()), &[0, 1, 2, END]),
            3 => (with_end("tenants/*/*".to_owned()), &[0, 1, 2, END]),
            4 => (with_end("tenants/*/stock".to_owned()), &[1, END]),
            5 => (with_end(in_query(&["tenants", own, KINDS[2]])), &[2, END]),
            6 => (with_end(format!("{foreign_path}/**")), &[END]),
            // As somebody would who takes the name for a topic; few are one.
            _ => match format!("tenants/{foreign}/stock") {
                text if text.parse::<sse_framework::TopicFilter>().is_ok() => {
                    let sees_own = tenants_match(&text, own);
                    (with_end(escaped(&text)), if sees_own { &[1, END] } else { &[END] })
                }
                _ => (with_end(in_query(&["tenants", foreign, KINDS[0]])), &[END]),
            },
        };
        let path = if random.below(2) == 0 { "under" } else { "exact" };
        Asked { tenant, name: own.clone(), kinds, target: format!("/{path}/{tenant}{query}") }
    }

    /// The same, of what was published since a time.
    fn since(self, time: &str) -> Self {
        let sign = if self.target.contains('?') { '&' } else { '?' };
        Asked { target: format!("{}{sign}since={time}", self.target), ..self }
    }
}

/// Whether a pattern that a tenant's name has made of `tenants/<name>/stock` matches another's.
fn tenants_match(pattern: &str, own: &str) -> bool {
    let own = sse_framework::Topic::from_segments(["tenants", own, "stock"]).unwrap();
    let (pattern, own): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), own.as_str().split('/').collect());
    pattern.len() == own.len()
        && pattern.iter().zip(own).all(|(wanted, segment)| *wanted == "*" || *wanted == segment)
}

fn events(seen: &Seen) -> Vec<Tagged> {
    seen.ordinary().map(|event| serde_json::from_str(&event.data).unwrap()).collect()
}
