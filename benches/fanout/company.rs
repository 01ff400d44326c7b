//! Who is measured at once.

use std::sync::Barrier;

/// Servers are there, windows are over, everything has been looked at.
const MEETINGS: usize = 3;

/// Nobody goes on before the others are there too: no process is started, looked at or ended beside another's
/// window, and what two servers share of their program's code is shared whenever memory is counted.
#[derive(Debug)]
pub(crate) struct Company<'a> {
    barrier: &'a Barrier,
    meetings_left: usize,
}

impl<'a> Company<'a> {
    pub(crate) fn new(barrier: &'a Barrier) -> Self {
        Self {
            barrier,
            meetings_left: MEETINGS,
        }
    }

    pub(crate) fn meet(&mut self) {
        self.meetings_left -= 1;
        self.barrier.wait();
    }
}

impl Drop for Company<'_> {
    /// Whoever fails is not waited for in vain.
    fn drop(&mut self) {
        while self.meetings_left > 0 {
            self.meet();
        }
    }
}
