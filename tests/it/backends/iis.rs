//! What IIS 10 sends for the tutorial's ASP page, byte by byte. There is no IIS to ask here.

use std::sync::Arc;

use crate::support::Upstream;

use super::{CLIENTS, Crowd, gateway};

const HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Cache-Control: private\r\n\
    Transfer-Encoding: chunked\r\n\
    Content-Type: TYPE\r\n\
    Expires: Sun, 22 Nov 2026 06:28:31 GMT\r\n\
    Server: Microsoft-IIS/10.0\r\n\
    Set-Cookie: ASPSESSIONIDQABCDEFG=ABCDEFGHIJKLMNOPQRSTUVWX; path=/\r\n\
    X-Powered-By: ASP.NET\r\n\
    Date: Sun, 22 Nov 2026 06:29:31 GMT\r\n\r\n";
const EVENT: &[u8] = b"1b\r\ndata: 11/22/2026 6:29:31 AM\r\n";
/// The file's last line ends behind `%>`: the line is ended then, and the event is not.
const LINE_END: &[u8] = b"2\r\n\r\n\r\n";
const END: &[u8] = b"0\r\n\r\n";
/// `上午` as the code page 936 has it.
const GBK_EVENT: &[u8] = b"1d\r\ndata: 2026/11/22 \xC9\xCF\xCE\xE7 6:29:31\r\n";

/// Every poll gets this recording, every client every event of it.
#[track_caller]
fn assert_shared(content_type: &str, chunks: &[&[u8]], keys: &str, expected: &str) {
    assert_recording_shared(&HEAD.replace("TYPE", content_type), chunks, keys, expected);
}

#[track_caller]
fn assert_recording_shared(head: &str, body: &[&[u8]], keys: &str, expected: &str) {
    const POLLS: usize = 3;
    let recording: Arc<[u8]> = [head.as_bytes(), &body.concat()].concat().into();
    let upstream = Upstream::start(move |mut exchange| exchange.send(&recording));
    let url = format!("http://{}", upstream.address());
    let gateway = gateway(&url, &format!("poll_interval = \"500ms\"\n{keys}"));
    let mut crowd = Crowd::join(&gateway, "/demo_sse.asp", CLIENTS);
    for event in crowd.read_to(POLLS) {
        assert_eq!(event.data, expected);
    }
    let asked = upstream.requests().len();
    assert!((POLLS..=POLLS + 2).contains(&asked), "{asked} requests");
    crowd.assert_open(&gateway);
}

#[test]
fn the_tutorials_asp_on_iis_is_shared() {
    assert_shared(
        "text/event-stream",
        &[EVENT, END],
        "",
        "11/22/2026 6:29:31 AM",
    );
}

#[test]
fn the_tutorials_asp_on_iis_with_a_line_end_behind_the_script_is_shared() {
    let chunks = [EVENT, LINE_END, END];
    assert_shared("text/event-stream", &chunks, "", "11/22/2026 6:29:31 AM");
}

/// Nothing but the connection's end says where it is over.
#[test]
fn the_tutorials_asp_on_an_old_iis_is_shared() {
    let old = HEAD.replace("Transfer-Encoding: chunked", "Connection: close");
    let head = old.replace("TYPE", "text/event-stream");
    let expected = "11/22/2026 6:29:31 AM";
    for body in [
        "data: 11/22/2026 6:29:31 AM",
        "data: 11/22/2026 6:29:31 AM\r\n",
    ] {
        assert_recording_shared(&head, &[body.as_bytes()], "", expected);
    }
}

#[test]
fn the_tutorials_asp_on_a_chinese_iis_is_shared_as_utf_8() {
    let declared = "text/event-stream; Charset=gb2312";
    let expected = "2026/11/22 上午 6:29:31";
    assert_shared(declared, &[GBK_EVENT, END], "", expected);
    let told = "charset = \"gbk\"";
    assert_shared(
        "text/event-stream",
        &[GBK_EVENT, LINE_END, END],
        told,
        expected,
    );
}
