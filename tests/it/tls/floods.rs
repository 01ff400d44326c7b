//! What a client may still do to TLS once it has its stream: ask for a new handshake, change its
//! keys. Little of it is borne, and nobody else feels it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rstest::rstest;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::{Stage, client_config, config_of, subscribe};
use crate::support::{Client, Get, eventually, patience};

const SUBSCRIBERS: &str = "fantail_subscribers{protocol=\"h1\",route=\"events\"}";
const ENDED: &str = "fantail_subscriptions_ended_total{reason=\"error\",route=\"events\"}";

impl Stage {
    /// One client was ended; another one, who has its stream, is alone and well.
    #[track_caller]
    fn expect_one_ended(&self, other: &mut Client) {
        eventually("it is ended", || self.gateway.metric(ENDED) == 1.0);
        eventually("and freed", || {
            self.gateway.metric(SUBSCRIBERS) == 1.0 && self.gateway.app().connections() == 1
        });
        self.upstream.emit("data: well\n\n");
        while other.next_event().data != "well" {}
    }
}

/// The last words of a server that ends a connection.
fn last_words(client: &mut Client) -> String {
    let mut buffer = [0; 4096];
    loop {
        match client.wire().read(&mut buffer, patience()) {
            Ok(0) if client.wire().is_cut() => return "none".to_owned(),
            Ok(0) => return "goodbye".to_owned(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn a_handshake_in_the_middle_is_answered_by_an_alert(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let stage = Stage::new("", "");
    let mut client = subscribe(stage.connect(&Arc::new(config_of(&[version]))));
    let mut other = stage.subscribe(&client_config());
    stage.upstream.wait_for_streams(1);
    // A hello that nobody has encrypted.
    client.wire().send_raw(&[22, 3, 3, 0, 4, 1, 0, 0, 0]);
    let words = last_words(&mut client);
    assert_eq!(words, "received fatal alert: BadRecordMac");
    stage.expect_one_ended(&mut other);
}

#[test]
#[ignore = "needs openssl: tests/run runs it"]
fn who_asks_for_a_new_handshake_gets_none() {
    let stage = Stage::new("", "");
    let mut other = stage.subscribe(&client_config());
    stage.upstream.wait_for_streams(1);
    let mut openssl = Command::new("openssl")
        .args([
            "s_client",
            "-tls1_2",
            "-connect",
            &stage.address().to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is not installed");
    let mut input = openssl.stdin.take().unwrap();
    let get = Get::new("/events").header("Accept", "text/event-stream");
    input.write_all(get.bytes().as_bytes()).unwrap();
    eventually("it has its stream", || {
        stage.gateway.metric(SUBSCRIBERS) == 2.0
    });
    // To s_client a command.
    input.write_all(b"R\n").unwrap();
    let said = openssl.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("no renegotiation"), "{said}");
    stage.expect_one_ended(&mut other);
    drop(input);
}

#[test]
fn a_flood_of_new_keys_ends_that_client() {
    let stage = Stage::new("", "");
    let mut client = subscribe(stage.connect(&Arc::new(config_of(&[&TLS13]))));
    let mut other = stage.subscribe(&client_config());
    stage.upstream.wait_for_streams(1);
    for _ in 0..100 {
        client.wire().tls().refresh_traffic_keys().unwrap();
    }
    let flood = client.wire().encrypted(&[]);
    client.wire().send_raw(&flood);
    // rustls has no alert for it: the connection is cut, perhaps with more of the flood unread.
    assert_ne!(last_words(&mut client), "goodbye");
    stage.expect_one_ended(&mut other);
}

#[test]
fn new_keys_between_a_few_words_each_are_bounded_by_what_a_client_may_say() {
    let limits = "[limits]\ninbound_burst = \"8KiB\"\ninbound_per_second = \"1B\"";
    let stage = Stage::new("", limits);
    let mut client = subscribe(stage.connect(&Arc::new(config_of(&[&TLS13]))));
    let mut other = stage.subscribe(&client_config());
    stage.upstream.wait_for_streams(1);
    let mut change_keys = |times: usize| {
        for _ in 0..times {
            client.wire().tls().refresh_traffic_keys().unwrap();
            client.send("x");
        }
    };
    // Some 50 bytes each.
    change_keys(60);
    stage.upstream.emit("data: still there\n\n");
    assert_eq!(other.next_event().data, "still there");
    assert_eq!(stage.gateway.metric(ENDED), 0.0);
    change_keys(200);
    stage.expect_one_ended(&mut other);
}
