//! What a script writes to its error stream: a line in our log, now and then.
//!
//! Layer 2: may import `clock`. Invariant: at most one line a second and feed, of a bounded length
//! and without control characters, whatever the script writes.

use std::time::{Duration, Instant};

use crate::clock;
use crate::topic_key::TopicKey;

/// Between two lines.
const PERIOD: Duration = Duration::from_secs(1);
/// Most that a line repeats: PHP's warnings name a file and a line within it.
const TEXT_BYTES: usize = 256;

/// The error stream of one feed.
#[derive(Debug)]
pub(super) struct Stderr {
    key: TopicKey,
    last: Option<Instant>,
    /// Pieces since the last line.
    missed: u64,
}

impl Stderr {
    pub(super) fn new(key: TopicKey) -> Self {
        Self {
            key,
            last: None,
            missed: 0,
        }
    }

    /// Takes a piece.
    pub(super) fn note(&mut self, piece: &[u8]) {
        if let Some(missed) = self.turn(clock::now()) {
            let text = shown(piece);
            tracing::warn!(
                topic = self.key.brief(),
                text,
                missed,
                "the script wrote to its error stream"
            );
        }
    }

    /// How many pieces were passed over, if it is time for a line.
    fn turn(&mut self, now: Instant) -> Option<u64> {
        let is_early = |last: Instant| now.saturating_duration_since(last) < PERIOD;
        if self.last.is_some_and(is_early) {
            self.missed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.missed))
    }
}

fn shown(piece: &[u8]) -> String {
    let text = piece.get(..TEXT_BYTES).unwrap_or(piece).trim_ascii();
    String::from_utf8_lossy(text).escape_debug().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_line_a_second_and_it_tells_what_it_left_out() {
        let mut stderr = Stderr::new(TopicKey::new("fastcgi://h:1/a.php", vec![]));
        let start = clock::now();
        let at = |millis| start + Duration::from_millis(millis);
        let turns = [0, 1, 999, 1000, 1001, 2500].map(|millis| stderr.turn(at(millis)));
        assert_eq!(turns, [Some(0), None, None, Some(2), None, Some(1)]);
    }

    #[test]
    fn a_line_is_bounded_and_can_not_pose_as_another() {
        assert_eq!(shown(b"PHP Warning: x\r\n"), "PHP Warning: x");
        assert_eq!(
            shown(b"a\nERROR b\x1b[2J\xFF"),
            "a\\nERROR b\\u{1b}[2J\u{FFFD}"
        );
        assert_eq!(shown(&[b'x'; 9999]).len(), TEXT_BYTES);
    }
}
