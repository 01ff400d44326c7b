//! A6, and what is left of all attacks: the memory and the processor time of the real program.

use std::process::Command;
use std::time::Duration;

use fantail::clock;

use super::toml;
use crate::support::h2::{
    CONTINUATION, HEADERS, INITIAL_WINDOW, PING, PRIORITY, frame, get, reset, settings,
    subscription, window_update,
};
use crate::support::{Get, H2, Process, Upstream, eventually, hpack};

const MEBIBYTE: u64 = 1 << 20;
/// Ticks of `/proc/PID/stat` in a second.
const TICKS: f64 = 100.0;

fn program(upstream: &Upstream, limits: &str, keys: &str) -> Process {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fantail.toml");
    let admin = "[admin]\nlisten = \"127.0.0.1:0\"\n";
    let origin = format!("http://{}", upstream.address());
    let text = toml(limits, keys).replace("{upstream}", &origin);
    std::fs::write(&file, format!("{admin}{text}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
    command
        .args(["serve", "--log-level", "info", "--config"])
        .arg(file);
    Process::start(command, folder)
}

/// Seconds of processor time so far.
fn used(program: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id())).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let ticks = |at: usize| rest.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS
}

#[expect(clippy::print_stdout, reason = "the figures that the tests measure")]
fn tell(what: &str, before: u64, now: u64) {
    let grown = now as f64 - before as f64;
    println!(
        "{what}: {:.1} MiB before, {:+.1} MiB",
        before as f64 / MEBIBYTE as f64,
        grown / MEBIBYTE as f64
    );
}

fn ended(program: &Process, reason: &str) -> f64 {
    program.metric(&format!(
        "fantail_subscriptions_ended_total{{reason=\"{reason}\",route=\"events\"}}"
    ))
}

/// So many streams at a socket from which nobody reads.
fn sleeper(program: &Process, streams: usize) -> H2 {
    let mut h2 = H2::sleeping(program.address());
    h2.hello(&[(INITIAL_WINDOW, 0x7fff_ffff)]);
    h2.send(window_update(0, 0x7fff_0000));
    for _ in 0..streams {
        h2.subscribe("/events/a");
    }
    h2
}

/// What a stream costs that has nothing to wait for.
const STREAM: u64 = 24 << 10;
/// What waits for the clients of all streams: one chunk of 16 KiB of each in h2, and one in hyper.
const WAITING: u64 = 8 * MEBIBYTE;

/// 200 streams of 2 GiB windows at a socket from which nobody reads.
#[test]
fn windows_of_gigabytes_cost_megabytes() {
    const STREAMS: usize = 200;
    let upstream = Upstream::live();
    let program = program(&upstream, "", "stall_timeout = \"3s\"");
    let mut reader = Get::new("/events/a").stream(program.address());
    upstream.wait_for_streams(1);
    let event = format!("data: {}\n\n", "x".repeat(4_000));
    // The log is full, and has had all that it needs.
    for _ in 0..1_000 {
        upstream.emit(&event);
        reader.next_event();
        program.topics();
    }
    let before = program.memory("VmRSS");
    let _attacker = sleeper(&program, STREAMS);
    let streams = r#"fantail_subscribers{protocol="h2",route="events"}"#;
    eventually("all streams are there", || {
        program.metric(streams) == STREAMS as f64
    });
    let mut most = before;
    let mut rounds = 0;
    let begin = clock::now();
    while program.metric(streams) > 0.0 {
        for _ in 0..20 {
            upstream.emit(&event);
            reader.next_event();
        }
        rounds += 1;
        most = most.max(program.memory("VmRSS"));
        assert!(
            clock::now() - begin < Duration::from_secs(30),
            "it is still there"
        );
    }
    tell(&format!("{STREAMS} streams, {rounds} rounds"), before, most);
    let bound = STREAMS as u64 * STREAM + WAITING;
    assert!(most < before + bound, "{} KiB more", (most - before) >> 10);
    assert_eq!(ended(&program, "stall"), STREAMS as f64);
    upstream.emit("data: after\n\n");
    assert_eq!(reader.next_event().data, "after");
    let open = r#"fantail_connections{listener="127.0.0.1:0",protocol="h2"}"#;
    eventually("its place is free", || program.metric(open) == 0.0);
}

