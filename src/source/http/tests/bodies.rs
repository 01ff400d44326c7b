//! Bodies, their framing and their ends.

use super::*;
use crate::metrics::UpstreamReason;
use crate::source::Incomplete;

/// The body of the tutorial's ASP page: no line end, no blank line.
const TUTORIAL_ASP: &str = "data: 2026-11-22 06:29:31";

fn ended(end: Result<Step, Error>) -> (Option<String>, bool) {
    match end {
        Ok(Step::Ended { completed, dropped }) => (completed.map(|event| event.data), dropped),
        other => panic!("{other:?}"),
    }
}

/// What the end of a close-delimited body leaves.
async fn left(body: &str, incomplete: Incomplete) -> (Option<String>, bool) {
    let options = Options {
        incomplete,
        ..Options::default()
    };
    ended(
        given(format!("{HEAD}\r\n{body}").as_bytes(), options)
            .await
            .1,
    )
}

#[tokio::test]
async fn every_framing_gives_the_events_and_a_clean_end() {
    for framed in [
        "\r\ndata: a\n\ndata: b\n\n",
        "Content-Length: 18\r\n\r\ndata: a\n\ndata: b\n\n",
        "Transfer-Encoding: chunked\r\n\r\n8\r\ndata: a\n\r\na;x=y\r\n\ndata: b\n\n\r\n0\r\nT: x\r\n\r\n",
    ] {
        let response = format!("{HEAD}{framed}");
        let (data, end) = given(response.as_bytes(), Options::default()).await;
        assert_eq!(data, ["a", "b"], "{framed:?}");
        assert_eq!(ended(end), (None, false), "{framed:?}");
    }
}

#[tokio::test]
async fn an_http_1_0_answer_and_an_early_hint_are_understood() {
    let one_0 = HEAD.replace("1.1", "1.0");
    for head in [
        one_0,
        format!("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n{HEAD}"),
    ] {
        let response = format!("{head}\r\ndata: a\n\n");
        let (data, end) = given(response.as_bytes(), Options::default()).await;
        assert_eq!(data, ["a"]);
        assert_eq!(ended(end), (None, false));
    }
}

#[tokio::test]
async fn a_body_shorter_than_promised_is_broken_and_its_half_event_discarded() {
    for framed in [
        "Content-Length: 99\r\n\r\ndata: a\n\ndata: half",
        "Transfer-Encoding: chunked\r\n\r\n13\r\ndata: a\n\ndata: half\r\n",
        "Transfer-Encoding: chunked\r\n\r\n99\r\ndata: a\n\ndata: half",
    ] {
        let options = Options {
            incomplete: Incomplete::Always,
            ..Options::default()
        };
        let response = format!("{HEAD}{framed}");
        let (data, end) = given(response.as_bytes(), options).await;
        assert_eq!(data, ["a"], "{framed:?}");
        let error = end.unwrap_err();
        assert!(matches!(error, Error::Broken(_)), "{framed:?}: {error}");
        assert_eq!(error.reason(), UpstreamReason::Eof, "{framed:?}");
    }
}

#[tokio::test]
async fn a_reset_is_broken_even_where_only_the_end_delimits() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    let response = format!("{HEAD}\r\n{TUTORIAL_ASP}");
    let (feed, socket) = tokio::join!(source.open_feed(None), async {
        let (mut socket, _) = upstream.accept().await;
        socket.write_all(response.as_bytes()).await.unwrap();
        socket
    });
    let mut feed = feed.unwrap();
    assert!(matches!(feed.next().await, Ok(Step::Items { .. })));
    let linger = Some(Duration::ZERO);
    socket2::SockRef::from(&socket).set_linger(linger).unwrap();
    drop(socket);
    let (_, end) = read(&mut *feed).await;
    assert_eq!(end.unwrap_err().reason(), UpstreamReason::Reset);
}

#[tokio::test]
async fn a_bad_chunk_is_broken() {
    let response = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n");
    let (_, end) = given(response.as_bytes(), Options::default()).await;
    assert!(matches!(end, Err(Error::Broken(_))));
}

#[tokio::test]
async fn the_tutorials_asp_page_is_completed_unless_the_route_is_strict() {
    let time = Some("2026-11-22 06:29:31".to_owned());
    for line_end in ["", "\r\n"] {
        let body = format!("{TUTORIAL_ASP}{line_end}");
        let left = async |incomplete| left(&body, incomplete).await;
        assert_eq!(left(Incomplete::Auto).await, (time.clone(), false));
        assert_eq!(left(Incomplete::Always).await, (time.clone(), false));
        assert_eq!(left(Incomplete::Strict).await, (None, true));
    }
}

#[tokio::test]
async fn after_a_complete_event_or_html_the_standards_rule_holds() {
    let b = Some("b".to_owned());
    for body in ["data: a\n\ndata: b", "<br />\n<b>Warning</b>\ndata: b\n"] {
        assert_eq!(left(body, Incomplete::Auto).await, (None, true), "{body}");
        let always = left(body, Incomplete::Always).await;
        assert_eq!(always, (b.clone(), false), "{body}");
    }
    for body in ["", "event: x\nid: 7", "data: a\n\n"] {
        let always = left(body, Incomplete::Always).await;
        assert_eq!(always, (None, false), "{body}");
    }
}

