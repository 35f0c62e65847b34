//! The tail: the newest records, rendered once, and the subscribers that wait for the next.

mod clock;
mod commit;
mod copies;
mod index;
mod ring;
mod subscribers;

pub(crate) use commit::{Commit, Record};
pub(crate) use copies::Copies;
pub(crate) use ring::{Tail, TailRead};
pub(crate) use subscribers::{End, Full, Registration, Room, Subscribers, Ticket};
