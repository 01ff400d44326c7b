//! `?fantail=poll`: one bounded answer with its length, which every intermediary delivers.

use std::sync::Arc;

use bytes::Bytes;

use super::place::Standing;
use super::reply::Reply;
use super::respond;
use super::subscribe::{Joined, trouble};
use super::{Edge, Upstream};
use crate::delivery::poll::Poll;
use crate::drain::Phase;

impl Edge {
    /// The answer to a poll, which waits for it. Dropped, it leaves its topic: hyper lets go of a
    /// request whose client hangs up.
    pub(super) async fn poll(&self, upstream: &Upstream, joined: Joined) -> Reply {
        // Those who wait now come back together: so far must they be spread.
        let _waiting = self.polls.acquire();
        let spread = self.shards.spread_of(self.polls.used());
        let standing = upstream.standing(
            &joined.subscription,
            joined.resume.as_ref(),
            joined.newcomer,
        );
        let (cursor, is_placed) = match standing {
            Standing::New(cursor) => (cursor, false),
            Standing::Back(cursor) => (cursor, true),
            Standing::Gap(leap) => (leap.cursor(), false),
        };
        let options = Arc::clone(&upstream.delivery);
        let mut poll = Poll::new(joined.subscription, options, cursor, is_placed);
        if let Some(words) = trouble(&joined.first) {
            poll.remark(&words);
        }
        if let Standing::Gap(leap) = standing {
            poll.leap(&leap);
        }
        let mut drain = self.drain.clone();
        let body = poll.answer(spread, drain.reached(Phase::Draining)).await;
        respond::stream_head(Bytes::from(body))
    }
}
