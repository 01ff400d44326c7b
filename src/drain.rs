//! Stopping as a phase that everybody can see.
//!
//! A leaf: tokio's watch, and nothing of the crate.

use tokio::sync::watch;

/// Where the program is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Serving.
    Running,
    /// Still serving, but not ready: balancers turn away.
    Leaving,
    /// Newcomers are turned away, streams end.
    Draining,
    /// Over.
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    /// A new process has the listening sockets.
    is_handed_over: bool,
}

/// The one who says it.
#[derive(Debug)]
pub struct Drain(watch::Sender<State>);

/// One of the many who see it.
#[derive(Clone, Debug)]
pub struct DrainWatch(watch::Receiver<State>);

impl Drain {
    /// Running.
    pub fn new() -> Self {
        Self(watch::Sender::new(State {
            phase: Phase::Running,
            is_handed_over: false,
        }))
    }

    /// Goes on to a later phase; there is no way back.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let is_later = phase > now.phase;
            if is_later {
                now.phase = phase;
            }
            is_later
        });
    }

    /// A new process has the listening sockets: this one accepts nobody any more.
    pub fn hand_over(&self) {
        self.0.send_modify(|now| now.is_handed_over = true);
    }

    /// Whether a new process has the listening sockets.
    pub fn is_handed_over(&self) -> bool {
        self.0.borrow().is_handed_over
    }

    /// Sees the phase.
    pub fn watch(&self) -> DrainWatch {
        DrainWatch(self.0.subscribe())
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl DrainWatch {
    /// The phase of now.
    pub fn phase(&self) -> Phase {
        self.0.borrow().phase
    }

    /// Comes back once `phase` is reached.
    pub async fn reached(&mut self, phase: Phase) {
        // Without the one who says it, the program is over anyway.
        drop(self.0.wait_for(|now| now.phase >= phase).await);
    }

    /// Comes back once nobody is to be accepted any more. That is late in a stop, because the port
    /// must not be unbound while streams still end, and at once where a new process has it.
    pub async fn accepting_ends(&mut self) {
        let is_over = |now: &State| now.is_handed_over || now.phase >= Phase::Closed;
        drop(self.0.wait_for(is_over).await);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn phases_only_go_on() {
        let drain = Drain::new();
        let mut watch = drain.watch();
        drain.advance(Phase::Draining);
        drain.advance(Phase::Leaving);
        watch.reached(Phase::Leaving).await;
        assert_eq!(watch.phase(), Phase::Draining);
    }

    #[tokio::test]
    async fn accepting_ends_with_the_program_or_with_a_hand_over() {
        for is_handed_over in [false, true] {
            let drain = Drain::new();
            let mut watch = drain.watch();
            drain.advance(Phase::Draining);
            let mut ends = std::pin::pin!(watch.accepting_ends());
            let now = std::future::poll_fn(|cx| Poll::Ready(ends.as_mut().poll(cx)));
            assert!(now.await.is_pending());
            if is_handed_over {
                drain.hand_over();
            } else {
                drain.advance(Phase::Closed);
            }
            ends.await;
        }
    }
}
