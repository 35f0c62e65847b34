//! Whatever a value of a topic is, it neither leaves its segment nor acts as a pattern nor vanishes,
//! and different values make different topics.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    EncodeError, Hub, MAX_TOPIC_LENGTH, PublishError, SseEvent, Topic, TopicError, TopicFilter,
};
use support::random;

/// A field, a field within a field, part of a segment, and braces that stand for themselves.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "tenants/{tenant}/by-{{{author.name}}}/{tenant}")]
struct Written {
    tenant: String,
    author: Author,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Author {
    name: String,
}

/// The same in a variant, by position.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
enum Set {
    #[sse(topic = "tenants/{0}/by-{{{1.name}}}/{0}")]
    Written(String, Author),
}

/// What could hurt, and what looks as if it had been escaped already.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[/*%.{}\\\\ a-c]",
        "\\PC",
        "[\0-\u{1f}\u{7f}-\u{9f}]",
        Just("**".to_owned()),
        Just("%2F".to_owned()),
        Just("..".to_owned()),
        Just("{tenant}".to_owned()),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn check(tenant: &str, name: &str, other: &str) -> Result<(), TestCaseError> {
    let author = || Author { name: name.to_owned() };
    let event = Written { tenant: tenant.to_owned(), author: author() };
    let made = event.topic().map(Option::unwrap);
    let variant = Set::Written(tenant.to_owned(), author()).topic().map(Option::unwrap);
    prop_assert_eq!(made.as_ref().ok(), variant.as_ref().ok());
    let topic = match made {
        Ok(topic) => topic,
        Err(EncodeError::Topic { source, .. }) => return refused(tenant, name, source),
        Err(other) => panic!("{other}"),
    };
    let text = topic.as_str();
    prop_assert!(!tenant.is_empty() && !name.is_empty(), "vanished in {:?}", text);
    prop_assert_eq!(text.split('/').count(), 4, "{:?}", text);
    prop_assert!(!text.contains('*') && !text.contains(char::is_control), "{:?}", text);
    prop_assert!(text.contains("/by-{") && text.len() <= MAX_TOPIC_LENGTH, "{:?}", text);
    // Who is allowed what one value names sees it, and nobody else does.
    prop_assert!(TopicFilter::under(["tenants", tenant]).matches(text));
    prop_assert!(TopicFilter::exact(topic.clone()).matches(text));
    if !other.is_empty() {
        let foreign = TopicFilter::under(["tenants", other]);
        prop_assert_eq!(foreign.matches(text), other == tenant, "{:?}", text);
        let elsewhere = Written { tenant: other.to_owned(), author: author() }.topic();
        let same = elsewhere.is_ok_and(|elsewhere| elsewhere.as_ref() == Some(&topic));
        prop_assert_eq!(same, other == tenant, "{:?}", text);
    }
    let parsed: Result<Topic, _> = text.parse();
    prop_assert_eq!(parsed.ok(), Some(topic));
    Ok(())
}

fn refused(tenant: &str, name: &str, source: TopicError) -> Result<(), TestCaseError> {
    match source {
        TopicError::NoValue { placeholder: "tenant" } => prop_assert_eq!(tenant, ""),
        TopicError::NoValue { placeholder: "author.name" } => prop_assert_eq!(name, ""),
        TopicError::TooLong { length } => prop_assert!(length > MAX_TOPIC_LENGTH),
        other => panic!("{other}"),
    }
    Ok(())
}

#[test]
fn a_topic_value_stays_in_its_segment() {
    let seed = random::seed();
    let mut runner = TestRunner::new(Config {
        cases: random::cases(5_000),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    });
    let values = (value(), value(), value());
    let result = runner.run(&values, |(tenant, name, other)| check(&tenant, &name, &other));
    if let Err(error) = result {
        panic!("{error}\nto repeat: SSE_SEED={seed}");
    }
}

#[tokio::test]
async fn a_value_without_text_is_told_to_the_publisher() {
    let hub = Hub::<Written>::in_memory().unwrap();
    let empty = Written { tenant: "t".to_owned(), author: Author { name: String::new() } };
    let refused = hub.publish(empty.clone()).await;
    let Err(PublishError::Encode(error)) = refused else { panic!("{refused:?}") };
    let EncodeError::Topic { name: "written", source } = &*error else { panic!("{error}") };
    assert_eq!(*source, TopicError::NoValue { placeholder: "author.name" });
    // Nor does the rest of a batch get in.
    let full = Written { author: Author { name: "a".to_owned() }, ..empty.clone() };
    assert!(hub.publish_all(vec![full, empty]).await.is_err());
    assert_eq!(hub.last_event_id().seq(), 0);
}
