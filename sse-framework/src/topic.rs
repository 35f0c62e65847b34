//! Topics, by which events are routed, and filters, by which subscriptions choose.

mod tree;

pub(crate) use tree::{Breadth, PatternTree};

use crate::planted::planted;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::{Borrow, Cow};
use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;

/// The longest topic, in bytes.
pub const MAX_TOPIC_LENGTH: usize = 255;

/// A path of segments, such as `shops/7/orders`, that an event is published to.
///
/// A topic has at least one segment; none is empty; `*` and control characters do not occur; at
/// most [`MAX_TOPIC_LENGTH`] bytes. Values that are not under your control become segments through
/// [`Topic::from_segments`], which escapes what would change the path's shape. serde writes it as text, and
/// reads only what is a topic; with that, and its [`JsonSchema`], it can be a field of an event.
///
/// ```
/// use sse_framework::Topic;
///
/// let topic: Topic = "shops/7/orders".parse()?;
/// let hostile = Topic::from_segments(["shops", "../*"])?;
/// assert_eq!(hostile.as_str(), "shops/..%2F%2A");
///
/// assert_eq!(serde_json::to_string(&topic)?, r#""shops/7/orders""#);
/// assert_eq!(serde_json::from_str::<Topic>(r#""shops/7/orders""#)?, topic);
/// assert!(serde_json::from_str::<Topic>(r#""shops/*""#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// A topic of these segments, each escaped.
    ///
    /// # Errors
    ///
    /// [`TopicError::EmptySegment`] and [`TopicError::TooLong`]; escaping leaves no other.
    pub fn from_segments<S: AsRef<str>>(
        segments: impl IntoIterator<Item = S>,
    ) -> Result<Self, TopicError> {
        join(segments)?.parse()
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends `value` to `out` so that it is one segment at most and no wildcard: `%`, `/`, `*` and
/// control characters become `%XX`.
pub(crate) fn escape_segment(value: &str, out: &mut String) {
    for character in value.chars() {
        if matches!(character, '%' | '/' | '*') || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                out.push('%');
                out.push(
                    char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0').to_ascii_uppercase(),
                );
                out.push(
                    char::from_digit(u32::from(byte & 15), 16).unwrap_or('0').to_ascii_uppercase(),
                );
            }
        } else {
            out.push(character);
        }
    }
}

fn join<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Result<String, TopicError> {
    let mut path = String::new();
    for (place, segment) in segments.into_iter().enumerate() {
        if place > 0 {
            path.push('/');
        }
        if segment.as_ref().is_empty() {
            return Err(TopicError::EmptySegment);
        }
        escape_segment(segment.as_ref(), &mut path);
    }
    Ok(path)
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        check(text)?;
        match text.contains('*') {
            true => Err(TopicError::Wildcard),
            false => Ok(Topic(text.into())),
        }
    }
}

