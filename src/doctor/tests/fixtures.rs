//! Backends as they are: each function answers one request with exact bytes.

use super::backend::{Asked, Say};

/// As php -S has it: closed when it is over.
const PHP: &str = "HTTP/1.1 200 OK\r\nHost: 127.0.0.1:18001\r\nConnection: close\r\n\
                   X-Powered-By: PHP/8.2.36\r\nContent-type: text/event-stream;charset=UTF-8\r\n\
                   Cache-Control: no-cache\r\n\r\n";
const PLAIN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                     Access-Control-Allow-Origin: *\r\n\r\n";

fn bytes(text: impl AsRef<[u8]>) -> Say {
    Say::Bytes(text.as_ref().to_vec())
}

/// A head with these lines, then the body at once, then the end.
fn whole(head: &str, body: impl AsRef<[u8]>) -> Vec<Say> {
    vec![bytes(head), bytes(body)]
}

/// The body at once, then nothing more.
fn open(body: impl AsRef<[u8]>) -> Vec<Say> {
    vec![bytes(PLAIN), bytes(body), Say::Hold]
}

/// Good in every respect: ids, resume, one by one, the same for all, CORS, no end.
pub(super) fn good(asked: &Asked) -> Vec<Say> {
    if asked.method == "OPTIONS" {
        let head = "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\n\r\n";
        return whole(head, "");
    }
    if asked.path == "/" {
        return whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "hi");
    }
    let last: u64 = asked.header("last-event-id").parse().unwrap_or(0);
    let mut says = vec![bytes(PLAIN)];
    for id in last + 1..last + 30 {
        says.push(bytes(format!("id: {id}\ndata: tick {id}\n\n")));
        says.push(Say::Wait(60));
    }
    says.push(Say::Hold);
    says
}

pub(super) fn php_one_shot(_: &Asked) -> Vec<Say> {
    whole(
        PHP,
        "data: The server time is: Sun, 22 Nov 2026 06:21:41 +0000\n\n",
    )
}

/// asppy's answer to the page of the tutorial.
pub(super) fn asp(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
                Expires: Sun, 22 Nov 2026 06:28:31 GMT\r\nSet-Cookie: ASP_PY_SESSIONID=abc; path=/\r\n\
                X-Powered-By: ASP.NET\r\nContent-Length: 25\r\n\r\n";
    whole(head, "data: 2026-11-22 06:29:31")
}

pub(super) fn no_reply(_: &Asked) -> Vec<Say> {
    Vec::new()
}

pub(super) fn no_http(_: &Asked) -> Vec<Say> {
    vec![bytes("220 mail.example ESMTP\r\n"), Say::Hold]
}

/// SETTINGS and GOAWAY.
pub(super) fn http2(_: &Asked) -> Vec<Say> {
    let frames = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
    vec![bytes(frames), Say::Hold]
}

pub(super) fn moved(asked: &Asked) -> Vec<Say> {
    if asked.path == "/old" {
        whole(
            "HTTP/1.1 302 Found\r\nLocation: new?a=b\r\nContent-Length: 0\r\n\r\n",
            "",
        )
    } else {
        good(asked)
    }
}

pub(super) fn circle(_: &Asked) -> Vec<Say> {
    whole(
        "HTTP/1.1 302 Found\r\nLocation: /old\r\nContent-Length: 0\r\n\r\n",
        "",
    )
}

pub(super) fn login(asked: &Asked) -> Vec<Say> {
    if asked.path == "/login" {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n";
        whole(
            head,
            "<html><form action=/l><input type=password name=p></form>",
        )
    } else {
        whole(
            "HTTP/1.1 303 See Other\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
            "",
        )
    }
}

pub(super) fn no_content(_: &Asked) -> Vec<Say> {
    whole("HTTP/1.1 204 No Content\r\n\r\n", "")
}

pub(super) fn not_found(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n";
    whole(head, "not found")
}

pub(super) fn unavailable(_: &Asked) -> Vec<Say> {
    whole(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "",
    )
}

pub(super) fn no_type(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-type: text/html; charset=UTF-8\r\n\r\n";
    whole(head, "data: x\n\n")
}

/// A byte order mark before `<?php`, with output buffering off.
pub(super) fn marked_page(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-type: text/html; charset=UTF-8\r\n\r\n";
    let body = "\u{FEFF}<br />\n<b>Warning</b>:  Cannot modify header information\n";
    whole(head, body)
}

