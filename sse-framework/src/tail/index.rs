//! Subscribers found by what they select.

use crate::topic::{PatternTree, Topic, TopicSelection};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// The places of subscribers.
///
/// # Cost
///
/// Finding those whom a topic concerns takes one look for the topic, and a walk along it through
/// the patterns that match so far, as [`PatternTree`] says; whoever selects other topics or patterns
/// is not touched. Adding and removing take time by the bytes of what is selected, and logarithmic
/// time by the number of those who select the same. So does what is kept take memory.
///
/// # Which places are found
///
/// All those whose selection includes the topic, some more than once, and perhaps others.
#[derive(Debug, Default)]
pub(super) struct Index {
    exact: HashMap<Topic, Option<Places>>,
    patterns: PatternTree<Places>,
}

/// The places of those who select the same: most have it for themselves.
#[derive(Debug)]
#[expect(clippy::box_collection, reason = "every node of the tree has room for it")]
enum Places {
    One(usize),
    More(Box<BTreeSet<usize>>),
}

impl Index {
    pub(super) fn insert(&mut self, place: usize, selection: &TopicSelection) {
        let Some(key) = selection.key() else { return };
        for topic in &key.exact {
            Places::add(self.exact.entry(topic.clone()).or_default(), place);
        }
        key.patterns.each(|path| self.patterns.update(path, |places| Places::add(places, place)));
    }

    /// Removes a place that was inserted with this selection.
    pub(super) fn remove(&mut self, place: usize, selection: &TopicSelection) {
        let Some(key) = selection.key() else { return };
        for topic in &key.exact {
            let Some(places) = self.exact.get_mut(topic) else { continue };
            Places::take_out(places, place);
            if places.is_none() {
                self.exact.remove(topic);
            }
        }
        key.patterns
            .each(|path| self.patterns.update(path, |places| Places::take_out(places, place)));
    }

    pub(super) fn find(&self, topic: &str, mut found: impl FnMut(usize)) {
        let mut each = |places: &Places| {
            match places {
                Places::One(place) => found(*place),
                Places::More(places) => places.iter().for_each(|place| found(*place)),
            }
            ControlFlow::Continue(())
        };
        if let Some(Some(places)) = self.exact.get(topic) {
            let _goes_on = each(places);
        }
        let _goes_on = self.patterns.find(topic, &mut 0, &mut each);
    }
}

impl Places {
    fn add(places: &mut Option<Places>, place: usize) {
        match places {
            None => *places = Some(Places::One(place)),
            Some(Places::One(one)) => {
                *places = Some(Places::More(Box::new([*one, place].into())));
            }
            Some(Places::More(more)) => drop(more.insert(place)),
        }
    }

    fn take_out(places: &mut Option<Places>, place: usize) {
        match places {
            Some(Places::One(one)) if *one == place => *places = None,
            Some(Places::More(more)) => {
                more.remove(&place);
                if let (1, Some(one)) = (more.len(), more.first()) {
                    *places = Some(Places::One(*one));
                }
            }
            Some(Places::One(_)) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Breadth;
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
        assert!(index.patterns.breadth() == Breadth::Nothing);
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

    /// About how many bytes are kept for one who asks for these.
    fn kept(filters: &[String]) -> usize {
        fn table<T>(capacity: usize) -> usize {
            capacity * 8 / 7 * (size_of::<T>() + 1)
        }
        let asked = filters.iter().map(|filter| filter.parse().unwrap());
        let selection = TopicSelection::everything().narrowed_to(asked);
        let mut index = Index::default();
        index.insert(7, &selection);
        let key = selection.key().unwrap();
        let texts = key.exact.iter().map(|topic| 24 + topic.as_str().len().next_multiple_of(16));
        let exact = table::<Topic>(key.exact.capacity())
            + table::<(Topic, Option<Places>)>(index.exact.capacity());
        texts.sum::<usize>() + exact + key.patterns.bytes() + index.patterns.bytes()
    }

    #[test]
    fn what_is_kept_for_a_request_is_a_small_multiple_of_it() {
        let long = |n: usize, begin: &str, end: &str| format!("{begin}{n:03}{end}");
        let ways = |n: usize| {
            let segment = |place: u32| if n >> place & 1 == 1 { "*/" } else { "a/" };
            (0..7).map(segment).collect::<String>() + &"a/".repeat(29)
        };
        let shapes: [(&str, &dyn Fn(usize) -> String); 8] = [
            ("many segments", &|n| long(n, "x", &format!("{}/*", "/a".repeat(33)))),
            ("many segments, alike", &|n| long(n, &"a/".repeat(34), "/*")),
            ("many ways", &|n| ways(n) + "*"),
            ("one segment", &|n| long(n, "*/", &"x".repeat(69))),
            ("what is below", &|n| long(n, "", &format!("/{}/**", "x".repeat(66)))),
            ("topics", &|n| long(n, "", &"/x".repeat(35))),
            ("short patterns", &|n| long(n, "", "/*")),
            ("short topics", &|n| long(n, "", "")),
        ];
        for (shape, filter) in shapes {
            let filters: Vec<_> = (0..100).map(filter).collect();
            let length: usize = filters.iter().map(String::len).sum();
            let query = length + filters.len() * "topic=&".len();
            let kept = kept(&filters);
            println!("{shape}: {kept} bytes for {query}");
            assert!(query <= 8 << 10, "{shape}: {query}");
            assert!(kept <= 300 * filters.len() + 3 * length, "{shape}: {kept} for {query}");
        }
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
            prop_assert!(index.exact.is_empty() && index.patterns.breadth() == Breadth::Nothing);
        }
    }

    fn filter() -> impl Strategy<Value = String> {
        "([ab*]/){0,2}([ab]|\\*|\\*\\*)".prop_filter("a filter", |text| !text.is_empty())
    }
}