fn check(text: &str) -> Result<(), TopicError> {
    if text.len() > MAX_TOPIC_LENGTH {
        return Err(TopicError::TooLong { length: text.len() });
    }
    if text.split('/').any(str::is_empty) {
        return Err(TopicError::EmptySegment);
    }
    if text.contains(char::is_control) {
        return Err(TopicError::ControlCharacter);
    }
    Ok(())
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({:?})", &*self.0)
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// As text.
impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// From text, if it is a topic.
impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Text of a pattern. Its length is counted in characters, of which there are no more than bytes.
impl JsonSchema for Topic {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Topic".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "sse_framework::Topic".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let segment = r"[^/*\u0000-\u001f\u007f-\u009f]+";
        json_schema!({
            "type": "string",
            "maxLength": MAX_TOPIC_LENGTH,
            "pattern": format!("^{segment}(/{segment})*$"),
        })
    }
}

/// Which topics a subscription wants: one exact topic, or a pattern.
///
/// In a pattern, a segment `*` stands for any one segment, and a last segment `**` for whatever
/// follows, nothing included: `shops/7/**` matches `shops/7` and `shops/7/orders`. It has as many bytes as a
/// topic at most, not counting a last `/**`.
///
/// Displayed, it is the text of which it can be made again. One that matches nothing, as
/// [`under`](TopicFilter::under) may make it, is displayed as `/`, which is no filter: it is not mistaken for one that
/// matches something.
///
/// ```
/// use sse_framework::TopicFilter;
///
/// let filter: TopicFilter = "shops/*/orders".parse()?;
/// assert!(filter.matches("shops/7/orders"));
/// assert!(!filter.matches("shops/7"));
/// // A value of a user's becomes a filter only through escaping:
/// assert!(!TopicFilter::under(["shops", "*"]).matches("shops/7"));
/// assert_eq!(TopicFilter::under(["shops", "*"]).to_string(), "shops/%2A/**");
/// # Ok::<(), sse_framework::TopicError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicFilter(Filter);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Filter {
    Exact(Topic),
    Pattern(Arc<str>),
    Nothing,
}

impl TopicFilter {
    /// This topic only.
    pub fn exact(topic: Topic) -> Self {
        TopicFilter(Filter::Exact(topic))
    }

    /// The topic of these segments, each escaped, and all below it. Segments that make no topic
    /// (an empty one, or too long) match nothing.
    pub fn under<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        let pattern = join(segments).and_then(|path| {
            check(&path)?;
            Ok(format!("{path}/**"))
        });
        TopicFilter(pattern.map_or(Filter::Nothing, |path| Filter::Pattern(path.into())))
    }

    /// Whether an event of this topic is wanted.
    pub fn matches(&self, topic: &str) -> bool {
        match &self.0 {
            Filter::Exact(exact) => exact.as_str() == topic,
            Filter::Pattern(pattern) => pattern_matches(pattern, topic),
            Filter::Nothing => false,
        }
    }
}

fn pattern_matches(pattern: &str, topic: &str) -> bool {
    let mut segments = topic.split('/');
    for wanted in pattern.split('/') {
        match (wanted, segments.next()) {
            ("**", _) => return true,
            (_, None) => return false,
            ("*", Some(_)) => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Filter::Exact(topic) => topic.as_str(),
            Filter::Pattern(pattern) => pattern,
            Filter::Nothing => "/",
        })
    }
}

impl From<Topic> for TopicFilter {
    fn from(topic: Topic) -> Self {
        TopicFilter::exact(topic)
    }
}

impl FromStr for TopicFilter {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        check(text.strip_suffix("/**").unwrap_or(text))?;
        if !text.contains('*') {
            return Ok(TopicFilter::exact(Topic(text.into())));
        }
        let last = text.split('/').count() - 1;
        let misplaced = text.split('/').enumerate().any(|(place, segment)| match segment {
            "*" => false,
            "**" => place != last,
            other => other.contains('*'),
        });
        match misplaced {
            true => Err(TopicError::Wildcard),
            false => Ok(TopicFilter(Filter::Pattern(text.into()))),
        }
    }
}

/// Topics that a subscription reads: what the app allows, narrowed by what the client asks for.
///
/// An event without a topic is read only by who may and wants to read everything.
///
/// A topic that is asked for and not allowed leaves no trace in it, so that nobody who works by it
/// looks for it: that would take the longer the more of it there is.
#[derive(Clone, Debug)]
pub struct TopicSelection {
    /// An event is read if all of them include it; with none, every event is.
    choices: Vec<Choice>,
}

/// Exact topics, and patterns.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) exact: HashSet<Topic>,
    pub(crate) patterns: PatternTree<()>,
}

impl Choice {
    fn of(filters: impl IntoIterator<Item = TopicFilter>) -> Self {
        let (mut exact, mut patterns) = (HashSet::new(), PatternTree::default());
        for filter in filters {
            match filter.0 {
                Filter::Exact(topic) => drop(exact.insert(topic)),
                Filter::Pattern(pattern) => {
                    patterns.update(&tree::path(&pattern), |kept| *kept = Some(()));
                }
                Filter::Nothing => {}
            }
        }
        exact.shrink_to_fit();
        Choice { exact, patterns }
    }

    /// How many topics it may include, by rank.
    fn breadth(&self) -> (Breadth, bool) {
        let breadth = self.patterns.breadth();
        (breadth, breadth == Breadth::Nothing && !self.exact.is_empty())
    }

    fn includes(&self, topic: &str, steps: &mut usize) -> bool {
        self.exact.contains(topic)
            || self.patterns.find(topic, steps, &mut |()| ControlFlow::Break(())).is_break()
    }
}

impl TopicSelection {
    /// Every event, also those without a topic.
    pub fn everything() -> Self {
        TopicSelection { choices: Vec::new() }
    }

    /// Events whose topic one of the filters matches; without filters, none.
    pub fn of(filters: impl IntoIterator<Item = TopicFilter>) -> Self {
        TopicSelection { choices: vec![Choice::of(filters)] }
    }

