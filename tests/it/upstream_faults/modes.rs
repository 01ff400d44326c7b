//! Every way in which a backend goes wrong, against the real program: the state that its clients
//! see, the reason in metric, log and `/topics`, and that nothing of it stays.

use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{Bystander, ROUTES, faulty, reason_of};
use crate::support::{Client, Exchange, Get, Process, STREAM_HEAD, Upstream, eventually};

/// What the clients of a topic see that has never been live.
#[derive(Clone, Copy)]
pub(super) enum State {
    /// 200, and a comment with the reason.
    Held,
    /// 200 and the one event that came, then nothing but silence.
    Live,
    /// This status.
    Told(u16),
}
use State::{Held, Live, Told};

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const LONG: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 999\r\n\r\n";
/// An event, and the beginning of another.
const HALF: &str = "id: 1\ndata: one\n\nid: 2\ndata: tw";
/// Resident memory that a program may keep of it: the allocator's pages of its threads.
const MEMORY: u64 = 16 << 20;
/// One mode against a program of its own.
#[track_caller]
pub(super) fn check(
    name: &str,
    script: impl Fn(Exchange) + Send + Sync + 'static,
    state: State,
    reason: &str,
    words: &str,
) {
    let upstream = faulty(script);
    let routes = ROUTES
        .replace("silence = \"0s\"", "silence = \"300ms\"")
        .replace("KEYS", "linger = \"10ms\"");
    let program = Process::serve(&routes, &upstream, 256);
    check_program(name, &program, &upstream, (state, reason, words));
}

#[track_caller]
fn check_program(
    name: &str,
    program: &Process,
    upstream: &Upstream,
    (state, reason, words): (State, &str, &str),
) {
    let mut bystander = Bystander::at(program.address(), upstream);
    let before = program.memory("VmRSS");
    let client = Get::new("/faulty").stream(program.address());
    let client = assert_state(name, client, state, reason);
    let errors = "fantail_upstream_errors_total";
    eventually(&format!("{name}: {reason} is counted"), || {
        let text = program.metrics();
        let mut lines = text.lines().filter(|line| line.starts_with(errors));
        lines.any(|line| line.contains(&format!("\"{reason}\"")) && !line.ends_with(" 0"))
    });
    if !matches!(state, Told(_)) {
        eventually(&format!("{name}: /topics has the reason"), || {
            let topics = program.topics();
            let mut errors = topics.iter().filter_map(|t| t["last_error"].as_str());
            errors.any(|error| error.contains(words))
        });
    }
    bystander.assert_served(upstream);
    drop(client);
    assert_nothing_stays(name, program, before);
    bystander.assert_served(upstream);
    let log = program.log();
    let is_told = |line: &&str| line.contains("WARN") && line.contains(words);
    let told = log.lines().filter(is_told).count();
    assert_eq!(told, 1, "{name}: one warning with {words:?}\n{log}");
}

/// The client, unless its answer is over.
#[track_caller]
fn assert_state(name: &str, mut client: Client, state: State, reason: &str) -> Option<Client> {
    match state {
        Held => {
            assert_eq!(client.status, 200, "{name}");
            assert_eq!(reason_of(&mut client), reason, "{name}");
        }
        Live => {
            assert_eq!(client.status, 200, "{name}");
            assert_eq!(client.next_event().data, "one", "{name}");
        }
        Told(status) => {
            assert_eq!(client.status, status, "{name}");
            assert_eq!(client.header("set-cookie"), None, "{name}");
            return None;
        }
    }
    Some(client)
}

/// The gauges are back where they were, but for the bystander's; and so is the memory.
#[track_caller]
fn assert_nothing_stays(name: &str, program: &Process, before: u64) {
    let sum = |text: &str, metric: &str, label: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(metric));
        let lines = lines.filter(|line| line.contains(label));
        let values = lines.filter_map(|line| line.rsplit(' ').next());
        values.map(|value| value.parse::<f64>().unwrap()).sum()
    };
    eventually(&format!("{name}: the gauges are back"), || {
        let text = program.metrics();
        sum(&text, "fantail_subscribers{", "faulty") == 0.0
            && sum(&text, "fantail_topics{", "faulty") == 0.0
            && sum(&text, "fantail_feeds{", "") == 1.0
            && sum(&text, "fantail_topics_waiting{", "") == 0.0
            && sum(&text, "fantail_panics_total{", "") == 0.0
    });
    let grown = program.memory("VmRSS").saturating_sub(before);
    assert!(grown < MEMORY, "{name}: {grown} bytes more");
}

