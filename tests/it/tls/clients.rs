//! Certificates of clients: who gets in, and as whom.

use std::path::Path;
use std::sync::Arc;

use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::{Stage, authority, client_config, subscribe};
use crate::support::pki::{Authority, Identity, replace};
use crate::support::way::trust;
use crate::support::{Client, Get};

pub(super) fn known_as(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(trust())
        .with_client_auth_cert(identity.chain(), identity.secret())
        .unwrap();
    Arc::new(config)
}

fn authority_file(folder: &Path) {
    replace(folder, "ca.pem", &authority().pem());
}

fn stage(auth: &str, rest: &str) -> Stage {
    let keys = format!("client_auth = \"{auth}\"\nclient_ca = \"{{folder}}/ca.pem\"");
    Stage::with(&keys, rest, authority_file)
}

/// With TLS 1.3 a client learns only after its handshake that it is not wanted.
pub(super) fn gets_in(stage: &Stage, config: &Arc<ClientConfig>) -> bool {
    let Ok(mut client) = Client::secure(stage.address(), config, "localhost") else {
        return false;
    };
    client.send(Get::new("/none").bytes());
    client.try_status() == Some(404)
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn a_required_certificate_must_be_there_and_good(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let stage = stage("required", "");
    let good = authority().issue("ann");
    let foreign = Authority::new("somebody else").issue("ann");
    let old = authority().issue_in("ann", (2020, 2021));
    assert!(gets_in(&stage, &known_as(&good, &[version])));
    assert!(!gets_in(&stage, &known_as(&foreign, &[version])));
    assert!(!gets_in(&stage, &known_as(&old, &[version])));
    assert!(!gets_in(&stage, &client_config()));
    assert_eq!(stage.handshakes("none", "no", "certificate"), 3.0);
}

#[test]
fn an_optional_certificate_may_be_missing_but_not_bad() {
    let stage = stage("optional", "");
    let good = authority().issue("ann");
    let foreign = Authority::new("somebody else").issue("ann");
    assert!(gets_in(&stage, &known_as(&good, &[&TLS13])));
    assert!(gets_in(&stage, &client_config()));
    assert!(!gets_in(&stage, &known_as(&foreign, &[&TLS13])));
}

#[test]
fn a_route_that_declares_the_clients_name_has_a_topic_for_each_client() {
    let stage = stage("optional", "headers = [\"X-TLS-Client-Name\"]");
    let [ann, bob] = ["ann", "bob"].map(|name| known_as(&authority().issue(name), &[&TLS13]));
    let streams = [
        subscribe(stage.connect(&ann)),
        subscribe(stage.connect(&ann)),
        subscribe(stage.connect(&bob)),
    ];
    stage.upstream.wait_for_streams(2);
    let mut names: Vec<String> = stage
        .upstream
        .requests()
        .iter()
        .map(|r| name_in(r))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "bob"]);
    drop(streams);
}

#[test]
fn a_client_can_not_name_itself() {
    let stage = stage("optional", "headers = [\"X-TLS-Client-Name\"]");
    let ann = known_as(&authority().issue("ann"), &[&TLS13]);
    let claim = || {
        Get::new("/events")
            .header("Accept", "text/event-stream")
            .header("X-TLS-Client-Name", "root")
            .bytes()
    };
    for mut client in [
        stage.connect(&ann),
        stage.connect(&client_config()),
        Client::raw(stage.gateway.plain_address()),
    ] {
        client.send(claim());
        client.read_head();
    }
    let requests = stage.upstream.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert_eq!(name_in(&requests[0]), "ann");
    assert!(!requests[1].to_lowercase().contains("x-tls-client-name"));
}

fn name_in(request: &str) -> String {
    let mut lines = request.lines().filter_map(|line| line.split_once(": "));
    let (_, name) = lines
        .find(|(key, _)| key.eq_ignore_ascii_case("x-tls-client-name"))
        .unwrap();
    name.to_owned()
}
