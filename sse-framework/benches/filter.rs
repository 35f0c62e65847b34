//! Whether a subscription selects a topic.
#![allow(dead_code, clippy::unwrap_used, reason = "this is a benchmark")]

mod support;

use criterion::Criterion;
use sse_framework::{TopicFilter, TopicSelection};
use std::hint::black_box;

fn selection(filters: impl IntoIterator<Item = String>) -> TopicSelection {
    TopicSelection::of(filters.into_iter().map(|filter| filter.parse::<TopicFilter>().unwrap()))
}

fn filter(criterion: &mut Criterion) {
    let selections = [
        ("everything", TopicSelection::everything()),
        ("exact", selection(["shops/7/orders".into()])),
        ("1000-exact", selection((0..1000).map(|shop| format!("shops/{shop}/orders")))),
        ("under", selection(["shops/7/**".into()])),
        ("1000-under", selection((0..1000).map(|shop| format!("shops/{shop}/**")))),
        ("pattern", selection(["*/7/*".into()])),
        ("100-patterns", selection((0..99).map(|n| format!("*/*/a{n}")).chain(["*/7/*".into()]))),
        ("narrowed", selection(["shops/**".into()]).narrowed_to(["*/7/orders".parse().unwrap()])),
    ];
    let mut group = criterion.benchmark_group("filter");
    for (name, selection) in &selections {
        group.bench_function(format!("{name}/selected"), |bencher| {
            bencher.iter(|| assert!(selection.includes(Some(black_box("shops/7/orders")))));
        });
        group.bench_function(format!("{name}/other"), |bencher| {
            bencher.iter(|| selection.includes(Some(black_box("stores/8/returns"))));
        });
    }
}

fn main() {
    support::run(&[filter]);
}
