//! The tutorial's scripts: each prints one event and is over.

use std::time::Duration;

use fantail::clock;

use crate::support::eventually;

use super::{CLIENTS, Crowd, FIRST_EVENT, Server, gateway};

const POLLS: usize = 4;
const EACH_HALF_SECOND: &str = "poll_interval = \"500ms\"";

/// One stream for all out of one-shot answers, each of which carries an event of this shape.
#[track_caller]
fn assert_shared(server: &Server, script: &str, keys: &str, shape: &str, polls: usize) {
    let gateway = gateway(&server.url(), keys);
    let before = server.requests(script);
    let mut crowd = Crowd::join(&gateway, script, 1);
    // Who comes between the very first event and the end of its answer gets the next poll's.
    eventually("the first answer is over", || {
        gateway.topics()[0]["feed"] == "waiting"
    });
    crowd.grow(FIRST_EVENT, &gateway, script, CLIENTS - 1);
    let events = crowd.read_to(polls);
    for event in &events {
        assert!(shape_of(&event.data).starts_with(shape), "{event:?}");
    }
    eventually("its log has them all", || {
        server.requests(script) - before >= polls
    });
    // One event for each poll, one poll at a time for all.
    let asked = server.requests(script) - before;
    assert!(asked <= polls + 2, "{asked} requests");
    crowd.assert_open(&gateway);
}

/// With 9 in place of every digit.
fn shape_of(data: &str) -> String {
    data.replace(|letter: char| letter.is_ascii_digit(), "9")
}

/// The answer's head when it is asked directly; what is slow once has been done then.
#[track_caller]
fn ask_once(server: &Server, script: &str) -> String {
    let head = server.answer(script);
    eventually("its log has it", || server.requests(script) > 0);
    head
}

const PHP: &str = "The server time is: ";

#[test]
#[ignore = "needs PHP: tests/run runs it"]
fn phps_own_server_is_shared() {
    let server = Server::php();
    assert_shared(&server, "/demo_sse.php", EACH_HALF_SECOND, PHP, POLLS);
}

#[test]
#[ignore = "needs php-fpm and nginx: tests/run runs it"]
fn php_fpm_behind_nginx_is_shared() {
    let server = Server::fpm(2, "");
    assert_shared(&server, "/demo_sse.php", EACH_HALF_SECOND, PHP, POLLS);
}

#[test]
#[ignore = "needs Apache with PHP: tests/run runs it"]
fn apache_with_mod_php_is_shared_and_asked_each_3_seconds_by_default() {
    let server = Server::apache();
    let begin = clock::now();
    assert_shared(&server, "/demo_sse.php", "", PHP, 3);
    assert!(begin.elapsed() >= Duration::from_secs(6));
}

#[test]
#[ignore = "needs Mono and nginx: tests/run runs it"]
fn asp_net_is_shared_without_its_session_cookie() {
    let server = Server::aspnet();
    let direct = ask_once(&server, "/demo_sse.aspx");
    assert!(
        direct.contains("Set-Cookie: ASP.NET_SessionId="),
        "{direct}"
    );
    let shape = "99/99/9999 99:99:99";
    assert_shared(&server, "/demo_sse.aspx", EACH_HALF_SECOND, shape, POLLS);
}

#[test]
#[ignore = "needs asppy: tests/run runs it"]
fn classic_asp_is_shared_although_it_never_ends_its_event() {
    let server = Server::asp();
    let direct = ask_once(&server, "/demo_sse.asp");
    assert!(direct.contains("Set-Cookie: ASP_PY_SESSIONID="), "{direct}");
    let shape = "9999-99-99 99:99:99";
    assert_shared(&server, "/demo_sse.asp", EACH_HALF_SECOND, shape, POLLS);
}
