//! Coming back without a full handshake.

use std::sync::Arc;

use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};

use super::{Stage, config_of};
use crate::support::Get;

#[rstest]
#[case(&TLS12, "1.2")]
#[case(&TLS13, "1.3")]
fn a_client_that_comes_back_resumes_its_session(
    #[case] version: &'static SupportedProtocolVersion,
    #[case] label: &str,
) {
    let stage = Stage::new("", "");
    let config = Arc::new(config_of(&[version]));
    let mut kinds = Vec::new();
    for _ in 0..5 {
        let mut client = stage.connect(&config);
        // The ticket comes before the answer.
        client.send(Get::new("/none").bytes());
        client.read_head();
        kinds.push(client.wire().tls().handshake_kind().unwrap());
    }
    assert_eq!(kinds[0], HandshakeKind::Full);
    assert!(
        kinds[1..]
            .iter()
            .all(|kind| *kind == HandshakeKind::Resumed),
        "{kinds:?}"
    );
    assert_eq!(stage.handshakes(label, "no", "ok"), 1.0);
    assert_eq!(stage.handshakes(label, "yes", "ok"), 4.0);
}

#[test]
fn a_session_of_before_a_new_certificate_is_still_resumed() {
    let stage = Stage::new("", "");
    let config = Arc::new(config_of(&[&TLS13]));
    let visit = || {
        let mut client = stage.connect(&config);
        client.send(Get::new("/none").bytes());
        client.read_head();
        client.wire().tls().handshake_kind().unwrap()
    };
    assert_eq!(visit(), HandshakeKind::Full);
    super::authority()
        .issue("localhost")
        .write(stage.folder.path(), "localhost");
    stage.gateway.reload_certificates();
    assert_eq!(visit(), HandshakeKind::Resumed);
}
