//! Compressed bodies, as a server sends them that compresses whatever passes.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;
use crate::metrics::UpstreamReason;
use crate::source::Incomplete;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn response(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{HEAD}Content-Encoding: {coding}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_body_is_decoded_before_its_charset_is() {
    let text = b"data: \xC4\xE3\xBA\xC3\n\ndata: b";
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(text).unwrap();
    let options = Options {
        charset: Some("gbk"),
        incomplete: Incomplete::Always,
        ..Options::default()
    };
    for (coding, body) in [("gzip", gzip(text)), ("deflate", zlib.finish().unwrap())] {
        let (data, end) = given(&response(coding, &body), options.clone()).await;
        assert_eq!(data, ["你好"]);
        let Ok(Step::Ended { completed, .. }) = end else {
            panic!("{end:?}");
        };
        assert_eq!(completed.unwrap().data, "b");
    }
}

#[tokio::test]
async fn each_flushed_event_is_there_before_the_next_is_sent() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    let (feed, mut socket) = tokio::join!(source.open_feed(None), async {
        let (mut socket, _) = upstream.accept().await;
        socket.write_all(&response("gzip", b"")).await.unwrap();
        socket
    });
    let mut feed = feed.unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for n in 0..10 {
        write!(encoder, "data: {n}\n\n").unwrap();
        encoder.flush().unwrap();
        socket.write_all(encoder.get_ref()).await.unwrap();
        encoder.get_mut().clear();
        let mut data = Vec::new();
        while data.is_empty() {
            let step = timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
            let Step::Items { items, .. } = step else {
                panic!("{step:?}");
            };
            data.extend(items.into_iter().filter_map(|item| match item {
                Item::Event(event) => Some(event.data),
                _ => None,
            }));
        }
        assert_eq!(data, [n.to_string()]);
    }
}

#[tokio::test]
async fn compressed_data_that_is_cut_off_is_broken_however_clean_the_framing() {
    let body = gzip(b"data: a\n\ndata: half");
    let options = Options {
        incomplete: Incomplete::Always,
        ..Options::default()
    };
    let (_, end) = given(&response("gzip", &body[..body.len() - 9]), options).await;
    assert_eq!(end.unwrap_err().reason(), UpstreamReason::Eof);
}

#[tokio::test]
async fn a_bomb_ends_the_feed_and_what_came_before_it_is_given() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"data: a\n\n").unwrap();
    for _ in 0..64 {
        encoder.write_all(&b"x".repeat(1 << 20)).unwrap();
    }
    let response = response("gzip", &encoder.finish().unwrap());
    let (data, end) = given(&response, Options::default()).await;
    assert_eq!(data, ["a"]);
    let error = end.unwrap_err();
    assert_eq!(error.reason(), UpstreamReason::Encoding);
    assert!(error.to_string().contains("decode_ratio"), "{error}");
    // Where it is allowed, the parser's own bounds hold.
    let allowed = Options {
        decode_ratio: 2000,
        event_bytes: 1000,
        line_bytes: 1000,
        ..Options::default()
    };
    let (data, end) = given(&response, allowed).await;
    assert_eq!(data, ["a"]);
    assert_eq!(end.unwrap_err().reason(), UpstreamReason::LineTooLong);
}
