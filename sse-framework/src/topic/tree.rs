//! Patterns, found by the topics that they match.

use std::fmt;
use std::ops::ControlFlow;

/// Patterns, each with what is kept for it.
///
/// # Memory
///
/// At most two nodes for each pattern, however many segments it has, and its bytes: what patterns
/// have in common at their beginning is there once.
///
/// # Cost
///
/// Adding and removing take time by the pattern's bytes. Finding is a walk along the topic through
/// the patterns that match so far. Where some go on with `*` and some with the topic's own segment,
/// it goes both ways: at most 2ⁿ ways for a topic of n segments, and no more than there are patterns.
#[derive(Clone)]
pub(crate) struct PatternTree<T> {
    root: Node<T>,
}

/// What some patterns begin with.
#[derive(Clone)]
struct Node<T> {
    /// From the node above to this one.
    edge: Box<[u8]>,
    /// For the pattern that ends here.
    kept: Option<T>,
    /// By the first bytes of their edges, which differ.
    next: Box<[Node<T>]>,
}

/// A pattern as the tree has it: `*` passes over a segment, and [`BELOW`], in place of a last `/**`,
/// over whatever follows.
pub(crate) fn path(pattern: &str) -> Vec<u8> {
    let mut path = pattern.as_bytes().to_vec();
    if pattern == "**" || pattern.ends_with("/**") {
        path.truncate(path.len().saturating_sub(3));
        path.push(BELOW);
    }
    path
}

/// No pattern has control characters.
const BELOW: u8 = 0;
const ANY: u8 = b'*';

/// What it takes to look at a node, counted in bytes that are compared.
const NODE_STEPS: usize = 8;

/// How much a set of patterns matches at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Breadth {
    Nothing,
    /// Topics that begin with certain segments.
    Some,
    /// Topics that begin with any segment.
    Any,
    All,
}

impl<T> PatternTree<T> {
    pub(crate) fn breadth(&self) -> Breadth {
        match () {
            () if self.root.next(BELOW).is_some() => Breadth::All,
            () if self.root.next(ANY).is_some() => Breadth::Any,
            () if self.root.next.is_empty() => Breadth::Nothing,
            () => Breadth::Some,
        }
    }

    /// Changes what is kept for a pattern, which is in the tree as long as that is something.
    pub(crate) fn update(&mut self, path: &[u8], change: impl FnOnce(&mut Option<T>)) {
        self.root.update(path, change);
    }

    /// Gives out what is kept for the patterns that match, until it is told to break. To `steps` it
    /// adds about as many as bytes are compared.
    pub(crate) fn find<'t>(
        &'t self,
        topic: &str,
        steps: &mut usize,
        found: &mut impl FnMut(&'t T) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.root.find(topic.as_bytes(), true, steps, found)
    }

    /// Gives out the patterns.
    pub(crate) fn each(&self, mut visit: impl FnMut(&[u8])) {
        self.root.each(&mut Vec::new(), &mut visit);
    }
}

impl<T> Node<T> {
    fn place(&self, first: u8) -> Result<usize, usize> {
        self.next.binary_search_by_key(&first, |node| node.edge[0])
    }

    fn next(&self, first: u8) -> Option<&Node<T>> {
        self.place(first).ok().map(|place| &self.next[place])
    }

    /// `path` is what is left of it.
    fn update(&mut self, path: &[u8], change: impl FnOnce(&mut Option<T>)) {
        let Some(first) = path.first() else { return change(&mut self.kept) };
        match self.place(*first) {
            Ok(place) => {
                let node = &mut self.next[place];
                let common = node.edge.iter().zip(path).take_while(|(a, b)| a == b).count();
                node.split(common);
                node.update(&path[common..], change);
                node.join();
                if node.kept.is_none() && node.next.is_empty() {
                    self.with_next(|next| drop(next.remove(place)));
                }
            }
            Err(place) => {
                let mut node = Node { edge: path.into(), kept: None, next: Box::default() };
                change(&mut node.kept);
                if node.kept.is_some() {
                    self.with_next(|next| {
                        next.reserve_exact(1);
                        next.insert(place, node);
                    });
                }
            }
        }
    }

    fn with_next(&mut self, change: impl FnOnce(&mut Vec<Node<T>>)) {
        let mut next = std::mem::take(&mut self.next).into_vec();
        change(&mut next);
        self.next = next.into();
    }

