//! `examples/bench`, from which the book has its figures: it measures every system, it sees what
//! is lost, and writes what the book includes.
#![allow(clippy::unwrap_used, reason = "that is how a test fails")]

use std::path::Path;
use std::process::Command;

/// Runs the bench on small loads; what it says, and the files that it writes for the book.
fn bench(arguments: &[&str], directory: &Path) -> (String, String, String) {
    let (page, plot) = (directory.join("bench.md"), directory.join("bench.svg"));
    let run = Command::new(support::server::build("example-bench"))
        .args(arguments)
        .arg("--quick")
        .arg("--data")
        .arg(directory.join("data"))
        .arg("--markdown")
        .arg(&page)
        .arg("--svg")
        .arg(&plot)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}{}", String::from_utf8_lossy(&run.stdout));
    let file = |path| std::fs::read_to_string(path).unwrap_or_default();
    (String::from_utf8(run.stdout).unwrap(), file(&page), file(&plot))
}

/// The numbers of a row of a table in Markdown.
fn row<'p>(page: &'p str, table: &str, system: &str) -> Vec<&'p str> {
    let (_, table) = page.split_once(&format!("**{table}**")).unwrap();
    let begin = format!("| {system} |");
    let row = table.lines().find_map(|line| line.strip_prefix(&begin)).unwrap();
    row.trim_end_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn every_system_is_measured_and_what_is_lost_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let scenarios = "paced,stalled,storm-from-disk,latency";
    let (text, page, plot) = bench(&["--rounds", "1", "--scenarios", scenarios], directory.path());
    for (table, systems) in [
        ("paced", &["floor", "by hand", "framework", "under axum::serve"][..]),
        ("storm-from-disk", &["by hand", "framework", "under axum::serve"]),
        ("latency", &["disk + loopback", "floor", "by hand", "framework"]),
    ] {
        for system in systems {
            let numbers = row(&page, table, system);
            let positive = |cell: &&str| cell.replace(',', "").parse().is_ok_and(|n: f64| n > 0.0);
            assert!(numbers.iter().all(positive), "{table}, {system}: {numbers:?}");
        }
    }
    assert_eq!(row(&page, "stalled", "framework")[2], "0", "{page}");
    // A broadcast channel forgets what a reader that stalls has not taken.
    assert_ne!(row(&page, "stalled", "by hand")[2], "0", "{page}");
    let mut wrong = text.lines().filter(|line| line.starts_with("Wrong in "));
    assert!(wrong.all(|line| line.starts_with("Wrong in stalled, by hand: ")), "{text}");
    assert!(text.contains("Wrong in stalled, by hand: "), "{text}");
    assert_eq!(plot.matches("<rect").count(), 4, "{plot}");
    // A blank line would end the plot in the middle of a page of Markdown.
    assert!(plot.starts_with("<svg ") && !plot.contains("\n\n"), "{plot}");
}

#[test]
fn growth_is_measured() {
    let directory = tempfile::tempdir().unwrap();
    let (_, page, _) = bench(&["--growth"], directory.path());
    for (table, size) in [("Subscribers", "50"), ("History", "500"), ("Topics", "500")] {
        assert!(row(&page, table, size).len() > 3, "{table}: {page}");
    }
}
