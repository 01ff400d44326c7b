//! What the benches are given: always the same.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use fantail::source::ticker::Market;

/// Events of one stream that comes in.
pub(crate) const EVENTS: usize = 256;

/// The data of so many trades, 65 to 75 bytes of JSON each.
pub(crate) fn trades(count: usize) -> impl Iterator<Item = String> {
    let mut market = Market::new(7);
    (0..count as u64).map(move |number| {
        let at = Duration::from_millis(1_700_000_000_000 + 40 * number);
        market.tick().json(SystemTime::UNIX_EPOCH + at)
    })
}

/// The stream that a ticker's script sends: an id, a name and one line of data.
pub(crate) fn ticker_stream() -> String {
    let mut stream = String::new();
    for (number, trade) in trades(EVENTS).enumerate() {
        write!(stream, "id: {number}\nevent: quote\ndata: {trade}\n\n").unwrap();
    }
    stream
}

/// Data of twelve lines.
pub(crate) fn several_lines() -> String {
    trades(12).collect::<Vec<_>>().join("\n")
}

/// Text of one line and so many bytes.
pub(crate) fn long_line(bytes: usize) -> String {
    let mut line = trades(bytes / 64).collect::<String>();
    line.truncate(bytes);
    line
}
