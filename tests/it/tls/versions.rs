//! What is spoken: versions, protocols, keys that change in the middle.

use std::sync::Arc;

use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};

use super::{Stage, config_of, subscribe};
use crate::support::Client;

#[rstest]
#[case(&TLS12, ProtocolVersion::TLSv1_2, "1.2")]
#[case(&TLS13, ProtocolVersion::TLSv1_3, "1.3")]
fn both_versions_carry_a_stream_and_agree_on_http_1_1(
    #[case] only: &'static SupportedProtocolVersion,
    #[case] agreed: ProtocolVersion,
    #[case] label: &str,
) {
    let stage = Stage::new("", "");
    let mut config = config_of(&[only]);
    config.alpn_protocols = vec![b"h9".to_vec(), b"http/1.1".to_vec()];
    let mut client = stage.subscribe(&Arc::new(config));
    let tls = client.wire().tls();
    assert_eq!(tls.protocol_version(), Some(agreed));
    assert_eq!(tls.alpn_protocol(), Some(&b"http/1.1"[..]));
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
    assert_eq!(stage.handshakes(label, "no", "ok"), 1.0);
    let text = stage.gateway.metrics();
    let count = "fantail_tls_handshake_duration_seconds_count{listener=\"127.0.0.1:0\"} 1\n";
    assert!(text.contains(count), "{text}");
}

#[test]
fn a_client_below_the_oldest_version_is_refused_and_counted() {
    let stage = Stage::new("min_version = \"1.3\"", "");
    let old = Arc::new(config_of(&[&TLS12]));
    let error = Client::secure(stage.address(), &old, "localhost").err();
    let words = error.unwrap().to_string();
    assert!(words.contains("ProtocolVersion"), "{words}");
    assert_eq!(stage.handshakes("none", "no", "error"), 1.0);
    stage.subscribe(&Arc::new(config_of(&[&TLS13])));
}

#[test]
fn a_client_that_speaks_no_protocol_of_ours_is_refused_and_not_served_another() {
    let stage = Stage::new("", "");
    let mut config = config_of(&[&TLS13]);
    config.alpn_protocols = vec![b"smtp".to_vec()];
    let error = Client::secure(stage.address(), &Arc::new(config), "localhost").err();
    let words = error.unwrap().to_string();
    assert!(words.contains("NoApplicationProtocol"), "{words}");
}

#[test]
fn what_is_no_tls_is_refused_and_counted() {
    let stage = Stage::new("", "");
    let mut client = Client::raw(stage.address());
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    // An alert, and the end.
    assert_eq!(client.body_bytes().first(), Some(&21));
    assert_eq!(stage.handshakes("none", "no", "error"), 1.0);
}

#[test]
fn a_client_that_changes_its_keys_is_answered_and_loses_nothing() {
    let stage = Stage::new("", "");
    let mut client = subscribe(stage.connect(&Arc::new(config_of(&[&TLS13]))));
    stage.upstream.wait_for_streams(1);
    for round in 0..5 {
        client.wire().tls().refresh_traffic_keys().unwrap();
        client.send("x");
        let said = format!("{round}");
        stage.upstream.emit(&format!("data: {said}\n\n"));
        assert_eq!(client.next_event().data, said);
    }
}