    /// What of this selection one of the filters matches, too; without filters, all of it.
    #[must_use]
    pub fn narrowed_to(mut self, filters: impl IntoIterator<Item = TopicFilter>) -> Self {
        let mut filters = filters.into_iter().peekable();
        if filters.peek().is_some() {
            let mut asked = Choice::of(filters);
            asked.exact.retain(|topic| self.includes(Some(topic.as_str())));
            self.choices.push(asked);
        }
        self
    }

    /// Whether an event of this topic, or of none, is read.
    pub fn includes(&self, topic: Option<&str>) -> bool {
        self.includes_in(topic, &mut 0)
    }

    /// The same; to `steps` it adds about as many as bytes are compared with patterns.
    pub(crate) fn includes_in(&self, topic: Option<&str>, steps: &mut usize) -> bool {
        let mut choices = self.choices.iter();
        let includes = |choice: &Choice| topic.is_some_and(|topic| choice.includes(topic, steps));
        match planted("request-widens") {
            true => self.choices.is_empty() || choices.any(includes),
            false => choices.all(includes),
        }
    }

    /// Whether nothing is filtered out.
    pub fn is_everything(&self) -> bool {
        self.choices.is_empty()
    }

    /// Topics and patterns of which at least one matches every topic that is included. Of the same
    /// selection they are the same.
    pub(crate) fn key(&self) -> Option<&Choice> {
        // Of two that are as good, what was asked for last is less.
        self.choices.iter().rev().min_by_key(|choice| choice.breadth())
    }

    /// Whether topics that are not included match the [`key`](Self::key).
    pub(crate) fn key_includes_others(&self) -> bool {
        self.choices.len() > 1
    }

    /// A set of topics outside of which nothing is read, if it can be listed: a log with an index
    /// of topics need look nowhere else.
    pub fn exact_topics(&self) -> Option<&HashSet<Topic>> {
        let listed =
            self.choices.iter().filter(|choice| choice.patterns.breadth() == Breadth::Nothing);
        listed.map(|choice| &choice.exact).min_by_key(|topics| topics.len())
    }
}

