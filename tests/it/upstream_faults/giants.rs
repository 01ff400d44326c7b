//! E2: lines, events and comments of gigabytes, and the memory of the real program meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fantail::clock;

use super::{Bystander, ROUTES, faulty};
use crate::support::{Client, Exchange, Get, Process, STREAM_HEAD, Upstream, eventually};

const MEBIBYTE: u64 = 1 << 20;
const GIBIBYTE: u64 = 1 << 30;
/// Most that one step reads from an upstream.
const READ: u64 = 256 << 10;
/// Sockets' and threads' own, what the log of the small events takes, and the allocator's pages.
const SLACK: u64 = 12 * MEBIBYTE;
/// Beyond this many times its limit without a blank line, a feed is given up.
const SKIP_FACTOR: u64 = 64;
/// Gigabytes take their time.
const LONG: Duration = Duration::from_secs(300);

/// The program, a client of `/faulty`, and one of `/sound`.
struct Bench {
    program: Process,
    upstream: Upstream,
    client: Client,
    bystander: Bystander,
    /// Resident before the giant came.
    before: u64,
    sent: Arc<AtomicU64>,
}

/// An upstream whose first answer is `begin`, `total` bytes of `piece`, and `end`; it tells in
/// `sent` how many it got rid of.
fn bench(max_event: u64, giant: (&'static str, &'static [u8]), total: u64) -> Bench {
    let (begin, piece) = giant;
    let sent = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&sent);
    let piece = piece.repeat((1 << 20) / piece.len());
    let is_let_go = Arc::new(AtomicBool::new(false));
    let is_second = AtomicBool::new(false);
    let flag = Arc::clone(&is_let_go);
    let upstream = faulty(move |mut exchange: Exchange| {
        exchange.send(STREAM_HEAD);
        exchange.send("data: before\n\n");
        if is_second.swap(true, Ordering::SeqCst) {
            return exchange.hold();
        }
        exchange.wait(&flag);
        exchange.send(begin);
        let sent = exchange.pour(&piece, total);
        told.store(sent, Ordering::SeqCst);
        exchange.send("\n\ndata: after\n\n");
        exchange.hold();
    });
    // The log has room for a giant and what follows it.
    let log = "replay = { bytes = \"128MiB\" }";
    let keys = format!("linger = \"0s\"\nmax_event = \"{max_event}B\"\n{log}");
    let routes = ROUTES.replace("KEYS", &keys);
    let program = Process::serve(&routes, &upstream, 256);
    let bystander = Bystander::at(program.address(), &upstream);
    let mut client = Get::new("/faulty").stream(program.address());
    assert_eq!(client.next_event().data, "before");
    let before = program.memory("VmRSS");
    is_let_go.store(true, Ordering::SeqCst);
    Bench {
        program,
        upstream,
        client,
        bystander,
        before,
        sent,
    }
}

