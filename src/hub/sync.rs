//! Lock and atomics of the wake marks: the real ones, or loom's while interleavings are explored.

#[cfg(not(fantail_loom))]
pub(super) use {
    parking_lot::Mutex,
    std::sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

#[cfg(fantail_loom)]
pub(super) use {
    self::explored::Mutex,
    loom::sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

#[cfg(fantail_loom)]
mod explored {
    /// loom's mutex with `parking_lot`'s face: a poisoned lock is a failed model anyway.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}
