//! `https://` and `upstream_tls`.

use tempfile::TempDir;

use super::*;
use crate::pki::{Authority, replace};
use crate::source::tls::{Client, Settings};

const HTTPS: &str = "[[route]]\npath = \"/a\"\nupstream = \"https://h/\"\n";

/// A folder with an authority's file, a certificate, its key, and another one's key.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("CA");
    let ours = authority.issue("fantail");
    let other = authority.issue("fantail");
    for (name, text) in [
        ("ca.pem", &authority.pem()),
        ("client.pem", &ours.cert),
        ("client.key", &ours.key),
        ("other.key", &other.key),
        ("empty.pem", &String::new()),
        ("broken.pem", &ours.cert.replace("-----END", "!\n-----END")),
    ] {
        replace(folder.path(), name, text);
    }
    folder
}

/// A file of that folder with this table.
fn with_table(folder: &TempDir, table: &str) -> Result<Config, Faults> {
    let file = folder.path().join("fantail.toml").display().to_string();
    let text = format!("{HTTPS}upstream_tls = {{ {table} }}\n");
    Config::parse(&file, &text, &[], &Flags::default())
}

#[test]
fn files_are_found_beside_the_configuration() {
    let folder = folder();
    let table = "ca = \"ca.pem\", cert = \"client.pem\", key = \"client.key\", \
                 server_name = \"events.example.com\"";
    let config = with_table(&folder, table).unwrap();
    let client = config.routes[0].source.tls.as_deref().unwrap();
    let settings = Settings {
        ca: Some(folder.path().join("ca.pem")),
        cert: Some(folder.path().join("client.pem")),
        key: Some(folder.path().join("client.key")),
        server_name: Some("events.example.com".into()),
        insecure: false,
    };
    assert_eq!(client.settings(), &settings);
    assert_eq!(client, &Client::new(settings).unwrap());
}

#[test]
fn nothing_said_is_the_machines_own_trust() {
    let config = parse(HTTPS).unwrap();
    assert_eq!(config.routes[0].upstream.origin(), "https://h");
    assert!(config.routes[0].source.tls.is_none());
    let table = "upstream_tls = { ca = \"\", insecure = false }\n";
    let config = parse(&format!("{HTTPS}{table}")).unwrap();
    assert!(config.routes[0].source.tls.is_none());
    assert!(route(table).source.tls.is_none(), "not even for http");
    let config = parse(&format!("{HTTPS}timeouts = {{ tls = \"1s\" }}\n")).unwrap();
    assert_eq!(config.routes[0].source.tls_timeout, Duration::from_secs(1));
    let site = Config::for_upstream("https://h", &Flags::default(), &[]).unwrap();
    assert_eq!(site.routes[0].upstream.origin(), "https://h");
}

#[rstest]
#[case("ca = 'none.pem'", "none.pem: it can not be read: No such file")]
#[case("ca = 'client.key'", "client.key: it holds no certificate")]
#[case("ca = 'empty.pem'", "empty.pem: it holds no certificate")]
#[case("ca = 'broken.pem'", "broken.pem: it is not PEM")]
#[case("cert = 'ca.pem', key = 'client.key'", "client.key: it is not usable")]
#[case("cert = 'none', key = 'client.key'", "none: it can not be read")]
#[case(
    "cert = 'client.pem', key = 'other.key'",
    "other.key: it is not usable"
)]
#[case(
    "cert = 'client.pem', key = 'ca.pem'",
    "ca.pem: it holds no private key"
)]
#[case("server_name = 'https://h'", "neither a host name nor an address")]
fn a_bad_file_is_told_with_its_path_and_the_reason(#[case] table: &str, #[case] words: &str) {
    let faults = with_table(&folder(), table).unwrap_err();
    assert_eq!(faults.iter().count(), 1, "{faults}");
    let text = faults.to_string();
    assert!(text.contains(words) && text.contains(":4:"), "{text}");
}

#[test]
fn what_makes_no_sense_together_is_one_fault() {
    insta::assert_snapshot!(
        wrong("upstream_tls = { insecure = true }"),
        @"`upstream_tls` is for https:// upstreams only -> leave it out, or write https://"
    );
    let folder = folder();
    for table in [
        "cert = \"client.pem\"",
        "key = \"client.key\"",
        "ca = \"ca.pem\", insecure = true",
        "insecure = \"yes\"",
        "ciphers = \"all\"",
    ] {
        let faults = with_table(&folder, table).unwrap_err();
        assert_eq!(faults.iter().count(), 1, "{faults}");
    }
}
