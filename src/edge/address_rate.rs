//! How fast each address may come: a bucket for each, forgotten once it is full again.
//!
//! Pure but for its lock. Invariant: no more addresses are remembered than have come within a
//! second or two, and never more than [`MOST`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::hub::limits::ClientAddr;

/// Addresses that are remembered: 5 MiB. More of them within a second are a flood that no limit of
/// a single address can hold back; `accepts_per_second` is there for that.
const MOST: usize = 1 << 16;

/// A bucket holds one second's worth, so that after one second without a client it is full.
const SECOND: Duration = Duration::from_secs(1);

/// A rate of each address with a burst of one second's worth; 0 = no limit, and nothing is kept.
#[derive(Debug)]
pub(super) struct AddressRate {
    per_second: u32,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    /// When each would be full: a take moves it on by one interval.
    full_at: HashMap<ClientAddr, Instant>,
    /// When those that are full were last forgotten.
    swept_at: Option<Instant>,
}

impl AddressRate {
    /// Full buckets.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            buckets: Mutex::default(),
        }
    }

    /// Takes one of `address` now, if there is one.
    pub(super) fn try_take(&self, address: ClientAddr, now: Instant) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let mut buckets = self.buckets.lock();
        buckets.sweep(now);
        let full_at = buckets.full_at.get(&address).copied();
        // Who is not remembered is let in: whom to keep out nobody can tell.
        if full_at.is_none() && buckets.full_at.len() >= MOST {
            return true;
        }
        let after = full_at.map_or(now, |at| at.max(now)) + SECOND / self.per_second;
        let may_come = after.saturating_duration_since(now) <= SECOND;
        if may_come {
            buckets.full_at.insert(address, after);
        }
        may_come
    }
}

impl Buckets {
    /// Once a second, so that a client costs no more than looking at those of that second.
    fn sweep(&mut self, now: Instant) {
        let is_due = |at| now.saturating_duration_since(at) >= SECOND;
        if !self.swept_at.is_none_or(is_due) {
            return;
        }
        self.swept_at = Some(now);
        self.full_at.retain(|_, at| *at > now);
        self.full_at.shrink_to(2 * self.full_at.len());
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::clock;

    fn client(number: u32) -> ClientAddr {
        ClientAddr::new(IpAddr::from(Ipv4Addr::from_bits(number)))
    }

    fn remembered(rate: &AddressRate) -> usize {
        rate.buckets.lock().full_at.len()
    }

    #[test]
    fn each_address_has_a_burst_and_then_its_pace() {
        let rate = AddressRate::new(10);
        let start = clock::now();
        assert!((0..10).all(|_| rate.try_take(client(1), start)));
        assert!(!rate.try_take(client(1), start) && rate.try_take(client(2), start));
        let later = start + Duration::from_millis(250);
        assert!((0..2).all(|_| rate.try_take(client(1), later)));
        assert!(!rate.try_take(client(1), later));
        // A refusal costs an address nothing: it is let in at its pace, however it knocks.
        let full = start + Duration::from_secs(60);
        assert!((0..10).all(|_| rate.try_take(client(1), full)));
        assert!(!rate.try_take(client(1), full));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one() {
        let rate = AddressRate::new(1);
        let at = |text: &str| ClientAddr::new(text.parse().unwrap());
        let now = clock::now();
        assert!(rate.try_take(at("2001:db8:1:2::1"), now));
        assert!(!rate.try_take(at("2001:db8:1:2:ffff::2"), now));
        assert!(rate.try_take(at("2001:db8:1:3::1"), now));
    }

    #[test]
    fn no_limit_keeps_nothing() {
        let rate = AddressRate::new(0);
        let now = clock::now();
        assert!((0..1000).all(|_| rate.try_take(client(1), now)));
        assert_eq!(remembered(&rate), 0);
    }

    #[test]
    fn quiet_addresses_are_forgotten() {
        let rate = AddressRate::new(20);
        let start = clock::now();
        let count = |from: u32, now| (from..from + 500).all(|n| rate.try_take(client(n), now));
        assert!(count(0, start));
        assert!((0..20).all(|_| rate.try_take(client(9_000), start)));
        let soon = start + Duration::from_millis(990);
        assert!(count(1_000, soon));
        assert_eq!(remembered(&rate), 1_001);
        // The first ones are full again, the busy one too; the second ones are not yet.
        assert!(rate.try_take(client(5_000), start + SECOND));
        assert_eq!(remembered(&rate), 501);
        assert!(rate.try_take(client(5_000), start + 3 * SECOND));
        assert_eq!(remembered(&rate), 1);
        assert!(rate.buckets.lock().full_at.capacity() < 100);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_than_its_memory() {
        let rate = AddressRate::new(1);
        let now = clock::now();
        let most = u32::try_from(MOST).unwrap();
        assert!((0..most + 1000).all(|n| rate.try_take(client(n), now)));
        assert_eq!(remembered(&rate), MOST);
        // Those that are remembered are still held to their pace.
        assert!(!rate.try_take(client(0), now) && rate.try_take(client(most), now));
    }
}
