//! loom tries the ways in which rings and rounds can cross.
//!
//! The writer's loop is written down here once more, since the real one waits for sockets: who
//! changes the order of steps in `Rounds::run` or `Stream::advance` changes it here too.

use super::{Bell, StreamBell};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::sync::Arc;
use std::task::Waker;

/// Stands for the poll that the writer sleeps in.
#[derive(Default)]
struct Poll {
    roused: Mutex<bool>,
    changed: Condvar,
}

impl Poll {
    fn rouse(&self) {
        *self.roused.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut roused = self.roused.lock().unwrap();
        while !*roused {
            roused = self.changed.wait(roused).unwrap();
        }
        *roused = false;
    }
}

/// A writer, its streams, and what they have to say.
struct Model {
    poll: Arc<Poll>,
    bell: Arc<Bell>,
    streams: Vec<Arc<StreamBell>>,
    news: Arc<[AtomicUsize; 2]>,
    orders: Arc<Mutex<usize>>,
}

impl Model {
    fn new() -> Self {
        let poll = Arc::new(Poll::default());
        let rouses = poll.clone();
        let bell = Arc::new(Bell::new(move || {
            rouses.rouse();
            Ok(())
        }));
        let streams = (0..2).map(|key| Arc::new(StreamBell::new(bell.clone(), key))).collect();
        let (news, orders) = (Arc::default(), Arc::default());
        Model { poll, bell, streams, news, orders }
    }

    /// A thread that has news for some streams, one after the other.
    fn tells(&self, streams: &'static [usize]) {
        let news = self.news.clone();
        let wakers: Vec<Waker> = self.streams.iter().cloned().map(Waker::from).collect();
        thread::spawn(move || {
            for stream in streams {
                // Released by the ring, not by this.
                news[*stream].fetch_add(1, Ordering::Relaxed);
                wakers[*stream].wake_by_ref();
            }
        });
    }

    fn orders(&self) {
        let (bell, orders) = (self.bell.clone(), self.orders.clone());
        thread::spawn(move || {
            *orders.lock().unwrap() += 1;
            bell.ring();
        });
    }

    /// The writer, until it has seen so much. If a ring is lost it sleeps for ever, which loom
    /// reports as a deadlock.
    fn serves(&self, news: [usize; 2], orders: usize) {
        let (mut seen, mut followed, mut rung) = ([0; 2], 0, Vec::new());
        let mut going_on = Vec::new();
        while seen != news || followed != orders {
            if going_on.is_empty() && self.bell.falls_asleep() {
                self.poll.wait();
            }
            if self.bell.awake(&mut rung) {
                followed += std::mem::take(&mut *self.orders.lock().unwrap());
            }
            rung.append(&mut going_on);
            for stream in rung.drain(..) {
                self.streams[stream].is_served();
                seen[stream] = self.news[stream].load(Ordering::Relaxed);
                if !self.streams[stream].may_rest() {
                    going_on.push(stream);
                }
            }
        }
    }
}

fn model(run: impl Fn(Model) + Sync + Send + 'static) {
    loom::model(move || run(Model::new()));
}

#[test]
fn a_stream_that_rings_again_is_served_again() {
    model(|model| {
        model.tells(&[0, 0]);
        model.serves([2, 0], 0);
    });
}

#[test]
fn two_who_ring_for_one_stream_are_both_heard() {
    model(|model| {
        model.tells(&[0]);
        model.tells(&[0]);
        model.serves([2, 0], 0);
    });
}

#[test]
fn streams_and_orders_do_not_hide_each_other() {
    model(|model| {
        model.tells(&[0, 1]);
        model.orders();
        model.serves([1, 1], 1);
    });
}
