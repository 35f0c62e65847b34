//! Topic filters: a filter, a line end, a topic.

use sse_framework::{MAX_TOPIC_LENGTH, Topic, TopicFilter, TopicSelection};

pub(crate) fn target(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (filter, topic) = text.split_once('\n').unwrap_or((&text, &text));
    let parsed: Result<TopicFilter, _> = filter.parse();
    assert_eq!(parsed.is_ok(), is_filter(filter), "{filter:?}");
    let known: Result<Topic, _> = topic.parse();
    assert_eq!(known.is_ok(), is_path(topic) && !topic.contains('*'), "{topic:?}");
    if let Ok(known) = &known {
        assert_eq!(known.as_str(), topic);
    }
    if let (Ok(parsed), Ok(_)) = (parsed, known) {
        let expected = matches(&segments(filter), &segments(topic));
        assert_eq!(parsed.matches(topic), expected, "{filter:?} {topic:?}");
        let selection = TopicSelection::of([parsed.clone()]);
        assert_eq!(selection.includes(Some(topic)), expected);
        assert!(!selection.includes(None));
        let narrowed = TopicSelection::everything().narrowed_to([parsed]);
        assert_eq!(narrowed.includes(Some(topic)), expected);
    }
    escaped(filter, topic);
    is_filter(filter)
}

/// A value is one segment, whatever it is.
fn escaped(value: &str, other: &str) {
    let Ok(topic) = Topic::from_segments(["shops", value, "orders"]) else {
        let length = value.len() * 3 + "shops//orders".len();
        assert!(value.is_empty() || length > MAX_TOPIC_LENGTH, "{value:?} is refused");
        return;
    };
    assert_eq!(segments(topic.as_str()).len(), 3);
    assert!(TopicFilter::under(["shops", value]).matches(topic.as_str()));
    assert_eq!(TopicFilter::under(["shops", other]).matches(topic.as_str()), other == value);
}

fn segments(text: &str) -> Vec<&str> {
    text.split('/').collect()
}

fn is_path(text: &str) -> bool {
    let short = text.len() <= MAX_TOPIC_LENGTH;
    short && segments(text).iter().all(|s| !s.is_empty()) && !text.chars().any(char::is_control)
}

fn is_filter(text: &str) -> bool {
    let segments = segments(text);
    let last = segments.len() - 1;
    let fits = |(place, segment): (usize, &&str)| match *segment {
        "*" => true,
        "**" => place == last,
        other => !other.contains('*'),
    };
    is_path(text) && segments.iter().enumerate().all(fits)
}

/// `*` is one segment, `**` at the end is any number of them, none too.
fn matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        ([], []) => true,
        (["**"], _) => true,
        (["*", filter @ ..], [_, topic @ ..]) => matches(filter, topic),
        ([wanted, filter @ ..], [segment, topic @ ..]) => {
            wanted == segment && matches(filter, topic)
        }
        _ => false,
    }
}
