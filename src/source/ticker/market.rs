//! Prices that walk at random.
//!
//! Layer 2, pure: fastrand only, no clock, no I/O. Invariants: the same seed gives the same market;
//! prices stay near where they opened, however long it runs.

use std::fmt;
use std::time::SystemTime;

use fastrand::Rng;

/// What is traded, and the companies behind it, none of which exists.
pub const SYMBOLS: [(&str, &str); 12] = [
    ("FAN", "Fantail Holdings"),
    ("GNT", "Gannet Shipping"),
    ("HRN", "Heron Water"),
    ("KEA", "Kea Robotics"),
    ("KKO", "Kokako Audio"),
    ("MOA", "Moa Foods"),
    ("PIP", "Pipit Air"),
    ("RUR", "Ruru Nightworks"),
    ("SWT", "Swift Rail"),
    ("TKH", "Takahe Steel"),
    ("TRN", "Ternlight Optics"),
    ("WRN", "Wren Micro"),
];

/// A trade: what was paid, in cents because those add up exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// One of [`SYMBOLS`].
    pub symbol: &'static str,
    /// The price in cents.
    pub price: i64,
    /// The change since the market opened, in cents.
    pub change: i64,
}

impl Quote {
    /// The quote as a JSON object, with the time of the trade.
    pub fn json(&self, at: SystemTime) -> String {
        let time = at.duration_since(SystemTime::UNIX_EPOCH);
        format!(
            r#"{{"symbol":"{}","price":{},"change":{},"time":{}}}"#,
            self.symbol,
            Money(self.price),
            Money(self.change),
            time.unwrap_or_default().as_millis()
        )
    }
}

struct Money(i64);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// The prices and the dice: no clock, no I/O.
///
/// ```
/// use fantail::source::ticker::Market;
/// assert_eq!(Market::new(7).tick(), Market::new(7).tick());
/// ```
#[derive(Debug)]
pub struct Market {
    dice: Rng,
    listings: [Listing; SYMBOLS.len()],
}

#[derive(Clone, Copy, Debug)]
struct Listing {
    symbol: &'static str,
    opening: i64,
    price: i64,
}

impl Market {
    /// Opens a market whose whole course follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let listings = SYMBOLS.map(|(symbol, _)| {
            let opening = dice.i64(2_000..50_000);
            Listing {
                symbol,
                opening,
                price: opening,
            }
        });
        Self { dice, listings }
    }

    /// The next trade, of any symbol.
    #[expect(clippy::indexing_slicing, reason = "drawn from the array's own range")]
    pub fn tick(&mut self) -> Quote {
        let listing = &mut self.listings[self.dice.usize(..SYMBOLS.len())];
        // Half a percent either way, and a light pull home: a demo left running for weeks still
        // shows believable prices.
        let reach = (listing.price / 200).max(5);
        let pull = (listing.opening - listing.price) / 200;
        let step = self.dice.i64(-reach..=reach) + pull;
        listing.price = (listing.price + step).max(100);
        Quote {
            symbol: listing.symbol,
            price: listing.price,
            change: listing.price - listing.opening,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_quote_is_written_as_json_with_two_decimals() {
        let quote = |price, change| Quote {
            symbol: "FAN",
            price,
            change,
        };
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(
            quote(10_125, 25).json(at),
            r#"{"symbol":"FAN","price":101.25,"change":0.25,"time":1700000000123}"#
        );
        let parsed: serde_json::Value = serde_json::from_str(&quote(9_905, -5).json(at)).unwrap();
        assert_eq!(
            (parsed["price"].as_f64(), parsed["change"].as_f64()),
            (Some(99.05), Some(-0.05))
        );
    }

    #[test]
    fn a_market_left_running_stays_believable_and_trades_everything() {
        let mut market = Market::new(1);
        let mut seen = std::collections::HashMap::new();
        for _ in 0..200_000 {
            let quote = market.tick();
            let opening = quote.price - quote.change;
            assert!(
                quote.price > opening / 4 && quote.price < opening * 4,
                "{quote:?}"
            );
            *seen.entry(quote.symbol).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), SYMBOLS.len());
        assert!(seen.values().all(|count| *count > 200_000 / 24));
    }
}
