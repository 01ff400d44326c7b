//! PROXY headers: however the bytes are cut, the same is made of them, once and for all; and no more
//! is waited for than a header may have.

#![no_main]

use fantail::edge::proxy_protocol::{LONGEST, Parsed, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes);
    let mut judged = Parsed::Incomplete;
    for end in 0..=bytes.len().min(LONGEST + 1) {
        let now = parse(&bytes[..end]);
        assert!(judged == Parsed::Incomplete || now == judged, "at byte {end}");
        judged = now;
        if let Parsed::Done { length, .. } = now {
            assert!(length <= end);
        }
    }
    assert_eq!(judged, whole);
    assert!(whole != Parsed::Incomplete || bytes.len() < LONGEST);
});
