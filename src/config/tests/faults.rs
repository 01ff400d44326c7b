//! What a person reads when something is wrong.

use super::*;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "the file and its faults are one picture"
)]
fn all_faults_of_a_file_are_told_at_once() {
    let faults = parse(
        r#"[server]
listen = ["localhost:80", "0.0.0.0:8081", "127.0.0.1:8081"]
treads = 4
drain = 30
h2c = "yes"
trusted_proxies = ["ten"]

[tls]
cert = "x"

[admin]
listen = "0.0.0.0:9900"

[limits]
topics = 0
memory = "5MiB"
log_bytes = "1mb"
uri_bytes = "32KiB"

[[route]]
path = "/prices/{symbol}"
upstream = "http://127.0.0.1:8081/x"
heartbeet = "15s"
retry = "5m"
ids = "keep"
slow = "queue"
gap_event = "yes"
key = "json:symbol"
max_event = "1GiB"
replay = { evnts = 5, bytes = "1MiB" }
query = ["lang", "lastEventId"]
headers = ["host", "*", "a b"]
charset = "klingon"

[[route]]
path = "/prices/{name}"

[routes]
"#,
    );
    insta::assert_snapshot!(faults.unwrap_err(), @r#"
    error: fantail.toml:2:11: `listen` is "localhost:80", which is no address
        2 | listen = ["localhost:80", "0.0.0.0:8081", "127.0.0.1:8081"]
          |           ^^^^^^^^^^^^^^
       write a numeric address and a port, such as "127.0.0.1:8080", "0.0.0.0:80" or "[::]:80"

    error: fantail.toml:2:43: `listen` is "127.0.0.1:8081", which is the address "0.0.0.0:8081" already listens on
        2 | listen = ["localhost:80", "0.0.0.0:8081", "127.0.0.1:8081"]
          |                                           ^^^^^^^^^^^^^^^^
       listen on each address once

    error: fantail.toml:3:1: `treads` is not a key of [server]
        3 | treads = 4
          | ^^^^^^
       did you mean `threads`?

    error: fantail.toml:4:9: `drain` is 30, which has no unit
        4 | drain = 30
          |         ^^
       write a number with its unit (h, m, s, ms), such as "15s", "1m30s" or "500ms"

    error: fantail.toml:5:7: `h2c` is "yes", which is neither true nor false
        5 | h2c = "yes"
          |       ^^^^^
       write true or false, without quotes

    error: fantail.toml:6:20: `trusted_proxies` is "ten", which is no network
        6 | trusted_proxies = ["ten"]
          |                    ^^^^^
       write it as "10.0.0.0/8", "fd00::/8" or "192.0.2.7"

    error: fantail.toml:8:1: [tls] does not say where to listen
        8 | [tls]
          | ^^^^^
       add `listen = ["0.0.0.0:8443"]`, or leave the table out

    error: fantail.toml:12:10: `listen` is "0.0.0.0:9900", which can be reached from outside
       12 | listen = "0.0.0.0:9900"
          |          ^^^^^^^^^^^^^^
       an address of this machine alone, such as "127.0.0.1:9900"; this version has no token that would keep strangers out

    error: fantail.toml:15:10: `topics` is 0, which is out of range
       15 | topics = 0
          |          ^
       a whole number, at least 1

    error: fantail.toml:16:10: `memory` is "5MiB", which is too little to serve anybody
       16 | memory = "5MiB"
          |          ^^^^^^
       at least "32MiB", or 0 for 80 % of what there is

    error: fantail.toml:17:13: `log_bytes` is "1mb", which is no size
       17 | log_bytes = "1mb"
          |             ^^^^^
       write a number with its unit (B, KiB, MiB, GiB, KB, MB), such as "4MiB"

    error: fantail.toml:18:13: `uri_bytes` is "32KiB", which is more than `head_bytes` of [limits], "16KiB"
       18 | uri_bytes = "32KiB"
          |             ^^^^^^^
       at most "16KiB", or a larger `head_bytes`

    error: fantail.toml:22:12: the upstream http://127.0.0.1:8081 is this gateway itself
       22 | upstream = "http://127.0.0.1:8081/x"
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^
       write the address of the server that sends the events

    error: fantail.toml:23:1: `heartbeet` is not a key of [[route]]
       23 | heartbeet = "15s"
          | ^^^^^^^^^
       did you mean `heartbeat`?

    error: fantail.toml:24:9: `retry` is "5m", which is out of range
       24 | retry = "5m"
          |         ^^^^
       at least "1s", at most "1m"

    error: fantail.toml:25:7: `ids` is "keep", which is not one of its words
       25 | ids = "keep"
          |       ^^^^^^
       write "preserve" or "gateway" or "upstream"

    error: fantail.toml:26:8: `slow` is "queue", which is not one of its words
       26 | slow = "queue"
          |        ^^^^^^^
       write "skip" or "close" or "conflate"

    error: fantail.toml:27:13: `gap_event` is "yes", which is neither true nor false
       27 | gap_event = "yes"
          |             ^^^^^
       write true or false, without quotes

    error: fantail.toml:28:7: `key` is "json:symbol": what follows `json:` must begin with a slash, as in `json:/symbol`
       28 | key = "json:symbol"
          |       ^^^^^^^^^^^^^
       write "event", "id", or where the event's JSON says it, such as "json:/symbol" or "json:/quotes/0/symbol"

    error: fantail.toml:29:13: `max_event` is "1GiB", which is more than `log_bytes` of [limits], "256MiB"
       29 | max_event = "1GiB"
          |             ^^^^^^
       at most "256MiB", or a larger `log_bytes`

    error: fantail.toml:30:12: `evnts` is not a key of `replay`
       30 | replay = { evnts = 5, bytes = "1MiB" }
          |            ^^^^^
       did you mean `events`?

    error: fantail.toml:31:18: `query` is "lastEventId", which is a parameter of Fantail's own
       31 | query = ["lang", "lastEventId"]
          |                  ^^^^^^^^^^^^^
       leave it out: it is said to Fantail and never reaches an upstream

    error: fantail.toml:32:12: `headers` is "host", which can not be passed on
       32 | headers = ["host", "*", "a b"]
          |            ^^^^^^
       leave it out: servers read it in different ways, or Fantail writes its own

    error: fantail.toml:32:20: `headers` is "*", which is not possible for headers
       32 | headers = ["host", "*", "a b"]
          |                    ^^^
       name each header: whatever passes divides the topics

    error: fantail.toml:32:25: `headers` is "a b", which is no header name
       32 | headers = ["host", "*", "a b"]
          |                         ^^^^^
       write one such as "accept-language"

    error: fantail.toml:33:11: `charset` is "klingon", which is no charset that can be read
       33 | charset = "klingon"
          |           ^^^^^^^^^
       write a label of the WHATWG Encoding standard, such as "gbk", "big5", "windows-1252" or "utf-8"

    error: fantail.toml:35:1: this [[route]] has no `upstream`
       35 | [[route]]
          | ^^^^^^^^^
       add `upstream = "http://127.0.0.1:8000/"`

    error: fantail.toml:36:8: `/prices/{name}` matches the same requests as `/prices/{symbol}` of line 21
       36 | path = "/prices/{name}"
          |        ^^^^^^^^^^^^^^^^
       change one of the paths, or leave one of the routes out

    error: fantail.toml:38:2: `routes` is not a key of the file
       38 | [routes]
          |  ^^^^^^
       did you mean `route`?

    29 faults; nothing was started.
    "#);
}

#[test]
fn a_file_that_is_not_toml_has_one_fault() {
    insta::assert_snapshot!(parse("[server]\nlisten = \n").unwrap_err(), @r"
    error: fantail.toml:2:10: this is not TOML: string values must be quoted, expected literal string
        2 | listen = 
          |          ^
       the rest of the file is looked at once it can be read

    1 fault; nothing was started.
    ");
}

#[test]
fn a_file_without_routes_is_told_what_a_route_is() {
    insta::assert_snapshot!(parse("").unwrap_err(), @r#"
    error: fantail.toml: there is no [[route]], so that nothing is served
       add a [[route]] with a `path` and an `upstream`, such as `path = "/{rest*}"` and `upstream = "http://127.0.0.1:8000/{rest*}"`

    1 fault; nothing was started.
    "#);
}

#[test]
fn tables_of_a_wrong_shape_are_faults() {
    insta::assert_snapshot!(parse("server = 1\n[route]\npath = \"/\"\n").unwrap_err(), @r"
    error: fantail.toml:1:10: `server` is 1, which is not a table
        1 | server = 1
          |          ^
       write `server = { … }`

    error: fantail.toml:2:1: `route` is not a list of tables
        2 | [route]
          | ^^^^^^^
       write `[[route]]` with two brackets, once for each

    2 faults; nothing was started.
    ");
}

#[test]
fn two_routes_of_one_name_are_a_fault() {
    let text = ROUTE.replace("/a", "/b") + "name = \"/a\"\n" + ROUTE;
    insta::assert_snapshot!(parse(&text).unwrap_err(), @r#"
    error: fantail.toml:6:8: "/a" is the name of the route of line 4 too
        6 | path = "/a"
          |        ^^^^
       give each route a `name` of its own

    1 fault; nothing was started.
    "#);
}

#[test]
fn faults_of_environment_and_flags_name_their_place() {
    let env = [
        ("FANTAIL_SERVER__TREADS", "4"),
        ("FANTAIL_LIMITS__TOPICS", "many"),
        ("FANTAIL_ROUTE__PATH", "/"),
        ("FANTAIL_server__threads", "4"),
        ("FANTAIL_LOG", "not ours"),
    ];
    let flags = Flags {
        listen: vec!["8080".into()],
        admin: Some("10.0.0.1:1".into()),
    };
    insta::assert_snapshot!(with_env(ROUTE, &env, &flags).unwrap_err(), @r#"
    error: environment variable FANTAIL_LIMITS__TOPICS: it is "many", which is not a whole number
       write a whole number, such as 100, without quotes

    error: environment variable FANTAIL_ROUTE__PATH: this is not a variable of Fantail
       variables begin with FANTAIL_SERVER__, FANTAIL_ADMIN__, FANTAIL_TLS__ or FANTAIL_LIMITS__, in capital letters; routes are written in a file

    error: environment variable FANTAIL_SERVER__TREADS: `treads` is not a key of [server]
       did you mean `FANTAIL_SERVER__THREADS`?

    error: environment variable FANTAIL_server__threads: this is not a variable of Fantail
       variables begin with FANTAIL_SERVER__, FANTAIL_ADMIN__, FANTAIL_TLS__ or FANTAIL_LIMITS__, in capital letters; routes are written in a file

    error: flag --admin: it is "10.0.0.1:1", which can be reached from outside
       an address of this machine alone, such as "127.0.0.1:1"; this version has no token that would keep strangers out

    error: flag --listen: it is "8080", which is no address
       write a numeric address and a port, such as "127.0.0.1:8080", "0.0.0.0:80" or "[::]:80"

    6 faults; nothing was started.
    "#);
}

#[test]
fn the_gateway_as_its_own_upstream_is_a_fault() {
    let flags = Flags::default();
    let faults = Config::for_upstream("http://127.0.0.1:8080", &flags, &[]).unwrap_err();
    insta::assert_snapshot!(faults, @r"
    error: flag --upstream: the upstream http://127.0.0.1:8080 is this gateway itself
       write the address of the server that sends the events

    1 fault; nothing was started.
    ");
}
