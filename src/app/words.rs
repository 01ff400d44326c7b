//! What is said about this process's life: to the predecessor that waits for it, and to systemd
//! (`Type=notify`), if there is one.
//!
//! Invariant: the word "ready" is said once, to whoever started this process; a predecessor tells
//! systemd itself who the main process is, because systemd believes the one that is it already.

use std::os::unix::net::UnixDatagram;

use sd_notify::NotifyState;

/// systemd's word.
pub(super) const READY: &[u8] = b"READY=1";

/// Everything is accepted from now on.
pub(super) fn ready(predecessor: Option<&UnixDatagram>) {
    match predecessor {
        None => tell(&NotifyState::Ready),
        Some(predecessor) => {
            // It may have ended in the meantime; then this process is alone, and serves.
            if let Err(error) = predecessor.send(READY) {
                tracing::warn!(%error, "the process that started this one is gone");
            }
        }
    }
}

/// This process ends, and the service with it.
pub(super) fn stopping() {
    tell(&NotifyState::Stopping);
}

/// Another process is the service now.
pub(super) fn succeeded_by(id: u32) {
    tell(&NotifyState::MainPid(id));
}

fn tell(state: &NotifyState<'_>) {
    // Does nothing without `NOTIFY_SOCKET`.
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, %state, "systemd can not be told");
    }
}
