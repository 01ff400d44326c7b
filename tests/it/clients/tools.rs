//! What speaks HTTP/2 on a command line: nghttp tells each frame, h2load comes in crowds.

use std::process::{Command, Output, Stdio};

use crate::support::way::{origin, tls_table};
use crate::support::{Gateway, Get, Process, Upstream, Way, descriptors_of, eventually};

const ACCEPT: &str = "Accept: text/event-stream";

fn output(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"))
}

/// What nghttp tells of a stream of `/events` that the gateway ends by itself, after this.
#[track_caller]
fn told(gateway: &mut Gateway, meanwhile: impl FnOnce(&mut Gateway)) -> String {
    let url = format!("{}/events", origin(gateway.address()));
    std::thread::scope(|scope| {
        let nghttp = scope.spawn(move || {
            let arguments = ["--verbose", "--timeout=30", "-H", ACCEPT, &url];
            output("nghttp", &arguments)
        });
        eventually("its stream is there", || {
            assert!(!nghttp.is_finished(), "it has ended");
            gateway.metric(Way::H2.subscribers()) == 1.0
        });
        meanwhile(gateway);
        let output = nghttp.join().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    })
}

/// Where it tells of the first frame of a kind that has come.
fn received(told: &str, kind: &str) -> Option<usize> {
    told.find(&format!("recv {kind} frame"))
}

#[test]
#[ignore = "needs nghttp: tests/run runs it"]
fn nghttp_sees_a_stream_that_ends_by_end_stream_and_nothing_that_it_does_not_expect() {
    let upstream = Upstream::live();
    let mut gateway = Way::H2.route(&upstream, "max_age = \"1s\"");
    let told = told(&mut gateway, |_| {
        upstream.wait_for_streams(1);
        upstream.emit("id: 1\ndata: said\n\n");
    });
    for words in [
        "SETTINGS_MAX_CONCURRENT_STREAMS(0x03):256",
        ":status: 200",
        "content-type: text/event-stream",
        "id: 1\ndata: said\n\n",
        "END_STREAM",
    ] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
    assert!(!told.contains("connection: "), "{told}");
    for kind in ["RST_STREAM", "GOAWAY", "PUSH_PROMISE"] {
        assert_eq!(received(&told, kind), None, "{told}");
    }
}

/// Who is told to go away too early may take it for the end of its stream.
#[test]
#[ignore = "needs nghttp: tests/run runs it"]
fn nghttp_sees_a_drain_end_its_stream_before_the_connection_says_goodbye() {
    let upstream = Upstream::live();
    let toml = "[server]\nlisten = [\"127.0.0.1:0\"]\ndrain = \"1s\"\ndrain_delay = \"0s\"\n\
                  [[route]]\nname = \"events\"\npath = \"/events\"\nupstream = \"{upstream}\"\n";
    let mut gateway = Way::H2.start(toml, &upstream);
    let told = told(&mut gateway, Gateway::drain);
    let ends = told.rfind("; END_STREAM").expect("an end");
    let goodbye = received(&told, "GOAWAY");
    assert!(goodbye.is_none_or(|goodbye| goodbye > ends), "{told}");
    assert_eq!(received(&told, "RST_STREAM"), None, "{told}");
    assert!(told.contains("retry: "), "{told}");
    eventually("the drain is over", || gateway.is_drained());
}

/// A program that serves streams that last half a second, and polls.
fn program(folder: tempfile::TempDir, upstream: &Upstream) -> Process {
    let file = folder.path().join("fantail.toml");
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n{}\
         [limits]\naccepts_per_second = 0\n[[route]]\nname = \"events\"\npath = \"/events\"\n\
         upstream = \"http://{}/events\"\nmax_age = \"500ms\"\nlinger = \"10m\"\n",
        tls_table(folder.path()),
        upstream.address()
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
    command.arg("serve").arg("--config").arg(file);
    Process::start(command, folder)
}

/// Runs `h2load`; all of its requests must have been answered by a 200.
#[track_caller]
fn load(arguments: &[&str], requests: usize) {
    let output = output("h2load", arguments);
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("{requests} succeeded, 0 failed, 0 errored, 0 timeout");
    assert!(said.contains(&all), "{said}");
    assert!(said.contains(&format!("{requests} 2xx")), "{said}");
    assert!(said.contains("Application protocol: h2"), "{said}");
}

#[test]
#[ignore = "needs h2load: tests/run runs it"]
fn h2load_comes_and_goes_with_answers_and_streams_and_leaves_nothing_behind() {
    let upstream = Upstream::live();
    let program = program(tempfile::tempdir().unwrap(), &upstream);
    let mut witness = Get::new("/events").stream(program.address());
    upstream.wait_for_streams(1);
    upstream.emit("id: 1\ndata: x\n\nid: 2\ndata: y\n\n");
    assert_eq!(witness.data(2), ["x", "y"]);
    witness.expect_end();
    drop(witness);
    let url = format!("https://{}", program.tls_address());
    let poll = format!("{url}/events?fantail=poll&lastEventId=1");
    // Once before it is looked at: threads, pools and sessions have been made.
    load(&["-n", "400", "-c", "200", "-m", "1", &poll], 400);
    let is_quiet = || {
        let connections = "fantail_connections{listener=\"127.0.0.1:0\",protocol=\"h2\"}";
        let streams = "fantail_subscribers{protocol=\"h2\",route=\"events\"}";
        program.metric(connections) + program.metric(streams) == 0.0
    };
    eventually("all have left", is_quiet);
    let before = descriptors_of(program.id());
    load(&["-n", "20000", "-c", "200", "-m", "1", &poll], 20_000);
    let streams = format!("{url}/events");
    let crowd = ["-n", "2000", "-c", "20", "-m", "50", "-H", ACCEPT, &streams];
    load(&crowd, 2000);
    eventually("all have left", is_quiet);
    eventually("all descriptors are free", || {
        descriptors_of(program.id()) <= before
    });
    let begun = "fantail_subscriptions_total{protocol=\"h2\",route=\"events\"}";
    assert_eq!(program.metric(begun), 2000.0);
}
