//! What a person, or a program, reads.

use super::*;
use crate::doctor::wrap::{WIDTH, columns};

/// The report of one run, without what differs from run to run.
async fn report(script: Script, path: &str) -> String {
    let backend = Backend::start(script).await;
    let ask = Ask::new(&backend.url(path), LOOK).unwrap();
    let text = report::text(&diagnosis(&ask, yardstick()).await, false);
    let port = backend.address.port().to_string();
    let text = text.replace(&port, "PORT");
    text.split_inclusive(' ').fold(String::new(), steady)
}

/// Appends the next word; the number before `ms` becomes `N`.
fn steady(mut text: String, word: &str) -> String {
    if word.starts_with("ms") {
        let number = text
            .trim_end()
            .rfind(|c: char| !c.is_ascii_digit())
            .unwrap()
            + 1;
        text.truncate(number);
        text.push_str("N ");
    }
    text.push_str(word);
    text.replace("less than N ms", "N ms")
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the report is that long")]
async fn the_php_page_of_the_tutorial() {
    insta::assert_snapshot!(report(f::php_one_shot, "/demo_sse.php").await, @r#"
    fantail doctor http://127.0.0.1:PORT/demo_sse.php
    looked at it for N ms: 1 event, 59 bytes

      C01  ok       reached 127.0.0.1:PORT in N ms, answered after N ms
      C03  ok       status 200
      C04  ok       type text/event-stream;charset=UTF-8
      C05  ok       UTF-8
      C06  note     ends at once, after N ms, with 1 event
      C07  ok       not compressed
      C09  ok       1 event, complete
      C14  ok       longest silence N ms
      C16  note     no ids
      C20  ok       visitors see the same: nothing to declare
      C21  note     only pages of the same origin may read it
      C22  ok       1 event, the largest 51 bytes

    C06 note: end of the answer
      saw       ends at once, after N ms, with 1 event
      browser   sees an error and asks again after 3 s: 1200 requests an hour from each visitor
      fantail   asks once for all of them; they see one stream that never ends
      PHP       while (true) { echo "data: …\n\n"; flush(); sleep(3); }
                or say when to come back:  echo "retry: 10000\n";

    C16 note: ids and retry
      saw       no ids
      browser   can not say what it has missed when it comes back
      fantail   fills in ids of its own: its clients get exactly the rest
      fix       before each `data:` a line `id: …`, never the same twice: printable ASCII,
                no spaces, at most 128 bytes; `retry:` in milliseconds, digits only

    C21 note: other origins (CORS)
      saw       only pages of the same origin may read it
      browser   closes for good if the page comes from another origin
      fix       in the route:  cors = { origins = ["https://your-page.example"] }
      PHP       header('Access-Control-Allow-Origin: https://your-page.example');
                header('Vary: Origin');   // with cookies also …-Allow-Credentials: true

    Not looked at:
      C17  resume: needs events with ids
      C18  session lock: needs a cookie, --cookie 'NAME=value'
      C19  workers: opens many streams, so only with --workers 8

    Verdict       usable
    A browser     opens, gets 1 event, sees an `error`, comes back after 3 s (Firefox 5 s), and so on.
    With Fantail  one `open`, no `error`, every event; the server is asked once for all visitors.

    To paste into fantail.toml:

    [[route]]
    path     = "/demo_sse.php"
    upstream = "http://127.0.0.1:PORT/demo_sse.php"
    "#);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the report is that long")]
async fn the_asp_page_of_the_tutorial() {
    insta::assert_snapshot!(report(f::asp, "/demo_sse.asp").await, @r#"
    fantail doctor http://127.0.0.1:PORT/demo_sse.asp
    looked at it for N ms: 0 events, 25 bytes

      C01  ok       reached 127.0.0.1:PORT in N ms, answered after N ms
      C03  ok       status 200
      C04  ok       type text/event-stream; charset=utf-8
      C05  ok       UTF-8
      C06  note     ends at once, after N ms, with 0 events
      C07  ok       not compressed
      C09  warning  no blank line after the only event
      C14  ok       longest silence N ms
      C18  ok       two requests of one session do not wait
      C20  note     visitors see the same, but the answer has Set-Cookie
      C21  note     only pages of the same origin may read it

    C09 warning: blank lines
      saw       no blank line after the only event
      browser   opens, gets nothing at all, and asks again for ever
      fantail   completes it (`incomplete_event = "auto"`): it works as it is
      ASP       classic:  Response.Write("data: " & now() & vbLf & vbLf)
                ASP.NET:  Response.Write("data: " + DateTime.Now + "\n\n");
      fix       end each event with a blank line: two line ends after its last field

    C06 note: end of the answer
      saw       ends at once, after N ms, with 0 events
      browser   sees an error and asks again after 3 s: 1200 requests an hour from each visitor
      fantail   asks once for all of them; they see one stream that never ends
      ASP       ASP.NET:  while (Response.IsClientConnected) { …; Response.Flush(); … }
                or say when to come back:  Response.Write("retry: 10000\n");

    C20 note: sharing
      saw       visitors see the same, but the answer has Set-Cookie
      fantail   strips these headers: nothing of one visitor reaches another

    C21 note: other origins (CORS)
      saw       only pages of the same origin may read it
      browser   closes for good if the page comes from another origin
      fix       in the route:  cors = { origins = ["https://your-page.example"] }
      ASP       Response.AddHeader("Access-Control-Allow-Origin", "https://…")

    Not looked at:
      C19  workers: opens many streams, so only with --workers 8

    Verdict       usable, with 1 warning (C09)
    A browser     opens, gets nothing, sees an `error`, comes back after 3 s (Firefox 5 s), and so on.
    With Fantail  one `open`, no `error`, every event; the server is asked once for all visitors.

    To paste into fantail.toml:

    [[route]]
    path     = "/demo_sse.asp"
    upstream = "http://127.0.0.1:PORT/demo_sse.asp"
    "#);
}

#[tokio::test]
async fn a_page_instead_of_a_stream() {
    insta::assert_snapshot!(report(f::marked_page, "/feed.php?symbol=A").await, @r#"
    fantail doctor http://127.0.0.1:PORT/feed.php?symbol=A
    looked at it for N ms: 0 events, 60 bytes

      C01  ok       reached 127.0.0.1:PORT in N ms, answered after N ms
      C03  ok       status 200
      C04  fault    type text/html; charset=UTF-8: a byte order mark before <?php sends PHP's headers t…

    C04 fault: content type
      saw       type text/html; charset=UTF-8: a byte order mark before <?php sends PHP's headers too
                early
      browser   takes nothing but text/event-stream, closes for good
      fantail   answers 502 with this reason
      PHP       before anything is printed:  header('Content-Type: text/event-stream');
                no text, no blank line and no byte order mark before <?php

    Verdict       broken: 1 fault (C04)
    A browser     one `error`, readyState 2 (closed), and it never comes back.
    With Fantail  no better, before the faults above are mended.

    To paste into fantail.toml, once it is mended:

    [[route]]
    path     = "/feed.php"
    upstream = "http://127.0.0.1:PORT/feed.php"
    query    = ["symbol"]   # what else tells streams apart
    "#);
}

#[rstest]
#[case(f::login, "/a")]
#[case(f::notices, "/a")]
#[case(f::fragments, "/a")]
#[case(f::gb2312, "/a")]
#[case(f::control_characters, "/a")]
#[case(f::withheld, "/a")]
#[tokio::test]
async fn no_line_is_wider_than_a_terminal(#[case] script: Script, #[case] path: &str) {
    let long = format!("{path}?{}", "symbol=%E8%82%A1&".repeat(20));
    let text = report(script, &long).await;
    for line in text.lines() {
        assert!(columns(line) <= WIDTH, "{line}");
    }
}

#[tokio::test]
async fn a_stream_can_not_write_to_the_terminal() {
    let text = report(f::control_characters, "/").await;
    assert!(text.contains("\\u{1b}[2J\\u{202e}: hidden"), "{text}");
    assert!(
        !text
            .chars()
            .any(|c| (c.is_control() && c != '\n') || c == '\u{202E}')
    );
}

#[tokio::test]
async fn colour_is_all_that_a_terminal_adds() {
    let backend = Backend::start(f::asp).await;
    let ask = Ask::new(&backend.url("/a.asp"), LOOK).unwrap();
    let diagnosis = diagnosis(&ask, yardstick()).await;
    let mut text = report::text(&diagnosis, true);
    assert!(text.contains("\x1b[33mwarning"));
    for code in ["0", "32", "36", "33", "1;31", "1;32", "1;33"] {
        text = text.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(text, report::text(&diagnosis, false));
}

#[tokio::test]
async fn json_says_what_the_text_says() {
    let backend = Backend::start(f::asp).await;
    let mut ask = Ask::new(&backend.url("/a.asp"), LOOK).unwrap();
    ask = ask.fixes(&["php".to_owned()]);
    let diagnosis = diagnosis(&ask, yardstick()).await;
    let json: serde_json::Value = serde_json::from_str(&json::text(&diagnosis)).unwrap();
    assert_eq!(json["usable"], true);
    assert_eq!(json["verdict"], "usable, with 1 warning (C09)");
    assert_eq!(json["servers"], serde_json::json!(["PHP"]));
    let findings = json["findings"].as_array().unwrap();
    let blank = findings.iter().find(|f| f["code"] == "C09").unwrap();
    assert_eq!(blank["severity"], "warning");
    assert_eq!(blank["fixes"][0]["server"], "PHP");
    assert_eq!(blank["fixes"][1]["server"], serde_json::Value::Null);
    assert_eq!(json["events"], 0);
    assert_eq!(json["bytes"], 25);
    assert!(json["route"].as_str().unwrap().starts_with("[[route]]\n"));
}

#[tokio::test]
async fn what_was_given_for_one_origin_is_not_sent_to_another() {
    let other = Backend::start(f::personal).await;
    let backend = Backend::start(f::abroad).await;
    let place = other.url("/a");
    let ask = Ask::new(&backend.url(&format!("/?{place}")), LOOK).unwrap();
    let ask = ask.cookies(&["a=b".to_owned()]).unwrap();
    let seen = Box::pin(rounds::observe(&ask)).await;
    assert_eq!(seen.first.hops.len(), 1);
    assert_eq!(seen.first.body, b"data: hello nobody\n\n");
}
