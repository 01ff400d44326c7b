//! Which certificate a client gets.

use std::path::Path;

use rustls::SignatureScheme;

use super::{Stage, authority, believing, client_config, is_of, served};
use crate::support::pki::Identity;
use crate::support::{Client, Get};

const ANY: [SignatureScheme; 3] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA256,
];

const THREE: &str = "[[tls.certificate]]\ncert = \"{folder}/a.pem\"\nkey = \"{folder}/a.key\"\n\
                     [[tls.certificate]]\ncert = \"{folder}/b.pem\"\nkey = \"{folder}/b.key\"\n";

fn write(folder: &Path, identities: &[(&str, &Identity)]) {
    for (stem, identity) in identities {
        identity.write(folder, stem);
    }
}

#[test]
fn each_name_gets_its_own_certificate_and_all_others_the_first() {
    let exact = authority().issue("a.example");
    let wild = authority().issue("*.b.example");
    let stage = Stage::with(THREE, "", |folder| {
        write(folder, &[("a", &exact), ("b", &wild)]);
    });
    let of = |name| served(stage.address(), &believing(&ANY), name);
    let first = of("localhost");
    assert!(is_of(&of("a.example"), &exact));
    assert!(is_of(&of("A.Example"), &exact));
    assert!(is_of(&of("x.b.example"), &wild));
    assert_eq!(of("b.example"), first, "a wildcard is not its own parent");
    assert_eq!(of("x.y.b.example"), first, "nor more than one label");
    assert_eq!(of("elsewhere.example"), first);
    // An address is no name: such a client asks for none.
    assert_eq!(of("127.0.0.1"), first);
}

#[test]
fn a_name_with_two_kinds_of_key_gets_the_one_that_the_client_can_verify() {
    let ecdsa = authority().issue("a.example");
    let rsa = authority().issue_rsa("a.example");
    let stage = Stage::with(THREE, "", |folder| {
        write(folder, &[("a", &ecdsa), ("b", &rsa)]);
    });
    let of = |schemes: &[_]| served(stage.address(), &believing(schemes), "a.example");
    assert!(is_of(&of(&ANY), &ecdsa));
    assert!(is_of(&of(&ANY[1..]), &rsa));
}

#[test]
fn strict_names_refuse_what_no_certificate_has_and_requests_for_another_host() {
    let stage = Stage::new("strict_sni = true", "");
    let config = believing(&ANY);
    let ask = |name: &str, host: &str| {
        let mut client = Client::secure(stage.address(), &config, name).unwrap();
        let get = Get::new("/none").bytes().replace("127.0.0.1", host);
        client.send(get);
        client.read_head();
        client.status
    };
    assert_eq!(ask("localhost", "localhost"), 404);
    assert_eq!(ask("localhost", "LOCALHOST:8443"), 404);
    assert_eq!(ask("localhost", "elsewhere.example"), 421);
    // Without a name there is nothing to compare.
    assert_eq!(ask("127.0.0.1", "elsewhere.example"), 404);
    let error = Client::secure(stage.address(), &config, "elsewhere.example").err();
    assert!(error.is_some(), "a name that nobody has");
    assert_eq!(stage.handshakes("none", "no", "error"), 1.0);
}

#[test]
fn without_strict_names_any_host_is_served() {
    let stage = Stage::new("", "");
    let mut client = stage.connect(&client_config());
    client.send(Get::new("/none").bytes());
    client.read_head();
    assert_eq!(client.status, 404);
}

#[test]
fn the_expiry_of_each_certificate_is_a_metric() {
    let exact = authority().issue_in("a.example", (2020, 2040));
    let wild = authority().issue("*.b.example");
    let stage = Stage::with(THREE, "", |folder| {
        write(folder, &[("a", &exact), ("b", &wild)]);
    });
    let expiry = |name: &str| {
        stage.gateway.metric(&format!(
            "fantail_tls_certificate_expiry_timestamp_seconds{{listener=\"127.0.0.1:0\",\
             name=\"{name}\"}}"
        ))
    };
    // 2040-01-01 and 2500-01-01.
    assert_eq!(expiry("a.example"), 2_208_988_800.0);
    assert_eq!(expiry("*.b.example"), 16_725_225_600.0);
    let folder = stage.folder.path();
    authority().issue("new.example").write(folder, "a");
    stage.gateway.reload_certificates();
    assert_eq!(expiry("new.example"), 16_725_225_600.0);
    assert!(
        !stage.gateway.metrics().contains("a.example"),
        "a series of the past"
    );
}
