//! What an upstream's trouble means for a topic.

use std::time::Duration;

use crate::hub::Answer;
use crate::source;

/// Answers of the upstream itself are remembered so long, so that thousands of reconnects do not
/// hammer a backend that says no.
const REMEMBER_WORD: Duration = Duration::from_secs(30);
/// Faults are remembered shorter: they are mended.
const REMEMBER_FAULT: Duration = Duration::from_secs(5);

/// How a failed attempt is taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The upstream's author means it: the topic ends, whether it has been live or not.
    Last(Answer),
    /// Ends a cold topic; one that has been live is held until it has lasted.
    Definitive(Answer),
    /// Asked again and again; `Answer` is for those who do not want to be held.
    Transient(Answer),
}

pub(super) fn verdict(error: &source::Error) -> Verdict {
    match error {
        source::Error::Answer(source::Answer::NoContent) => Verdict::Last(Answer::NoContent),
        source::Error::Answer(source::Answer::Refused(status)) => {
            Verdict::Definitive(Answer::Status(*status))
        }
        source::Error::Answer(source::Answer::WrongType(words)) => {
            Verdict::Definitive(Answer::WrongType(words.clone()))
        }
        source::Error::Timeout(_) => Verdict::Transient(Answer::TooSlow),
        source::Error::Resolve(_)
        | source::Error::Connect(_)
        | source::Error::Tls { .. }
        | source::Error::Status(_)
        | source::Error::Redirect(_)
        | source::Error::Body { .. }
        | source::Error::Broken(_)
        | source::Error::Cut(_) => Verdict::Transient(Answer::Unreachable(error.reason().label())),
    }
}

/// How long an answer is remembered; `random` is in `[0, 1)`, so that not all of a site's pages
/// come back in one instant.
pub(super) fn remembered_for(answer: &Answer, random: f64) -> Duration {
    let time = match answer {
        Answer::NoContent | Answer::Status(_) => REMEMBER_WORD,
        Answer::WrongType(_) | Answer::Unreachable(_) | Answer::TooSlow => REMEMBER_FAULT,
    };
    time.mul_f64(0.9 + 0.2 * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_204_ends_a_topic_that_has_been_live_at_once() {
        let said = |answer| verdict(&source::Error::Answer(answer));
        assert_eq!(
            said(source::Answer::NoContent),
            Verdict::Last(Answer::NoContent)
        );
        assert_eq!(
            said(source::Answer::Refused(404)),
            Verdict::Definitive(Answer::Status(404))
        );
        let broken = verdict(&source::Error::Status(503));
        assert_eq!(broken, Verdict::Transient(Answer::Unreachable("status")));
        assert_eq!(
            verdict(&source::Error::Timeout("the response's head")),
            Verdict::Transient(Answer::TooSlow)
        );
    }

    #[test]
    fn an_answer_is_remembered_for_its_time_give_or_take_a_tenth() {
        for random in [0.0, 0.5, 0.999] {
            let word = remembered_for(&Answer::NoContent, random).as_secs_f64();
            assert!((27.0..=33.0).contains(&word));
            let fault = remembered_for(&Answer::TooSlow, random).as_secs_f64();
            assert!((4.5..=5.5).contains(&fault));
        }
    }
}
