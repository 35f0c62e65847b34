//! What a client asks for.

use super::accept::{self, Accepts};
use super::control::{self, CloseReason};
use super::problem::Problem;
use super::since::Since;
use super::start::Asked;
use super::unopened::stream;
use crate::hub::Limit;
use crate::id::Ids;
use crate::topic::{TopicError, TopicFilter};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;
use std::time::{Duration, SystemTime};

/// What a client asks for: where to go on, and which topics it wants of those that it may see.
///
/// As an extractor it reads the request:
///
/// * `Last-Event-ID`, the header that a browser sends when it reconnects, or else the query
///   parameter `last_event_id`, for the first connection. An empty one counts as none, and the
///   header wins. The word `earliest` asks for everything that is kept. Whatever cannot be read is
///   no error, since a browser could not see it: the stream begins with an `sse-gap`. That goes for
///   ids longer than 256 bytes, and for several headers that differ.
/// * `since`, a query parameter: a time of RFC 3339, such as `2026-11-26T07:00:00Z`, of which the first counts, unless there
///   is an id. It asks for what was published then or later, to a millisecond. An empty one counts as none, and
///   one that is no time is refused.
/// * `topic`, a query parameter that may be given several times: a topic or a pattern. It narrows
///   what the app allows and never widens it.
/// * `Accept`, which must not exclude `text/event-stream`, and the method. A `HEAD` request is for the
///   headers of a stream and begins none. Other methods that ask for nothing, such as `OPTIONS`, are
///   refused, in case the handler is mounted for them.
///
/// `Subscribe::default()` asks for new events of all topics.
#[derive(Clone, Debug, Default)]
pub struct Subscribe {
    pub(super) asked: Option<LastEventId>,
    pub(super) since: Option<Since>,
    pub(super) topics: Vec<TopicFilter>,
    pub(super) query_bytes: usize,
    pub(super) answer: Answer,
}

/// How a client can be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Answer {
    /// Only by a stream, as far as is known: it asks for `text/event-stream` by name, as browsers do.
    #[default]
    Stream,
    /// By anything.
    Any,
    /// By headers.
    Head,
}

/// Where a client wants to go on, as it says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LastEventId {
    /// Which ids there are, the hub knows.
    Text(String),
    Earliest,
    /// Surely no id, as far as it can be shown.
    Unreadable(String),
}

/// Longer values of Last-Event-ID are not looked at. Ids of ours are far shorter.
const MAX_ID_BYTES: usize = 256;
/// How much of an unknown id comes back in the gap that it causes.
const MAX_ECHO_CHARS: usize = 64;
/// So many are read, whatever the hub allows.
const MOST_TOPICS: usize = 1000;

impl Subscribe {
    /// Asks for what comes after this id, given as a client gives it; see [`Subscribe`].
    #[must_use]
    pub fn after(self, last_event_id: impl AsRef<[u8]>) -> Self {
        Subscribe { asked: LastEventId::read(last_event_id.as_ref()), ..self }
    }

    /// Asks for what was published at this time or later, unless it asks for what comes after an id; see
    /// [`Start::Since`](super::Start::Since).
    #[must_use]
    pub fn since(self, time: SystemTime) -> Self {
        Subscribe { since: Some(Since::new(time)), ..self }
    }

    /// Asks for events of these topics only, of those that the app allows.
    #[must_use]
    pub fn topics(self, topics: impl IntoIterator<Item = TopicFilter>) -> Self {
        Subscribe { topics: topics.into_iter().collect(), ..self }
    }

    /// The id that the client says that it has seen last, if it can be one. It is for
    /// [`Hub::decode_id`](crate::Hub::decode_id), which knows whether it is.
    pub fn last_event_id(&self) -> Option<&str> {
        match &self.asked {
            Some(LastEventId::Text(text)) => Some(text),
            Some(LastEventId::Earliest | LastEventId::Unreadable(_)) | None => None,
        }
    }

