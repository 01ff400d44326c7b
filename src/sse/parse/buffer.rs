//! How the parser's buffers grow and shrink.
//!
//! Layer 0: std only. Invariant: growing never holds much more than the limit at a time.

/// Buffers that grew beyond this many bytes are given back after the event: one giant event must
/// not be paid for during the rest of a long stream.
const KEPT_CAPACITY_BYTES: usize = 64 * 1024;

/// Makes room for so many more bytes in a buffer that never holds more than `limit`. Growing moves
/// it, and for a moment there are two: from an eighth of the limit on, it is moved once, to where
/// all of the limit has room. What is not written to costs no memory.
pub(super) fn make_room(buffer: &mut Vec<u8>, more: usize, limit: usize) {
    let length = buffer.len().saturating_add(more);
    if length > buffer.capacity() {
        let wanted = if length > limit / 8 {
            length.max(limit)
        } else {
            length.max(buffer.capacity().saturating_mul(2))
        };
        buffer.reserve_exact(wanted - buffer.len());
    }
}

/// Empties a buffer; one that has grown large goes back to the allocator.
pub(super) fn give_back(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEPT_CAPACITY_BYTES {
        *buffer = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    #[test]
    fn a_large_buffer_is_moved_once_and_never_beyond_its_limit() {
        let mut buffer = Vec::new();
        let mut places = Vec::new();
        while buffer.len() < LIMIT {
            make_room(&mut buffer, 1 << 10, LIMIT);
            buffer.extend_from_slice(&[b'x'; 1 << 10]);
            places.push(buffer.capacity());
        }
        places.dedup();
        let large = places.iter().filter(|place| **place > LIMIT / 4);
        assert_eq!(large.copied().collect::<Vec<_>>(), [LIMIT]);
        assert!(places.len() < 12, "small ones double: {places:?}");
    }

    #[test]
    fn a_small_buffer_is_kept_and_a_large_one_is_given_back() {
        let mut small = Vec::with_capacity(100);
        let mut large = Vec::with_capacity(KEPT_CAPACITY_BYTES + 1);
        give_back(&mut small);
        give_back(&mut large);
        assert_eq!((small.capacity(), large.capacity()), (100, 0));
    }
}
