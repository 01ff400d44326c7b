//! A pass: what a topic has new goes to everybody at its live edge.

use std::io;
use std::mem;

use super::flow::READ_BYTES;
use super::shard::Shard;
use super::subscriber::Standing;
use crate::clock;
use crate::log::{Batch, Cursor, Read};
use crate::metrics::EndReason;

impl Shard {
    /// Sends what is new. The batch is copied out of the log once, and everybody gets one write of
    /// the same bytes. Then it is everybody else's turn: of a hot topic there is always more, and a
    /// newcomer waits for no more than this.
    pub(super) fn pass(&mut self, index: usize) {
        let Some(audience) = self.audiences.get_mut(index) else {
            return;
        };
        // Before the log is read: what is written from here on knocks again.
        audience.topic.look(self.number);
        self.unfinished.append(&mut audience.ahead);
        if audience.edge.is_empty() {
            return;
        }
        let mut batch = mem::take(&mut self.batch);
        match audience
            .topic
            .log()
            .read(audience.cursor, READ_BYTES, &mut batch)
        {
            Read::Frames => {
                self.send_to_edge(index, &batch);
                self.pass_again(index);
            }
            Read::Empty => {}
            Read::Gap { .. } => self.scatter_edge(index),
            Read::Sealed => self.end_edge(index),
        }
        self.batch = batch;
    }

    /// Puts the rest of a pass behind everybody else's turn; once, however often it is asked for.
    pub(super) fn pass_again(&mut self, index: usize) {
        if let Some(audience) = self.audiences.get_mut(index)
            && !mem::replace(&mut audience.is_unfinished, true)
        {
            self.unfinished_topics.push(index);
        }
    }

    fn send_to_edge(&mut self, index: usize, batch: &Batch) {
        self.passing = Some((index, batch.end()));
        let fallen = self.write_to_edge(index, batch.bytes());
        self.serving = None;
        self.passing = None;
        let Some(audience) = self.audiences.get_mut(index) else {
            return;
        };
        audience.cursor = Cursor::at(batch.end());
        audience.passed_at = self.now;
        let complete = audience.edge.len() - fallen.len();
        for (key, result) in fallen {
            self.fall_behind(key, batch, result);
        }
        self.count_sent(
            index,
            (complete * batch.len()) as u64,
            complete * batch.bytes().len(),
        );
        self.count_conflated(index, complete as u64 * batch.passed_over());
        let appended_at = batch.oldest_at();
        if let (Some(audience), Some(appended_at)) = (self.audiences.get(index), appended_at) {
            let took = clock::now().saturating_duration_since(appended_at);
            audience.metrics().fanout.observe(took.as_secs_f64());
        }
    }

    /// The hot loop. Nothing is looked up, allocated, locked or formatted in it, but for those whose
    /// socket does not take everything, which it gives back.
    fn write_to_edge(&mut self, index: usize, bytes: &[u8]) -> Vec<(usize, io::Result<usize>)> {
        let mut fallen = Vec::new();
        let Some(audience) = self.audiences.get(index) else {
            return fallen;
        };
        for key in &audience.edge {
            let Some(subscriber) = self.subscribers.get_mut(*key) else {
                continue;
            };
            self.serving = Some(*key);
            match subscriber.socket.write(bytes, &mut self.scratch) {
                Ok(written) if written == bytes.len() && subscriber.socket.is_clear() => {}
                result => fallen.push((*key, result)),
            }
        }
        fallen
    }

    /// A panic has cut a pass short: whoever comes before the one that was being served has been
    /// sent the batch, whoever comes behind has not and goes on alone.
    pub(super) fn recover_pass(&mut self) {
        let Some((index, end)) = self.passing.take() else {
            return;
        };
        let Some(audience) = self.audiences.get_mut(index) else {
            return;
        };
        let broken = audience
            .edge
            .iter()
            .position(|key| Some(*key) == self.serving);
        let unsent = audience.edge.split_off(broken.map_or(0, |place| place + 1));
        for key in unsent {
            if let Some(subscriber) = self.subscribers.get_mut(key) {
                subscriber.standing = Standing::Behind(audience.cursor);
                self.unfinished.push(key);
            }
        }
        audience.cursor = Cursor::at(end);
        self.pass_again(index);
    }

    /// The log has moved on without this shard: everybody goes on from their place alone, and is
    /// told of the gap there.
    fn scatter_edge(&mut self, index: usize) {
        let Some(audience) = self.audiences.get_mut(index) else {
            return;
        };
        let cursor = audience.cursor;
        for key in mem::take(&mut audience.edge) {
            if let Some(subscriber) = self.subscribers.get_mut(key) {
                subscriber.standing = Standing::Behind(cursor);
                subscriber.progress = subscriber.progress.max(audience.passed_at);
                self.unfinished.push(key);
            }
        }
    }

    fn end_edge(&mut self, index: usize) {
        let keys = self
            .audiences
            .get(index)
            .map(|audience| audience.edge.clone());
        for key in keys.unwrap_or_default() {
            self.end(key, EndReason::UpstreamEnd);
        }
    }

    /// Takes a subscriber out of those at the live edge; its place is theirs.
    pub(super) fn leave_edge(&mut self, key: usize) {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        let Standing::AtEdge(place) = subscriber.standing else {
            return;
        };
        let Some(audience) = self.audiences.get_mut(subscriber.audience) else {
            return;
        };
        subscriber.standing = Standing::Behind(audience.cursor);
        subscriber.progress = subscriber.progress.max(audience.passed_at);
        if place < audience.edge.len() {
            audience.edge.swap_remove(place);
        }
        let moved = audience
            .edge
            .get(place)
            .and_then(|key| self.subscribers.get_mut(*key));
        if let Some(moved) = moved {
            moved.standing = Standing::AtEdge(place);
        }
    }
}