    fn from_parts(parts: &Parts) -> Result<Self, SubscribeRejection> {
        let query = parts.uri.query().unwrap_or_default();
        let mut request = Subscribe {
            asked: from_header(parts),
            since: None,
            topics: Vec::new(),
            query_bytes: counted_bytes(query),
            answer: answer(parts)?,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "last_event_id" if request.asked.is_none() => {
                    request.asked = LastEventId::read(value.as_bytes());
                }
                "since" if request.since.is_none() && !value.is_empty() => {
                    let since = Since::read(&value);
                    let no_time = || SubscribeRejection::Since { given: shortened(&value) };
                    request.since = Some(since.ok_or_else(no_time)?);
                }
                "topic" if request.topics.len() == MOST_TOPICS => {
                    let (given, limit) = (MOST_TOPICS + 1, MOST_TOPICS);
                    return Err(SubscribeRejection::TooManyTopics { given, limit });
                }
                "topic" => {
                    request.topics.push(value.parse().map_err(SubscribeRejection::Topic)?);
                }
                _ => {}
            }
        }
        Ok(request)
    }
}

/// How long a query is without ids: these are bounded in another way, and one that is no id gets a stream.
fn counted_bytes(query: &str) -> usize {
    let counted = query.split('&').filter(|parameter| !parameter.starts_with("last_event_id="));
    counted.map(|parameter| parameter.len() + 1).sum::<usize>().saturating_sub(1)
}

fn from_header(parts: &Parts) -> Option<LastEventId> {
    let mut values = parts.headers.get_all("last-event-id").iter();
    let first = values.next()?;
    match values.all(|other| other == first) {
        true => LastEventId::read(first.as_bytes()),
        false => Some(LastEventId::Unreadable("several values".to_owned())),
    }
}

/// How a client can be answered; an error if not by a stream.
fn answer(parts: &Parts) -> Result<Answer, SubscribeRejection> {
    let head = parts.method == Method::HEAD;
    // A body may say what is wanted, so `POST` and `QUERY` ask for a stream, too.
    if !head && ![Method::GET, Method::POST].contains(&parts.method) && parts.method != "QUERY" {
        return Err(SubscribeRejection::MethodNotAllowed);
    }
    match accept::of_event_stream(&parts.headers) {
        Accepts::Excluded => Err(SubscribeRejection::NotAcceptable),
        _ if head => Ok(Answer::Head),
        Accepts::ByName => Ok(Answer::Stream),
        Accepts::AmongOthers => Ok(Answer::Any),
    }
}

impl LastEventId {
    /// None for an empty value.
    fn read(value: &[u8]) -> Option<Self> {
        if value.is_empty() {
            return None;
        }
        if value == b"earliest" {
            return Some(LastEventId::Earliest);
        }
        let looked_at = &value[..value.len().min(MAX_ID_BYTES)];
        let text = std::str::from_utf8(value).ok().filter(|_| looked_at.len() == value.len());
        Some(match text {
            Some(text) => LastEventId::Text(text.to_owned()),
            None => LastEventId::Unreadable(shortened(&String::from_utf8_lossy(looked_at))),
        })
    }

    pub(super) fn look_up(self, ids: &Ids) -> Asked {
        match self {
            LastEventId::Text(text) => match ids.read(&text) {
                Ok(id) => Asked::Id(id, text),
                Err(_) => Asked::Unknown(shortened(&text)),
            },
            LastEventId::Earliest => Asked::Earliest,
            LastEventId::Unreadable(shown) => Asked::Unknown(shown),
        }
    }
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAX_ECHO_CHARS).collect()
}

impl<S: Sync> FromRequestParts<S> for Subscribe {
    type Rejection = SubscribeRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SubscribeRejection> {
        Subscribe::from_parts(parts).inspect_err(|rejection| {
            tracing::debug!(reason = %rejection, "a request to subscribe is refused");
        })
    }
}

