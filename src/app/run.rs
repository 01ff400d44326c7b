//! A run of the program: start, wait for signals, hand over or drain, halt.
//!
//! Invariants: a second signal to stop ends a drain at once; until a new process has said that it
//! is ready, a restart changes nothing here.

use std::pin::pin;

use super::inherited::Inherited;
use super::signals::{Order, Signals};
use super::successor::{Failure, Program, Successor};
use super::{App, Setup, StartError, words};

/// What ends a run before its time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing was started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Without signals nobody could stop it.
    #[error("can not listen for signals: {0}")]
    Signals(#[source] std::io::Error),
    /// Without it there could be no restart.
    #[error("can not tell which program this is: {0}")]
    Program(#[source] std::io::Error),
}

/// Why a running program ends.
enum End {
    Stop,
    /// The new process serves.
    HandedOver,
    /// Asked to stop while a new process was on its way.
    StopBoth(Box<Successor>),
}

/// Starts what is set up with what was inherited, tells `ready`, and goes on until a signal says
/// that it is to stop, or a new process has taken over.
pub async fn run(
    setup: Setup,
    mut inherited: Inherited,
    ready: impl FnOnce(&App),
) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let program = Program::of_this_process().map_err(RunError::Program)?;
    let predecessor = inherited.predecessor.take();
    let mut app = Box::pin(App::start_with(setup, inherited)).await?;
    ready(&app);
    words::ready(predecessor.as_ref());
    drop(predecessor);
    match serve(&mut app, &mut signals, &program).await {
        End::Stop => {
            words::stopping();
            drain(&app, &mut signals, 1).await;
        }
        // The first signal asks for what is being done.
        End::HandedOver => drain(&app, &mut signals, 2).await,
        End::StopBoth(successor) => {
            words::stopping();
            drain_both(&app, &mut signals, *successor).await;
        }
    }
    app.halt().await;
    Ok(())
}

/// Serves until this process is to end.
async fn serve(app: &mut App, signals: &mut Signals, program: &Program) -> End {
    loop {
        match signals.next().await {
            Order::Stop => return End::Stop,
            Order::Reload => {
                app.begin_reload();
                continue;
            }
            Order::Restart => {}
        }
        let failure = match program.start(&app.legacy) {
            Ok(successor) => match hand_over(app, signals, successor).await {
                Ok(end) => return end,
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        app.metrics.handover_failures.of(failure.label()).inc();
        tracing::error!(
            %failure,
            "the new process has not taken over; this one goes on serving"
        );
    }
}

/// Waits for the new process, and serves meanwhile.
async fn hand_over(
    app: &mut App,
    signals: &mut Signals,
    mut successor: Successor,
) -> Result<End, Failure> {
    let stopped = {
        let mut ready = pin!(successor.ready(app.server.handover_timeout));
        loop {
            tokio::select! {
                // First, because it must not be lost; a signal waits for the next call.
                biased;
                result = ready.as_mut() => break Some(result),
                order = signals.next() => match order {
                    Order::Stop => break None,
                    Order::Reload => app.begin_reload(),
                    Order::Restart => {
                        tracing::info!("a restart is under way already: the signal is ignored");
                    }
                },
            }
        }
    };
    match (stopped, successor.id()) {
        (None, _) => Ok(End::StopBoth(Box::new(successor))),
        (Some(Ok(())), id) => {
            tracing::info!(pid = id, "the new process has taken over");
            id.into_iter().for_each(words::succeeded_by);
            app.hand_over();
            Ok(End::HandedOver)
        }
        (Some(Err(failure)), _) => {
            successor.kill().await;
            Err(failure)
        }
    }
}

/// Ends the streams one by one, or at once when so many signals say so.
async fn drain(app: &App, signals: &mut Signals, patience: u8) {
    // A drain that is dropped is ended by `halt`.
    let mut all_ended = pin!(app.drain());
    for left in (0..patience).rev() {
        tokio::select! {
            () = all_ended.as_mut() => return,
            () = signals.stop() => {}
        }
        if left > 0 {
            tracing::info!("draining already; another signal stops at once");
        } else {
            tracing::warn!("a second signal: stopping at once");
        }
    }
}

/// Likewise, and sees to it that a new process which was on its way ends too.
async fn drain_both(app: &App, signals: &mut Signals, mut successor: Successor) {
    successor.terminate();
    let ended = tokio::time::timeout(app.longest_drain(), successor.ended());
    tokio::select! {
        // It may have accepted clients, whose streams it ends in its own time.
        _ = async { tokio::join!(app.drain(), ended) } => {}
        () = signals.stop() => tracing::warn!("a second signal: stopping at once"),
    }
    successor.kill().await;
}
