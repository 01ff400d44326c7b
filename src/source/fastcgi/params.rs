//! Name-value pairs, and the records that carry them.
//!
//! Layer 2, pure. Invariant: a pair stands within one record, because PHP reads them record by
//! record.

use super::record::{CONTENT_BYTES, Sent, record};

/// Lengths below it take one byte, others four.
const SHORT: usize = 0x80;
const LONG_MARK: u32 = 1 << 31;

/// The pairs of a request.
#[derive(Debug, Default)]
pub(super) struct Params {
    /// Records that are full.
    records: Vec<u8>,
    /// The content of the next.
    content: Vec<u8>,
}

/// A pair that no record can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a parameter is longer than FastCGI can carry")]
pub(super) struct TooLong;

impl Params {
    /// Adds a pair.
    pub(super) fn push(&mut self, name: &str, value: &[u8]) -> Result<(), TooLong> {
        let mut pair = Vec::with_capacity(name.len() + value.len() + 8);
        length(name.len(), &mut pair);
        length(value.len(), &mut pair);
        pair.extend_from_slice(name.as_bytes());
        pair.extend_from_slice(value);
        if pair.len() > CONTENT_BYTES {
            return Err(TooLong);
        }
        if self.content.len() + pair.len() > CONTENT_BYTES {
            record(Sent::Params, &self.content, &mut self.records);
            self.content.clear();
        }
        self.content.append(&mut pair);
        Ok(())
    }

    /// Appends all records, the empty one that ends them included.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        if !self.content.is_empty() {
            record(Sent::Params, &self.content, &mut self.records);
        }
        out.append(&mut self.records);
        record(Sent::Params, &[], out);
    }
}

fn length(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if length < SHORT => out.push(short),
        // A longer one than fits does not fit into a record either.
        _ => {
            let long = u32::try_from(length).unwrap_or(u32::MAX) | LONG_MARK;
            out.extend(long.to_be_bytes());
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The pairs of one record's content, read as PHP reads them.
    pub(in super::super) fn pairs(mut content: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut pairs = Vec::new();
        while !content.is_empty() {
            let mut length = || {
                let long = content[0] & 0x80 != 0;
                let (bytes, rest) = content.split_at(if long { 4 } else { 1 });
                content = rest;
                let number = bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
                if long { number & 0x7FFF_FFFF } else { number }
            };
            let (name, value) = (length(), length());
            let (pair, rest) = content.split_at(name + value);
            let name = String::from_utf8(pair[..name].to_vec()).unwrap();
            pairs.push((name.clone(), pair[name.len()..].to_vec()));
            content = rest;
        }
        pairs
    }

    /// The contents of the PARAMS records that `bytes` begin with, up to the empty one, and what
    /// is behind.
    pub(in super::super) fn contents(mut bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
        let mut contents = Vec::new();
        loop {
            let [1, 4, 0, 1, len1, len0, 0, 0, rest @ ..] = bytes else {
                panic!("no record of parameters: {bytes:?}")
            };
            let (content, rest) = rest.split_at(u16::from_be_bytes([*len1, *len0]).into());
            bytes = rest;
            if content.is_empty() {
                return (contents, bytes);
            }
            contents.push(content);
        }
    }

    fn read_back(given: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
        let mut params = Params::default();
        for (name, value) in given {
            params.push(name, value).unwrap();
        }
        let mut out = Vec::new();
        params.finish(&mut out);
        let (contents, rest) = contents(&out);
        assert!(rest.is_empty());
        contents.into_iter().flat_map(pairs).collect()
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_what_php_reads(
            given in prop::collection::vec(
                ("[A-Z_]{0,140}", prop::collection::vec(any::<u8>(), 0..300)),
                0..8,
            ),
        ) {
            prop_assert_eq!(read_back(&given), given);
        }
    }

    #[test]
    fn a_pair_is_never_cut_by_the_end_of_a_record() {
        let given: Vec<_> = (0..5)
            .map(|n| (format!("N{n}"), vec![b'x'; 30_000]))
            .collect();
        assert_eq!(read_back(&given), given);
    }

    #[test]
    fn lengths_change_their_form_at_128_and_end_at_what_a_record_holds() {
        for length in [0, 127, 128, 255, 65_520] {
            let given = [("N".to_owned(), vec![0; length])];
            assert_eq!(read_back(&given), given);
        }
        assert_eq!(Params::default().push("N", &vec![0; 65_535]), Err(TooLong));
    }
}
