//! Permits: how many of something there may be, in all, for each address, for each second.
//!
//! Invariant: a permit is owned by what it permits, and dropping it gives it back; nothing is
//! counted down by hand.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use parking_lot::Mutex;

/// Whom limits for an address count: the client, or the proxy's word for it. An IPv6 address
/// stands for its /64, because that is what one customer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr(IpAddr);

impl ClientAddr {
    /// The client at `address`.
    pub fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Counts something up to a limit; 0 = no limit.
#[derive(Debug)]
pub struct Total {
    used: AtomicUsize,
    limit: usize,
}

/// One of a [`Total`].
#[derive(Debug)]
pub struct TotalPermit(Arc<Total>);

impl Total {
    /// Nothing used of `limit`.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            limit,
        })
    }

    /// One more, if the limit allows.
    pub fn try_acquire(self: &Arc<Self>) -> Option<TotalPermit> {
        let one_more = |used: usize| (self.limit == 0 || used < self.limit).then_some(used + 1);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
            .then(|| TotalPermit(Arc::clone(self)))
    }

    /// One more, whatever the limit.
    pub fn acquire(self: &Arc<Self>) -> TotalPermit {
        self.used.fetch_add(1, Ordering::Relaxed);
        TotalPermit(Arc::clone(self))
    }

    /// How many there are. Who sees that a permit is back sees what its holder did before.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }
}

impl Drop for TotalPermit {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Release);
    }
}

/// Counts something for each address up to a limit; 0 = no limit, and nothing is counted.
#[derive(Debug)]
pub struct PerAddress {
    used: DashMap<ClientAddr, usize>,
    limit: usize,
}

/// One of an address's share.
#[derive(Debug)]
pub struct AddressPermit(Option<(Arc<PerAddress>, ClientAddr)>);

impl PerAddress {
    /// Nothing used of `limit` for each address.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            used: DashMap::new(),
            limit,
        })
    }

    /// One more for `address`, if its limit allows.
    pub fn try_acquire(self: &Arc<Self>, address: ClientAddr) -> Option<AddressPermit> {
        if self.limit == 0 {
            return Some(AddressPermit(None));
        }
        let mut used = self.used.entry(address).or_insert(0);
        if *used >= self.limit {
            return None;
        }
        *used += 1;
        drop(used);
        Some(AddressPermit(Some((Arc::clone(self), address))))
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let Some((owner, address)) = self.0.take() else {
            return;
        };
        owner.used.remove_if_mut(&address, |_, used| {
            *used -= 1;
            *used == 0
        });
    }
}

/// A rate with a burst of one second's worth; 0 = no limit.
#[derive(Debug)]
pub struct Rate {
    per_second: u32,
    /// When the bucket would be full: each take moves it on by one interval.
    full_at: Mutex<Option<Instant>>,
}

impl Rate {
    /// A full bucket.
    pub fn new(per_second: u32) -> Self {
        Self {
            per_second,
            full_at: Mutex::new(None),
        }
    }

    /// Takes one now, if there is one.
    pub fn try_take(&self, now: Instant) -> bool {
        self.take(now, Duration::ZERO).is_some()
    }

    /// Takes one now or in advance: how long to wait for it. Those who wait are served in turn.
    pub fn reserve(&self, now: Instant) -> Duration {
        self.take(now, Duration::MAX).unwrap_or_default()
    }

    fn take(&self, now: Instant, patience: Duration) -> Option<Duration> {
        if self.per_second == 0 {
            return Some(Duration::ZERO);
        }
        let interval = Duration::from_secs(1) / self.per_second;
        let mut full_at = self.full_at.lock();
        let after = full_at.map_or(now, |at| at.max(now)) + interval;
        let wait = after
            .saturating_duration_since(now)
            .saturating_sub(Duration::from_secs(1));
        if wait > patience {
            return None;
        }
        *full_at = Some(after);
        drop(full_at);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_can_be_taken_again() {
        let total = Total::new(2);
        let first = total.try_acquire();
        let second = total.try_acquire();
        assert!(first.is_some() && second.is_some() && total.try_acquire().is_none());
        drop(first);
        assert!(total.try_acquire().is_some());
    }

    #[test]
    fn one_address_at_its_limit_does_not_hinder_another() {
        let limit = PerAddress::new(1);
        let a = ClientAddr::new([127, 0, 0, 1].into());
        let b = ClientAddr::new([127, 0, 0, 2].into());
        let held = limit.try_acquire(a);
        assert!(held.is_some() && limit.try_acquire(a).is_none() && limit.try_acquire(b).is_some());
        drop(held);
        assert!(limit.try_acquire(a).is_some());
        assert!(
            limit.used.is_empty(),
            "an address without permits costs nothing"
        );
    }

    #[test]
    fn ipv6_clients_are_counted_by_their_network_and_mapped_ones_as_ipv4() {
        let client = |text: &str| ClientAddr::new(text.parse().unwrap());
        assert_eq!(client("2001:db8:1:2:3::4"), client("2001:db8:1:2:ffff::1"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:127.0.0.1"), client("127.0.0.1"));
    }

    #[test]
    fn a_rate_gives_a_burst_and_then_its_pace() {
        let rate = Rate::new(10);
        let start = crate::clock::now();
        assert!((0..10).all(|_| rate.try_take(start)));
        assert!(!rate.try_take(start));
        let later = start + Duration::from_millis(250);
        assert!(rate.try_take(later) && rate.try_take(later) && !rate.try_take(later));
    }

    #[test]
    fn those_who_reserve_wait_in_turn() {
        let rate = Rate::new(10);
        let start = crate::clock::now();
        let waits: Vec<_> = (0..12).map(|_| rate.reserve(start).as_millis()).collect();
        assert_eq!(waits[9..], [0, 100, 200]);
    }
}
