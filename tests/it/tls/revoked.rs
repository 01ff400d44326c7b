//! Certificates of clients that are revoked, and authorities that change.

use std::sync::Arc;

use rcgen::date_time_ymd;
use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};

use super::clients::{gets_in, known_as};
use super::{Stage, authority};
use crate::support::pki::{Authority, Identity, replace, revocation};
use crate::support::{Client, Get, patience, until};

const GOOD: &str = "fantail_tls_certificate_reloads_total{result=\"ok\"}";
const BAD: &str = "fantail_tls_certificate_reloads_total{result=\"error\"}";

/// Whose clients come from the tests' authority, which has revoked these.
fn stage(revoked: &[&Identity]) -> Stage {
    stage_with(&authority().revoke(revoked))
}

fn stage_with(list: &str) -> Stage {
    let keys = "client_auth = \"required\"\nclient_ca = \"{folder}/ca.pem\"\n\
                client_crl = [\"{folder}/revoked.pem\"]";
    Stage::with(keys, "", |folder| {
        replace(folder, "ca.pem", &authority().pem());
        replace(folder, "revoked.pem", list);
    })
}

impl Stage {
    /// A file is another from now on.
    fn change(&self, name: &str, text: &str) {
        replace(self.folder.path(), name, text);
        self.gateway.reload_certificates();
    }

    /// How a client comes in, or the words of why not.
    fn visit(&self, config: &Arc<ClientConfig>) -> Result<HandshakeKind, String> {
        let words = |error: std::io::Error| error.to_string();
        let mut client = Client::secure(self.address(), config, "localhost").map_err(words)?;
        client.send(Get::new("/none").bytes());
        // With TLS 1.3 it is only now that the client learns what became of its certificate.
        let mut answer = [0; 512];
        let read = client.wire().read(&mut answer, patience()).map_err(words)?;
        if read == 0 {
            return Err("closed".to_owned());
        }
        assert!(answer.starts_with(b"HTTP/1.1 404"));
        Ok(client.wire().tls().handshake_kind().unwrap())
    }

    #[track_caller]
    fn refuses(&self, config: &Arc<ClientConfig>, alert: &str) {
        let words = self.visit(config).unwrap_err();
        assert!(words.contains(alert), "{words}");
    }
}

