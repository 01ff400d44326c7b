//! `[tls]`.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::edge::tls::{ClientAuth, MinVersion, Pair};
use crate::pki::{Authority, replace, revocation};

const LISTEN: &str = "[tls]\nlisten = [\"127.0.0.1:8443\", \"[::1]:8443\"]\n";
const PAIR: &str = "cert = \"a.pem\"\nkey = \"a.key\"\n";

/// A folder with two pairs and an authority's file.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("CA");
    replace(folder.path(), "ca.pem", &authority.pem());
    let old = authority.revoke_as(&revocation(&[], (2020, 2021)));
    for (name, list) in [
        ("revoked.pem", authority.revoke(&[])),
        ("old.pem", old),
        ("forged.pem", Authority::new("CA").revoke(&[])),
        (
            "junk.pem",
            "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n".to_owned(),
        ),
    ] {
        replace(folder.path(), name, &list);
    }
    for name in ["a", "b"] {
        let identity = authority.issue(name);
        replace(folder.path(), &format!("{name}.pem"), &identity.cert);
        let key = replace(folder.path(), &format!("{name}.key"), &identity.key);
        let private = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(key, private).unwrap();
    }
    folder
}

fn with_table(folder: &TempDir, table: &str) -> Result<Config, Faults> {
    let file = folder.path().join("fantail.toml").display().to_string();
    Config::parse(&file, &format!("{table}{ROUTE}"), &[], &Flags::default())
}

/// All that is wrong, a line each, without places.
fn wrong_in(table: &str) -> String {
    let folder = folder();
    let faults = with_table(&folder, table).unwrap_err();
    let mut text = String::new();
    for fault in &faults {
        let what = fault.what.replace(folder.path().to_str().unwrap(), "");
        writeln!(text, "{what} -> {}", fault.right).unwrap();
    }
    text
}

#[test]
fn without_the_table_there_is_no_tls() {
    assert!(parse(ROUTE).unwrap().tls.is_none());
    let off = format!("[tls]\nlisten = []\ncert = \"\"\nhsts = \"1h\"\n{ROUTE}");
    let config = parse(&off).unwrap();
    assert!(config.tls.is_none() && config.edge.hsts.is_zero());
}

#[test]
fn every_key_has_its_place() {
    let folder = folder();
    let table = format!(
        "[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n\
         {LISTEN}{PAIR}min_version = \"1.3\"\nclient_auth = \"optional\"\nclient_ca = \"ca.pem\"\n\
         client_crl = [\"revoked.pem\"]\n\
         hsts = \"24h\"\nredirect = true\nstrict_sni = true\nproxy_protocol = true\n\
         [[tls.certificate]]\ncert = \"b.pem\"\nkey = \"b.key\"\n\
         [limits]\nhandshakes = 7\nhandshake_timeout = \"3s\"\n"
    );
    let config = with_table(&folder, &table).unwrap();
    let tls = config.tls.unwrap();
    assert_eq!((tls.listen.len(), tls.redirect), (2, Redirect::Bound));
    let options = tls.server.options();
    let pair = |name: &str| Pair {
        cert: folder.path().join(format!("{name}.pem")),
        key: folder.path().join(format!("{name}.key")),
    };
    assert_eq!(options.pairs, [pair("a"), pair("b")]);
    assert_eq!(options.min_version, MinVersion::Tls13);
    assert_eq!(options.client_auth, ClientAuth::Optional);
    assert_eq!(options.client_ca, Some(folder.path().join("ca.pem")));
    assert_eq!(options.client_crl, [folder.path().join("revoked.pem")]);
    assert!(options.strict_sni && config.edge.strict_sni);
    assert_eq!(config.edge.hsts, Duration::from_secs(86_400));
    assert!(config.edge.proxy_protocol.tls && !config.edge.proxy_protocol.plain);
    assert_eq!(config.edge.handshakes, 7);
    assert_eq!(config.edge.handshake_timeout, Duration::from_secs(3));
    // Beside the plain listener, not instead of it.
    assert_eq!(config.server.listen, [Listen::Tcp(DEFAULT_LISTEN)]);
}

#[rstest]
#[case("false", Redirect::Off)]
#[case("true", Redirect::Bound)]
#[case("443", Redirect::Port(443))]
#[case("65535", Redirect::Port(65_535))]
fn a_redirect_is_on_or_off_or_names_a_port(#[case] written: &str, #[case] read: Redirect) {
    let folder = folder();
    let table = format!("{LISTEN}{PAIR}redirect = {written}\n");
    let tls = with_table(&folder, &table).unwrap().tls.unwrap();
    assert_eq!(tls.redirect, read);
    let file = folder.path().join("fantail.toml").display().to_string();
    let env = [("FANTAIL_TLS__REDIRECT".to_owned(), written.to_owned())];
    let text = format!("{LISTEN}{PAIR}{ROUTE}");
    let config = Config::parse(&file, &text, &env, &Flags::default()).unwrap();
    assert_eq!(config.tls.unwrap().redirect, read);
}

#[test]
fn tls_may_be_the_only_way_in() {
    let folder = folder();
    let table = format!("[server]\nlisten = []\n{LISTEN}{PAIR}");
    let config = with_table(&folder, &table).unwrap();
    assert!(config.server.listen.is_empty());
    assert_eq!(config.tls.unwrap().listen.len(), 2);
    let faults = parse(&format!("[server]\nlisten = []\n{ROUTE}")).unwrap_err();
    let words = "`listen` is empty, so that nobody could come in";
    assert!(
        faults.iter().count() == 1 && faults.to_string().contains(words),
        "{faults}"
    );
}

