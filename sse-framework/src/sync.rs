//! The standard library's locks, atomics and threads; in the models, those of the model checker.
//!
//! Only what the models look into comes from here. `Arc` is always the standard library's, since
//! wakers are made of it.

#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::AtomicU64,
    },
    thread,
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::AtomicU64,
};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::AtomicU64,
};

/// As much of `std::thread` as is used.
#[cfg(any(loom, shuttle))]
pub(crate) mod thread {
    #[cfg(loom)]
    use loom::thread;
    #[cfg(shuttle)]
    use shuttle::thread;

    pub(crate) use thread::Builder;

    /// There is no time in a model: the others go on.
    pub(crate) fn sleep(_: std::time::Duration) {
        thread::yield_now();
    }
}
