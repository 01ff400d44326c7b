//! What a running program is told by signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// TERM, INT.
    Stop,
    /// USR2.
    Restart,
    /// HUP: the certificates are to be read again.
    Reload,
}

/// The signals that are listened for; one that comes twice before it is looked at counts once.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    restart: Signal,
    reload: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            restart: signal(SignalKind::user_defined2())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// The next order.
    pub(super) async fn next(&mut self) -> Order {
        tokio::select! {
            // A signal that one arm does not take is taken by the next call.
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.restart.recv() => Order::Restart,
            _ = self.reload.recv() => Order::Reload,
        }
    }

    /// The next order to stop.
    pub(super) async fn stop(&mut self) {
        loop {
            match self.next().await {
                Order::Stop => return,
                Order::Restart => tracing::info!(
                    "this process is ending already: the signal to restart is ignored"
                ),
                Order::Reload => tracing::info!(
                    "this process is ending already: the signal to read certificates is ignored"
                ),
            }
        }
    }
}
