//! Memory as a whole: how much there is of it, and what is done when it becomes scarce.
//!
//! What is looked at is the process's resident memory, whoever has asked for it. Invariant: nobody
//! who is connected and keeps up is ended to make room (`trust.md` section 2).

mod available;

use std::sync::Arc;
use std::time::Duration;

use procfs::ProcResult;
use procfs::process::Process;
use tokio::time::MissedTickBehavior;

use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::overload::{Overload, Pressure};

/// A storm of clients takes some 15 MB in a second, full logs more; a look costs 20 µs.
const LOOK: Duration = Duration::from_millis(250);
/// Percent of what there is that are ours by default. The rest is for the sockets' buffers, which
/// a control group counts too, and for what comes between two looks.
const SHARE: u64 = 80;
/// The part of the limit that logs may always have: whoever keeps up is a moment behind, and to take
/// that away would give nobody else much.
const LOGS: u64 = 16;

/// Keeps the process below its limit.
#[derive(Debug)]
pub(super) struct Memory {
    /// Bytes.
    limit: u64,
    hub: Arc<Hub>,
    overload: Overload,
    metrics: Arc<Metrics>,
}

/// `memory` as it holds: itself, or by default a share of what there is; `None` = nobody knows what
/// that is.
pub(super) fn limit(configured: u64) -> Option<u64> {
    let available = available::here();
    match (configured, available) {
        (0, available) => available.map(|bytes| bytes / 100 * SHARE),
        (bytes, Some(available)) if bytes > available => {
            tracing::warn!(
                memory = bytes,
                available,
                "`[limits] memory` is more than this machine or its control group has: the kernel \
                 may end the program first"
            );
            Some(bytes)
        }
        (bytes, _) => Some(bytes),
    }
}

impl Memory {
    pub(super) fn new(
        limit: u64,
        hub: Arc<Hub>,
        overload: Overload,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            limit,
            hub,
            overload,
            metrics,
        }
    }

    /// Looks again and again at what `used` says. Where it says nothing, as when all descriptors are
    /// in use, everything stays as it is until the next look.
    pub(super) async fn watch(self, used: impl Fn() -> ProcResult<u64>) {
        let mut is_blind = false;
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let used = used();
            if let (false, Err(error)) = (is_blind, &used) {
                tracing::warn!(%error, "the memory in use can not be read: until it can, `memory` does not hold");
            }
            is_blind = used.is_err();
            if let Ok(used) = used {
                self.look(used);
            }
        }
    }

    /// Does what so many bytes in use ask for.
    fn look(&self, used: u64) {
        let before = self.overload.pressure();
        let now = before.next(used, self.limit);
        if now != before {
            self.overload.set(now);
            self.metrics.overload_state.set(now.level().into());
            self.tell(now, used);
        }
        match (before, now) {
            (Pressure::None, Pressure::None) => {}
            (_, Pressure::None) => self.hub.restore_logs(),
            (_, Pressure::High | Pressure::Critical) => {
                let least = usize::try_from(self.limit / LOGS).unwrap_or(usize::MAX);
                self.hub.shorten_logs(least);
            }
        }
    }

    fn tell(&self, pressure: Pressure, used: u64) {
        let (limit, logs) = (self.limit, self.hub.log_bytes());
        match pressure {
            Pressure::None => tracing::info!(used, limit, "there is enough memory again"),
            Pressure::High => tracing::warn!(
                used,
                limit,
                logs,
                "memory becomes scarce: logs are shortened, and whoever lags is told of a gap"
            ),
            Pressure::Critical => tracing::error!(
                used,
                limit,
                logs,
                "memory is nearly used up: newcomers are told to come back later; see `[limits] \
                 memory` and `log_bytes`"
            ),
        }
    }
}

/// Bytes of this process that are in memory.
pub(super) fn resident() -> ProcResult<u64> {
    let pages = Process::myself()?.statm()?.resident;
    Ok(pages.saturating_mul(procfs::page_size()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Options;

    fn memory(log_bytes: usize) -> Memory {
        let options = Options {
            log_bytes,
            ..Options::default()
        };
        let hub = Hub::new(options, Vec::new());
        Memory::new(1000, hub, Overload::default(), Metrics::new())
    }

    #[test]
    fn as_memory_fills_up_logs_may_hold_less_then_nobody_comes_in_and_all_of_it_ends() {
        let memory = memory(256);
        let mut seen = Vec::new();
        for used in [100, 860, 960, 910, 100] {
            memory.look(used);
            let is_closed = memory.overload.is_critical();
            let state = memory.metrics.overload_state.get();
            seen.push((state, memory.hub.log_limit(), is_closed));
        }
        // There are no logs yet: they may have what they may always have, a sixteenth.
        let expected = [
            (0, 256, false),
            (1, 62, false),
            (2, 62, true),
            (2, 62, true),
            (0, 256, false),
        ];
        assert_eq!(seen, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_changes_nothing_and_is_not_the_last() {
        let memory = memory(256);
        let overload = memory.overload.clone();
        let looks = std::cell::Cell::new(0);
        let used = || {
            looks.set(looks.get() + 1);
            match looks.get() {
                1 => Ok(1000),
                2 => Err(procfs::ProcError::Other("no descriptor is left".to_owned())),
                _ => Ok(100),
            }
        };
        let watch = memory.watch(used);
        tokio::pin!(watch);
        let step = Duration::from_millis(1);
        let almost = LOOK.saturating_sub(step);
        for expected in [Pressure::Critical, Pressure::Critical, Pressure::None] {
            let next = tokio::time::timeout(almost, &mut watch);
            assert!(next.await.is_err(), "it never ends");
            assert_eq!(overload.pressure(), expected);
            tokio::time::advance(step).await;
        }
    }

    #[test]
    fn what_is_resident_grows_with_what_is_used() {
        let before = resident().unwrap();
        let used = vec![1_u8; 64 << 20];
        let after = resident().unwrap();
        assert!(after > before + (32 << 20), "{before} and then {after}");
        drop(used);
    }

    #[test]
    fn a_limit_that_is_given_holds_as_it_is_and_by_default_it_is_a_share() {
        assert_eq!(limit(5 << 30), Some(5 << 30));
        let available = available::here().expect("what this machine has");
        let share = limit(0).expect("a share of it");
        assert!(share < available && share > available / 100 * 79);
    }
}
