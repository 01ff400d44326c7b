//! The streams of a connection, all in its own task.
//!
//! hyper wants a task for each stream; in one task an event wakes a connection once, whatever the
//! number of its streams, and what they have to say goes out together. And with the connection
//! everything of it is gone, at once and without a race.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, Stream as _};
use hyper::rt::Executor;
use parking_lot::Mutex;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where hyper puts what is to be run. Bounded by the number of streams that a client may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue(Arc<Mutex<Vec<Queued>>>);

struct Queued(Task);

impl std::fmt::Debug for Queued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queued")
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Queue {
    fn execute(&self, task: F) {
        self.0.lock().push(Queued(Box::pin(task)));
    }
}

/// What is being run.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    queue: Queue,
    running: FuturesUnordered<Task>,
}

impl Tasks {
    pub(super) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Whether there is nothing to be run.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Goes on with everything that can. Whether there was something new.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let new = std::mem::take(&mut *self.queue.0.lock());
        let is_new = !new.is_empty();
        self.running
            .extend(new.into_iter().map(|Queued(task)| task));
        while let Poll::Ready(Some(())) = Pin::new(&mut self.running).poll_next(cx) {}
        is_new
    }
}
