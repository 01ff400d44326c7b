//! H2: what happens when the descriptors run out.

use std::time::Duration;

use fantail::clock;

use crate::support::{Client, Get, Process, Upstream, eventually};

const DESCRIPTORS: usize = 64;
const CLIENTS: usize = 100;

#[test]
fn a_program_with_few_descriptors_refuses_in_time_answers_its_operator_and_recovers() {
    let upstream = Upstream::live();
    let route = "[[route]]\nname = \"events\"\npath = \"/events\"\nlinger = \"10ms\"\n\
                 upstream = \"{upstream}/events\"\n";
    let program = Process::serve(route, &upstream, DESCRIPTORS);
    let request = Get::new("/events")
        .header("Accept", "text/event-stream")
        .bytes();
    let mut first = Get::new("/events").stream(program.address());
    upstream.wait_for_streams(1);
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| {
            let mut client = Client::raw(program.address());
            client.send(&request);
            client
        })
        .collect();
    let full = r#"fantail_rejects_total{listener="127.0.0.1:0",reason="connections"}"#;
    eventually("the surplus is told to come back", || {
        program.metric(full) >= 1.0
    });
    assert!(share_of_a_core(program.id()) < 0.3, "it spins");
    upstream.emit("data: x\n\n");
    assert_eq!(first.next_event().data, "x");
    drop(clients);
    eventually("there is a place again", || {
        Get::new("/events")
            .stream(program.address())
            .header("content-length")
            .is_none()
    });
}

/// Connections that never say anything hold their descriptors until the first-byte timeout; the
/// operator is answered all the same, and nothing spins.
#[test]
fn silent_clients_that_take_every_descriptor_do_not_shut_the_operator_out() {
    let upstream = Upstream::live();
    let route = "[limits]\nfirst_byte_timeout = \"1s\"\n[[route]]\nname = \"events\"\n\
                 path = \"/events\"\nupstream = \"{upstream}/events\"\n";
    let program = Process::serve(route, &upstream, DESCRIPTORS);
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::raw(program.address()))
        .collect();
    let begin = clock::now();
    let emfile = r#"fantail_accept_errors_total{listener="127.0.0.1:0",reason="emfile"}"#;
    assert!(program.metric(emfile) >= 0.0);
    assert!(
        clock::now() - begin < Duration::from_millis(900),
        "the operator had to wait"
    );
    assert!(share_of_a_core(program.id()) < 0.3, "it spins");
    drop(clients);
    let mut client = Get::new("/events").stream(program.address());
    upstream.wait_for_streams(1);
    upstream.emit("data: x\n\n");
    assert_eq!(client.next_event().data, "x");
}

/// Of the processor, over half a second.
fn share_of_a_core(process: u32) -> f64 {
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let times = fields.split(' ').skip(11).take(2);
        times.map(|time| time.parse::<f64>().unwrap()).sum::<f64>()
    };
    let (before, begin) = (ticks(), clock::now());
    eventually("half a second is over", || {
        clock::now() - begin > Duration::from_millis(500)
    });
    // A tick is a hundredth of a second.
    (ticks() - before) / 100.0 / (clock::now() - begin).as_secs_f64()
}
