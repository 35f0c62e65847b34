//! The tail: the newest records, rendered once, and the subscribers that wait for the next.

mod index;
mod ring;
mod subscribers;

pub(crate) use ring::{Commit, Record, Tail, TailRead};
pub(crate) use subscribers::{Registration, Subscribers};
