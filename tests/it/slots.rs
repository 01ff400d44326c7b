//! The bench's slots of the clock: `benches/fanout` has no test harness of its own.

#[path = "../../benches/fanout/slots.rs"]
mod of_the_clock;

use of_the_clock::Slots;
use proptest::prelude::*;

const LENGTH_NS: u64 = 100;

#[test]
fn sides_that_share_the_clock_are_never_awake_at_once() {
    let sides = [0, 1, 2].map(|nth| Slots::new(nth, 3, LENGTH_NS));
    for now in 0..1200 {
        let awake = sides.map(|side| side.elapsed(now + 1) > side.elapsed(now));
        assert!(
            awake.iter().filter(|awake| **awake).count() <= 1,
            "at {now}"
        );
    }
    // The first one's next slot begins; the others' fourth ends when their fifth begins.
    assert_eq!(sides.map(|side| side.elapsed(1200)), [400, 399, 399]);
    assert_eq!(sides.map(Slots::sharers), [3, 3, 3]);
    assert_eq!(sides.map(Slots::is_first), [true, false, false]);
}

#[test]
fn over_the_rounds_a_side_has_each_slot_once() {
    let side = Slots::new(1, 2, LENGTH_NS);
    let rounds = [0, 1, 2].map(|round| side.in_round(round).to_string());
    assert_eq!(rounds, ["1/2/100", "0/2/100", "1/2/100"]);
}

#[test]
fn slots_that_are_none_are_refused() {
    for text in ["", "1", "2/2/100", "0/2/0", "0/2/100/1", "a/2/100", "0/0/1"] {
        let refused = text.parse::<Slots>().unwrap_err();
        assert!(
            refused.contains("is not like 0/2/1000"),
            "{text}: {refused}"
        );
    }
}

proptest! {
    /// What is due at a moment is due then, and not a nanosecond before.
    #[test]
    fn a_moment_is_the_first_at_which_so_much_has_gone_by(
        nth in 0_u64..3,
        elapsed in 1_u64..10_000,
    ) {
        let side = Slots::new(nth, 3, LENGTH_NS);
        let moment = side.moment(elapsed);
        prop_assert_eq!(side.elapsed(moment), elapsed);
        prop_assert!(side.elapsed(moment - 1) < elapsed);
    }

    #[test]
    fn what_is_written_is_read(nth in 0_u64..5, length in 1_u64..1_000_000) {
        let side = Slots::new(nth, 5, length);
        prop_assert_eq!(side.to_string().parse(), Ok(side));
    }

    /// So that all begin with an event at the start of a slot.
    #[test]
    fn the_next_slot_is_whole(nth in 0_u64..3, now in 0_u64..10_000) {
        let side = Slots::new(nth, 3, LENGTH_NS);
        let next = side.next(now);
        prop_assert_eq!(next % LENGTH_NS, 0);
        prop_assert!(side.moment(next) + LENGTH_NS > now);
    }
}