pub(super) fn gb2312(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=gb2312\r\n\r\n";
    whole(head, b"data: \xB9\xC9\xBC\xDB\n\n")
}

pub(super) fn odd_charset(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=klingon\r\n\r\n";
    whole(head, "data: x\n\n")
}

/// ASP.NET's `ResponseEncoding="gb2312"`: no word of it in the head.
pub(super) fn undeclared(_: &Asked) -> Vec<Say> {
    whole(PLAIN, b"data: \xB9\xC9\xBC\xDB\n\n")
}

pub(super) fn gzip(_: &Asked) -> Vec<Say> {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n";
    whole(head, b"\x1f\x8b\x08\0\0\0\0\0\0\x03")
}

pub(super) fn brotli(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\n";
    whole(head, b"\x0b\x02\x80")
}

pub(super) fn gzip_if_asked(asked: &Asked) -> Vec<Say> {
    if asked.header("accept-encoding").contains("gzip") {
        gzip(asked)
    } else {
        php_one_shot(asked)
    }
}

/// `output_buffering = 4096` and a script that ends before it is full.
pub(super) fn all_at_the_end(_: &Asked) -> Vec<Say> {
    vec![
        bytes(PHP),
        Say::Wait(450),
        bytes("data: 1\n\ndata: 2\n\ndata: 3\n\n"),
    ]
}

/// Likewise behind nginx, which keeps the head too.
pub(super) fn all_at_the_end_with_the_head(_: &Asked) -> Vec<Say> {
    vec![Say::Wait(450), bytes(PHP), bytes("data: 1\n\ndata: 2\n\n")]
}

/// A script that fills `output_buffering = 4096`: what the last `echo` had too much comes along.
pub(super) fn php_buffer(_: &Asked) -> Vec<Say> {
    let text = "data: tick tock, tick tock\n\n".repeat(1000);
    let (mut says, mut rest) = (vec![bytes(PHP)], text.as_str());
    for over in [3, 9, 1, 17, 5, 11] {
        let (piece, after) = rest.split_at(4096 + over);
        says.extend([Say::Wait(450), bytes(piece)]);
        rest = after;
    }
    says.push(Say::Hold);
    says
}

pub(super) fn silent(_: &Asked) -> Vec<Say> {
    open("")
}

/// nginx: full buffers, whatever is in them.
pub(super) fn in_blocks(_: &Asked) -> Vec<Say> {
    let text = "data: tick\n\n".repeat(1200);
    let mut says = vec![bytes(PLAIN)];
    for block in text.as_bytes().chunks(4096).take(3) {
        says.extend([Say::Wait(80), bytes(block)]);
    }
    says.push(Say::Hold);
    says
}

/// What happened a second apart, held back for as long.
pub(super) fn by_the_clock(_: &Asked) -> Vec<Say> {
    let bunch = "data: 06:21:41 a\n\ndata: 06:21:42 b\n\n";
    vec![
        bytes(PLAIN),
        bytes(": hi\n\n"),
        Say::Wait(1000),
        bytes(bunch),
        Say::Hold,
    ]
}

pub(super) fn withheld(_: &Asked) -> Vec<Say> {
    vec![Say::Hold]
}

pub(super) fn no_blank_line(_: &Asked) -> Vec<Say> {
    open("data: 1\ndata: 2\ndata: 3\n")
}

pub(super) fn half_at_the_end(_: &Asked) -> Vec<Say> {
    whole(PLAIN, "data: 1\n\ndata: 2\n")
}

/// PHP's single quotes.
pub(super) fn single_quotes(_: &Asked) -> Vec<Say> {
    open("data: tick\\n\\ndata: tick\\n\\n")
}

pub(super) fn json_escapes(_: &Asked) -> Vec<Say> {
    open("data: {\"text\": \"a\\n\\nb\"}\n\n")
}

pub(super) fn notices(_: &Asked) -> Vec<Say> {
    let notice = "<br />\n<b>Warning</b>:  Undefined variable $x in <b>/a.php</b> on line <b>3</b>\
                  <br />\n";
    open(format!("{notice}data: 1\n\n"))
}

