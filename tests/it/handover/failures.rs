//! Restarts that fail: the old process goes on as if nothing had been.

use std::fs::{remove_file, write};
use std::os::unix::fs::{PermissionsExt, symlink};

use rstest::rstest;
use rustix::process::Signal;

use super::{PORTS, PROGRAM, config, launch};
use crate::support::{Client, Get, Process, Upstream, eventually, pid_in, wait_for_end};

const FAILED: &str = "the new process has not taken over";
pub(super) const SLEEPER: &str = "exec sleep 600";

fn subscribe(program: &Process) -> Client {
    Get::new("/events").stream(program.address())
}

/// The next process will be this shell script.
pub(super) fn replace(program: &Process, script: &str) {
    let path = program.file("fantail");
    remove_file(&path).unwrap();
    write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, all).unwrap();
}

/// Asks for a restart, and gives the id of the process that is started.
#[track_caller]
pub(super) fn begin_restart(program: &Process) -> u32 {
    program.signal(Signal::USR2);
    pid_in(&program.logs("a new process is started"))
}

/// Old streams go on, and new ones begin.
#[track_caller]
fn assert_goes_on(program: &Process, upstream: &Upstream, client: &mut Client) {
    let mut new = subscribe(program);
    upstream.emit("data: goes on\n\n");
    assert_eq!(client.next_event().data, "goes on");
    assert_eq!(new.next_event().data, "goes on");
    assert_eq!(Get::new("/readyz").connect(program.admin()).status, 200);
}

#[test]
fn a_bad_configuration_is_told_and_the_old_process_goes_on_until_it_is_mended() {
    let upstream = Upstream::live();
    let text = config(&upstream, PORTS);
    let mut program = launch(&text);
    let mut client = subscribe(&program);
    upstream.wait_for_streams(1);
    let file = program.file("fantail.toml");
    write(&file, text.replace("name", "nam")).unwrap();
    let new = begin_restart(&program);
    let failure = program.logs(FAILED);
    assert!(failure.contains("exit status: 78"), "{failure}");
    assert!(program.log().contains("`nam` is not a key of [[route]]"));
    wait_for_end(new);
    assert_goes_on(&program, &upstream, &mut client);
    let failures = "fantail_handover_failures_total{reason=\"ended\"}";
    assert_eq!(program.metric(failures), 1.0);
    write(&file, text).unwrap();
    program.restart();
    client.expect_end();
    assert_eq!(subscribe(&program).status, 200);
}

#[rstest]
#[case("kill -9 $$", "signal: 9", "ended")]
#[case("exit 0", "exit status: 0", "ended")]
#[case(SLEEPER, "was not ready within 300ms", "timeout")]
#[case("", "can not be started", "spawn")]
fn a_program_that_is_none_changes_nothing(
    #[case] script: &str,
    #[case] words: &str,
    #[case] reason: &str,
) {
    let upstream = Upstream::live();
    let keys = format!("{PORTS}handover_timeout = \"300ms\"");
    let mut program = launch(&config(&upstream, &keys));
    let mut client = subscribe(&program);
    upstream.wait_for_streams(1);
    if script.is_empty() {
        remove_file(program.file("fantail")).unwrap();
        program.signal(Signal::USR2);
    } else {
        replace(&program, script);
        wait_for_end(begin_restart(&program));
    }
    let failure = program.logs(FAILED);
    assert!(failure.contains(words), "{failure}");
    assert_goes_on(&program, &upstream, &mut client);
    let failures = format!("fantail_handover_failures_total{{reason=\"{reason}\"}}");
    assert_eq!(program.metric(&failures), 1.0);
    // As after an upgrade that has gone right.
    drop(remove_file(program.file("fantail")));
    symlink(PROGRAM, program.file("fantail")).unwrap();
    program.restart();
    client.expect_end();
}

#[test]
fn a_wrapper_that_is_not_the_program_itself_may_stand_in_its_place() {
    let upstream = Upstream::live();
    let mut program = launch(&config(&upstream, PORTS));
    replace(&program, &format!("exec '{PROGRAM}' \"$@\""));
    program.restart();
    assert_eq!(subscribe(&program).status, 200);
    assert!(program.exit().success());
}

#[test]
fn a_second_signal_to_restart_is_ignored_while_one_is_under_way() {
    let upstream = Upstream::live();
    let mut program = launch(&config(&upstream, PORTS));
    // Waits for what the test does, and then becomes the program.
    let gate = program.file("gate");
    let wait = format!("until [ -e '{}' ]; do sleep 0.02; done", gate.display());
    replace(&program, &format!("{wait}\nexec '{PROGRAM}' \"$@\""));
    begin_restart(&program);
    program.signal(Signal::USR2);
    program.logs("a restart is under way already");
    write(&gate, "").unwrap();
    program.logs("the new process has taken over");
    assert!(program.exit().success());
    assert_eq!(program.count("a new process is started"), 1);
    assert_eq!(subscribe(&program).status, 200);
}

#[test]
fn a_signal_to_stop_while_a_restart_is_under_way_ends_both() {
    let upstream = Upstream::live();
    let text = config(&upstream, PORTS).replace("1h", "0s");
    let mut program = launch(&text);
    let mut client = subscribe(&program);
    replace(&program, SLEEPER);
    let new = begin_restart(&program);
    program.signal(Signal::TERM);
    client.expect_end();
    assert!(client.retry.unwrap() >= 5000);
    assert!(program.exit().success());
    wait_for_end(new);
    eventually("nobody listens any more", || {
        std::net::TcpStream::connect(program.address()).is_err()
    });
    assert_eq!(program.count(FAILED), 0);
}

#[test]
fn a_new_process_that_does_not_want_to_end_is_killed() {
    let upstream = Upstream::live();
    let text = config(&upstream, PORTS).replace("1h", "0s");
    let mut program = launch(&text.replace("drain = \"1s\"", "drain = \"10ms\""));
    replace(
        &program,
        "trap '' TERM\necho deaf >&2\nwhile :; do sleep 0.1; done",
    );
    let new = begin_restart(&program);
    program.logs("deaf");
    program.signal(Signal::TERM);
    assert!(program.exit().success());
    wait_for_end(new);
}
