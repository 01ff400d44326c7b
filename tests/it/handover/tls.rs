//! Listeners with TLS: handed over like the others, and never taken for them.

use rustix::process::Signal;

use super::failures::{SLEEPER, begin_restart, replace};
use super::{PORTS, config, launch};
use crate::support::way::{authority, client_config, tls_table};
use crate::support::{Client, Get, Process, Upstream, signal_to, wait_for_end};

/// One plain listener and one with TLS, both with the same name in the configuration: port 0.
fn both(upstream: &Upstream, certificates: &tempfile::TempDir) -> String {
    let table = tls_table(certificates.path());
    format!("{table}{}", config(upstream, PORTS))
}

/// An event stream by TLS.
#[track_caller]
fn subscribe(program: &Process) -> Client {
    let mut client = Client::secure(program.tls_address(), &client_config(), "localhost").unwrap();
    let get = Get::new("/events").header("Accept", "text/event-stream");
    client.send(get.bytes());
    client.read_head();
    assert_eq!(client.status, 200, "{}", client.head);
    client
}

#[test]
fn a_listener_with_tls_survives_a_restart_beside_a_plain_one() {
    let (upstream, certificates) = (Upstream::live(), tempfile::tempdir().unwrap());
    let mut program = launch(&both(&upstream, &certificates));
    let mut before = subscribe(&program);
    upstream.wait_for_streams(1);
    upstream.emit("data: before\n\n");
    assert_eq!(before.next_event().data, "before");
    let old = program.id();
    program.restart();
    let mut after = subscribe(&program);
    // One for each process, the old one and the new one.
    upstream.wait_for_streams(2);
    upstream.emit("data: after\n\n");
    assert_eq!(after.next_event().data, "after");
    before.retry = None;
    assert_eq!(before.next_event().data, "after");
    before.expect_end();
    assert!(before.retry.is_some(), "told to come back");
    wait_for_end(old);
    assert!(program.exit().success());
    upstream.emit("data: alone\n\n");
    assert_eq!(after.next_event().data, "alone");
    assert_eq!(subscribe(&program).status, 200);
    let plain = Get::new("/events").stream(program.address());
    assert_eq!(plain.status, 200);
}

#[test]
fn certificates_are_read_again_while_a_new_process_is_on_its_way() {
    let (upstream, certificates) = (Upstream::live(), tempfile::tempdir().unwrap());
    let program = launch(&both(&upstream, &certificates));
    replace(&program, SLEEPER);
    begin_restart(&program);
    let identity = authority().issue("localhost");
    identity.write(certificates.path(), "localhost");
    program.signal(Signal::HUP);
    program.logs("certificates were read again");
    let mut client = subscribe(&program);
    let chain = client.wire().tls().peer_certificates().unwrap();
    assert_eq!(chain, identity.chain());
}

#[test]
fn a_process_that_drains_is_not_disturbed_by_the_signal_to_read_certificates() {
    let (upstream, certificates) = (Upstream::live(), tempfile::tempdir().unwrap());
    let text = both(&upstream, &certificates).replace("drain = \"1s\"", "drain = \"1h\"");
    let mut program = launch(&text);
    let mut client = subscribe(&program);
    upstream.wait_for_streams(1);
    let old = program.id();
    program.restart();
    signal_to(old, Signal::HUP);
    program.logs("the signal to read certificates is ignored");
    upstream.emit("data: goes on\n\n");
    assert_eq!(client.next_event().data, "goes on");
    for words in ["draining already", "stopping at once"] {
        signal_to(old, Signal::TERM);
        program.logs(words);
    }
    assert!(program.exit().success());
}