    /// Makes of an edge that is longer two, with a node between them.
    fn split(&mut self, length: usize) {
        if length < self.edge.len() {
            let (edge, rest) = self.edge.split_at(length);
            let (edge, rest) = (edge.into(), rest.into());
            let (kept, next) = (self.kept.take(), std::mem::take(&mut self.next));
            let below = Node { edge: rest, kept, next };
            *self = Node { edge, kept: None, next: Box::new([below]) };
        }
    }

    /// Makes of two edges one, if the node between them is for nothing else.
    fn join(&mut self) {
        if self.kept.is_none()
            && let [_] = *self.next
        {
            let edge = std::mem::take(&mut self.edge);
            for below in std::mem::take(&mut self.next) {
                *self = Node { edge: [&*edge, &below.edge].concat().into(), ..below };
            }
        }
    }

    /// `topic` is what is left of it, and `begins` whether a segment begins there.
    fn find<'t>(
        &'t self,
        topic: &[u8],
        begins: bool,
        steps: &mut usize,
        found: &mut impl FnMut(&'t T) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if topic.is_empty() {
            self.kept.as_ref().map_or(ControlFlow::Continue(()), &mut *found)?;
        }
        // Anything may follow the whole of a topic's segment, and of none.
        if begins || matches!(topic, [] | [b'/', ..]) {
            let below = self.next.first().filter(|node| node.edge[0] == BELOW);
            below
                .and_then(|node| node.kept.as_ref())
                .map_or(ControlFlow::Continue(()), &mut *found)?;
        }
        let any = if begins { self.next(ANY) } else { None };
        let own = topic.first().filter(|first| ![BELOW, ANY].contains(first));
        for node in any.into_iter().chain(own.and_then(|first| self.next(*first))) {
            if let Some(rest) = node.pass(topic, steps) {
                node.find(rest, node.edge.ends_with(b"/"), steps, found)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// What is left of a topic behind the edge, if that matches.
    fn pass<'p>(&self, topic: &'p [u8], steps: &mut usize) -> Option<&'p [u8]> {
        let mut rest = topic;
        let matches = self.edge.iter().all(|byte| match (*byte, rest) {
            (ANY, _) => {
                let length = rest.iter().position(|byte| *byte == b'/');
                rest = length.map_or(&[], |length| &rest[length..]);
                true
            }
            (BELOW, [] | [b'/', ..]) => {
                rest = &[];
                true
            }
            (byte, [first, others @ ..]) if byte == *first && byte != BELOW => {
                rest = others;
                true
            }
            _ => false,
        });
        *steps += NODE_STEPS + topic.len() - rest.len();
        matches.then_some(rest)
    }

    fn each(&self, path: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
        if self.kept.is_some() {
            visit(path);
        }
        for node in &self.next {
            path.extend_from_slice(&node.edge);
            node.each(path, visit);
            path.truncate(path.len() - node.edge.len());
        }
    }
}

impl<T> Default for PatternTree<T> {
    fn default() -> Self {
        PatternTree { root: Node { edge: Box::default(), kept: None, next: Box::default() } }
    }
}

impl<T> fmt::Debug for PatternTree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        self.each(|path| {
            let text = match path {
                [BELOW] => "**".to_owned(),
                [above @ .., BELOW] => format!("{}/**", String::from_utf8_lossy(above)),
                path => String::from_utf8_lossy(path).into_owned(),
            };
            list.entry(&text);
        });
        list.finish()
    }
}

#[cfg(test)]
impl<T> PatternTree<T> {
    /// About what it takes in memory, apart from what is kept behind pointers.
    pub(crate) fn bytes(&self) -> usize {
        self.root.bytes()
    }

    fn nodes(&self) -> usize {
        self.root.nodes()
    }
}