const FULL: Result<HandshakeKind, String> = Ok(HandshakeKind::Full);
const RESUMED: Result<HandshakeKind, String> = Ok(HandshakeKind::Resumed);

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn a_revoked_certificate_is_refused_with_its_alert_and_counted(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let [ann, bob] = ["ann", "bob"].map(|name| authority().issue(name));
    let stage = stage(&[&bob]);
    let bob = known_as(&bob, &[version]);
    for _ in 0..2 {
        stage.refuses(&bob, "CertificateRevoked");
    }
    assert!(gets_in(&stage, &known_as(&ann, &[version])));
    assert_eq!(stage.handshakes("none", "no", "certificate"), 2.0);
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn a_session_does_not_outlive_its_clients_certificate(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let [ann, bob] = ["ann", "bob"].map(|name| authority().issue(name));
    let stage = stage(&[]);
    let list = authority().revoke(&[&bob]);
    let [ann, bob] = [ann, bob].map(|identity| known_as(&identity, &[version]));
    for client in [&ann, &bob] {
        assert_eq!(stage.visit(client), FULL);
        assert_eq!(stage.visit(client), RESUMED);
    }
    stage.change("revoked.pem", &list);
    stage.refuses(&bob, "CertificateRevoked");
    stage.refuses(&bob, "CertificateRevoked");
    assert_eq!(stage.visit(&ann), FULL);
    assert_eq!(stage.visit(&ann), RESUMED);
    assert_eq!(stage.handshakes("none", "no", "certificate"), 2.0);
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn nor_its_authority(#[case] version: &'static SupportedProtocolVersion) {
    let next = Authority::new("next");
    let [ann, bob] = [authority().issue("ann"), next.issue("bob")];
    let keys = "client_auth = \"required\"\nclient_ca = \"{folder}/ca.pem\"";
    let stage = Stage::with(keys, "", |folder| {
        replace(folder, "ca.pem", &authority().pem());
    });
    let [ann, bob] = [ann, bob].map(|identity| known_as(&identity, &[version]));
    assert_eq!(stage.visit(&ann), FULL);
    assert_eq!(stage.visit(&ann), RESUMED);
    stage.refuses(&bob, "UnknownCA");
    // Both, as in a change from one to the other.
    stage.change("ca.pem", &format!("{}{}", authority().pem(), next.pem()));
    assert_eq!(stage.visit(&bob), FULL);
    assert_eq!(stage.visit(&ann), FULL);
    stage.change("ca.pem", &next.pem());
    stage.refuses(&ann, "UnknownCA");
    assert_eq!(stage.visit(&bob), FULL);
    assert_eq!(stage.visit(&bob), RESUMED);
}

#[test]
fn a_bad_new_file_leaves_the_old_one_and_its_sessions() {
    let [ann, bob] = ["ann", "bob"].map(|name| authority().issue(name));
    let stage = stage(&[&bob]);
    let forged = Authority::new("Fantail's tests").revoke(&[]);
    let old = authority().revoke_as(&revocation(&[], (2020, 2021)));
    let [ann, bob] = [ann, bob].map(|identity| known_as(&identity, &[&TLS13]));
    assert_eq!(stage.visit(&ann), FULL);
    let bad = [
        ("revoked.pem", ""),
        ("revoked.pem", &forged),
        ("revoked.pem", &old),
        ("ca.pem", "hello"),
    ];
    for (round, (name, text)) in bad.into_iter().enumerate() {
        stage.change(name, text);
        // The watch may have been faster, and counts too.
        assert!(stage.gateway.metric(BAD) > round as f64, "{name}: {text}");
        stage.refuses(&bob, "CertificateRevoked");
        assert_eq!(stage.visit(&ann), RESUMED);
    }
}

#[test]
fn files_that_say_the_same_again_end_no_session() {
    let stage = stage(&[]);
    let ann = known_as(&authority().issue("ann"), &[&TLS13]);
    assert_eq!(stage.visit(&ann), FULL);
    let before = stage.gateway.metric(GOOD);
    stage.change("ca.pem", &authority().pem());
    assert!(stage.gateway.metric(GOOD) > before);
    assert_eq!(stage.visit(&ann), RESUMED);
}

#[test]
fn a_changed_list_is_found_without_a_word() {
    let bob = authority().issue("bob");
    let stage = stage(&[]);
    let list = authority().revoke(&[&bob]);
    let bob = known_as(&bob, &[&TLS13]);
    assert_eq!(stage.visit(&bob), FULL);
    replace(stage.folder.path(), "revoked.pem", &list);
    let words = until("it is refused", || stage.visit(&bob).err());
    assert!(words.contains("CertificateRevoked"), "{words}");
}

#[test]
fn a_list_that_is_out_of_date_keeps_its_clients_out_and_a_new_one_lets_them_in() {
    const SOON: u64 = 6;
    let mut soon = revocation(&[], (2020, 2021));
    let now = fantail::clock::wall();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let expiry = now.as_secs() + SOON;
    soon.next_update = date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(expiry);
    let stage = stage_with(&authority().revoke_as(&soon));
    let series = "fantail_tls_revocation_list_expiry_timestamp_seconds{issuer=\"Fantail's tests\"}";
    assert_eq!(stage.gateway.metric(series), expiry as f64);
    let ann = known_as(&authority().issue("ann"), &[&TLS13]);
    assert_eq!(stage.visit(&ann), FULL);
    let stranger = || known_as(&authority().issue("ann"), &[&TLS13]);
    until("it is out of date", || stage.visit(&stranger()).err());
    // What it resumes is closed, though nothing has changed but the time.
    assert_eq!(stage.visit(&ann), Err("closed".to_owned()));
    assert_eq!(stage.handshakes("1.3", "yes", "ok"), 0.0);
    stage.change("revoked.pem", &authority().revoke(&[]));
    assert_eq!(stage.visit(&stranger()), FULL);
    assert_eq!(stage.gateway.metric(series), 16_725_225_600.0);
}

#[test]
fn an_authority_without_a_list_keeps_its_clients_out_while_another_has_one() {
    let other = Authority::new("other");
    let stage = stage(&[]);
    let both = format!("{}{}", authority().pem(), other.pem());
    stage.change("ca.pem", &both);
    let ann = known_as(&authority().issue("ann"), &[&TLS13]);
    let eve = known_as(&other.issue("eve"), &[&TLS13]);
    assert_eq!(stage.visit(&ann), FULL);
    stage.refuses(&eve, "UnknownCA");
    let lists = format!("{}{}", authority().revoke(&[]), other.revoke(&[]));
    stage.change("revoked.pem", &lists);
    assert_eq!(stage.visit(&eve), FULL);
}
