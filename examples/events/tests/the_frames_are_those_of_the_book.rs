//! The program prints the frames that the book shows, and topics are those that it tells of.

use example_events::{LineAdded, Order, OrderPlaced, PriceChanged, Rating, Staff};
use sse_framework::{EncodeError, SseEvent, TopicError};
use std::process::Command;

#[test]
fn the_program_prints_the_frames_of_the_book() {
    let output = Command::new(env!("CARGO_BIN_EXE_example-events")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = [
        include_str!("../frames/named.txt"),
        include_str!("../frames/newtype.txt"),
        include_str!("../frames/tuple.txt"),
        include_str!("../frames/unit.txt"),
        include_str!("../frames/name.txt"),
        include_str!("../frames/set.txt"),
        include_str!("../frames/rename_all.txt"),
        include_str!("../frames/nested.txt"),
        include_str!("../frames/serde.txt"),
        include_str!("../frames/generic.txt"),
        include_str!("../frames/deprecated.txt"),
        include_str!("../frames/crate.txt"),
    ];
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected.concat());
}

#[test]
fn a_deprecated_type_says_so() {
    #[allow(deprecated, reason = "it is what is tested")]
    let euro_price = &example_events::EuroPrice::TYPES[0];
    assert_eq!(euro_price.deprecated(), Some("listen for `price`"));
    assert_eq!(PriceChanged::TYPES[0].deprecated(), None);
}

// ANCHOR: topics
fn topic(event: &impl SseEvent) -> Option<String> {
    event.topic().ok()?.map(|topic| topic.to_string())
}

#[test]
fn values_make_topics() {
    let order = Order { shop: "berlin".to_owned(), id: 7 };
    let line = LineAdded { order, sku: "tea".to_owned() };
    assert_eq!(topic(&line).as_deref(), Some("shops/berlin/orders/7"));
    assert_eq!(topic(&Rating("tea".to_owned(), 5)).as_deref(), Some("ratings/stars-5/{all}"));
}

#[test]
fn a_value_stays_in_its_segment() {
    let placed = OrderPlaced { shop: "berlin/../*".to_owned(), id: 7 };
    assert_eq!(topic(&placed).as_deref(), Some("shops/berlin%2F..%2F%2A/orders"));
}

#[test]
fn an_empty_value_makes_no_topic() {
    let refused = OrderPlaced { shop: String::new(), id: 7 }.topic();
    let Err(EncodeError::Topic { name, source }) = refused else { panic!("{refused:?}") };
    assert_eq!(name, "order-placed");
    assert_eq!(source, TopicError::NoValue { placeholder: "shop" });
}
// ANCHOR_END: topics

#[test]
fn a_variant_takes_the_topic_of_its_set_unless_it_has_one() {
    assert_eq!(
        topic(&Staff::ShiftStarted { person: "Kim".to_owned() }).as_deref(),
        Some("staff/Kim")
    );
    assert_eq!(topic(&Staff::ShiftEnded { person: "Kim".to_owned() }).as_deref(), Some("shifts"));
}
