//! Responses that are broken, refused, or no event streams.

use rstest::rstest;

use super::*;
use crate::metrics::UpstreamReason;
use crate::source::{Answer, Incomplete};

#[tokio::test]
async fn a_connection_closed_in_mid_event_is_broken_and_the_half_is_discarded() {
    let options = Options {
        incomplete: Incomplete::Always,
        ..Options::default()
    };
    for response in [
        stdout(&format!("{HEAD}data: a\n\ndata: half")),
        // Even after the last output: the application has not said that it is complete.
        [stdout(&format!("{HEAD}data: a\n\ndata: half")), stdout("")].concat(),
        [
            stdout(&format!("{HEAD}data: a\n\n")),
            stdout("data: half")[..12].to_vec(),
        ]
        .concat(),
    ] {
        let (data, end) = given(&response, options.clone()).await;
        assert_eq!(data, ["a"]);
        let error = end.unwrap_err();
        assert!(matches!(error, Error::Cut(_)), "{error}");
        assert_eq!(error.reason(), UpstreamReason::Eof);
    }
}

#[tokio::test]
async fn a_status_is_the_scripts_answer() {
    let head = |lines: &str| one_shot(&format!("{lines}\r\nContent-type: text/html\r\n\r\n"));
    let no_content = failed(&head("Status: 204 No Content")).await;
    assert!(matches!(no_content, Error::Answer(Answer::NoContent)));
    let not_found = failed(&head("Status: 404 Not Found")).await;
    assert!(matches!(not_found, Error::Answer(Answer::Refused(404))));
    let trouble = failed(&head("Status: 503 Service Unavailable")).await;
    assert!(matches!(trouble, Error::Status(503)));
    insta::assert_snapshot!(
        failed(&head("Status: 302 Found\r\nLocation: /b.php")).await,
        @"the upstream's redirect is not followed: not for fastcgi; write the script that it leads to into `upstream`"
    );
}

#[tokio::test]
async fn a_wrong_type_is_explained_by_its_body() {
    let page = "Content-type: text/html; charset=UTF-8\r\n\r\n<form>Login <input type=password>";
    let words = failed(&one_shot(page)).await.to_string();
    assert!(
        words.contains("text/html") && words.contains("login page"),
        "{words}"
    );
}

#[rstest]
#[case(end(1), "FCGI_CANT_MPX_CONN", UpstreamReason::Connect)]
#[case(end(2), "FCGI_OVERLOADED", UpstreamReason::Connect)]
#[case(end(0), "ended before", UpstreamReason::Eof)]
#[case(vec![], "was closed before", UpstreamReason::Eof)]
#[case(b"HTTP/1.1 400 Bad Request".to_vec(), "not FastCGI", UpstreamReason::Reset)]
#[case(stdout("no head\n\n"), "no header", UpstreamReason::Reset)]
#[case(stdout(&"x".repeat(20_000)), "longer than", UpstreamReason::Reset)]
#[tokio::test]
async fn trouble_is_named(
    #[case] response: Vec<u8>,
    #[case] words: &str,
    #[case] reason: UpstreamReason,
) {
    let error = failed(&response).await;
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(error.reason(), reason);
}

#[tokio::test]
async fn a_worker_that_never_answers_times_out_and_is_let_go() {
    let application = Application::start().await;
    let source = application.source(Options {
        head_timeout: Duration::from_millis(20),
        ..Options::default()
    });
    let (opened, ()) = tokio::join!(source.open_feed(None), async {
        let mut socket = application.accept().await;
        request(&mut socket).await;
        assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    });
    assert!(matches!(
        opened.err(),
        Some(Error::Timeout("response head"))
    ));
}
