//! What the derive of a large set costs the compiler, as a multiple of what serde's two derives
//! cost it for the same types.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

mod compiler;
mod sources;

use compiler::{Build, Compiler};
use sources::{Around, Derives, SOURCES, Source};

/// How often each source is compiled; odd, for the median.
const ROUNDS: usize = 9;

/// The most that is allowed.
const LIMIT: f64 = 1.5;

#[test]
#[ignore = "takes three minutes; its figures are in the book, and its command is in CONTRIBUTING.md"]
fn the_derive_compiles_quickly() {
    let compiler = Compiler::new();
    for (shape, source) in SOURCES {
        for build in [Build::Check, Build::Debug] {
            let [none, serde, described, all] = medians(&compiler, build, source);
            let ratio = (all - described) / (serde - none);
            let schemas = (described - serde) / (serde - none);
            println!(
                "{shape}, {build:?}: no derive {none:.0} ms, serde's two {serde:.0} ms, that of schemars \
                 as well {described:.0} ms, ours as well {all:.0} ms: that of schemars costs {schemas:.2} \
                 of serde's, ours {ratio:.2}, n = {ROUNDS}"
            );
            assert!(ratio <= LIMIT, "{ratio:.2} is more than {LIMIT}");
        }
    }
}

/// Milliseconds of processor time without derives, with serde's, with that of schemars beside them, and with
/// ours as well.
///
/// They take turns, so that whatever else the machine does meets all of them.
fn medians(compiler: &Compiler, build: Build, source: Source) -> [f64; 4] {
    // serde's code is generic, so that a build has no work with it until somebody writes and reads
    // the types. That is what they are for, and what ours does.
    let used = build == Build::Debug;
    let all = [Derives::None, Derives::Serde, Derives::Described, Derives::All];
    let all = all.map(|derives| source(Around { derives, used }));
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for (source, times) in all.iter().zip(&mut times) {
            times.push(compiler.milliseconds(build, source));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}