pub(super) fn say(mut exchange: Exchange, text: &str) {
    exchange.send(text);
    exchange.hold();
}

/// Says one byte after the other as long as somebody listens.
fn drip(mut exchange: Exchange, begin: &str) {
    exchange.send(begin);
    while exchange.rest_for(Duration::from_millis(20)) {
        exchange.send("a");
    }
}

#[test]
fn a_hang_ends_at_its_timeout_wherever_it_is() {
    let head = "took too long: response head";
    let silence = "no byte came for the silence timeout";
    check("before the head", Exchange::hold, Held, "timeout", head);
    check(
        "in the head",
        |e| say(e, "HTTP/1.1 200 OK\r\nContent-Ty"),
        Held,
        "timeout",
        head,
    );
    check(
        "drip",
        |e| drip(e, "HTTP/1.1 200 OK\r\nX-A: "),
        Held,
        "timeout",
        head,
    );
    check(
        "in an event",
        |e| say(e, &format!("{STREAM_HEAD}{HALF}")),
        Live,
        "silence",
        silence,
    );
    let between = |e| say(e, &format!("{STREAM_HEAD}data: one\n\n"));
    check("after an event", between, Live, "silence", silence);
}

/// A listener whose queue is full, and what fills it: the kernel lets no further handshake through.
fn full_backlog() -> (Socket, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    loop {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let is_taken = socket
            .connect_timeout(&address, Duration::from_millis(100))
            .is_ok();
        queue.push(socket);
        if !is_taken {
            return (listener, queue);
        }
    }
}

#[test]
fn a_hang_in_the_connect_ends_at_its_timeout() {
    let (listener, _queue) = full_backlog();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let upstream = Upstream::live();
    let routes = ROUTES
        .replace("{upstream}/faulty", &format!("http://{address}/faulty"))
        .replace("KEYS", "linger = \"10ms\"");
    let program = Process::serve(&routes, &upstream, 256);
    let expected = (Held, "timeout", "took too long: connect");
    check_program("connect", &program, &upstream, expected);
}

#[test]
fn a_broken_body_is_a_reset_or_an_early_end_and_never_a_clean_one() {
    let broke = "the upstream's connection broke";
    check("reset in an event", reset_in_event, Live, "reset", broke);
    check(
        "short length",
        |mut e| e.send(format!("{LONG}{HALF}")),
        Live,
        "eof",
        broke,
    );
    check("no last chunk", |e| chunk_then(e, None), Live, "eof", broke);
    check(
        "bad size",
        |e| chunk_then(e, Some("zz\r\n")),
        Live,
        "reset",
        broke,
    );
    let overflow = |e| chunk_then(e, Some("FFFFFFFFFFFFFFFFF\r\nx\r\n"));
    check("size overflow", overflow, Live, "reset", broke);
    let no_crlf = |e| chunk_then(e, Some("1\r\nxx\r\n0\r\n\r\n"));
    check("no CRLF behind a chunk", no_crlf, Live, "reset", broke);
    let extension = |e| chunk_then(e, Some(&format!("1;{}", "x".repeat(64 << 10))));
    check("endless extension", extension, Live, "reset", broke);
}

fn reset_in_event(mut exchange: Exchange) {
    exchange.send(format!("{STREAM_HEAD}{HALF}"));
    exchange.rest_for(Duration::from_millis(50));
    exchange.reset();
}

/// A sound chunk, then this and silence, or the end.
fn chunk_then(mut exchange: Exchange, next: Option<&str>) {
    exchange.send(CHUNKED);
    exchange.send_chunk(HALF);
    if let Some(next) = next {
        exchange.send(next);
        exchange.hold();
    }
}
