//! Two workers, and more viewers than that.

use std::time::Duration;

use fantail::clock;

use crate::support::{Client, eventually};

use super::{Crowd, INTERVAL, Server, gateway};

const VIEWERS: usize = 200;
const NO_ANSWER: Duration = Duration::from_secs(1);

fn two_workers() -> Server {
    Server::fpm(2, "fastcgi_read_timeout 3s;")
}

fn a_loop() -> String {
    format!("/loop_sse.php?interval={}", INTERVAL.as_millis())
}

#[test]
#[ignore = "needs php-fpm and nginx: tests/run runs it"]
fn a_pool_of_two_workers_has_nothing_left_for_a_third_viewer_or_a_page() {
    let server = two_workers();
    let mut viewers = [server.get(&a_loop()), server.get(&a_loop())];
    for viewer in &mut viewers {
        while !viewer.line().expect("a tick").starts_with("data: tick") {}
    }
    let mut page = server.ask("/page.php");
    assert!(!page.fill(NO_ANSWER), "somebody answers");
    let third: Client = server.get(&a_loop());
    assert_eq!(third.status, 504);
    page.read_head();
    assert_eq!(page.status, 504);
}

#[test]
#[ignore = "needs php-fpm and nginx: tests/run runs it"]
fn through_fantail_two_hundred_viewers_are_one_worker_and_the_page_answers_at_once() {
    let server = two_workers();
    let gateway = gateway(&server.url(), "");
    let mut crowd = Crowd::join(&gateway, &a_loop(), VIEWERS);
    let begin = clock::now();
    let page = server.get("/page.php");
    assert!(begin.elapsed() < NO_ANSWER, "{:?}", begin.elapsed());
    assert_eq!(page.status, 200);
    // The viewers' worker, and the one that says so.
    let mut status = server.get("/status");
    assert_eq!(status.status, 200);
    let busy = std::iter::from_fn(|| status.line()).find(|line| line.starts_with("active"));
    assert_eq!(busy.unwrap().trim_end(), "active processes:     2");
    crowd.read_to(10);
    crowd.assert_open(&gateway);
    drop((crowd, gateway));
    eventually("its log has the loop", || {
        server.requests("/loop_sse.php") > 0
    });
    assert_eq!(server.requests("/loop_sse.php"), 1);
}
