//! loom tries the ways in which commits, cursors and the end of a hub can cross.
//!
//! Real: the tail, the list of subscribers, the cursors, the log in memory, and what the committer
//! does with a group. Not looked into: `Arc`, and tokio's semaphore and channels, which count as one
//! step. A wake-up that is lost, or a record that is passed over, leaves a cursor waiting for ever,
//! and loom reports a deadlock.

use super::{CloseReason, Core, Cursor, Page, Step};
use crate::tail::Record;
use crate::topic::{TopicFilter, TopicSelection};
use loom::future::block_on;
use loom::thread::{self, JoinHandle};
use std::future::poll_fn;
use std::sync::Arc;

/// Explores all schedules with at most so many preemptions.
fn model(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}

fn cursor<P: Page>(core: &Arc<Core>, topics: &[&str]) -> Cursor<P> {
    let topics = match topics {
        [] => TopicSelection::everything(),
        topics => {
            TopicSelection::of(topics.iter().map(|topic| topic.parse::<TopicFilter>().unwrap()))
        }
    };
    let registration = core.subscribers.register(Arc::new(topics), None).unwrap();
    Cursor::new(core.clone(), registration, 0, None)
}

/// What the cursor comes upon until it has read as many records as are expected, or is closed.
fn read(cursor: &mut Cursor<Vec<Record>>, expected: usize) -> (Vec<u64>, Option<CloseReason>) {
    let mut seqs = Vec::new();
    while seqs.len() < expected {
        match block_on(poll_fn(|cx| cursor.poll_next(cx))) {
            Some(Step::Page { page: records, .. }) => {
                seqs.extend(records.iter().map(|record| record.id.seq()))
            }
            Some(Step::Gap(gap)) => panic!("{gap:?}"),
            Some(Step::Closed(reason)) => return (seqs, Some(reason)),
            None => panic!("polled after its end"),
        }
    }
    (seqs, None)
}

/// A thread whose cursor has to read exactly these.
fn reads(core: &Arc<Core>, topics: &[&str], seqs: &'static [u64]) -> JoinHandle<()> {
    let mut cursor = cursor(core, topics);
    thread::spawn(move || assert_eq!(read(&mut cursor, seqs.len()), (seqs.to_vec(), None)))
}

#[test]
fn a_cursor_reads_all_that_it_selects() {
    model(5, || {
        let core = Core::without_thread(9);
        let b = reads(&core, &["b"], &[2, 3]);
        core.commit(&["a"]);
        core.commit(&["b", "b"]);
        b.join().unwrap();
    });
}

#[test]
fn two_cursors_read_each_what_it_selects() {
    model(3, || {
        let core = Core::without_thread(9);
        let all = reads(&core, &[], &[1, 2, 3]);
        let b = reads(&core, &["b", "c/**"], &[2]);
        core.commit(&["a"]);
        core.commit(&["b", "a"]);
        all.join().unwrap();
        b.join().unwrap();
    });
}

#[test]
fn what_has_left_the_tail_is_read_from_the_log() {
    model(4, || {
        let core = Core::without_thread(1);
        let b = reads(&core, &["b"], &[1, 3]);
        core.commit(&["b"]);
        core.commit(&["a"]);
        core.commit(&["b"]);
        b.join().unwrap();
    });
}

#[test]
fn two_commit_after_each_other_from_two_threads() {
    model(3, || {
        let core = Core::without_thread(9);
        let turn = Arc::new(loom::sync::Mutex::new(()));
        let b = reads(&core, &["b"], &[1, 2]);
        let (other, theirs) = (core.clone(), turn.clone());
        let publisher = thread::spawn(move || {
            let _turn = theirs.lock().unwrap();
            other.commit(&["b"]);
        });
        let mine = turn.lock().unwrap();
        core.commit(&["b"]);
        drop(mine);
        publisher.join().unwrap();
        b.join().unwrap();
    });
}

#[test]
fn who_is_ended_is_woken_and_reads_what_there_was() {
    for also_later in [false, true] {
        model(4, move || {
            let core = Core::without_thread(9);
            let mut b = cursor(&core, &["b"]);
            let theirs = core.clone();
            let reader = thread::spawn(move || {
                let reason = match also_later {
                    true => CloseReason::Drain,
                    false => CloseReason::Disconnected,
                };
                assert_eq!(read(&mut b, usize::MAX), (vec![2], Some(reason)));
                drop(theirs);
            });
            core.commit(&["a", "b"]);
            match also_later {
                true => core.subscribers.end_all(),
                false => core.subscribers.end_today(),
            }
            reader.join().unwrap();
        });
    }
}

#[test]
fn who_reads_closed_topics_gets_the_rest_and_the_end() {
    model(4, || {
        let core = Core::without_thread(9);
        // One topic each: which of two is looked at first is not for a model.
        let (mut a, mut b) = (cursor(&core, &["a"]), cursor(&core, &["b"]));
        let reader = thread::spawn(move || {
            let end = |seqs: &[u64]| (seqs.to_vec(), Some(CloseReason::Complete));
            assert_eq!(read(&mut a, usize::MAX), end(&[1, 3]));
            assert_eq!(read(&mut b, usize::MAX), end(&[2]));
        });
        core.commit(&["a"]);
        core.close("b");
        core.close("a");
        reader.join().unwrap();
    });
}

#[test]
fn who_leaves_while_news_comes_takes_nobody_with_it() {
    model(4, || {
        let core = Core::without_thread(9);
        let stays = reads(&core, &["b"], &[1]);
        let leaves = cursor::<Vec<Record>>(&core, &["b"]);
        let leaver = thread::spawn(move || drop(leaves));
        core.commit(&["b"]);
        leaver.join().unwrap();
        stays.join().unwrap();
        assert_eq!(core.subscribers.count(), 0);
    });
}
