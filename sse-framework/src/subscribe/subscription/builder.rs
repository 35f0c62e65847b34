//! What a subscription is to see, and where it begins.

use super::{Opened, Subscription, untold};
use crate::event::SseEvent;
use crate::hub::Core;
use crate::subscribe::completion::Completion;
use crate::subscribe::control;
use crate::subscribe::cursor::Cursor;
use crate::subscribe::filter::Filter;
use crate::subscribe::request::{Answer, Subscribe, SubscribeRejection};
use crate::subscribe::start::{Asked, Beginning, OnGap, Start};
use crate::subscribe::unopened::Unopened;
use crate::subscribe::unreadable::Unreadable;
use crate::tail::{Full, Ticket};
use crate::topic::{TopicFilter, TopicSelection};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A subscription that has yet to be told what it may see.
///
/// It is not a response, so that a handler cannot forget: it becomes one through
/// [`topics`](Self::topics) or [`everything`](Self::everything).
#[must_use = "a subscription begins with `topics` or `everything`"]
pub struct SubscriptionBuilder<E> {
    core: Arc<Core>,
    request: Subscribe,
    start: Start,
    on_gap: OnGap,
    history: bool,
    key: Option<Arc<str>>,
    until: Option<Instant>,
    filter: Option<Filter<E>>,
}

impl<E: SseEvent> SubscriptionBuilder<E> {
    pub(crate) fn new(core: Arc<Core>, request: Subscribe) -> Self {
        SubscriptionBuilder {
            core,
            request,
            start: Start::default(),
            on_gap: OnGap::default(),
            history: true,
            key: None,
            until: None,
            filter: None,
        }
    }

    /// Whose subscription it is, say a user's id: for [`Hub::disconnect`](crate::Hub::disconnect) and
    /// [`Hub::subscriber_count_of`](crate::Hub::subscriber_count_of). Keys are the same if their
    /// texts are.
    pub fn key(self, key: impl fmt::Display) -> Self {
        SubscriptionBuilder { key: Some(key.to_string().into()), ..self }
    }

    /// When the subscription ends at the latest, say with the session or the token by which the
    /// client was let in. Within a second it ends with
    /// [`CloseReason::Expired`](crate::CloseReason::Expired); if its time is over already, it begins and
    /// ends without an event.
    ///
    /// The time that is left is counted from now on by a clock that does not jump when somebody sets
    /// the system's.
    pub fn until(self, expiry: SystemTime) -> Self {
        let left = expiry.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        // So far away that it cannot be told is as good as never.
        SubscriptionBuilder { until: Instant::now().checked_add(left), ..self }
    }

    /// Where the stream begins if the client does not say. By default with the next event.
    pub fn start(self, start: Start) -> Self {
        SubscriptionBuilder { start, ..self }
    }

    /// Whether the client may ask for history without an id: for everything that is kept, with the word
    /// `earliest`, or for what was published since a time. By default it may, of the topics that it may
    /// see. Otherwise either is answered with a gap of the reason [`NotAllowed`](crate::GapReason::NotAllowed),
    /// and new events. It says nothing of [`start`](Self::start), nor of ids: a client goes on where it was.
    pub fn history(self, allowed: bool) -> Self {
        SubscriptionBuilder { history: allowed, ..self }
    }

    /// What happens when events that the client asks for cannot be had. By default it is told.
    pub fn on_gap(self, on_gap: OnGap) -> Self {
        SubscriptionBuilder { on_gap, ..self }
    }

    /// Lets the client see, of the events that its topics allow, those for which `filter` returns true:
    /// where a topic does not say enough. A second filter applies besides the first.
    ///
    /// It holds for new events, for the history and for the [snapshot](Subscription::snapshot). Those
    /// that it hides move the client's position, as if they were of other topics. That a topic is
    /// [closed](crate::Hub::close_topic) is no event, and is told. An event that cannot be read, or whose
    /// `Deserialize` panics, is a [`Gap`](crate::Gap). If the filter panics, the stream ends with
    /// [`CloseReason::Failed`](crate::CloseReason::Failed), after what comes before the event, and an
    /// error is logged; other streams go on.
    ///
    /// # Cost
    ///
    /// Without a filter, an event is rendered once for all streams, and never read again. With one, each
    /// stream reads every event of its topics as a value of `E`, also those from the history, calls the
    /// filter, and renders the frame for itself. It does so on the task by which the HTTP server
    /// drives the response; [`serve`](fn@crate::serve) leaves such a stream there. The filter must not
    /// block. If a topic can say who may see an event, it is far cheaper.
    pub fn filter(self, filter: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        let filter = match self.filter {
            Some(before) => before.and(filter),
            None => Filter::new(filter),
        };
        SubscriptionBuilder { filter: Some(filter), ..self }
    }

