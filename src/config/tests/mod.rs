//! What a person who writes a file can rely on.

mod examples;
mod faults;
mod listen_tls;
mod proxies;
mod sharing;
mod tls;
mod upstreams;

use rstest::rstest;

use super::*;
use crate::delivery::{OnGap, Slow, Snapshot};
use crate::ingest::IdPolicy;
use crate::ingest::key::{EventKey, Pointer};
use crate::source::Incomplete;

const ROUTE: &str = "[[route]]\npath = \"/a\"\nupstream = \"http://127.0.0.1:8000/\"\n";

fn parse(text: &str) -> Result<Config, Faults> {
    Config::parse("fantail.toml", text, &[], &Flags::default())
}

fn with_env(text: &str, env: &[(&str, &str)], flags: &Flags) -> Result<Config, Faults> {
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    Config::parse("fantail.toml", text, &env, flags)
}

/// The only route of a file that has `lines` in it.
fn route(lines: &str) -> Route {
    parse(&format!("{ROUTE}{lines}")).unwrap().routes.remove(0)
}

/// What is wrong with a route that has `lines` in it.
fn wrong(lines: &str) -> String {
    let faults = parse(&format!("{ROUTE}{lines}")).unwrap_err();
    let texts: Vec<_> = faults
        .iter()
        .map(|f| format!("{} -> {}", f.what, f.right))
        .collect();
    texts.join("\n")
}

#[rstest]
#[case("[server]\nlisten = []\n")]
#[case("[server]\nlisten = \"127.0.0.1:1\"\n")]
#[case("[server]\nlisten = [\"unix:run\"]\n")]
#[case("[server]\nlisten = [\"127.0.0.1:9900\"]\n")]
#[case("[admin]\nlisten = \"127.0.0.1:8080\"\n")]
#[case("[admin]\nlisten = \"[::]:9900\"\n")]
#[case("[limits]\nhead_bytes = \"4KiB\"\n")]
#[case("[limits]\nfirst_byte_timeout = \"0s\"\n")]
#[case("[limits]\nredirects = 21\n")]
#[case("[limits]\ntopics = -1\n")]
#[case("[limits]\nfirst_answer_wait = \"2s\"\n")]
fn a_bad_listener_or_limit_is_one_fault(#[case] text: &str) {
    assert_eq!(
        parse(&format!("{text}{ROUTE}")).unwrap_err().iter().count(),
        1
    );
}

#[rstest]
#[case("heartbeat = \"0s\"")]
#[case("heartbeat = 15")]
#[case("retry = \"999ms\"")]
#[case("stall_timeout = \"0s\"")]
#[case("poll_bytes = \"0B\"")]
#[case("poll_wait = 25")]
#[case("replay = { events = 0 }")]
#[case("replay = \"1MiB\"")]
#[case("timeouts = { connect = \"0s\" }")]
#[case("name = \"\"")]
#[case("key = \"symbol\"")]
#[case("key = 1")]
#[case("snapshot = \"keys\"")]
#[case("slow = \"conflate\"")]
#[case("key = \"\"\nslow = \"conflate\"")]
#[case("max_keys = 0")]
#[case("max_rate = 1001")]
#[case("headers = [\"connection\"]")]
#[case("query = [\"\"]")]
fn a_bad_route_is_one_fault(#[case] line: &str) {
    assert_eq!(wrong(line).lines().count(), 1);
}

