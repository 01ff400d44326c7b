//! A topic's life: one enum, one transition function.

use crate::metrics::TopicState;

/// Where a topic is in its life. `Cold` has no upstream and takes no subscribers: the next one
/// gets a new topic, with a new log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Not yet opened, or over.
    Cold,
    /// The upstream is asked and has not streamed yet.
    Opening,
    /// The upstream has streamed; held through its troubles.
    Live,
    /// Nobody subscribes; closed soon. Remembers whether it has been live.
    Lingering {
        /// Whether the upstream has ever streamed.
        was_live: bool,
    },
}

/// What happens to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Somebody subscribed.
    Subscribed,
    /// The upstream sent the head of an event stream.
    Streamed,
    /// The last subscriber left.
    Deserted,
    /// The linger time is over.
    LingerOver,
    /// The upstream said its last word, or its task is gone.
    Ended,
}

impl Life {
    /// What comes after `turn`.
    #[must_use]
    pub fn transition(self, turn: Turn) -> Self {
        match (self, turn) {
            (Self::Cold | Self::Lingering { was_live: false }, Turn::Subscribed) => Self::Opening,
            (Self::Opening, Turn::Streamed)
            | (Self::Lingering { was_live: true }, Turn::Subscribed) => Self::Live,
            (Self::Opening, Turn::Deserted) => Self::Lingering { was_live: false },
            (Self::Live, Turn::Deserted) | (Self::Lingering { .. }, Turn::Streamed) => {
                Self::Lingering { was_live: true }
            }
            (Self::Lingering { .. }, Turn::LingerOver) | (_, Turn::Ended) => Self::Cold,
            // Nothing else changes anything: a second subscriber, a second head, a linger timer
            // that fires when somebody has come back.
            (unchanged, Turn::Subscribed | Turn::Streamed | Turn::Deserted | Turn::LingerOver) => {
                unchanged
            }
        }
    }

    /// Whether the upstream has ever streamed.
    pub fn has_been_live(self) -> bool {
        matches!(self, Self::Live | Self::Lingering { was_live: true })
    }

    /// The metric's label; a cold topic is in no series.
    pub fn label(self) -> Option<TopicState> {
        match self {
            Self::Cold => None,
            Self::Opening => Some(TopicState::Opening),
            Self::Live => Some(TopicState::Live),
            Self::Lingering { .. } => Some(TopicState::Lingering),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const GONE: Life = Life::Lingering { was_live: false };
    const AWAY: Life = Life::Lingering { was_live: true };

    #[rstest]
    #[case(Life::Cold, [Life::Opening, Life::Cold, Life::Cold, Life::Cold, Life::Cold])]
    #[case(Life::Opening, [Life::Opening, Life::Live, GONE, Life::Opening, Life::Cold])]
    #[case(Life::Live, [Life::Live, Life::Live, AWAY, Life::Live, Life::Cold])]
    #[case(GONE, [Life::Opening, AWAY, GONE, Life::Cold, Life::Cold])]
    #[case(AWAY, [Life::Live, AWAY, AWAY, Life::Cold, Life::Cold])]
    fn every_turn_of_every_life_is_in_the_table(#[case] life: Life, #[case] after: [Life; 5]) {
        let turns = [
            Turn::Subscribed,
            Turn::Streamed,
            Turn::Deserted,
            Turn::LingerOver,
            Turn::Ended,
        ];
        assert_eq!(turns.map(|turn| life.transition(turn)), after);
    }
}
