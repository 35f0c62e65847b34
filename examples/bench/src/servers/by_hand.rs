//! What one would write with axum alone: a broadcast channel, and a history in memory.

use super::{listen, the_end};
use crate::Failure;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Messages that a subscriber may be behind. Who is further behind loses some.
const CAPACITY: usize = 128;
/// Messages that are kept for those who come back.
const HISTORY: usize = 65_536;

#[derive(Clone)]
struct Message {
    id: u64,
    topic: Option<Arc<str>>,
    data: Arc<str>,
}

struct Channel {
    sender: broadcast::Sender<Message>,
    history: VecDeque<Message>,
    last: u64,
}

type Shared = Arc<Mutex<Channel>>;

#[derive(Deserialize)]
struct Parameters {
    topic: Option<String>,
}

pub(super) async fn run() -> Result<(), Failure> {
    let channel =
        Channel { sender: broadcast::Sender::new(CAPACITY), history: VecDeque::new(), last: 0 };
    let app = Router::new()
        .route("/events", get(events))
        .route("/publish", post(publish))
        .with_state(Arc::new(Mutex::new(channel)));
    let listener = listen()?.tap_io(|socket| drop(socket.set_nodelay(true)));
    tokio::select! {
        served = async { axum::serve(listener, app).await } => Ok(served?),
        () = the_end() => Ok(()),
    }
}

async fn events(
    State(channel): State<Shared>,
    Query(Parameters { topic }): Query<Parameters>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    let (receiver, missed) = {
        let channel = locked(&channel);
        let missed = after.map(|after| channel.after(after)).unwrap_or_default();
        (channel.sender.subscribe(), missed)
    };
    let events = stream::iter(missed).chain(live(receiver));
    let selected = events.filter(move |message| {
        ready(topic.is_none() || message.topic.as_deref() == topic.as_deref())
    });
    let events = selected
        .map(|message| Ok(Event::default().id(message.id.to_string()).data(&*message.data)));
    Sse::new(events).keep_alive(KeepAlive::default())
}

fn live(receiver: broadcast::Receiver<Message>) -> impl Stream<Item = Message> {
    stream::unfold(receiver, async |mut receiver| {
        loop {
            match receiver.recv().await {
                Ok(message) => return Some((message, receiver)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

/// Publishes one message for each line, and answers with their ids.
async fn publish(
    State(channel): State<Shared>,
    Query(Parameters { topic }): Query<Parameters>,
    body: String,
) -> String {
    let topic: Option<Arc<str>> = topic.map(Into::into);
    let mut channel = locked(&channel);
    body.lines().map(|line| format!("{}\n", channel.send(topic.clone(), line.into()))).collect()
}

impl Channel {
    fn send(&mut self, topic: Option<Arc<str>>, data: Arc<str>) -> u64 {
        self.last += 1;
        let message = Message { id: self.last, topic, data };
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(message.clone());
        // It fails if nobody listens.
        let _ = self.sender.send(message);
        self.last
    }

    fn after(&self, id: u64) -> Vec<Message> {
        let missed = usize::try_from(self.last.saturating_sub(id)).unwrap_or(usize::MAX);
        let skipped = self.history.len().saturating_sub(missed);
        self.history.range(skipped..).cloned().collect()
    }
}

fn locked(channel: &Shared) -> MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}