/// A request to subscribe that no stream of events can answer, as the [`Subscribe`] extractor or
/// [`Subscription::accepted`](super::Subscription::accepted) says. As a response it is a [`Problem`], which tells
/// the client what to do; a browser's `EventSource` does not come back after it. So if there is no room, a client that
/// [wants a stream](SubscribeRejection::TooManySubscriptions::wants_stream) gets one, of one event: `sse-close` with
/// [`CloseReason::Overloaded`], after which it comes back. Displayed, it is meant for whoever runs the server.
///
/// It is logged, once: at the level `debug`, so that clients cannot fill the log.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeRejection {
    /// A `topic` parameter is neither a topic nor a pattern: `400 Bad Request`.
    #[error("the query parameter `topic` is not a topic: {0}")]
    Topic(#[source] TopicError),
    /// The `since` parameter is not a time of RFC 3339: `400 Bad Request`.
    #[error("the query parameter `since` is not a time of RFC 3339: {given:?}")]
    Since {
        /// What it is, shortened.
        given: String,
    },
    /// More `topic` parameters than [`max_topics`](crate::HubBuilder::max_topics): `400 Bad Request`.
    #[error("{given} topics are asked for, of {limit} at most: use a pattern such as `shops/**`")]
    TooManyTopics {
        /// How many there are, or more.
        given: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The handler allowed more topics than [`max_topics`](crate::HubBuilder::max_topics): `500 Internal
    /// Server Error`.
    #[error(
        "the handler gave the subscription {given} topics, of {limit} at most: use patterns, or raise \
         HubBuilder::max_topics"
    )]
    TooManyTopicsAllowed {
        /// How many it gave.
        given: usize,
        /// The most that there may be.
        limit: usize,
    },
    /// The query is longer than [`max_query_bytes`](crate::HubBuilder::max_query_bytes): `414 URI Too Long`.
    #[error(
        "the query has {bytes} bytes, of {limit} at most: ask for fewer topics, or for patterns"
    )]
    QueryTooLong {
        /// How long it is.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// `Accept` excludes `text/event-stream`: `406 Not Acceptable`.
    #[error("the header `Accept` excludes `text/event-stream`")]
    NotAcceptable,
    /// The method asks for no stream, such as `OPTIONS`: `405 Method Not Allowed`.
    #[error("the method asks for no stream: use `GET`")]
    MethodNotAllowed,
    /// There are [`max_subscriptions`](crate::HubBuilder::max_subscriptions) already: `503 Service
    /// Unavailable`.
    #[error("there are {limit} subscriptions, and no room for more: try again later")]
    TooManySubscriptions {
        /// The most that there may be.
        limit: usize,
        /// When the client should try again: a time that differs from client to client.
        retry_after: Duration,
        /// Whether the client asks for `text/event-stream` by name, as browsers do: then the response is a stream of
        /// one event.
        wants_stream: bool,
    },
    /// There are [`max_subscriptions_per_key`](crate::HubBuilder::max_subscriptions_per_key) of its key
    /// already: `503 Service Unavailable`.
    #[error(
        "there are {limit} subscriptions of yours, and no room for more: close one, or try again later"
    )]
    TooManySubscriptionsOfKey {
        /// The most that there may be.
        limit: usize,
        /// When the client should try again: a time that differs from client to client.
        retry_after: Duration,
        /// Whether the client asks for `text/event-stream` by name, as browsers do: then the response is a stream of
        /// one event.
        wants_stream: bool,
    },
}

impl SubscribeRejection {
    /// When the client should try again, if that may help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManySubscriptions { retry_after, .. }
            | Self::TooManySubscriptionsOfKey { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// The limit of a hub that it is about.
    pub(super) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Topic(_) | Self::Since { .. } => None,
            Self::NotAcceptable | Self::MethodNotAllowed => None,
            Self::TooManyTopics { .. } | Self::TooManyTopicsAllowed { .. } => Some(Limit::Topics),
            Self::QueryTooLong { .. } => Some(Limit::QueryBytes),
            Self::TooManySubscriptions { .. } => Some(Limit::Subscriptions),
            Self::TooManySubscriptionsOfKey { .. } => Some(Limit::SubscriptionsPerKey),
        }
    }
}

