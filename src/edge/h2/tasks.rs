//! The streams of a connection and what watches over them, all in its own task.
//!
//! hyper wants a task for each stream; in one task an event wakes a connection once, whatever the
//! number of its streams, and what they have to say goes out together. And with the connection
//! everything of it is gone, at once and without a race. Only what has been woken is polled.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, Stream as _};
use hyper::rt::Executor;
use parking_lot::Mutex;

use crate::delivery::body::Streams;
use crate::drain::{DrainWatch, Phase};

/// What has happened on a connection.
#[derive(Debug)]
pub(super) enum Event {
    /// One of its requests is done.
    Done,
    /// It has ended.
    Ended(Result<(), hyper::Error>),
    /// It is time to look after it.
    Look,
    /// The program begins to stop.
    Drain,
}

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is polled when it has been woken.
enum Running {
    Stream {
        task: Task<()>,
        /// Whether it is to be given up: its client is told by a reset.
        leash: Arc<AtomicBool>,
        /// Whether its body, if it has one that lasts, has taken the leash.
        is_tied: bool,
        streams: Arc<Streams>,
    },
    Other(Task<Event>),
}

/// Where hyper puts what is to be run. Bounded by the number of streams that a client may have.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<Vec<Task<()>>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Queue {
    fn execute(&self, task: F) {
        self.0.lock().push(Box::pin(task));
    }
}

impl Future for Running {
    type Output = Event;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        match self.get_mut() {
            Self::Other(task) => task.as_mut().poll(cx),
            Self::Stream { leash, .. } if leash.load(Ordering::Relaxed) => Poll::Ready(Event::Done),
            Self::Stream {
                task,
                leash,
                is_tied,
                streams,
            } => {
                if !*is_tied {
                    streams.offer(leash);
                }
                let result = task.as_mut().poll(cx).map(|()| Event::Done);
                *is_tied = *is_tied || streams.is_taken();
                result
            }
        }
    }
}

/// What is being run.
pub(super) struct Tasks {
    queue: Queue,
    running: FuturesUnordered<Running>,
    requests: usize,
    streams: Arc<Streams>,
}

impl Tasks {
    pub(super) fn new(queue: Queue, streams: &Arc<Streams>) -> Self {
        Self {
            queue,
            running: FuturesUnordered::new(),
            requests: 0,
            streams: Arc::clone(streams),
        }
    }

    /// Whether there is no request.
    pub(super) fn is_empty(&self) -> bool {
        self.requests == 0
    }

    /// Runs the connection itself.
    pub(super) fn connect(
        &mut self,
        connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static,
    ) {
        let task = async move { Event::Ended(connection.await) };
        self.running.push(Running::Other(Box::pin(task)));
    }

    pub(super) fn look_at(&mut self, moment: Instant) {
        let task = async move {
            tokio::time::sleep_until(moment.into()).await;
            Event::Look
        };
        self.running.push(Running::Other(Box::pin(task)));
    }

    pub(super) fn watch(&mut self, mut drain: DrainWatch) {
        let task = async move {
            drain.reached(Phase::Draining).await;
            Event::Drain
        };
        self.running.push(Running::Other(Box::pin(task)));
    }

    /// Goes on with whatever has been woken, until something has happened.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            let next = Pin::new(&mut self.running).poll_next(cx);
            let new = std::mem::take(&mut *self.queue.0.lock());
            let is_new = !new.is_empty();
            self.requests += new.len();
            self.running
                .extend(new.into_iter().map(|task| Running::Stream {
                    task,
                    leash: Arc::default(),
                    is_tied: false,
                    streams: Arc::clone(&self.streams),
                }));
            match next {
                Poll::Ready(Some(event)) => {
                    self.requests -= usize::from(matches!(event, Event::Done));
                    return Poll::Ready(event);
                }
                Poll::Ready(None) | Poll::Pending if is_new => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