/// Text is not a topic or not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// Nothing between two slashes, or nothing at all.
    #[error("a topic is segments between single slashes, and none may be empty")]
    EmptySegment,
    /// Longer than [`MAX_TOPIC_LENGTH`].
    #[error("{length} bytes are too long for a topic: at most {MAX_TOPIC_LENGTH}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A line end, NUL or another control character.
    #[error("control characters are not allowed in a topic: use Topic::from_segments to escape")]
    ControlCharacter,
    /// `*` in a topic; or in a filter not as a whole segment, or `**` before the last.
    #[error("`*` stands only in filters: as a whole segment, or `**` as the last one")]
    Wildcard,
    /// A value that is to stand in a topic, say of `#[sse(topic = "shops/{shop}")]`, is empty or
    /// cannot be written as text.
    #[error("the value of `{placeholder}` is empty and makes no part of a topic")]
    NoValue {
        /// What stands between the braces.
        placeholder: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_hostile_value_is_one_segment_and_no_wildcard(value in "[/*%.a\\x00-\\x1f]{1,20}|\\PC{1,20}") {
            let topic = Topic::from_segments(["shops", &value, "orders"]).unwrap();
            prop_assert_eq!(topic.as_str().split('/').count(), 3);
            let filter = TopicFilter::under(["shops", &value]);
            prop_assert!(filter.matches(topic.as_str()));
            prop_assert_eq!(filter.matches("shops/other/orders"), value == "other");
        }

        #[test]
        fn different_values_make_different_topics(a in "[/*%2Fa]{1,6}", b in "[/*%2Fa]{1,6}") {
            let [ta, tb] = [&a, &b].map(|value| Topic::from_segments([value]).unwrap());
            prop_assert_eq!(a == b, ta == tb);
        }
    }

    proptest! {
        #[test]
        fn many_patterns_are_as_good_as_each_of_them(
            filters in prop::collection::vec("([ab*]/){0,3}([ab]|\\*|\\*\\*)", 0..40),
            topic in "[abc](/[abc]){0,4}",
        ) {
            let filters: Vec<TopicFilter> =
                filters.iter().map(|filter| filter.parse().unwrap()).collect();
            let each = filters.iter().any(|filter| filter.matches(&topic));
            prop_assert_eq!(TopicSelection::of(filters).includes(Some(&topic)), each);
        }
    }

    proptest! {
        #[test]
        fn a_filter_is_made_again_of_its_text(
            text in "([ab*]/){0,3}([ab]|\\*|\\*\\*)|(a{251,255}|(a/){125,127}a)(/\\*\\*)?",
            segments in prop::collection::vec("[/*%.a]{0,3}|a{250,255}", 0..3),
        ) {
            let filter: TopicFilter = text.parse().unwrap();
            prop_assert_eq!(filter.to_string(), text);
            let filter = TopicFilter::under(segments);
            let again = filter.to_string().parse();
            match filter.0 {
                Filter::Nothing => prop_assert_eq!(again, Err(TopicError::EmptySegment)),
                _ => prop_assert_eq!(again, Ok(filter)),
            }
        }
    }

    #[test]
    fn of_many_patterns_few_are_looked_at() {
        let filters = (0..20_000).map(|shop| format!("shops/{shop}/*/new").parse().unwrap());
        let selection = TopicSelection::of(filters);
        let begun = std::time::Instant::now();
        for shop in 0..20_000 {
            assert!(selection.includes(Some(&format!("shops/{shop}/orders/new"))));
            assert!(!selection.includes(Some(&format!("stores/{shop}/orders/new"))));
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[test]
    fn patterns_match_by_segment() {
        let cases = [
            ("shops/*/orders", "shops/7/orders", true),
            ("shops/*/orders", "shops/7/8/orders", false),
            ("shops/*", "shops", false),
            ("shops/**", "shops", true),
            ("shops/**", "shops/7/orders", true),
            ("shops/**", "shopsx/7", false),
            ("**", "a/b", true),
            ("*", "a/b", false),
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
        ];
        for (pattern, topic, expected) in cases {
            let filter: TopicFilter = pattern.parse().unwrap();
            assert_eq!(filter.matches(topic), expected, "{pattern} {topic}");
        }
    }

    #[test]
    fn what_is_no_topic_is_refused() {
        assert_eq!("".parse::<Topic>(), Err(TopicError::EmptySegment));
        assert_eq!("/a".parse::<Topic>(), Err(TopicError::EmptySegment));
        assert_eq!("a//b".parse::<Topic>(), Err(TopicError::EmptySegment));
        assert_eq!("a/*".parse::<Topic>(), Err(TopicError::Wildcard));
        assert_eq!("a\n".parse::<Topic>(), Err(TopicError::ControlCharacter));
        assert_eq!("a".repeat(256).parse::<Topic>(), Err(TopicError::TooLong { length: 256 }));
        assert_eq!("a/x*".parse::<TopicFilter>(), Err(TopicError::Wildcard));
        assert_eq!("**/a".parse::<TopicFilter>(), Err(TopicError::Wildcard));
    }

    #[test]
    fn a_selection_fails_closed_and_is_only_ever_narrowed() {
        let everything = TopicSelection::everything();
        assert!(everything.includes(None) && everything.includes(Some("a")));
        let nothing = TopicSelection::of([]);
        assert!(!nothing.includes(None) && !nothing.includes(Some("a")));
        assert!(!TopicSelection::of([TopicFilter::under([""])]).includes(Some("a")));

        let asked: TopicFilter = "**".parse().unwrap();
        let allowed = TopicSelection::of([TopicFilter::under(["a"])]).narrowed_to([asked.clone()]);
        assert!(allowed.includes(Some("a/x")) && !allowed.includes(Some("b")));
        assert!(!TopicSelection::everything().narrowed_to([asked.clone()]).includes(None));
        let again = allowed.narrowed_to([TopicFilter::under(["a", "y"])]).narrowed_to([asked]);
        assert!(again.includes(Some("a/y")) && !again.includes(Some("a/x")));
    }

    #[test]
    fn what_is_asked_for_and_not_allowed_leaves_no_trace() {
        let none = HashSet::new();
        let parse = |filters: &[&str]| {
            filters.iter().map(|filter| filter.parse().unwrap()).collect::<Vec<TopicFilter>>()
        };
        for allowed in [&["own/a/**"][..], &["own/a", "own/b"], &["own/*/x", "own/a"]] {
            let selection = TopicSelection::of(parse(allowed));
            let selection = selection.narrowed_to(parse(&["other", "other/a", "own/b/c"]));
            assert_eq!(selection.key().unwrap().breadth(), (Breadth::Nothing, false));
            assert_eq!(selection.exact_topics(), Some(&none));
        }
        let both = TopicSelection::of(parse(&["own/**"])).narrowed_to(parse(&["other/a", "own/a"]));
        let listed: Vec<_> = both.exact_topics().unwrap().iter().map(Topic::as_str).collect();
        assert_eq!(listed, ["own/a"]);
    }
}
