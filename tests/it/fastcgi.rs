//! php-fpm, asked directly: no web server in between.

use fantail::clock;

use super::support::{Client, Fpm, Gateway, Get, Process, Upstream, eventually, patience};

/// Routes to the scripts of `tests/backends`.
fn routes(fpm: &Fpm) -> String {
    let (url, root) = (&fpm.url, Fpm::root());
    let (root, gate) = (root.display(), fpm.folder().display());
    let route = |path: &str, script: &str, more: &str| {
        format!(
            "[[route]]\npath = \"{path}\"\nupstream = \"{url}{script}\"\nroot = \"{root}\"\n{more}\n"
        )
    };
    [
        route("/time", "/demo_sse.php", "poll_interval = \"500ms\""),
        route(
            "/gated",
            &format!("/gated_sse.php?gate={gate}"),
            "on_upstream_end = \"close\"",
        ),
        route(
            "/loop/{n}",
            "/loop_sse.php?n={n}&interval=20",
            "linger = \"0s\"",
        ),
        route("/told", "/told_sse.php?a=b", "headers = [\"x-tenant\"]"),
        route("/any/{rest*}", "/{rest*}", "on_upstream_error = \"mirror\""),
    ]
    .concat()
}

fn gateway(fpm: &Fpm) -> Gateway {
    // The configuration names no other upstream.
    Gateway::start(&routes(fpm), &Upstream::start(drop))
}

fn subscribe(gateway: &Gateway, path: &str) -> Client {
    let client = Get::new(path).stream(gateway.address());
    assert_eq!(client.status, 200, "{}", client.head);
    client
}

fn both() -> [Fpm; 2] {
    [Fpm::tcp(), Fpm::unix()]
}

#[test]
#[ignore = "needs php-fpm: tests/run runs it"]
fn a_script_that_prints_one_event_and_exits_is_one_stream_of_polls() {
    for fpm in both() {
        let gateway = gateway(&fpm);
        let begin = clock::now();
        let mut client = subscribe(&gateway, "/time");
        let first = client.next_event();
        assert!(
            clock::now() - begin < patience() / 4,
            "the first event is late"
        );
        assert!(first.data.starts_with("The server time is: "), "{first:?}");
        let second = client.next_event();
        assert_ne!(first.id, second.id);
    }
}

#[test]
#[ignore = "needs php-fpm: tests/run runs it"]
fn each_event_arrives_before_the_next_is_printed() {
    for fpm in both() {
        let gateway = gateway(&fpm);
        let open_gate = |n: u8| std::fs::write(fpm.folder().join(n.to_string()), "").unwrap();
        open_gate(1);
        let mut client = subscribe(&gateway, "/gated");
        for n in 1..=5 {
            assert_eq!(client.next_event().data, n.to_string());
            // Event n + 1 does not exist before the client has read event n.
            open_gate(n + 1);
        }
        client.expect_end();
    }
}

#[test]
#[ignore = "needs php-fpm: tests/run runs it"]
fn fifty_clients_hold_one_worker_and_the_other_one_answers_at_once() {
    let fpm = Fpm::unix();
    let gateway = gateway(&fpm);
    let mut crowd: Vec<_> = (0..50).map(|_| subscribe(&gateway, "/loop/1")).collect();
    for client in &mut crowd {
        assert!(client.next_event().data.starts_with("tick "));
    }
    let mut other = subscribe(&gateway, "/time");
    assert!(other.next_event().data.starts_with("The server time is: "));
    let name = fpm.url.trim_end_matches(':');
    let series = format!("fantail_upstream_connect_attempts_total{{upstream=\"{name}\"}}");
    assert_eq!(gateway.metric(&series), 2.0);
}

#[test]
#[ignore = "needs php-fpm: tests/run runs it"]
fn a_worker_is_free_again_once_nobody_listens() {
    let fpm = Fpm::tcp();
    let gateway = gateway(&fpm);
    // Five topics one after the other, for two workers.
    for n in 0..5 {
        let mut client = subscribe(&gateway, &format!("/loop/{n}"));
        assert!(client.next_event().data.starts_with("tick "));
        drop(client);
        eventually("the topic is closed", || {
            gateway.topics().as_array().is_some_and(Vec::is_empty)
        });
    }
}

#[test]
#[ignore = "needs php-fpm: tests/run runs it"]
fn a_script_is_told_of_its_place_and_of_declared_headers_only() {
    let fpm = Fpm::tcp();
    let gateway = gateway(&fpm);
    let request = Get::new("/told?c=d")
        .header("X-Tenant", "acme")
        .header("Proxy", "http://evil/")
        .header("Cookie", "sid=1");
    let told = request.stream(gateway.address()).next_event().data;
    let root = Fpm::root();
    let root = root.display();
    assert_eq!(
        told,
        format!(
            "SCRIPT_FILENAME={root}/told_sse.php\nSCRIPT_NAME=/told_sse.php\nDOCUMENT_ROOT={root}\n\
             REQUEST_URI=/told_sse.php?a=b\nQUERY_STRING=a=b\nPATH_INFO=\n\
             REMOTE_ADDR=127.0.0.1\nSERVER_NAME=127.0.0.1\nHTTP_HOST=127.0.0.1\n\
             HTTP_ACCEPT=text/event-stream\nHTTP_X_TENANT=acme\nHTTP_COOKIE=(none)\n\
             HTTP_PROXY=(none)\nHTTPS=(none)\nPHP_SELF=/told_sse.php"
        )
    );
}

#[test]
#[ignore = "needs php-fpm: tests/run runs it"]
fn what_a_script_says_to_its_error_stream_is_in_our_log() {
    let fpm = Fpm::tcp();
    let program = Process::serve(&routes(&fpm), &Upstream::start(drop), 1024);
    let told = Get::new("/told")
        .stream(program.address())
        .next_event()
        .data;
    assert!(told.starts_with("SCRIPT_FILENAME="), "{told}");
    let line = program.logs("error stream");
    assert!(
        line.contains("WARN") && line.contains("first line"),
        "{line}"
    );
    let log = program.into_log();
    assert!(!log.lines().any(|line| line.starts_with("second line")));
}

#[test]
#[ignore = "needs php-fpm: tests/run runs it"]
fn a_script_that_is_not_there_is_not_found_and_an_upload_is_not_run() {
    let fpm = Fpm::tcp();
    let gateway = gateway(&fpm);
    let status = |path: &str| Get::new(path).stream(gateway.address()).status;
    assert_eq!(status("/any/demo_sse.php"), 200);
    assert_eq!(status("/any/missing.php"), 404);
    assert_eq!(status("/any/demo_sse.php/x.php"), 400);
    assert_eq!(status("/any/upload.jpg/x.php"), 400);
    assert_eq!(status("/any/../it/main.rs"), 400);
}
