//! Subscribers found by what they select.

use crate::topic::{Key, Topic, TopicSelection};
use std::collections::{BTreeSet, HashMap};

/// The places of subscribers.
///
/// # Cost
///
/// Finding those whom a topic concerns takes one look for the topic, and a walk along its segments
/// through the patterns that match so far; whoever selects other topics or patterns is not
/// touched. Adding and removing take time by the number of segments, and logarithmic time.
///
/// # Which places are found
///
/// All those whose selection includes the topic, some more than once, and perhaps others.
#[derive(Debug, Default)]
pub(super) struct Index {
    exact: HashMap<Topic, BTreeSet<usize>>,
    patterns: Node,
}

/// What patterns that begin alike have in common.
#[derive(Debug, Default)]
struct Node {
    /// Those whose pattern ends here, and those whose pattern goes on with `**`.
    here: BTreeSet<usize>,
    below: BTreeSet<usize>,
    /// Patterns that go on with a segment, and with `*`.
    segments: HashMap<Box<str>, Node>,
    any: Option<Box<Node>>,
}

impl Index {
    pub(super) fn insert(&mut self, place: usize, selection: &TopicSelection) {
        for key in selection.keys() {
            match key {
                Key::Exact(topic) => {
                    self.exact.entry(topic.clone()).or_default().insert(place);
                }
                Key::Pattern(pattern) => self.patterns.insert(pattern, place),
            }
        }
    }

    /// Removes a place that was inserted with this selection.
    pub(super) fn remove(&mut self, place: usize, selection: &TopicSelection) {
        for key in selection.keys() {
            match key {
                Key::Exact(topic) => {
                    if without(self.exact.get_mut(topic), place) {
                        self.exact.remove(topic);
                    }
                }
                Key::Pattern(pattern) => self.patterns.remove(Some(pattern), place),
            }
        }
    }

    pub(super) fn find(&self, topic: &str, mut found: impl FnMut(usize)) {
        self.exact.get(topic).into_iter().flatten().for_each(|place| found(*place));
        self.patterns.find(Some(topic), &mut found);
    }
}

impl Node {
    fn insert(&mut self, pattern: &str, place: usize) {
        let mut node = self;
        for segment in pattern.split('/') {
            node = match segment {
                "**" => {
                    node.below.insert(place);
                    return;
                }
                "*" => node.any.get_or_insert_default(),
                segment => node.segments.entry(segment.into()).or_default(),
            };
        }
        node.here.insert(place);
    }

    /// `pattern` is what is left of it; none at its end.
    fn remove(&mut self, pattern: Option<&str>, place: usize) {
        let Some((segment, rest)) = pattern.map(first) else {
            self.here.remove(&place);
            return;
        };
        match segment {
            "**" => drop(self.below.remove(&place)),
            "*" => {
                let any = self.any.as_mut();
                any.into_iter().for_each(|node| node.remove(rest, place));
                self.any.take_if(|node| node.is_empty());
            }
            segment => {
                let Some(node) = self.segments.get_mut(segment) else { return };
                node.remove(rest, place);
                if node.is_empty() {
                    self.segments.remove(segment);
                }
            }
        }
    }

    fn find(&self, topic: Option<&str>, found: &mut impl FnMut(usize)) {
        self.below.iter().for_each(|place| found(*place));
        let Some((segment, rest)) = topic.map(first) else {
            self.here.iter().for_each(|place| found(*place));
            return;
        };
        let next = self.segments.get(segment).into_iter().chain(self.any.as_deref());
        next.for_each(|node| node.find(rest, found));
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty()
            && self.below.is_empty()
            && self.segments.is_empty()
            && self.any.is_none()
    }
}

/// The first segment, and the others if there are any.
fn first(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(segment, rest)| (segment, Some(rest)))
}

/// Takes a place out, and says whether none is left.
fn without(places: Option<&mut BTreeSet<usize>>, place: usize) -> bool {
    places.is_some_and(|places| {
        places.remove(&place);
        places.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn selection(filters: &[&str]) -> TopicSelection {
        TopicSelection::of(filters.iter().map(|filter| filter.parse().unwrap()))
    }

    fn found(index: &Index, topic: &str) -> Vec<usize> {
        let mut places = Vec::new();
        index.find(topic, |place| places.push(place));
        places
    }

    #[test]
    fn of_ten_thousand_with_a_pattern_each_one_is_touched() {
        let mut index = Index::default();
        let pattern =
            |shop: usize| selection(&[&format!("shops/{shop}/*/new"), &format!("{shop}/**")]);
        (0..10_000).for_each(|shop| index.insert(shop, &pattern(shop)));
        assert_eq!(found(&index, "shops/77/orders/new"), [77]);
        assert_eq!(found(&index, "77/orders"), [77]);
        assert_eq!(found(&index, "77"), [77]);
        assert_eq!(found(&index, "shops/77/orders"), [0; 0]);
        (0..10_000).for_each(|shop| index.remove(shop, &pattern(shop)));
        assert!(index.patterns.is_empty());
    }

    #[test]
    fn the_side_that_fewer_topics_find_is_the_one_in_the_index() {
        let asked =
            |filters: &[&str]| filters.iter().map(|f| f.parse().unwrap()).collect::<Vec<_>>();
        let mut index = Index::default();
        index.insert(0, &selection(&["a/**"]).narrowed_to(asked(&["*/x", "a/*", "**"])));
        index.insert(1, &selection(&["*/x"]).narrowed_to(asked(&["a/x", "b/x"])));
        index.insert(2, &TopicSelection::everything().narrowed_to(asked(&["**"])));
        assert_eq!(found(&index, "a/x"), [1, 2, 0]);
        assert_eq!(found(&index, "c/x"), [2]);
    }

    proptest! {
        #[test]
        fn nobody_whose_selection_includes_a_topic_is_left_out(
            allowed in prop::collection::vec(filter(), 0..4),
            asked in prop::collection::vec(filter(), 0..4),
            topic in "[ab](/[ab]){0,3}",
        ) {
            let parse = |filters: Vec<String>| {
                filters.into_iter().map(|filter| filter.parse().unwrap()).collect::<Vec<_>>()
            };
            let selections = [
                TopicSelection::of(parse(allowed.clone())).narrowed_to(parse(asked.clone())),
                TopicSelection::everything().narrowed_to(parse([asked, vec!["a".into()]].concat())),
            ];
            let mut index = Index::default();
            for (place, selection) in selections.iter().enumerate() {
                index.insert(place, selection);
            }
            let places = found(&index, &topic);
            for (place, selection) in selections.iter().enumerate() {
                prop_assert!(!selection.includes(Some(&topic)) || places.contains(&place));
                index.remove(place, selection);
            }
            prop_assert!(index.exact.is_empty() && index.patterns.is_empty());
        }
    }

    fn filter() -> impl Strategy<Value = String> {
        "([ab*]/){0,2}([ab]|\\*|\\*\\*)".prop_filter("a filter", |text| !text.is_empty())
    }
}