/// A pretty-printed value behind one `data:`.
pub(super) fn fragments(_: &Asked) -> Vec<Say> {
    open("data: {\n  \"symbol\": \"AAPL\",\n  \"price\": 187\n}\n\n")
}

pub(super) fn wrong_names(_: &Asked) -> Vec<Say> {
    open("Data: 1\n\n data: 2\n\n")
}

pub(super) fn leading_bom(_: &Asked) -> Vec<Say> {
    open("\u{FEFF}data: 1\n\n")
}

pub(super) fn late_bom(_: &Asked) -> Vec<Say> {
    open("data: 1\n\n\u{FEFF}data: 2\n\n")
}

pub(super) fn quiet(_: &Asked) -> Vec<Say> {
    open("data: 1\n\n")
}

/// Chunked, and broken off within a chunk.
pub(super) fn cut(_: &Asked) -> Vec<Say> {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    whole(head, "20\r\ndata: 1\n\ndat")
}

/// Ends cleanly after 300 ms.
pub(super) fn ends_at_a_limit(_: &Asked) -> Vec<Say> {
    vec![bytes(PLAIN), bytes("data: 1\n\n"), Say::Wait(300)]
}

pub(super) fn one_id_for_all(_: &Asked) -> Vec<Say> {
    open("id: 7\ndata: 1\n\nid: 7\ndata: 2\n\n")
}

pub(super) fn falling_ids(_: &Asked) -> Vec<Say> {
    open("id: 7\ndata: 1\n\nid: 3\ndata: 2\n\n")
}

pub(super) fn odd_id(_: &Asked) -> Vec<Say> {
    open("id: a b\ndata: 1\n\n")
}

pub(super) fn bad_retry(_: &Asked) -> Vec<Say> {
    open("retry: 3s\nid: 1\ndata: 1\n\n")
}

/// From the beginning, whatever the visitor says.
pub(super) fn starts_over(_: &Asked) -> Vec<Say> {
    open("id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n")
}

/// Only what is new, whatever the visitor says.
pub(super) fn forgets(asked: &Asked) -> Vec<Say> {
    if asked.header("last-event-id").is_empty() {
        starts_over(asked)
    } else {
        open("id: 9\ndata: 9\n\n")
    }
}

/// A session that is opened and not closed.
pub(super) fn session(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Set-Cookie: PHPSESSID=abc; path=/\r\n\r\n";
    vec![bytes(head), bytes("data: 1\n\n"), Say::Hold]
}

/// Each visitor's own.
pub(super) fn personal(asked: &Asked) -> Vec<Say> {
    let who = match asked.header("cookie") {
        "" => "nobody",
        _ => "you",
    };
    open(format!("data: hello {who}\n\n"))
}

pub(super) fn protected(asked: &Asked) -> Vec<Say> {
    if asked.header("authorization") == "Bearer x" {
        good(asked)
    } else {
        whole("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "")
    }
}

pub(super) fn private(_: &Asked) -> Vec<Say> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: private\r\n\
                Vary: Accept, Cookie\r\n\r\n";
    vec![bytes(head), bytes("data: 1\n\n"), Say::Hold]
}

pub(super) fn same_origin(_: &Asked) -> Vec<Say> {
    vec![bytes(PHP), bytes("data: 1\n\n"), Say::Hold]
}

/// Says yes to whoever asks, cookies included.
pub(super) fn any_origin(asked: &Asked) -> Vec<Say> {
    let origin = asked.header("origin");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
         Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\n\r\n"
    );
    vec![bytes(head), bytes("data: 1\n\n"), Say::Hold]
}

pub(super) fn oversize(_: &Asked) -> Vec<Say> {
    open(format!("data: {}\n\ndata: 2\n\n", "x".repeat(2 << 20)))
}

pub(super) fn flood(_: &Asked) -> Vec<Say> {
    let event = format!("data: {}\n\n", "x".repeat(1000));
    open(event.repeat(6000))
}

/// Something that a terminal would obey.
pub(super) fn control_characters(_: &Asked) -> Vec<Say> {
    open("\x1b[2J\u{202E}: hidden\ndata: 1\n\n")
}

/// Leads to the URL in its query.
pub(super) fn abroad(asked: &Asked) -> Vec<Say> {
    let (_, to) = asked.path.split_once('?').unwrap();
    let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    whole(&head, "")
}
