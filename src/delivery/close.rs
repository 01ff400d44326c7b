//! Ends of streams: at a frame boundary where it can be, counted by reason always.

use std::mem;
use std::time::Duration;

use bytes::Bytes;

use super::mailbox::DrainOrder;
use super::retry;
use super::shard::Shard;
use crate::metrics::EndReason;
use crate::sse::write;

impl Shard {
    /// Ends a stream once the frame in flight is out; a client that is to come back is told when.
    pub(super) fn end(&mut self, key: usize, reason: EndReason) {
        self.leave_edge(key);
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        if subscriber.ending.is_some() {
            return;
        }
        subscriber.ending = Some(reason);
        if matches!(reason, EndReason::Drain) {
            let base = self
                .audiences
                .get(subscriber.audience)
                .map(|a| a.options.retry);
            let delay = retry::long_delay(base.unwrap_or_default(), self.spread, fastrand::f64());
            let mut last = mem::take(&mut subscriber.owed).to_vec();
            write::retry(&mut last, delay);
            subscriber.owed = Bytes::from(last);
        }
        self.flush(key);
    }

    /// Lets go of a subscriber at once.
    pub(super) fn remove(&mut self, key: usize, reason: EndReason) {
        self.leave_edge(key);
        let Some(subscriber) = self.subscribers.try_remove(key) else {
            return;
        };
        self.mailbox.one_left();
        let lived = self.now.saturating_duration_since(subscriber.born);
        self.count_out(subscriber.audience, reason, lived);
        // Counted and out of its permits before the client can see the end: it may come back, or
        // look at the metrics, at once. Only TLS says it earlier, with the last bytes.
        subscriber.say_goodbye();
    }

    /// One subscriber less; an audience without any is let go.
    fn count_out(&mut self, index: usize, reason: EndReason, lived: Duration) {
        let Some(audience) = self.audiences.get_mut(index) else {
            return;
        };
        audience.members -= 1;
        audience.metrics().ended.of(reason).inc();
        audience.metrics().duration.observe(lived.as_secs_f64());
        tracing::info!(
            route = %audience.topic.route().name,
            %reason,
            seconds = lived.as_secs_f64(),
            "a stream ended"
        );
        if audience.members == 0 {
            audience.topic.unregister(self.number);
            self.by_topic
                .remove(&std::sync::Arc::as_ptr(&audience.topic).addr());
            self.audiences.remove(index);
        }
    }

    /// Gives every stream its own moment within the window, in random order.
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 subscribers")]
    pub(super) fn begin_drain(&mut self, order: DrainOrder) {
        self.draining = Some(order);
        let mut keys: Vec<usize> = self.subscribers.iter().map(|(key, _)| key).collect();
        fastrand::shuffle(&mut keys);
        let count = keys.len() as f64;
        for (place, key) in keys.into_iter().enumerate() {
            let part = (place as f64 + fastrand::f64()) / count;
            let at = order.begin + order.window.mul_f64(part);
            let Some(subscriber) = self.subscribers.get_mut(key) else {
                continue;
            };
            subscriber.until = Some((at, EndReason::Drain));
            let Some(audience) = self.audiences.get(subscriber.audience) else {
                continue;
            };
            let options = std::sync::Arc::clone(&audience.options);
            self.set_timer(key, &options);
        }
    }

    /// The shard stops: whoever is left is let go.
    pub(super) fn close_all(&mut self) {
        let keys: Vec<usize> = self.subscribers.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.remove(key, EndReason::Drain);
        }
    }
}