    /// Lets the client see events whose topic one of these matches; with none, nothing. Of these it
    /// sees those that it asked for.
    pub fn topics(self, topics: impl IntoIterator<Item = TopicFilter>) -> Subscription<E> {
        let topics: Vec<_> = topics.into_iter().collect();
        let given = topics.len();
        self.begin(TopicSelection::of(topics), given)
    }

    /// Lets the client see every event, also those without a topic. If it asked for topics, it sees
    /// those.
    pub fn everything(self) -> Subscription<E> {
        self.begin(TopicSelection::everything(), 0)
    }

    fn begin(self, allowed: TopicSelection, given: usize) -> Subscription<E> {
        let checked = self.check(given);
        let SubscriptionBuilder { core, request, key, until, filter, .. } = self;
        let Subscribe { asked, since, topics, answer, .. } = request;
        let asked = asked.map(|asked| asked.look_up(&core.ids)).or(since.map(Asked::Since));
        let asked = asked.map(|asked| if self.history { asked } else { asked.without_history() });
        let topics = Arc::new(allowed.narrowed_to(topics));
        let ticket = (key.is_some() || until.is_some()).then(|| Ticket::new(key, until));
        // The place comes before the beginning: what is published in between is not missed.
        let registration = checked.and_then(|()| match answer {
            Answer::Head => Ok(None),
            _ => {
                let registered = core.subscribers.register(topics.clone(), ticket);
                registered.map(Some).map_err(|full| rejection(&core, full, answer))
            }
        });
        let has_id = matches!(asked, Some(Asked::Id(..)));
        let history = core.history();
        let Beginning { at, gap, resumed, fresh, refused, sought } =
            Beginning::find(&history, &core.ids, asked, self.start, self.on_gap);
        // The client was told all that there was, and all there will be.
        let is_complete = || Completion::of(&core, &topics).known().is_some_and(|last| last <= at);
        let refused = refused || has_id && resumed && is_complete();
        let position = || untold(&core, gap.as_ref()).unwrap_or_else(|| history.id(at));
        Subscription(match registration {
            Ok(Some(registration)) => Ok(Opened {
                resumed,
                fresh,
                refused,
                snapshot: None,
                unreadable: Unreadable::new(&core.ids, &core.renewal),
                cursor: Cursor::new(core, registration, at, gap).seeking(sought),
                records: VecDeque::new(),
                looked_at: None,
                next: None,
                filter,
                failed: false,
            }),
            Ok(None) => Err(Unopened::Head { position: position(), refused }),
            Err(rejection) => {
                let position = position();
                Err(Unopened::rejected(position, rejection, refused, &core.pressure))
            }
        })
    }

    /// Whether what it is given, and what it asks for, is within the limits.
    fn check(&self, given: usize) -> Result<(), SubscribeRejection> {
        let (settings, request) = (&self.core.settings, &self.request);
        let (bytes, limit) = (request.query_bytes, settings.max_query_bytes);
        if bytes > limit {
            return Err(SubscribeRejection::QueryTooLong { bytes, limit });
        }
        let (asked, limit) = (request.topics.len(), settings.max_topics);
        if asked > limit {
            return Err(SubscribeRejection::TooManyTopics { given: asked, limit });
        }
        match given > limit {
            true => Err(SubscribeRejection::TooManyTopicsAllowed { given, limit }),
            false => Ok(()),
        }
    }
}

/// A hub that is full wants fewer attempts than one that has gone for a moment.
const RETRIES: u32 = 5;

fn rejection(core: &Core, full: Full, answer: Answer) -> SubscribeRejection {
    use SubscribeRejection::{TooManySubscriptions, TooManySubscriptionsOfKey};
    let retry_after = control::scattered(core.settings.retry.saturating_mul(RETRIES));
    let wants_stream = answer == Answer::Stream;
    match full {
        Full::All(limit) => TooManySubscriptions { limit, retry_after, wants_stream },
        Full::Key(limit) => TooManySubscriptionsOfKey { limit, retry_after, wants_stream },
    }
}

impl<E> fmt::Debug for SubscriptionBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("request", &self.request)
            .field("start", &self.start)
            .field("on_gap", &self.on_gap)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