impl IntoResponse for SubscribeRejection {
    fn into_response(self) -> Response {
        match self {
            // Any other status, and a browser would never come back.
            Self::TooManySubscriptions { retry_after, wants_stream: true, .. }
            | Self::TooManySubscriptionsOfKey { retry_after, wants_stream: true, .. } => {
                stream(control::close_until(CloseReason::Overloaded, None, retry_after).into())
            }
            _ => Problem::from(&self).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn request(uri: &str, headers: &[&[u8]]) -> Result<Subscribe, SubscribeRejection> {
        let mut request = Request::builder().uri(uri);
        for value in headers {
            request = request.header("Last-Event-ID", *value);
        }
        Subscribe::from_parts(&request.body(()).unwrap().into_parts().0)
    }

    fn asked(uri: &str, headers: &[&[u8]]) -> Option<Asked> {
        request(uri, headers).unwrap().asked.map(|asked| asked.look_up(&Ids::Plain))
    }

    fn known() -> Option<Asked> {
        Some(Asked::Id(ID.parse().unwrap(), ID.to_owned()))
    }

    const ID: &str = "0000000001bv4-17";

    #[test]
    fn the_header_wins_over_the_query() {
        assert_eq!(asked("/?last_event_id=earliest", &[ID.as_bytes()]), known());
        assert_eq!(asked(&format!("/?last_event_id={ID}"), &[]), known());
        assert_eq!(asked(&format!("/?last_event_id={ID}"), &[b""]), known());
        assert_eq!(asked("/?last_event_id=", &[]), None);
        assert_eq!(asked("/?last_event_id=earliest", &[]), Some(Asked::Earliest));
    }

    #[test]
    fn what_is_no_id_is_kept_to_be_told_but_not_whole() {
        let unknown = |text: &str| Some(Asked::Unknown(text.to_owned()));
        assert_eq!(asked("/", &[b"17"]), unknown("17"));
        assert_eq!(asked("/", &[b"\xff1"]), unknown("\u{fffd}1"));
        assert_eq!(asked("/", &[&[b'1'; 100_000]]), unknown(&"1".repeat(64)));
        assert_eq!(asked("/", &[ID.as_bytes(), b"x"]), unknown("several values"));
        assert_eq!(asked("/", &[ID.as_bytes(), ID.as_bytes()]), known());
    }

    #[test]
    fn a_time_is_read_from_the_query() {
        let since =
            |uri: &str| request(uri, &[]).unwrap().since.map(|since| (since.time_ms, since.text));
        assert_eq!(since("/?since="), None);
        assert_eq!(
            since("/?since=1970-01-01T00:00:01Z"),
            Some((1000, "1970-01-01T00:00:01Z".into()))
        );
        let plus = "/?since=1970-01-01T01:00:01%2B01:00&since=1970-01-01T00:00:02Z";
        assert_eq!(since(plus), Some((1000, "1970-01-01T01:00:01+01:00".into())));
        assert_eq!(since("/?since=1970-01-01T01:00:01+01:00").unwrap().0, 1000, "not encoded");
        let Err(SubscribeRejection::Since { given }) =
            request(&format!("/?since={}", "1".repeat(99)), &[])
        else {
            panic!("a time")
        };
        assert_eq!(given, "1".repeat(64));
    }

    #[test]
    fn topics_are_read_and_bounded() {
        let topics = request("/?topic=a%2F1&topic=b%2F**", &[]).unwrap().topics;
        assert_eq!(topics, ["a/1".parse().unwrap(), "b/**".parse().unwrap()]);
        assert!(matches!(request("/?topic=a//b", &[]), Err(SubscribeRejection::Topic(_))));
        let many = format!("/?{}", "topic=a&".repeat(1001));
        assert!(matches!(request(&many, &[]), Err(SubscribeRejection::TooManyTopics { .. })));
    }
}