#[tokio::test]
async fn dropping_the_feed_closes_the_socket_at_once() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    let (feed, mut socket) = tokio::join!(source.open_feed(None), async {
        let (mut socket, _) = upstream.accept().await;
        let response = format!("{HEAD}\r\n: hello\n");
        socket.write_all(response.as_bytes()).await.unwrap();
        socket
    });
    let mut feed = feed.unwrap();
    assert!(matches!(feed.next().await, Ok(Step::Items { .. })));
    drop(feed);
    let read = timeout(PATIENCE, socket.read(&mut [0])).await.unwrap();
    assert_eq!(read.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_next_loses_nothing() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    let (data, ()) = tokio::join!(
        async {
            let mut feed = source.open_feed(None).await.unwrap();
            let mut data = String::new();
            while data.len() < 200 {
                // Polled once and dropped, over and over.
                let step = tokio::select! {
                    biased;
                    step = feed.next() => Some(step.unwrap()),
                    () = tokio::task::yield_now() => None,
                };
                if let Some(Step::Items { items, .. }) = step {
                    for item in items {
                        let Item::Event(event) = item else { continue };
                        data.push_str(&event.data);
                    }
                }
            }
            data
        },
        async {
            let (mut socket, _) = upstream.accept().await;
            let body = "data: x\n\n".repeat(200);
            let response = format!("{HEAD}\r\n{body}");
            for piece in response.as_bytes().chunks(7) {
                socket.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    );
    assert_eq!(data, "x".repeat(200));
}

#[tokio::test]
async fn silence_ends_the_feed_only_where_it_is_limited() {
    let upstream = Upstream::start().await;
    let options = Options {
        silence: Duration::from_millis(20),
        ..Options::default()
    };
    let source = upstream.source("/", &[], options);
    let (feed, _socket) = tokio::join!(source.open_feed(None), async {
        let (mut socket, _) = upstream.accept().await;
        let response = format!("{HEAD}\r\ndata: a\n\n");
        socket.write_all(response.as_bytes()).await.unwrap();
        socket
    });
    let (_, end) = read(&mut *feed.unwrap()).await;
    assert_eq!(end.unwrap_err().reason(), UpstreamReason::Silence);
}

#[tokio::test]
async fn an_event_or_line_without_end_ends_the_feed() {
    for (piece, reason) in [
        ("data: xxxxxxxx\n", UpstreamReason::EventTooLarge),
        ("dataxxxxxxxxxxx", UpstreamReason::LineTooLong),
    ] {
        let options = Options {
            line_bytes: 64,
            event_bytes: 64,
            ..Options::default()
        };
        let response = format!("{HEAD}\r\ndata: a\n\n{}", piece.repeat(1000));
        let (data, end) = given(response.as_bytes(), options).await;
        assert_eq!(data, ["a"]);
        assert_eq!(end.unwrap_err().reason(), reason);
    }
}

#[tokio::test]
async fn gbk_cut_at_every_byte_decodes_right() {
    let text = b"data: \xC4\xE3\xBA\xC3\xCA\xC0\xBD\xE7\n\n";
    for (declared, charset) in [(";charset=gb2312", None), ("", Some("gbk"))] {
        let head = HEAD.replace("event-stream", &format!("event-stream{declared}"));
        let mut response = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        for byte in text {
            response.extend([b'1', b'\r', b'\n', *byte, b'\r', b'\n']);
        }
        response.extend(b"0\r\n\r\n");
        let options = Options {
            charset,
            ..Options::default()
        };
        let (data, end) = given(&response, options).await;
        assert_eq!(data, ["你好世界"]);
        assert_eq!(ended(end), (None, false));
    }
}

#[tokio::test]
async fn the_feed_tells_what_makes_sharing_suspicious_and_counts_junk() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    let response = format!("{HEAD}Set-Cookie: a=b\r\nVary: *\r\n\r\njunk\nmore junk\n");
    let (feed, _) = opened(&upstream, &source, response.as_bytes()).await;
    let mut feed = feed.unwrap();
    let seen = feed.suspicions();
    assert!(seen.set_cookie && seen.vary && !seen.private);
    read(&mut *feed).await.1.unwrap();
    assert_eq!(feed.malformed(), 2);
}

#[tokio::test]
async fn one_step_reads_no_more_than_its_share() {
    let body = format!(": {}\n", "x".repeat(98)).repeat(8 * 1024);
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    let response = format!("{HEAD}\r\n{body}");
    let reader = async {
        let mut feed = source.open_feed(None).await.unwrap();
        let (mut total, mut most) = (0, 0);
        while let Step::Items { bytes, .. } = feed.next().await.unwrap() {
            total += bytes;
            most = most.max(bytes);
        }
        (total, most)
    };
    let ((total, most), _) = tokio::join!(reader, upstream.answer(response.as_bytes()));
    assert_eq!(total, body.len());
    assert!(most <= (256 << 10) + (16 << 10), "{most}");
}
