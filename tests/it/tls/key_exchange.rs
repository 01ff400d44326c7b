//! How keys are agreed on: so that whoever records a stream today can not read it with a quantum
//! computer of tomorrow, where the client can do that too.

use std::sync::Arc;

use rstest::rstest;
use rustls::crypto::aws_lc_rs::kx_group::{MLKEM768, SECP256R1, SECP384R1, X25519, X25519MLKEM768};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, NamedGroup};

use super::{Stage, client_config};
use crate::support::way::trust;

type Group = &'static dyn SupportedKxGroup;

fn offering(groups: &[Group]) -> Arc<ClientConfig> {
    let provider = CryptoProvider {
        kx_groups: groups.to_vec(),
        ..aws_lc_rs::default_provider()
    };
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .unwrap()
        .with_root_certificates(trust())
        .with_no_client_auth();
    Arc::new(config)
}

fn agreed(stage: &Stage, config: &Arc<ClientConfig>) -> NamedGroup {
    let mut client = stage.subscribe(config);
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
    let group = client.wire().tls().negotiated_key_exchange_group();
    group.unwrap().name()
}

#[rstest]
#[case(&[X25519MLKEM768], NamedGroup::X25519MLKEM768)]
#[case(&[X25519MLKEM768, X25519], NamedGroup::X25519MLKEM768)]
#[case(&[X25519], NamedGroup::X25519)]
#[case(&[SECP256R1], NamedGroup::secp256r1)]
#[case(&[SECP384R1], NamedGroup::secp384r1)]
fn keys_are_agreed_on_by_what_the_client_can(#[case] offer: &[Group], #[case] group: NamedGroup) {
    let stage = Stage::new("", "");
    assert_eq!(agreed(&stage, &offering(offer)), group);
}

#[test]
fn rustls_as_it_is_agrees_on_keys_of_the_new_kind() {
    let stage = Stage::new("", "");
    assert_eq!(agreed(&stage, &client_config()), NamedGroup::X25519MLKEM768);
}

#[test]
fn a_client_that_has_guessed_wrong_says_hello_again() {
    let stage = Stage::new("", "");
    let offer = [MLKEM768, X25519];
    assert_eq!(agreed(&stage, &offering(&offer)), NamedGroup::X25519);
    let mut client = stage.connect(&offering(&offer));
    assert_eq!(
        client.wire().tls().handshake_kind(),
        Some(HandshakeKind::FullWithHelloRetryRequest)
    );
}
