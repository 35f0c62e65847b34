//! What a client asks for.

use super::start::Asked;
use crate::id::Ids;
use crate::topic::{TopicError, TopicFilter};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

/// What a client asks for: where to go on, and which topics it wants of those that it may see.
///
/// As an extractor it reads the request:
///
/// * `Last-Event-ID`, the header that a browser sends when it reconnects, or else the query
///   parameter `last_event_id`, for the first connection. An empty one counts as none, and the
///   header wins. The word `earliest` asks for everything that is kept. Whatever cannot be read is
///   no error, since a browser could not see it: the stream begins with an `sse-gap`. That goes for
///   ids longer than 256 bytes, and for several headers that differ.
/// * `topic`, a query parameter that may be given several times: a topic or a pattern. It narrows
///   what the app allows and never widens it.
///
/// `Subscribe::default()` asks for new events of all topics.
#[derive(Clone, Debug, Default)]
pub struct Subscribe {
    pub(super) asked: Option<LastEventId>,
    pub(super) topics: Vec<TopicFilter>,
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
/// A query parameter more is refused.
const MAX_TOPICS: usize = 100;

impl Subscribe {
    /// Asks for what comes after this id, given as a client gives it; see [`Subscribe`].
    #[must_use]
    pub fn after(self, last_event_id: impl AsRef<[u8]>) -> Self {
        Subscribe { asked: LastEventId::read(last_event_id.as_ref()), ..self }
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
        let mut request = Subscribe { asked: from_header(parts), topics: Vec::new() };
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "last_event_id" if request.asked.is_none() => {
                    request.asked = LastEventId::read(value.as_bytes());
                }
                "topic" if request.topics.len() == MAX_TOPICS => {
                    return Err(SubscribeRejection::TooManyTopics { limit: MAX_TOPICS });
                }
                "topic" => request.topics.push(value.parse()?),
                _ => {}
            }
        }
        Ok(request)
    }
}

fn from_header(parts: &Parts) -> Option<LastEventId> {
    let mut values = parts.headers.get_all("last-event-id").iter();
    let first = values.next()?;
    match values.all(|other| other == first) {
        true => LastEventId::read(first.as_bytes()),
        false => Some(LastEventId::Unreadable("several values".to_owned())),
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

fn shortened(text: &str) -> String {
    text.chars().take(MAX_ECHO_CHARS).collect()
}

impl<S: Sync> FromRequestParts<S> for Subscribe {
    type Rejection = SubscribeRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SubscribeRejection> {
        Subscribe::from_parts(parts)
    }
}

/// A request to subscribe that no stream can answer. As a response it is `400 Bad Request` with
/// the reason as text, after which a browser's `EventSource` does not come back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeRejection {
    /// A `topic` parameter is neither a topic nor a pattern.
    #[error("the query parameter `topic` is not a topic: {0}")]
    Topic(#[from] TopicError),
    /// More `topic` parameters than are allowed.
    #[error("more than {limit} query parameters `topic`: use a pattern such as `shops/**`")]
    TooManyTopics {
        /// The most that is allowed.
        limit: usize,
    },
}

impl IntoResponse for SubscribeRejection {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.to_string()).into_response()
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
    fn topics_are_read_and_bounded() {
        let topics = request("/?topic=a%2F1&topic=b%2F**", &[]).unwrap().topics;
        assert_eq!(topics, ["a/1".parse().unwrap(), "b/**".parse().unwrap()]);
        assert!(matches!(request("/?topic=a//b", &[]), Err(SubscribeRejection::Topic(_))));
        let many = format!("/?{}", "topic=a&".repeat(101));
        assert!(matches!(request(&many, &[]), Err(SubscribeRejection::TooManyTopics { .. })));
    }
}
