//! A run of the program: start, wait for a signal, drain, halt.
//!
//! Invariant: a second signal ends a drain at once. SIGHUP reads the certificates again.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{App, Setup, StartError};

/// What ends a run before its time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing was started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Without signals nobody could stop it.
    #[error("can not listen for signals: {0}")]
    Signals(#[from] std::io::Error),
}

/// Starts what is set up, tells `ready`, and stops it when a signal says so.
pub async fn run(setup: Setup, ready: impl FnOnce(&App)) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let app = App::start(setup).await?;
    ready(&app);
    let reloads = async {
        loop {
            hangup.recv().await;
            app.reload_certificates().await;
        }
    };
    tokio::select! {
        // A look at the certificates that is dropped goes on by itself.
        () = reloads => {}
        () = stop_signal(&mut terminate, &mut interrupt) => {}
    }
    tokio::select! {
        // A drain that is dropped is ended by `halt`.
        () = app.drain() => {}
        () = stop_signal(&mut terminate, &mut interrupt) => {
            tracing::warn!("a second signal: stopping at once");
        }
    }
    app.halt().await;
    Ok(())
}

async fn stop_signal(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        // A signal that one arm does not take is taken by the next call.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
