//! `fantail demo` as a person starts it: the page, its two streams, and one upstream for all.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Get, until};

/// Killed when dropped, should it still run.
pub(crate) struct Demo {
    child: Child,
    page: SocketAddr,
}

impl Demo {
    pub(crate) fn start() -> Self {
        // Both free a moment ago; whoever takes one in between makes the program say so.
        let held = [0; 2].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let [page, admin] = held.map(|listener| listener.local_addr().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
        command.args([
            "demo",
            "--listen",
            &page.to_string(),
            "--admin",
            &admin.to_string(),
        ]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let url = format!("http://{page}/");
        let mut lines = said.lines().map_while(Result::ok);
        assert!(
            lines.any(|line| line.trim_end().ends_with(&url)),
            "it says where the page is"
        );
        Self { child, page }
    }

    /// Where the page is.
    pub(crate) fn page(&self) -> SocketAddr {
        self.page
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_demo_shows_its_market_to_everybody_over_one_upstream_connection() {
    let mut demo = Demo::start();
    let mut page = Get::new("/").connect(demo.page);
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let html = page.body();
    for words in ["new EventSource(", "\"/prices\"", "\"/stats\""] {
        assert!(html.contains(words), "{words}");
    }
    let mut first = Get::new("/prices").stream(demo.page);
    let mut second = Get::new("/prices").stream(demo.page);
    let seen = second.next_event();
    assert_eq!(seen.name, "quote");
    // Both see one market: the same event under the same id.
    let same = until("the other one sees it too", || {
        let event = first.next_event();
        (event.id == seen.id).then_some(event)
    });
    assert_eq!(same.data, seen.data);
    let quote: serde_json::Value = serde_json::from_str(&seen.data).unwrap();
    assert!(quote["price"].as_f64().unwrap() > 0.0 && quote["symbol"].is_string());
    let mut stats = Get::new("/stats").stream(demo.page);
    until("the numbers are right", || {
        let data = stats.next_event().data;
        let now: serde_json::Value = serde_json::from_str(&data).unwrap();
        (now["clients"] == 2 && now["upstreams"] == 1).then_some(())
    });
    let id = Pid::from_child(&demo.child);
    kill_process(id, Signal::TERM).unwrap();
    let ended = until("the program ends", || demo.child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}
