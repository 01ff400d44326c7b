//! A1: clients that say nothing, not enough, or too slowly, are gone by their deadline.

use std::time::Duration;

use fantail::clock;

use crate::support::{Client, Gateway, Upstream, eventually};

const LIMITS: &str = r#"
[limits]
first_byte_timeout = "300ms"
head_timeout = "600ms"
idle_timeout = "600ms"
[[route]]
path = "/events"
upstream = "{upstream}/events"
"#;

/// Whatever the machine does meanwhile; the deadlines above are far below it.
const LATE: Duration = Duration::from_secs(8);

fn timeouts(gateway: &Gateway) -> f64 {
    gateway.metric(r#"fantail_rejects_total{listener="127.0.0.1:0",reason="timeout"}"#)
}

/// Speaks until the gateway hangs up; how long that took.
fn until_gone(gateway: &Gateway, mut speak: impl FnMut(&mut Client, usize)) -> Duration {
    let mut client = Client::raw(gateway.address());
    let begin = clock::now();
    for said in 0.. {
        speak(&mut client, said);
        client.fill(Duration::from_millis(50));
        if client.is_ended_now() {
            break;
        }
        assert!(clock::now() - begin < LATE, "still there");
    }
    clock::now() - begin
}

#[test]
fn a_client_that_says_nothing_is_gone_after_the_first_byte_timeout() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(LIMITS, &upstream);
    let took = until_gone(&gateway, |_, _| {});
    assert!(took >= Duration::from_millis(300), "after {took:?}");
    eventually("it is counted", || timeouts(&gateway) == 1.0);
}

#[test]
fn a_head_that_is_never_complete_ends_by_its_deadline_however_it_drips() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(LIMITS, &upstream);
    let beginnings: [&[u8]; 7] = [
        b"G",
        b"GET /events HTTP/1.1\r\nHost: x\r\n",
        b"PRI * HT",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n",
        b"\r\n",
        b"\x16\x03\x01",
        b"GET /events HTTP/1.1\r\nHost: x\r\nX: ",
    ];
    for beginning in beginnings {
        let took = until_gone(&gateway, |client, said| {
            if said == 0 {
                client.send(beginning);
            }
        });
        assert!(took < LATE, "{beginning:?} after {took:?}");
    }
    // A deadline, not a pause: each byte that comes does not prolong it.
    let took = until_gone(&gateway, |client, said| {
        let head = b"GET /events HTTP/1.1\r\nX: ";
        client.send([*head.get(said).unwrap_or(&b'x')]);
    });
    assert!(
        took >= Duration::from_millis(600) && took < LATE,
        "after {took:?}"
    );
    eventually("no place is taken", || gateway.app().connections() == 0);
    assert!(upstream.requests().is_empty());
}

#[test]
fn a_kept_connection_that_asks_nothing_more_is_closed() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(LIMITS, &upstream);
    let mut asked = false;
    let took = until_gone(&gateway, |client, _| {
        if !std::mem::replace(&mut asked, true) {
            client.send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(client.try_status(), Some(404));
        }
    });
    assert!(took < LATE, "after {took:?}");
}
