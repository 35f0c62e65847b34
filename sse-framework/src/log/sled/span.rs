//! Ranges of seqs, in order and apart.

use serde::{Deserialize, Serialize};

/// The records from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Span {
    pub(crate) fn count(self) -> u64 {
        self.last + 1 - self.first
    }
}

/// The first of the ranges that does not end before `from`, without what comes before that.
pub(crate) fn next_from(spans: &[Span], from: u64) -> Option<Span> {
    let after = spans.partition_point(|span| span.last < from);
    spans.get(after).map(|span| Span { first: span.first.max(from), last: span.last })
}

/// Adds ranges, and puts together what touches.
pub(crate) fn merge(spans: &mut Vec<Span>, more: impl IntoIterator<Item = Span>) {
    spans.extend(more);
    spans.sort_unstable_by_key(|span| span.first);
    spans.dedup_by(|next, span| {
        let touches = next.first <= span.last + 1;
        if touches {
            span.last = span.last.max(next.last);
        }
        touches
    });
}

/// The parts of `whole` that are in none of the ranges.
pub(crate) fn outside(spans: &[Span], whole: Span) -> Vec<Span> {
    let (mut parts, mut next) = (Vec::new(), whole.first);
    while let Some(span) = next_from(spans, next).filter(|span| span.first <= whole.last) {
        if span.first > next {
            parts.push(Span { first: next, last: span.first - 1 });
        }
        next = span.last + 1;
    }
    if next <= whole.last {
        parts.push(Span { first: next, last: whole.last });
    }
    parts
}

/// The parts of the ranges that lie within `whole`.
pub(crate) fn within(spans: &[Span], whole: Span) -> Vec<Span> {
    let clip =
        |span: &Span| Span { first: span.first.max(whole.first), last: span.last.min(whole.last) };
    spans.iter().map(clip).filter(|span| span.first <= span.last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u64, last: u64) -> Span {
        Span { first, last }
    }

    #[test]
    fn ranges_are_put_together_and_found() {
        let mut spans = vec![span(5, 7)];
        merge(&mut spans, [span(8, 9), span(1, 2), span(6, 6), span(20, 30)]);
        assert_eq!(spans, [span(1, 2), span(5, 9), span(20, 30)]);
        assert_eq!(next_from(&spans, 6), Some(span(6, 9)));
        assert_eq!(next_from(&spans, 10), Some(span(20, 30)));
        assert_eq!(next_from(&spans, 31), None);
        assert_eq!(outside(&spans, span(1, 40)), [span(3, 4), span(10, 19), span(31, 40)]);
        assert_eq!(outside(&spans, span(6, 8)), []);
        assert_eq!(within(&spans, span(7, 22)), [span(7, 9), span(20, 22)]);
    }
}