#[test]
fn each_word_is_read_and_others_are_told_the_right_ones() {
    assert_eq!(route("mode = \"auto\"").mode, Mode::Auto);
    assert_eq!(route("mode = \"sse\"").mode, Mode::Sse);
    assert_eq!(route("mode = \"proxy\"").mode, Mode::Proxy);
    assert_eq!(route("ids = \"preserve\"").ingest.ids, IdPolicy::Preserve);
    assert_eq!(route("ids = \"gateway\"").ingest.ids, IdPolicy::Gateway);
    assert_eq!(route("ids = \"upstream\"").ingest.ids, IdPolicy::Upstream);
    assert_eq!(route("slow = \"skip\"").delivery.slow, Slow::Skip);
    assert_eq!(route("slow = \"close\"").delivery.slow, Slow::Close);
    assert_eq!(route("on_gap = \"oldest\"").delivery.on_gap, OnGap::Oldest);
    assert_eq!(route("on_gap = \"live\"").delivery.on_gap, OnGap::Live);
    assert!(route("on_upstream_end = \"hold\"").ingest.hold_on_end);
    assert!(!route("on_upstream_end = \"close\"").ingest.hold_on_end);
    assert!(route("on_upstream_error = \"hold\"").ingest.hold_on_error);
    assert!(!route("on_upstream_error = \"mirror\"").ingest.hold_on_error);
    let incomplete = |word| {
        route(&format!("incomplete_event = {word:?}"))
            .source
            .incomplete
    };
    assert_eq!(incomplete("auto"), Incomplete::Auto);
    assert_eq!(incomplete("strict"), Incomplete::Strict);
    assert_eq!(incomplete("always"), Incomplete::Always);
    let keys = "mode ids slow on_gap on_upstream_end on_upstream_error incomplete_event";
    let lines: Vec<_> = keys
        .split(' ')
        .map(|key| format!("{key} = \"x\"\n"))
        .collect();
    insta::assert_snapshot!(wrong(&lines.concat()), @r#"
    `mode` is "x", which is not one of its words -> write "auto" or "sse" or "proxy"
    `ids` is "x", which is not one of its words -> write "preserve" or "gateway" or "upstream"
    `slow` is "x", which is not one of its words -> write "skip" or "close" or "conflate"
    `on_gap` is "x", which is not one of its words -> write "oldest" or "live"
    `on_upstream_end` is "x", which is not one of its words -> write "hold" or "close"
    `on_upstream_error` is "x", which is not one of its words -> write "hold" or "mirror"
    `incomplete_event` is "x", which is not one of its words -> write "auto" or "strict" or "always"
    "#);
}

#[test]
fn what_events_are_about_is_nothing_unless_a_route_says_where_it_stands() {
    assert_eq!(route("").ingest.key, None);
    assert_eq!(route("key = \"\"").ingest.key, None);
    assert_eq!(route("key = \"event\"").ingest.key, Some(EventKey::Name));
    assert_eq!(route("key = \"id\"").ingest.key, Some(EventKey::Id));
    let pointer = Pointer::parse("/a~1b/0").unwrap();
    let key = route("key = \"json:/a~1b/0\"").ingest.key;
    assert_eq!(key, Some(EventKey::Json(pointer)));
}

#[test]
fn keys_make_a_log_keep_them_and_are_what_snapshots_and_conflation_need() {
    let plain = route("snapshot = \"last\"");
    assert_eq!(plain.delivery.snapshot, Snapshot::Last);
    assert!(!plain.topic.has_keys);
    let keyed = "key = \"event\"\nsnapshot = \"keys\"\nslow = \"conflate\"\nmax_keys = 7\n\
                 max_rate = 2";
    let keyed = route(keyed);
    assert_eq!(keyed.delivery.snapshot, Snapshot::Keys);
    assert_eq!(keyed.delivery.slow, Slow::Conflate);
    assert!(keyed.topic.has_keys && keyed.topic.max_keys == 7);
    assert_eq!(keyed.topic.max_rate, 2);
    let faults = parse(&format!(
        "{ROUTE}slow = \"conflate\"\nsnapshot = \"keys\"\n"
    ));
    insta::assert_snapshot!(faults.unwrap_err(), @r#"
    error: fantail.toml:4:8: `slow` is "conflate", which can not be: nothing is known to replace an event
        4 | slow = "conflate"
          |        ^^^^^^^^^^
       say in `key` what events are about: "event", "id", or where their JSON says it, such as "json:/symbol"

    error: fantail.toml:5:12: `snapshot` is "keys", which has no keys to send the newest events of
        5 | snapshot = "keys"
          |            ^^^^^^
       say in `key` what events are about: "event", "id", or where their JSON says it, such as "json:/symbol"

    2 faults; nothing was started.
    "#);
}

#[test]
fn a_route_reaches_the_parts_that_it_is_for() {
    let route = route(
        r#"gap_event = false
max_event = "2MiB"
charset = "latin1"
error_hold = "1m"
query = ["*", "a"]
ignore_query = ["_"]
headers = ["Accept-Language", "accept-language"]
timeouts.silence = "1m"
replay.age = "0s"
poll_wait = "0s"
poll_bytes = "1KiB"
"#,
    );
    let polls = (route.delivery.poll_wait, route.delivery.poll_bytes);
    assert_eq!(polls, (Duration::ZERO, 1 << 10));
    assert!(!route.delivery.gap_event && !route.ingest.gap_event);
    assert_eq!(
        (route.source.event_bytes, route.source.line_bytes),
        (2 << 20, 2 << 20)
    );
    assert_eq!(route.source.charset, Some("windows-1252"));
    assert_eq!(route.ingest.error_hold, Duration::from_secs(60));
    assert!(route.query.all && route.query.passes("x") && !route.query.passes("_"));
    assert_eq!(route.headers, ["accept-language"]);
    assert_eq!(route.source.silence, Duration::from_secs(60));
    assert_eq!(route.topic.replay.age, Duration::ZERO);
    assert_eq!(route.name, "/a");
}

#[test]
fn limits_of_upstreams_hold_for_each_route_that_does_not_say_otherwise() {
    let limits = "[limits]\nevent_bytes = \"2KiB\"\nredirects = 0\n";
    let config = parse(&format!("{limits}{ROUTE}")).unwrap();
    let source = &config.routes[0].source;
    assert_eq!(
        (source.event_bytes, source.line_bytes, source.redirects),
        (2048, 1 << 20, 0)
    );
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let text =
        format!("[server]\nlisten = [\"127.0.0.1:1\"]\nthreads = 1\ndrain = \"1s\"\n{ROUTE}");
    let env = [
        ("FANTAIL_SERVER__LISTEN", "127.0.0.1:2, unix:/run/f"),
        ("FANTAIL_SERVER__THREADS", "2"),
        ("FANTAIL_ADMIN__LISTEN", ""),
    ];
    let flags = Flags {
        listen: vec!["127.0.0.1:3".into()],
        admin: None,
    };
    let config = with_env(&text, &env, &flags).unwrap();
    assert_eq!(
        config.server.listen,
        [Listen::Tcp("127.0.0.1:3".parse().unwrap())]
    );
    assert_eq!(config.delivery.threads, 2);
    assert_eq!(config.server.drain, Duration::from_secs(1));
    assert_eq!(config.server.drain_delay, Duration::from_secs(5));
    assert_eq!(config.admin, None);
    let config = with_env(&text, &env, &Flags::default()).unwrap();
    let unix = Listen::Unix("/run/f".into());
    assert_eq!(
        config.server.listen,
        [Listen::Tcp("127.0.0.1:2".parse().unwrap()), unix]
    );
}

#[test]
fn a_bad_value_is_told_even_where_a_flag_is_stronger() {
    let text = format!("[admin]\nlisten = \"x\"\n{ROUTE}");
    let flags = Flags {
        listen: Vec::new(),
        admin: Some(String::new()),
    };
    assert_eq!(with_env(&text, &[], &flags).unwrap_err().iter().count(), 1);
}

#[test]
fn an_upstream_alone_is_a_complete_configuration() {
    let env = [("FANTAIL_LIMITS__EVENT_BYTES".to_owned(), "2KiB".to_owned())];
    let config = Config::for_upstream("http://127.0.0.1:8000", &Flags::default(), &env).unwrap();
    let [route] = &config.routes[..] else {
        panic!("{:?}", config.routes)
    };
    assert_eq!(
        (route.path.as_str(), &*route.name),
        ("/{rest*}", "/{rest*}")
    );
    assert!(route.query.all);
    assert_eq!(route.source.event_bytes, 2048);
    assert_eq!(config.server, Server::default());
}
