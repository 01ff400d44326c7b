//! Ids: which one a frame carries, which events are repetitions, and whether something may have
//! been lost when an upstream's connection broke.
//!
//! Invariant: an event is dropped only if a frame of an earlier response in the log has its id
//! *and* says the same; never because its id is "not greater than the last".

use super::IdPolicy;
use crate::event::{Event, EventId};
use crate::hub::Appender;
use crate::log::Identity;
use crate::position::{Offset, Position};

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is appended.
    Append {
        /// With this id line.
        identity: Identity,
        /// Whether the upstream's own id could not be used.
        is_replaced: bool,
        /// Whether events before it may have been lost with the last connection.
        may_have_lost: bool,
    },
    /// The upstream has sent it before.
    Repetition,
}

/// What is known of an upstream's ids, over all its responses.
#[derive(Debug)]
pub(super) struct Ids {
    policy: IdPolicy,
    /// The last event ID of the upstream, to be given back to it.
    last: Option<EventId>,
    /// The first offset of the running response.
    begin: Offset,
    /// The connection before this one broke, and nothing has shown yet that nothing was lost.
    is_in_doubt: bool,
}

impl Ids {
    /// `resume` is where a private topic's one client was: its upstream is asked to go on there.
    pub(super) fn new(policy: IdPolicy, resume: Option<EventId>) -> Self {
        Self {
            policy,
            last: resume,
            begin: Offset(0),
            is_in_doubt: false,
        }
    }

    /// What the upstream is told when it is asked again.
    pub(super) fn resume_from(&self) -> Option<EventId> {
        self.last.clone().filter(|id| !id.is_empty())
    }

    /// A response begins, and its frames with `begin`. Whether a loss is to be announced at once:
    /// an upstream without ids can not send what was lost, and can not show that nothing was.
    pub(super) fn response_begins(&mut self, begin: Offset) -> bool {
        self.begin = begin;
        let is_blind = self.last.as_ref().is_none_or(EventId::is_empty);
        let is_lost = self.is_in_doubt && is_blind;
        self.is_in_doubt &= !is_blind;
        is_lost
    }

    /// The running response broke off.
    pub(super) fn response_broke(&mut self) {
        self.is_in_doubt = true;
    }

    /// Decides about one event.
    pub(super) fn settle(&mut self, event: &Event, appender: &mut Appender) -> Settled {
        let own = event
            .id
            .as_ref()
            .filter(|id| event.own_id && !id.is_empty());
        let is_repetition = own.is_some_and(|id| {
            self.begin > Offset(0)
                && appender.repeats(id, event.name.as_ref(), &event.data, self.begin)
        });
        let may_have_lost = !is_repetition && own.is_some_and(|id| self.ends_doubt_with_loss(id));
        if event.id.is_some() {
            self.last.clone_from(&event.id);
        }
        if is_repetition {
            self.is_in_doubt = false;
            return Settled::Repetition;
        }
        let identity = self.identity(event, own, appender);
        let is_replaced =
            own.is_some() && self.policy == IdPolicy::Preserve && identity == Identity::Token;
        Settled::Append {
            identity,
            is_replaced,
            may_have_lost,
        }
    }

    /// The first id after a broken connection: the successor of the last one shows that nothing
    /// was lost, another number that something may have been. What is no number was asked for by
    /// `Last-Event-ID`, and the upstream is believed.
    fn ends_doubt_with_loss(&mut self, id: &EventId) -> bool {
        if !std::mem::take(&mut self.is_in_doubt) {
            return false;
        }
        let number = |id: &EventId| id.as_str().parse::<u64>().ok();
        match (self.last.as_ref().and_then(number), number(id)) {
            (Some(last), Some(next)) => last.checked_add(1) != Some(next),
            (None, _) | (_, None) => false,
        }
    }

    fn identity(&self, event: &Event, own: Option<&EventId>, appender: &Appender) -> Identity {
        match self.policy {
            IdPolicy::Gateway => Identity::Token,
            IdPolicy::Upstream if event.id.is_some() => Identity::Own,
            IdPolicy::Upstream => Identity::None,
            IdPolicy::Preserve => match own {
                Some(id) if is_usable(id, appender) => Identity::Own,
                Some(_) | None => Identity::Token,
            },
        }
    }
}

/// Safe in every client, held by no other frame, and no token of this very log, which would name
/// another frame.
fn is_usable(id: &EventId, appender: &Appender) -> bool {
    let is_our_token = id
        .as_str()
        .parse::<Position>()
        .is_ok_and(|token| token.epoch == appender.topic().log().epoch());
    id.is_header_safe() && !is_our_token && !appender.knows(id)
}
