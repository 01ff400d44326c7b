//! Key → topic.
//!
//! The map is never seen from outside, so that no guard of it can be held over an await or another
//! look-up (dashmap's guards deadlock across both).

use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::topic::Topic;
use crate::log::Writer;
use crate::topic_key::{RouteId, TopicKey};

#[derive(Debug, Default)]
pub(super) struct Registry(DashMap<(RouteId, TopicKey), Arc<Topic>>);

impl Registry {
    pub(super) fn get(&self, route: RouteId, key: &TopicKey) -> Option<Arc<Topic>> {
        self.0
            .get(&(route, key.clone()))
            .map(|topic| Arc::clone(topic.value()))
    }

    /// The topic in this place, or the one that `make` gives, with its writer. `make` runs under the
    /// map's lock: one topic for one key, and a topic that nobody will use is never made.
    pub(super) fn get_or_create<E>(
        &self,
        route: RouteId,
        key: &TopicKey,
        make: impl FnOnce() -> Result<(Arc<Topic>, Writer), E>,
    ) -> Result<(Arc<Topic>, Option<Writer>), E> {
        match self.0.entry((route, key.clone())) {
            Entry::Occupied(entry) => Ok((Arc::clone(entry.get()), None)),
            Entry::Vacant(entry) => {
                let (topic, writer) = make()?;
                entry.insert(Arc::clone(&topic));
                Ok((topic, Some(writer)))
            }
        }
    }

    /// Takes this very topic out; another one that has taken its place stays.
    pub(super) fn remove(&self, topic: &Arc<Topic>) {
        let key = (topic.route.id, topic.key.clone());
        self.0.remove_if(&key, |_, there| Arc::ptr_eq(there, topic));
        topic.forgotten();
    }

    /// Takes out the topics whose remembered answer has expired.
    pub(super) fn sweep(&self, now: Instant) {
        self.0.retain(|_, topic| {
            let is_stale = topic.is_stale(now);
            if is_stale {
                topic.forgotten();
            }
            !is_stale
        });
    }

    pub(super) fn all(&self) -> Vec<Arc<Topic>> {
        self.0
            .iter()
            .map(|entry| Arc::clone(entry.value()))
            .collect()
    }
}
