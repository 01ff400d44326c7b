//! How the parser's buffers grow and shrink.
//!
//! Layer 0: std only. Invariant: whatever its limit, a buffer that grows costs what is written to
//! it, and at most [`KEPT_CAPACITY_BYTES`] times two more.
//!
//! A buffer that doubles up to 64 MiB leaves 32 + 16 + 8 … MiB behind, which an allocator may keep
//! for long. So it doubles up to 64 KiB only, which leaves less than 128 KiB behind, and is moved a
//! last time then, to where all of its limit has room. What is not written to is address space and
//! no memory.

/// Buffers that grew beyond this many bytes are given back after the event: one giant event must
/// not be paid for during the rest of a long stream.
pub(super) const KEPT_CAPACITY_BYTES: usize = 64 * 1024;

/// Makes room for so many more bytes in a buffer that never holds more than `limit`.
pub(super) fn make_room(buffer: &mut Vec<u8>, more: usize, limit: usize) {
    let length = buffer.len().saturating_add(more);
    if length > buffer.capacity() {
        let wanted = if length > KEPT_CAPACITY_BYTES {
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
        let (last, left) = places.split_last().unwrap();
        assert_eq!(*last, LIMIT);
        assert!(left.iter().sum::<usize>() < 2 * KEPT_CAPACITY_BYTES);
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