/// What it is called, and what one connection does.
type Attack = (&'static str, fn(&Process));

/// One of each kind.
const ATTACKS: [Attack; 8] = [
    ("SETTINGS", |program| {
        flood(program, &settings(&[(INITIAL_WINDOW, 65_535)]));
    }),
    ("PING", |program| {
        flood(program, &frame(PING, 0, 0, &[7; 8]));
    }),
    ("WINDOW_UPDATE", |program| {
        flood(program, &window_update(0, 1));
    }),
    ("PRIORITY", |program| {
        flood(program, &frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 16]));
    }),
    ("unknown frames", |program| {
        flood(program, &frame(0xbe, 0, 0, &[0; 100]));
    }),
    ("CONTINUATION", endless_headers),
    ("HPACK bomb", bomb),
    ("rapid reset", rapid_reset),
];

fn flood(program: &Process, piece: &[u8]) {
    let mut h2 = H2::connect(program.address());
    for _ in 0..1_000 {
        h2.send(piece.repeat(100));
        h2.pump(Duration::from_micros(10));
        if h2.is_ended() {
            break;
        }
    }
    h2.wait_for_end();
}

fn endless_headers(program: &Process) {
    let block = hpack::literals(&get("/events/a"));
    let mut h2 = H2::connect(program.address());
    h2.send(frame(HEADERS, 1, 1, &block));
    h2.send(frame(CONTINUATION, 0, 1, &[]).repeat(1_000));
    h2.wait_for_end();
}

fn bomb(program: &Process) {
    let block = hpack::literals(&get("/events/a"));
    let large = hpack::indexed(b"x", &[b'b'; 4_000]);
    let headers = [&block[..], &large, &[0xbe; 8_000]].concat();
    let mut h2 = H2::connect(program.address());
    h2.send(frame(HEADERS, 5, 1, &headers));
    h2.wait_for_end();
}

fn rapid_reset(program: &Process) {
    let mut h2 = H2::connect(program.address());
    for _ in 0..200 {
        let stream = h2.open();
        h2.send([subscription(stream, "/events/b"), reset(stream, 8)].concat());
    }
    h2.wait_for_end();
}

/// Twenty attacks of one kind: the memory and the time that they have cost.
#[track_caller]
fn costs_nothing(program: &Process, (name, attack): Attack) {
    const TIMES: usize = 20;
    let before = program.memory("VmRSS");
    let used_before = used(program);
    for _ in 0..TIMES {
        attack(program);
    }
    let open = r#"fantail_connections{listener="127.0.0.1:0",protocol="h2"}"#;
    eventually("the attackers' places are free", || {
        program.metric(open) == 1.0
    });
    let (after, used) = (program.memory("VmRSS"), used(program) - used_before);
    tell(&format!("{TIMES} × {name}, {used:.2} s"), before, after);
    assert!(
        after <= before + before / 10,
        "{name}: {} KiB more",
        (after - before) >> 10
    );
    // A debug build; unbounded, each flood would have 10 MB to be read.
    let each = used / TIMES as f64;
    assert!(each < 0.1, "{name}: {each} s for each attack");
}

#[test]
fn what_attackers_have_cost_is_given_back() {
    let upstream = Upstream::live();
    let program = program(&upstream, "", "");
    let mut old = Get::new("/events/a").stream(program.address());
    let mut new = H2::connect(program.address());
    let stream = new.subscribed("/events/a");
    upstream.wait_for_streams(1);
    let mut said = 0;
    let mut serve = || {
        said += 1;
        upstream.emit_each(|request| match request {
            0 => format!("data: {said}\n\n"),
            _ => String::new(),
        });
        assert_eq!(old.next_event().data, said.to_string());
        assert_eq!(new.data(stream, said).len(), said);
    };
    // The first of each kind fills what is kept for the next.
    for (_, attack) in ATTACKS {
        attack(&program);
        serve();
    }
    for kind in ATTACKS {
        costs_nothing(&program, kind);
        serve();
    }
}
