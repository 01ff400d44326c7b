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

/// The one who says it.
#[derive(Debug)]
pub struct Drain(watch::Sender<Phase>);

/// One of the many who see it.
#[derive(Clone, Debug)]
pub struct DrainWatch(watch::Receiver<Phase>);

impl Drain {
    /// Running.
    pub fn new() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }

    /// Goes on to a later phase; there is no way back.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let is_later = phase > *now;
            if is_later {
                *now = phase;
            }
            is_later
        });
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
        *self.0.borrow()
    }

    /// Comes back once `phase` is reached.
    pub async fn reached(&mut self, phase: Phase) {
        // Without the one who says it, the program is over anyway.
        drop(self.0.wait_for(|now| *now >= phase).await);
    }
}

#[cfg(test)]
mod tests {
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
}