#[cfg(test)]
impl<T> Node<T> {
    /// An allocator gives out 8 bytes more, and multiples of 16.
    fn bytes(&self) -> usize {
        let allocated =
            |bytes: usize| if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16) };
        let next = allocated(size_of_val(&*self.next)) + allocated(self.edge.len());
        next + self.next.iter().map(Node::bytes).sum::<usize>()
    }

    fn nodes(&self) -> usize {
        1 + self.next.iter().map(Node::nodes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::TopicFilter;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn tree(patterns: &[String]) -> PatternTree<String> {
        let mut tree = PatternTree::default();
        for pattern in patterns {
            tree.update(&path(pattern), |kept| *kept = Some(pattern.clone()));
        }
        tree
    }

    fn found(tree: &PatternTree<String>, topic: &str) -> Vec<String> {
        let mut all = Vec::new();
        let _goes_on = tree.find(topic, &mut 0, &mut |pattern: &String| {
            all.push(pattern.clone());
            ControlFlow::Continue(())
        });
        all.sort_unstable();
        all
    }

    /// Segments that begin alike, by bytes too, and some that come before `*`.
    fn patterns() -> impl Strategy<Value = BTreeSet<String>> {
        let pattern = "(((a|ab|abc|!|é|è|\\*)/){0,4}(a|ab|abc|!|é|è|\\*|\\*\\*))";
        prop::collection::btree_set(pattern, 0..30)
    }

    proptest! {
        #[test]
        fn the_patterns_that_match_are_found_and_no_others(
            patterns in patterns(),
            gone in patterns(),
            topic in "((a|ab|abc|abcd|!|é|è)/){0,5}(a|ab|abc|!|é|è)|[a*/\\x00]{0,8}",
        ) {
            let all: Vec<String> = patterns.union(&gone).cloned().collect();
            let mut tree = tree(&all);
            for pattern in &gone {
                tree.update(&path(pattern), |kept| *kept = None);
            }
            let left: Vec<String> = patterns.difference(&gone).cloned().collect();
            let matching = left.iter().filter(|pattern| {
                pattern.parse::<TopicFilter>().unwrap().0 != crate::topic::Filter::Nothing
                    && crate::topic::pattern_matches(pattern, &topic)
            });
            prop_assert_eq!(found(&tree, &topic), matching.cloned().collect::<Vec<_>>());
            prop_assert!(tree.nodes() <= 1 + 2 * left.len(), "{} of {}", tree.nodes(), left.len());
            prop_assert_eq!(tree.bytes(), tests::tree(&left).bytes(), "who goes leaves nothing");
            let mut listed = Vec::new();
            tree.each(|path| listed.push(path.to_vec()));
            let mut paths: Vec<_> = left.iter().map(|pattern| path(pattern)).collect();
            paths.sort_unstable();
            prop_assert_eq!(listed, paths);
        }
    }

    #[test]
    fn what_is_no_topic_is_below_nothing() {
        let tree = tree(&["a/**".to_owned()]);
        assert_eq!(found(&tree, "a\0"), [""; 0]);
        assert_eq!(found(&tree, "a/\0"), ["a/**"]);
    }

    #[test]
    fn what_many_patterns_have_in_common_is_compared_once() {
        let (mut one, mut many) = (0, 0);
        let pattern = |n: usize| format!("*/*/orders/{n}/**");
        assert!(
            tree(&[pattern(0)])
                .find("shops/7/orders/x", &mut one, &mut |_| { ControlFlow::Break(()) })
                .is_continue()
        );
        let all: Vec<_> = (0..1000).map(pattern).collect();
        assert!(
            tree(&all)
                .find("shops/7/orders/x", &mut many, &mut |_| { ControlFlow::Break(()) })
                .is_continue()
        );
        assert!(0 < one && many <= one, "{many} steps, for one {one}");
    }

    #[test]
    fn a_walk_is_bounded_by_the_topics_segments_and_by_the_patterns() {
        let topic = ["a"; 8].join("/");
        let hostile: Vec<_> = (0..1000_u32)
            .map(|n| {
                let segment = |place: u32| if n >> place & 1 == 1 { "*/" } else { "a/" };
                (0..10).map(segment).collect::<String>() + "b"
            })
            .collect();
        let tree = tree(&hostile);
        let steps = |topic: &str| {
            let mut steps = 0;
            assert!(tree.find(topic, &mut steps, &mut |_| ControlFlow::Break(())).is_continue());
            steps
        };
        let most_of_a_node = NODE_STEPS + topic.len();
        assert!(steps("a/a/a") <= 2 * 8 * most_of_a_node, "{}", steps("a/a/a"));
        assert!(steps(&topic) <= 2 * 256 * most_of_a_node, "{}", steps(&topic));
        assert!(steps(&[&*topic; 4].join("/")) <= 2 * 1000 * NODE_STEPS + 2 * 20_000);
    }
}
