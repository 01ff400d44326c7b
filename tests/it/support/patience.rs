//! How long a test waits for what must come.

use std::time::Duration;

use fantail::clock;

/// Between two looks: a look is cheap, and a test that waits for a socket is not kept waiting.
const STEP: Duration = Duration::from_millis(5);

/// For everything that a test waits for: `FANTAIL_TEST_PATIENCE` in seconds, 20 unless set.
pub(crate) fn patience() -> Duration {
    let set = std::env::var("FANTAIL_TEST_PATIENCE").ok();
    let seconds = set.and_then(|text| text.parse().ok()).unwrap_or(20);
    Duration::from_secs(seconds)
}

/// Waits until the condition holds; `what` is what the test says if it never does.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || condition().then_some(()));
}

/// Waits until there is a value.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = clock::now() + patience();
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(clock::now() < deadline, "never came true: {what}");
        std::thread::park_timeout(STEP);
    }
}