#[test]
fn the_environment_may_say_where_to_listen() {
    let folder = folder();
    let env = [(
        "FANTAIL_TLS__LISTEN".to_owned(),
        "127.0.0.1:9443".to_owned(),
    )];
    let file = folder.path().join("fantail.toml").display().to_string();
    let text = format!("{LISTEN}{PAIR}{ROUTE}");
    let config = Config::parse(&file, &text, &env, &Flags::default()).unwrap();
    let address = "127.0.0.1:9443".parse().unwrap();
    assert_eq!(config.tls.unwrap().listen, [address]);
}

#[rstest]
#[case(
    "[tls]\nPAIR",
    "[tls] does not say where to listen -> add `listen = [\"0.0.0.0:8443\"]`, or leave the table out"
)]
#[case(
    "LISTEN",
    "a certificate of [tls] lacks its `cert` or its `key` -> name both PEM files; a path is relative to this file's folder"
)]
#[case(
    "LISTEN PAIR client_auth = \"required\"\n",
    "`client_auth` is \"required\", which needs an authority -> name its PEM file in `client_ca`, or write \"none\""
)]
#[case(
    "LISTEN PAIR client_ca = \"ca.pem\"\n",
    "`client_ca` is \"ca.pem\", which is not looked at while `client_auth` is \"none\" -> write `client_auth = \"required\"` or \"optional\", or leave `client_ca` out"
)]
#[case(
    "LISTEN PAIR client_crl = [\"revoked.pem\"]\n",
    "`client_crl` is \"revoked.pem\", which is not looked at while `client_auth` is \"none\" -> write `client_auth = \"required\"` or \"optional\", or leave `client_crl` out"
)]
#[case(
    "LISTEN PAIR client_auth = \"required\"\nclient_ca = \"ca.pem\"\nclient_crl = [\"revoked.pem\", \"forged.pem\"]\n",
    "`client_crl` of [tls]: /forged.pem: it is not signed by CA, an authority of `client_ca` -> name the list that this authority has signed with its key of today"
)]
#[case(
    "LISTEN PAIR redirect = 65536\n",
    "`redirect` is 65536, which is neither true, false nor a port -> write true, or the port that clients come to, such as 443, without quotes"
)]
#[case(
    "LISTEN PAIR redirect = \"yes\"\n",
    "`redirect` is \"yes\", which is neither true, false nor a port -> write true, or the port that clients come to, such as 443, without quotes"
)]
#[case(
    "LISTEN PAIR min_version = \"1.1\"\n",
    "`min_version` is \"1.1\", which is not one of its words -> write \"1.2\" or \"1.3\""
)]
#[case(
    "LISTEN PAIR proxy_protocol = true\n",
    "`proxy_protocol` is true, which has no effect: `trusted_proxies` of [server] is empty, so that nobody is believed -> name the proxies there, such as `trusted_proxies = [\"10.0.0.0/8\"]`"
)]
#[case(
    "[server]\nlisten = [\"127.0.0.1:8443\"]\nLISTEN PAIR",
    "`listen` is \"127.0.0.1:8443\", which is the address \"127.0.0.1:8443\" already listens on -> listen on each address once"
)]
#[case(
    "[tls]\nlisten = [\"unix:/run/x\"]\nPAIR",
    "`listen` is \"unix:/run/x\", which is no address -> write a numeric address and a port, such as \"0.0.0.0:8443\", \"0.0.0.0:80\" or \"[::]:80\""
)]
fn what_is_missing_or_makes_no_sense_together_is_told(#[case] table: &str, #[case] words: &str) {
    let table = table.replace("LISTEN", LISTEN).replace("PAIR", PAIR);
    assert_eq!(wrong_in(&table), format!("{words}\n"));
}

#[test]
fn each_bad_list_is_told() {
    let table = format!(
        "{LISTEN}{PAIR}client_auth = \"required\"\nclient_ca = \"ca.pem\"\n\
         client_crl = [\"revoked.pem\", \"old.pem\", \"none.pem\", \"ca.pem\", \"junk.pem\"]\n"
    );
    insta::assert_snapshot!(wrong_in(&table), @r"
    `client_crl` of [tls]: /old.pem: it has expired on Fri, 01 Jan 2021 00:00:00 GMT -> name the newest list of its authority
    `client_crl` of [tls]: /none.pem: it can not be read: No such file or directory (os error 2) -> name a file that this user can read; a path is relative to this file's folder
    `client_crl` of [tls]: /ca.pem: it holds no revocation list -> name a PEM file of whole lists (-----BEGIN X509 CRL-----)
    `client_crl` of [tls]: /junk.pem: it is no revocation list that can be used: BadDer -> name a PEM file of whole lists (-----BEGIN X509 CRL-----)
    ");
}

#[test]
fn each_bad_pair_is_told_and_the_authority_too() {
    let table = format!(
        "{LISTEN}cert = \"a.pem\"\nkey = \"b.key\"\nclient_auth = \"required\"\n\
         client_ca = \"none.pem\"\n\
         [[tls.certificate]]\ncert = \"ca.pem\"\nkey = \"b.key\"\n\
         [[tls.certificate]]\ncert = \"b.pem\"\nkey = \"b.key\"\nname = \"x\"\n"
    );
    insta::assert_snapshot!(wrong_in(&table), @r"
    `key` of [tls]: /b.key: it is not the key of the certificate -> name the PEM file of the private key that `cert` was made for
    `client_ca` of [tls]: /none.pem: it can not be read: No such file or directory (os error 2) -> name a file that this user can read; a path is relative to this file's folder
    `key` of [tls]: /b.key: it is not the key of the certificate -> name the PEM file of the private key that `cert` was made for
    `name` is not a key of [[tls.certificate]] -> its keys are: cert, key
    ");
}