impl Bench {
    /// While the giant comes the bystander is served; then what has been sent is known.
    #[track_caller]
    fn sent(&mut self) -> u64 {
        let deadline = clock::now() + LONG;
        loop {
            self.bystander.assert_served(&self.upstream);
            let sent = self.sent.load(Ordering::SeqCst);
            if sent > 0 {
                return sent;
            }
            assert!(clock::now() < deadline, "the giant is not through in time");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// The high-water mark stays within the limit, one read, and the slack.
    #[track_caller]
    fn assert_bounded(&self, what: &str, limit: u64, sent: u64) {
        self.assert_within(what, limit, sent, limit);
    }

    #[track_caller]
    fn assert_within(&self, what: &str, limit: u64, sent: u64, most: u64) {
        let grown = self.program.memory("VmHWM").saturating_sub(self.before);
        #[expect(clippy::print_stdout, reason = "the figure that the test measures")]
        {
            println!(
                "{what}: {} MiB sent, limit {} MiB, at most {:.1} MiB more resident",
                sent / MEBIBYTE,
                limit / MEBIBYTE,
                grown as f64 / MEBIBYTE as f64
            );
        }
        assert!(grown <= most + READ + SLACK, "{grown} bytes more");
    }

    /// The feed is closed, for this reason, in these words.
    #[track_caller]
    fn assert_given_up(mut self, what: &str, limit: u64, reason: &str, words: &str) {
        let origin = self.upstream.address();
        let series = format!(
            "fantail_upstream_errors_total{{reason=\"{reason}\",upstream=\"http://{origin}\"}}"
        );
        eventually(reason, || self.program.metric(&series) >= 1.0);
        let sent = self.sent();
        // What stood in the sockets' buffers counts as sent.
        assert!(sent < SKIP_FACTOR * limit + 32 * MEBIBYTE, "{sent}");
        self.assert_bounded(what, limit, sent);
        // The next response begins with what may have been lost.
        let gap = self.client.next_event();
        assert_eq!(gap.name, "fantail.gap");
        assert_eq!(self.client.next_event().data, "before");
        self.bystander.assert_served(&self.upstream);
        let log = self.program.into_log();
        let lines = log.lines().filter(|line| line.contains(words));
        assert_eq!(lines.filter(|line| line.contains("WARN")).count(), 1);
    }

    /// All of it is taken and passed over, and the feed goes on.
    #[track_caller]
    fn assert_passed_over(mut self, what: &str, limit: u64, total: u64, is_event: bool) {
        assert_eq!(self.sent(), total, "every byte was taken");
        if is_event {
            let gap = self.client.next_event();
            assert_eq!(
                (&*gap.name, &*gap.data),
                ("fantail.gap", r#"{"missed":1,"reason":"upstream"}"#)
            );
        }
        assert_eq!(self.client.next_event().data, "after");
        self.assert_bounded(what, limit, total);
        let series = "fantail_events_dropped_total{reason=\"oversize\",route=\"faulty\"}";
        assert_eq!(self.program.metric(series), f64::from(u8::from(is_event)));
        assert_eq!(self.upstream.requests().len(), 2, "the feed has lived on");
        self.bystander.assert_served(&self.upstream);
        let log = self.program.into_log();
        let told = log.matches("larger than `max_event`").count();
        assert_eq!(told, usize::from(is_event));
    }
}

const LINE: (&str, &[u8]) = ("data: ", b"xxxxxxxx");
const EVENT: (&str, &[u8]) = ("", b"data: 0123456789abcdef012345678\n");
const COMMENT: (&str, &[u8]) = (":", b"xxxxxxxx");

#[test]
fn a_line_without_end_is_given_up() {
    let bench = bench(MEBIBYTE, LINE, 512 * MEBIBYTE);
    bench.assert_given_up(
        "endless line",
        MEBIBYTE,
        "line_too_long",
        "a line has no end",
    );
}

#[test]
fn an_event_without_end_is_given_up() {
    let bench = bench(MEBIBYTE, EVENT, 512 * MEBIBYTE);
    let words = "an event has no end";
    bench.assert_given_up("endless event", MEBIBYTE, "event_too_large", words);
}

/// The largest limit that such a giant does not exceed 64 times.
fn passed_over(what: &str, giant: (&'static str, &'static [u8]), total: u64) {
    let limit = total / SKIP_FACTOR + MEBIBYTE;
    bench(limit, giant, total).assert_passed_over(what, limit, total, true);
}

#[test]
fn a_line_of_256_mib_is_passed_over() {
    passed_over("line", LINE, GIBIBYTE / 4);
}

#[test]
fn an_event_of_128_mib_is_passed_over() {
    passed_over("event", EVENT, GIBIBYTE / 8);
}

/// The one copy that was parsed becomes the event, and its frame is another; both are there for
/// a moment.
#[test]
fn an_event_within_its_limit_is_delivered_and_costs_its_frame_beside_it() {
    const LIMIT: u64 = 64 * MEBIBYTE;
    // Its line with the name of the field is within the limit too.
    let total = LIMIT - MEBIBYTE;
    let mut bench = bench(LIMIT, LINE, total);
    assert_eq!(bench.sent(), total);
    let event = bench.client.next_event();
    assert_eq!((event.data.len() as u64, &*event.name), (total, ""));
    assert_eq!(bench.client.next_event().data, "after");
    bench.assert_within("event within its limit", LIMIT, total, 2 * LIMIT);
}

#[test]
fn a_comment_of_256_mib_costs_nothing() {
    let total = GIBIBYTE / 4;
    bench(MEBIBYTE, COMMENT, total).assert_passed_over("comment", MEBIBYTE, total, false);
}

#[test]
#[ignore = "4 GiB: tests/run runs it"]
fn a_line_of_4_gib_is_passed_over() {
    passed_over("line", LINE, 4 * GIBIBYTE);
}

#[test]
#[ignore = "1 GiB: tests/run runs it"]
fn an_event_of_1_gib_is_passed_over() {
    passed_over("event", EVENT, GIBIBYTE);
}

#[test]
#[ignore = "4 GiB: tests/run runs it"]
fn a_comment_of_4_gib_costs_nothing() {
    let total = 4 * GIBIBYTE;
    bench(MEBIBYTE, COMMENT, total).assert_passed_over("comment", MEBIBYTE, total, false);
}
