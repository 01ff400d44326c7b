//! Upstreams that are not who they should be.

use super::*;

fn failed<T>(opened: Result<T, Error>) -> Error {
    match opened {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error,
    }
}

/// The words of a failure of TLS.
fn words<T>(opened: Result<T, Error>) -> String {
    let error = failed(opened);
    assert_eq!(error.reason(), UpstreamReason::Tls, "{error}");
    error.to_string()
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_named_as_the_reason() {
    let stage = Stage::new("localhost");
    let upstream = stage.upstream().await;
    let other = Stage::of(Authority::new("another CA"), "localhost", VALID);
    let (feed, served) = opened(&upstream, "localhost", Some(other.settings())).await;
    insta::assert_snapshot!(
        words(feed),
        @"the upstream's TLS failed: its certificate comes from no authority that is trusted here; `upstream_tls` takes the right one as `ca` (invalid peer certificate: UnknownIssuer)"
    );
    assert!(served.is_err(), "a request was sent");
    // One of the same name, but with another key.
    let other = Stage::new("localhost");
    let (feed, _) = opened(&upstream, "localhost", Some(other.settings())).await;
    let words = words(feed);
    assert!(
        words.contains("no authority that is trusted here"),
        "{words}"
    );
}

#[tokio::test]
async fn without_a_word_about_it_the_machines_authorities_are_asked() {
    if Client::usual().is_err() {
        return; // A machine without any.
    }
    let stage = Stage::new("localhost");
    let upstream = stage.upstream().await;
    let (feed, _) = opened(&upstream, "localhost", None).await;
    assert!(words(feed).contains("UnknownIssuer"));
}

#[tokio::test]
async fn a_certificate_of_another_time_or_name_is_told_in_words() {
    for (name, years, why) in [
        ("localhost", (2020, 2021), "its certificate has expired"),
        (
            "localhost",
            (2400, 2500),
            "its certificate is not valid yet",
        ),
        ("example.com", VALID, "its certificate is for another name"),
    ] {
        let stage = Stage::with(name, years);
        let upstream = stage.upstream().await;
        let (feed, _) = opened(&upstream, "localhost", Some(stage.settings())).await;
        let words = words(feed);
        assert!(words.contains(why), "{words}");
    }
}

#[tokio::test]
async fn an_upstream_that_wants_a_certificate_and_gets_none_is_told_apart() {
    let stage = Stage::new("localhost");
    let upstream = stage.demanding().await;
    let (feed, _) = opened(&upstream, "localhost", Some(stage.settings())).await;
    let words = words(feed);
    assert!(words.contains("it wants a certificate of us"), "{words}");
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = source(
        &format!("https://127.0.0.1:{port}/"),
        Some(Settings {
            insecure: true,
            ..Settings::default()
        }),
    );
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        socket.write_all(answer).await.unwrap();
        drop(socket.read_to_end(&mut Vec::new()).await);
    };
    let (opened, ()) = tokio::join!(async { source.open(None).await }, served);
    let words = words(opened);
    assert!(words.contains("does not speak TLS"), "{words}");
}

#[tokio::test]
async fn a_handshake_that_is_never_answered_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options {
        tls_timeout: Duration::from_millis(20),
        tls: Some(Arc::new(
            Client::new(Stage::new("localhost").settings()).unwrap(),
        )),
        ..Options::default()
    };
    let key = TopicKey::new(&format!("https://localhost:{port}/"), vec![]);
    let source = HttpSource::new(key, options.into());
    let opened = timeout(PATIENCE, source.open(None)).await.unwrap();
    assert!(matches!(failed(opened), Error::Timeout("TLS handshake")));
}

#[tokio::test]
async fn an_end_that_anybody_on_the_way_could_have_made_is_no_clean_end() {
    let stage = Stage::new("localhost");
    let upstream = stage.upstream().await;
    let url = format!("https://localhost:{}/", upstream.port);
    let source = source(&url, Some(stage.settings()));
    let served = async {
        let (mut stream, _) = upstream.accept().await.unwrap();
        stream.write_all(EVENT.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // Only TCP is closed.
        stream.get_mut().0.shutdown().await.unwrap();
    };
    let (feed, ()) = tokio::join!(source.open(None), served);
    let mut feed = feed.unwrap();
    let end = loop {
        match feed.next().await {
            Ok(Step::Items { .. }) => {}
            end => break end,
        }
    };
    assert_eq!(failed(end).reason(), UpstreamReason::Eof);
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let stage = Stage::new("localhost");
    let upstream = stage.upstream().await;
    let url = format!("https://localhost:{}/", upstream.port);
    let source = source(&url, Some(stage.settings()));
    let moved = format!(
        "HTTP/1.1 302 X\r\nLocation: http://localhost:{}/\r\n\r\n",
        upstream.port
    );
    let (opened, served) = tokio::join!(source.open(None), upstream.answer(&moved));
    served.unwrap();
    insta::assert_snapshot!(failed(opened), @"the upstream's redirect is not followed: it leads from https to http");
}

#[tokio::test]
async fn what_a_route_trusts_is_not_trusted_where_a_redirect_leads() {
    if Client::usual().is_err() {
        return; // A machine that trusts nobody.
    }
    let stage = Stage::new("localhost");
    let (home, other) = (stage.upstream().await, stage.demanding().await);
    let url = format!("https://localhost:{}/", home.port);
    let source = source(&url, Some(stage.identified()));
    let moved = format!(
        "HTTP/1.1 302 X\r\nLocation: https://localhost:{}/\r\n\r\n",
        other.port
    );
    let served = async {
        home.answer(&moved).await.unwrap();
        other.answer(EVENT).await
    };
    let (opened, asked) = tokio::join!(async { source.open(None).await }, served);
    assert!(words(opened).contains("UnknownIssuer"));
    assert!(asked.is_err(), "a request was sent, with our certificate");
}

#[tokio::test]
async fn a_redirect_from_http_to_https_is_followed_and_verified() {
    if Client::usual().is_err() {
        return; // A machine that trusts nobody.
    }
    let stage = Stage::new("localhost");
    let upstream = stage.upstream().await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/", plain.local_addr().unwrap().port());
    let source = source(&url, None);
    let moved = format!(
        "HTTP/1.1 301 X\r\nLocation: https://localhost:{}/\r\n\r\n",
        upstream.port
    );
    let served = async {
        let (mut socket, _) = plain.accept().await.unwrap();
        socket.write_all(moved.as_bytes()).await.unwrap();
        upstream.answer(EVENT).await
    };
    let (opened, asked) = tokio::join!(async { source.open(None).await }, served);
    assert!(words(opened).contains("UnknownIssuer"));
    assert!(asked.is_err());
}
