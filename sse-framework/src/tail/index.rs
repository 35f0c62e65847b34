//! Subscribers found by what they select.

use crate::topic::{Key, Topic, TopicFilter, TopicSelection};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The places of subscribers.
///
/// # Cost
///
/// Finding those whom a topic concerns takes one look for the topic, one for each path that it lies
/// under, and one for each filter in `matched`; whoever selects other topics or paths is not
/// touched. Adding and removing take logarithmic time.
///
/// # Which places are found
///
/// All those whose selection includes the topic, some more than once, and perhaps others.
#[derive(Debug, Default)]
pub(super) struct Index {
    exact: HashMap<Topic, BTreeSet<usize>>,
    /// Those who read whatever lies under a path.
    under: HashMap<Box<str>, BTreeSet<usize>>,
    /// Those with filters that must be tried.
    matched: BTreeMap<usize, Vec<TopicFilter>>,
}

impl Index {
    pub(super) fn insert(&mut self, place: usize, selection: &TopicSelection) {
        for key in selection.keys() {
            match key {
                Key::Exact(topic) => {
                    self.exact.entry(topic.clone()).or_default().insert(place);
                }
                Key::Under(path) => {
                    self.under.entry(path.into()).or_default().insert(place);
                }
                Key::Matched(filter) => {
                    self.matched.entry(place).or_default().push(filter.clone());
                }
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
                Key::Under(path) => {
                    if without(self.under.get_mut(path), place) {
                        self.under.remove(path);
                    }
                }
                Key::Matched(_) => drop(self.matched.remove(&place)),
            }
        }
    }

    pub(super) fn find(&self, topic: &str, mut found: impl FnMut(usize)) {
        self.exact.get(topic).into_iter().flatten().for_each(|place| found(*place));
        let mut path = Some(topic).filter(|_| !self.under.is_empty());
        while let Some(under) = path {
            self.under.get(under).into_iter().flatten().for_each(|place| found(*place));
            path = match under.rfind('/') {
                Some(end) => Some(&under[..end]),
                None => Some("").filter(|root| under != *root),
            };
        }
        let matched = self.matched.iter();
        matched
            .filter(|(_, filters)| filters.iter().any(|filter| filter.matches(topic)))
            .for_each(|(place, _)| found(*place));
    }
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
    fn of_ten_thousand_with_a_path_each_one_is_touched() {
        let mut index = Index::default();
        let under = |shop: usize| {
            TopicSelection::of([TopicFilter::under(["shops".to_owned(), shop.to_string()])])
        };
        (0..10_000).for_each(|shop| index.insert(shop, &under(shop)));
        assert_eq!(found(&index, "shops/77/orders/1"), [77]);
        assert_eq!(found(&index, "shops/77"), [77]);
        assert_eq!(found(&index, "shops"), [0; 0]);
        (0..10_000).for_each(|shop| index.remove(shop, &under(shop)));
        assert!(index.under.is_empty());
    }

    #[test]
    fn the_side_that_needs_no_trying_is_the_one_in_the_index() {
        let asked =
            |filters: &[&str]| filters.iter().map(|f| f.parse().unwrap()).collect::<Vec<_>>();
        let mut index = Index::default();
        index.insert(0, &selection(&["a/**"]).narrowed_to(asked(&["*/x", "a/*", "**"])));
        index.insert(1, &selection(&["*/x"]).narrowed_to(asked(&["a/x", "b/x"])));
        index.insert(2, &TopicSelection::everything().narrowed_to(asked(&["**"])));
        assert!(index.matched.is_empty());
        assert_eq!(found(&index, "a/x"), [1, 0, 2]);
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
            prop_assert!(index.exact.is_empty() && index.under.is_empty() && index.matched.is_empty());
        }
    }

    fn filter() -> impl Strategy<Value = String> {
        "([ab*]/){0,2}([ab]|\\*|\\*\\*)".prop_filter("a filter", |text| !text.is_empty())
    }
}
