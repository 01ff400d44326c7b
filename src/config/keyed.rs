//! What a route does with what its events are about: `key`, `slow`, `snapshot`, `max_keys`,
//! `max_rate`.
//!
//! Imports the reader and the options of those whom it concerns. Invariant: what only makes sense
//! where events have keys is a fault where they have none.

use super::kinds::{MANY, number, word};
use super::read::Section;
use super::value::{Complaint, Value};
use crate::delivery::{Slow, Snapshot};
use crate::ingest::key::EventKey;
use crate::{delivery, hub, ingest};

const SLOW: &[(&str, Slow)] = &[
    ("skip", Slow::Skip),
    ("close", Slow::Close),
    ("conflate", Slow::Conflate),
];
const SNAPSHOT: &[(&str, Snapshot)] = &[
    ("none", Snapshot::None),
    ("last", Snapshot::Last),
    ("keys", Snapshot::Keys),
];
const RIGHT: &str = "say in `key` what events are about: \"event\", \"id\", or where their JSON says \
                     it, such as \"json:/symbol\"";

/// Reads the keys into the options of a route.
pub(super) fn read(
    section: &mut Section<'_>,
    topic: &mut hub::TopicOptions,
    down: &mut delivery::Options,
    up: &mut ingest::Options,
) {
    let is_given = section.has("key");
    let good = section.set(&mut up.key, "key", event_key);
    // A bad one has been complained about.
    let has_none = up.key.is_none() && (good.is_some() || !is_given);
    topic.has_keys = up.key.is_some();
    section.set(&mut topic.max_keys, "max_keys", number(1, MANY));
    // More often is what no person sees, and no bound.
    section.set(&mut topic.max_rate, "max_rate", number(0, 1000));
    let slow = section.set(&mut down.slow, "slow", word(SLOW));
    if let Some(at) = slow.filter(|_| has_none && down.slow == Slow::Conflate) {
        at.complain(at.wrong("can not be: nothing is known to replace an event", RIGHT));
    }
    let snapshot = section.set(&mut down.snapshot, "snapshot", word(SNAPSHOT));
    if let Some(at) = snapshot.filter(|_| has_none && down.snapshot == Snapshot::Keys) {
        at.complain(at.wrong("has no keys to send the newest events of", RIGHT));
    }
}

/// Empty = none.
fn event_key(value: &Value<'_>) -> Result<Option<EventKey>, Complaint> {
    let text = value.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    EventKey::parse(text).map(Some).map_err(|fault| {
        let right = "write \"event\", \"id\", or where the event's JSON says it, such as \
                     \"json:/symbol\" or \"json:/quotes/0/symbol\"";
        Complaint::new(format!("`key` is {}: {fault}", value.shown()), right)
    })
}
