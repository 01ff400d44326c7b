//! Idle connections to one upstream, kept for the next request.
//!
//! Invariants: what is in here has no exchange under way; nothing idle is kept for longer than
//! [`IDLE`] and a look's time, so that no worker of a prefork server is held by nobody.

use std::sync::{Arc, Weak};
use std::task::Context;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::Sent;
use crate::clock;
use crate::source::wire::Wire;

/// Idle connections are closed before Apache (5 s by default) closes them under a request.
const IDLE: Duration = Duration::from_secs(4);
/// Between two looks for what has been idle too long.
const LOOK: Duration = Duration::from_secs(1);
/// Idle connections kept: what a burst has opened is of use for the next, not for ever.
const MOST_IDLE: usize = 64;

pub(super) type Connection = Wire<Sent>;

/// The idle connections, and the tasks that belong to the upstream's connections.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<(Connection, Instant)>,
    /// Whether somebody looks after them.
    is_swept: bool,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.state.lock().idle.len())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// The connection that was used last, if one is alive.
    pub(super) fn take(&self, cx: &mut Context<'_>) -> Option<Connection> {
        let now = clock::now();
        loop {
            let (mut connection, since) = self.state.lock().idle.pop()?;
            let is_young = now.saturating_duration_since(since) < IDLE;
            if is_young && connection.poll_reusable(cx) {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose exchange is over.
    pub(super) fn give_back(self: &Arc<Self>, mut connection: Connection, cx: &mut Context<'_>) {
        if !connection.poll_reusable(cx) {
            return;
        }
        let mut state = self.state.lock();
        if state.idle.len() >= MOST_IDLE {
            return;
        }
        state.idle.push((connection, clock::now()));
        if !std::mem::replace(&mut state.is_swept, true) {
            state.tasks.spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Lets a connection run by itself, whose answer came before its request was over.
    pub(super) fn let_run(&self, connection: Connection) {
        let mut state = self.state.lock();
        while state.tasks.try_join_next().is_some() {}
        state.tasks.spawn(connection.run());
    }

    /// Whether nothing is left to look after.
    fn close_old(&self) -> bool {
        let now = clock::now();
        let mut state = self.state.lock();
        let old = |since: Instant| now.saturating_duration_since(since) >= IDLE;
        let keep = state.idle.iter().position(|(_, since)| !old(*since));
        // The newest stand at the end.
        let keep = keep.unwrap_or(state.idle.len());
        let closed: Vec<_> = state.idle.drain(..keep).collect();
        state.is_swept = !state.idle.is_empty();
        let is_over = !state.is_swept;
        drop(state);
        drop(closed);
        is_over
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(pool) = pool.upgrade() else { return };
        if pool.close_old() {
            return;
        }
    }
}
