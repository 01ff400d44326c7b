//! Requests, heads, answers and redirects.

use super::*;
use crate::metrics::UpstreamReason;
use crate::source::Answer;

async fn answered(response: &str) -> Error {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    error(opened(&upstream, &source, response.as_bytes()).await.0)
}

#[tokio::test]
async fn the_request_is_what_the_key_says_and_nothing_else() {
    let upstream = Upstream::start().await;
    let forwarded = [("Cookie", "sid=1"), ("Accept-Language", "mi")];
    let source = upstream.source("/a.php?b=c", &forwarded, Options::default());
    let (_, request) = opened(&upstream, &source, HEAD.as_bytes()).await;
    insta::assert_snapshot!(request.replace("\r\n", "\n"), @r"
    GET /a.php?b=c HTTP/1.1
    Host: 127.0.0.1:PORT
    Accept: text/event-stream
    Accept-Encoding: identity
    Cache-Control: no-cache
    Connection: close
    User-Agent: fantail/0.1.0
    Accept-Language: mi
    Cookie: sid=1
    ");
}

#[tokio::test]
async fn the_last_event_id_is_sent_only_when_it_is_given_and_not_empty() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[("last-event-id", "client")], Options::default());
    let response = format!("{HEAD}\r\n");
    for (id, line) in [
        (None, None),
        (Some(""), None),
        (Some("ä7"), Some("Last-Event-Id: ä7")),
    ] {
        let resume = id.and_then(EventId::new);
        let (feed, request) =
            tokio::join!(source.open(resume), upstream.answer(response.as_bytes()));
        assert!(feed.is_ok());
        let sent = request.lines().find(|l| l.starts_with("Last-Event-Id"));
        assert_eq!(sent, line);
    }
}

#[tokio::test]
async fn definitive_answers_are_told_apart_from_trouble() {
    let text = |status| format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(
        answered("HTTP/1.1 204 No Content\r\n\r\n").await,
        Error::Answer(Answer::NoContent)
    ));
    assert!(matches!(
        answered(&text(403)).await,
        Error::Answer(Answer::Refused(403))
    ));
    for status in [408, 425, 429, 500, 503] {
        assert!(matches!(answered(&text(status)).await, Error::Status(s) if s == status));
    }
}

#[tokio::test]
async fn a_wrong_type_is_explained_by_its_body_even_if_that_never_ends() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    let served = async {
        let (mut socket, _) = upstream.accept().await;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
        let body = "<form><input type=password>";
        let response = format!("{head}{body}");
        socket.write_all(response.as_bytes()).await.unwrap();
        socket
    };
    let (opened, _socket) = tokio::join!(source.open_feed(None), served);
    let Error::Answer(Answer::WrongType(words)) = error(opened) else {
        panic!("a wrong type is an answer");
    };
    assert!(words.contains("text/html") && words.contains("login page"));
}

#[tokio::test]
async fn a_large_page_is_sampled_not_read() {
    let page = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(SAMPLE_BYTES));
    let words = answered(&format!("{page}<?php")).await.to_string();
    assert!(words.contains("no type") && !words.contains("source"));
}

#[tokio::test]
async fn a_missing_head_times_out() {
    let upstream = Upstream::start().await;
    let options = Options {
        head_timeout: Duration::from_millis(20),
        ..Options::default()
    };
    let source = upstream.source("/", &[], options);
    let (opened, ()) = tokio::join!(source.open_feed(None), async {
        let (mut socket, _) = upstream.accept().await;
        // The source has given up once it hangs up.
        assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    });
    assert!(matches!(error(opened), Error::Timeout("response head")));
}

#[tokio::test]
async fn a_head_beyond_its_bound_is_not_read_on() {
    let filler = format!("X-Filler: {}\r\n", "x".repeat(1000));
    let response = format!("{HEAD}{}\r\n", filler.repeat(30));
    let error = answered(&response).await;
    assert!(matches!(error, Error::Broken(_)), "{error}");
}

#[tokio::test]
async fn an_upstream_that_hangs_up_without_a_head_has_ended_early() {
    assert_eq!(answered("HTTP/1.").await.reason(), UpstreamReason::Eof);
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_name_are_told_apart() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], Options::default());
    drop(upstream);
    assert!(matches!(
        error(source.open_feed(None).await),
        Error::Connect(_)
    ));
    for url in ["/only/a/path", "ftp://127.0.0.1/", "http://"] {
        let source = HttpSource::new(TopicKey::new(url, vec![]), Options::default().into());
        assert!(source.open(None).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_origin_with_the_keys_headers() {
    let upstream = Upstream::start().await;
    let source = upstream.source("/dir/a", &[("cookie", "sid=1")], Options::default());
    let served = async {
        for status in [301, 302, 303, 307, 308] {
            let response = format!("HTTP/1.1 {status} X\r\nLocation: b?{status}\r\n\r\n");
            upstream.answer(response.as_bytes()).await;
        }
        upstream.answer(HEAD.as_bytes()).await;
        upstream.answer(format!("{HEAD}\r\n").as_bytes()).await
    };
    let opened = async {
        // A cut head ends the first attempt; the second begins at the original URL again.
        let first = error(source.open_feed(None).await);
        assert_eq!(first.reason(), UpstreamReason::Eof);
        source.open_feed(None).await
    };
    let (feed, request) = tokio::join!(opened, served);
    assert!(feed.is_ok());
    assert!(request.starts_with("GET /dir/a HTTP/1.1\r\n"));
    assert!(request.contains("\r\nCookie: sid=1\r\n"));
}

#[tokio::test]
async fn credentials_never_cross_to_another_origin_nor_come_back_from_it() {
    let (home, other) = (Upstream::start().await, Upstream::start().await);
    let source = home.source("/", &[("authorization", "Bearer x")], Options::default());
    let to = |port| format!("HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:{port}/\r\n\r\n");
    let (to_other, to_home) = (to(other.port), to(home.port));
    let served = async {
        let first = home.answer(to_other.as_bytes()).await;
        let second = other.answer(to_home.as_bytes()).await;
        let stream = format!("{HEAD}\r\n");
        [first, second, home.answer(stream.as_bytes()).await]
    };
    let (feed, requests) = tokio::join!(source.open_feed(None), served);
    assert!(feed.is_ok());
    let secret = requests.map(|request| request.contains("Bearer"));
    assert_eq!(secret, [true, false, false]);
}

#[tokio::test]
async fn a_redirect_loop_is_cut_and_a_redirect_to_nowhere_is_named() {
    let upstream = Upstream::start().await;
    let options = Options {
        redirects: 2,
        ..Options::default()
    };
    let source = upstream.source("/", &[], options);
    let served = async {
        for _ in 0..3 {
            let response = b"HTTP/1.1 302 X\r\nLocation: /\r\n\r\n";
            upstream.answer(response).await;
        }
    };
    let (opened, ()) = tokio::join!(source.open_feed(None), served);
    insta::assert_snapshot!(
        error(opened),
        @"the upstream's redirect is not followed: there are too many in a row"
    );
    insta::assert_snapshot!(
        answered("HTTP/1.1 302 X\r\n\r\n").await,
        @"the upstream's redirect is not followed: it has no Location"
    );
}
