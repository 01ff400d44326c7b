//! The lock of a log, and of what wakes its readers: `parking_lot`'s, or loom's while interleavings
//! are explored.

#[cfg(not(feature = "loom"))]
pub(crate) use parking_lot::Mutex;

#[cfg(feature = "loom")]
pub(crate) use self::explored::Mutex;

#[cfg(feature = "loom")]
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
