//! Scripts that go on: one connection for all, and every event when it is printed.

use std::time::Duration;

use fantail::clock;

use crate::support::{eventually, patience};

use super::{CLIENTS, Crowd, INTERVAL, Server, gateway};

const TICKS: usize = 6;

/// The script never ends, so an event that somebody holds back until the end never comes.
#[track_caller]
fn assert_streamed(server: &Server, script: &str) {
    // What is compiled at the first request is compiled.
    server.answer(&format!("{script}?count=1&interval=1"));
    eventually("its log has it", || server.requests(script) == 1);
    let gateway = gateway(&server.url(), "");
    let target = format!("{script}?interval={}", INTERVAL.as_millis());
    let mut crowd = Crowd::join(&gateway, &target, CLIENTS);
    let begin = clock::now();
    for _ in 1..TICKS {
        crowd.next_event();
    }
    let took = begin.elapsed();
    assert!(took >= INTERVAL * 3, "bunched: {TICKS} ticks in {took:?}");
    let ticks = crowd.read_to(TICKS);
    for (number, tick) in (1..).zip(&ticks) {
        assert_eq!(tick.data, format!("tick {number}"));
        assert_eq!(tick.id, Some(number.to_string()));
    }
    crowd.assert_open(&gateway);
    let attempts = "fantail_upstream_connect_attempts_total";
    let series = format!("{attempts}{{upstream=\"{}\"}}", server.url());
    assert_eq!(gateway.metric(&series), 1.0);
    drop((crowd, gateway));
    eventually("its log has the one request", || {
        server.requests(script) >= 2
    });
    assert_eq!(server.requests(script), 2);
}

#[test]
#[ignore = "needs PHP: tests/run runs it"]
fn a_loop_in_phps_own_server_is_streamed() {
    assert_streamed(&Server::php(), "/loop_sse.php");
}

#[test]
#[ignore = "needs php-fpm and nginx: tests/run runs it"]
fn a_loop_in_php_fpm_behind_nginx_is_streamed() {
    assert_streamed(&Server::fpm(2, ""), "/loop_sse.php");
}

#[test]
#[ignore = "needs Apache with PHP: tests/run runs it"]
fn a_loop_in_apache_with_mod_php_is_streamed() {
    assert_streamed(&Server::apache(), "/loop_sse.php");
}

#[test]
#[ignore = "needs Mono and nginx: tests/run runs it"]
fn a_loop_in_asp_net_is_streamed() {
    assert_streamed(&Server::aspnet(), "/loop_sse.aspx");
}

/// `Response.Flush` does nothing there: the answer is written when the page is over.
#[test]
#[ignore = "needs asppy: tests/run runs it"]
fn a_loop_in_asppy_comes_as_a_whole_when_it_is_over() {
    const EACH: Duration = Duration::from_millis(500);
    let server = Server::asp();
    let gateway = gateway(&server.url(), "poll_interval = \"60s\"");
    let begin = clock::now();
    let mut crowd = Crowd::join_within(patience(), &gateway, "/loop_sse.asp", CLIENTS);
    assert!(
        begin.elapsed() >= EACH * 2,
        "it streams now: {:?}",
        begin.elapsed()
    );
    let end = clock::now();
    let ticks = crowd.read_to(3);
    assert!(end.elapsed() < EACH, "{:?}", end.elapsed());
    let data: Vec<&str> = ticks.iter().map(|tick| tick.data.as_str()).collect();
    assert_eq!(data, ["tick 1", "tick 2", "tick 3"]);
    crowd.assert_open(&gateway);
    assert_eq!(server.requests("/loop_sse.asp"), 1);
}
