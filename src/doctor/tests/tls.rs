//! C01 where it is about TLS: certificates and handshakes of every kind.

use std::path::Path;

use rcgen::{CertificateParams, CustomExtension};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

use super::*;
use crate::clock;
use crate::config::{Config, Flags};
use crate::doctor::wrap::{WIDTH, columns};
use crate::pki::{Authority, Identity, params, replace};

const VALID: (i32, i32) = (2020, 2500);

/// Who speaks TLS, and who is trusted.
struct Stage {
    authority: Authority,
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        Self {
            authority: Authority::new("Example Root"),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn ask(&self, url: &str, ca: &Authority) -> Ask {
        let file = replace(self.folder.path(), "ca.pem", &ca.pem());
        Ask::new(url, LOOK).unwrap().ca(Some(&file)).unwrap()
    }

    /// What is found at a server that shows this, by whoever trusts `ca`.
    async fn shows(&self, identity: &Identity, ca: &Authority) -> Diagnosis {
        self.speaks(config(identity), ca).await
    }

    async fn speaks(&self, config: ServerConfig, ca: &Authority) -> Diagnosis {
        let backend = Backend::secure(f::good, config).await;
        let ask = self.ask(&backend.secure_url("/events"), ca);
        diagnosis(&ask, yardstick()).await
    }
}

fn config(identity: &Identity) -> ServerConfig {
    let config = ServerConfig::builder().with_no_client_auth();
    let (chain, secret) = (identity.chain(), identity.secret());
    with_protocols(
        config.with_single_cert(chain, secret).unwrap(),
        &["h2", "http/1.1"],
    )
}

fn with_protocols(mut config: ServerConfig, names: &[&str]) -> ServerConfig {
    config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn local() -> CertificateParams {
    params(&["localhost"], VALID)
}

#[track_caller]
fn fault(diagnosis: &Diagnosis) -> &str {
    let found = find(diagnosis, Code::Reach);
    assert_eq!(found.severity, Severity::Fault, "{}", found.saw);
    assert!(!diagnosis.is_usable());
    assert!(!found.fixes.is_empty());
    &found.saw
}

/// Up to where the times of this run begin.
fn words(saw: &str) -> &str {
    saw.rsplit_once(" (").unwrap().0
}

#[tokio::test]
async fn a_good_certificate_is_no_more_than_a_note_about_who_trusts_it() {
    let stage = Stage::new();
    let identity = stage.authority.issue("localhost");
    let diagnosis = stage.shows(&identity, &stage.authority).await;
    assert_eq!(worse_than_note(&diagnosis), [""; 0]);
    let found = find(&diagnosis, Code::Reach);
    assert_eq!(found.severity, Severity::Note);
    for part in [
        "DNS ",
        "TCP ",
        "TLS 1.3 (http/1.1) ",
        "answer ",
        "trusted by --ca",
    ] {
        assert!(found.saw.contains(part), "{part}: {}", found.saw);
    }
    let route = diagnosis.route.as_ref().unwrap();
    let line = format!(
        "upstream_tls = {{ ca = \"{}/ca.pem\" }}\n",
        stage.folder.path().display()
    );
    assert!(route.contains(&line), "{route}");
    let config = Config::parse("f", route, &[], &Flags::default());
    assert!(config.is_ok(), "{}", config.unwrap_err());
    let json: serde_json::Value = serde_json::from_str(&json::text(&diagnosis)).unwrap();
    assert!(json["stages"]["tls_ms"].is_u64() && json["stages"]["answer_ms"].is_u64());
    assert_eq!(json["tls"]["chain"][0]["issuer"], "Example Root");
    assert_eq!(
        json["tls"]["chain"][0]["names"],
        serde_json::json!(["localhost"])
    );
    assert_eq!(json["tls"]["ends_soon"], serde_json::Value::Null);
}

#[rstest]
#[case::expired(&["localhost"], (2020, 2021), "the certificate expired on 1 Jan 2021")]
#[case::not_yet(&["localhost"], (2400, 2500), "the certificate is valid only from 1 Jan 2400 on")]
#[case::another_name(
    &["example.com"], VALID, "the certificate is for example.com, not for localhost"
)]
#[case::other_names(
    &["a.example", "10.1.2.3", "*.b.example", "c.example", "d.example"], VALID,
    "the certificate is for a.example, 10.1.2.3, *.b.example and 2 more, not for localhost"
)]
#[case::both(
    &["example.com"], (2020, 2021),
    "the certificate expired on 1 Jan 2021; it is for example.com, not for localhost"
)]
#[tokio::test]
async fn a_certificate_of_another_time_or_name(
    #[case] names: &[&str],
    #[case] years: (i32, i32),
    #[case] want: &str,
) {
    let stage = Stage::new();
    let identity = stage.authority.issue_as(&params(names, years));
    let diagnosis = stage.shows(&identity, &stage.authority).await;
    assert_eq!(words(fault(&diagnosis)), want);
    assert!(fault(&diagnosis).contains("TLS failed after "));
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning_and_usable() {
    let stage = Stage::new();
    let mut soon = local();
    let end = clock::wall() + Duration::from_secs(9 * 24 * 3600);
    soon.not_after = end.into();
    let diagnosis = stage
        .shows(&stage.authority.issue_as(&soon), &stage.authority)
        .await;
    let found = find(&diagnosis, Code::Reach);
    let date = httpdate::fmt_http_date(end);
    let day = date.split(' ').nth(1).unwrap().trim_start_matches('0');
    let words = format!("a certificate of its chain ends soon, on {day} ");
    assert!(found.saw.starts_with(&words), "{}", found.saw);
    assert_eq!(found.severity, Severity::Warning);
    assert!(diagnosis.is_usable());
}

#[tokio::test]
async fn an_intermediate_certificate_that_is_not_sent() {
    let stage = Stage::new();
    let between = stage.authority.below("Example R3");
    let url = b"http://r3.example/r3.der";
    let mut known = local();
    // authorityInfoAccess: a sequence of one access description, caIssuers and a URL.
    let mut place = b"\x30\x24\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x18".to_vec();
    place.extend(url);
    let mut access = b"\x30\x26".to_vec();
    access.extend(place);
    let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    known
        .custom_extensions
        .push(CustomExtension::from_oid_content(&oid, access));
    let identity = between.issue_as(&known);
    let diagnosis = stage.shows(&identity, &stage.authority).await;
    assert_eq!(
        words(fault(&diagnosis)),
        "the certificate comes alone: the one of its issuer, `Example R3`, is neither sent nor in \
         the file of --ca (it is at http://r3.example/r3.der)"
    );
    let fixes = &find(&diagnosis, Code::Reach).fixes;
    assert!(fixes.iter().any(|fix| fix.text.contains("fullchain.pem")));
    // Sent, it is good.
    let diagnosis = stage
        .shows(&identity.with(&[&between]), &stage.authority)
        .await;
    assert!(diagnosis.is_usable());
}

#[tokio::test]
async fn an_authority_that_nobody_knows() {
    let (stage, other) = (Stage::new(), Authority::new("Other Root"));
    let between = stage.authority.below("Example R3");
    let identity = between
        .issue("localhost")
        .with(&[&between, &stage.authority]);
    let diagnosis = stage.shows(&identity, &other).await;
    assert_eq!(
        words(fault(&diagnosis)),
        "the certificate comes in a chain of 3 certificates up to `Example Root`, which is not in \
         the file of --ca"
    );
    // One of the same name, but with another key.
    let identity = Authority::new("Other Root").issue("localhost");
    let diagnosis = stage.shows(&identity, &other).await;
    assert!(fault(&diagnosis).contains("its issuer, `Other Root`, is neither sent nor"));
}

#[rstest]
#[case::a_servers_own(false)]
#[case::as_openssl_makes_them(true)]
#[tokio::test]
async fn a_certificate_that_vouches_for_itself(#[case] is_authority: bool) {
    let stage = Stage::new();
    let mut own = local();
    if is_authority {
        own.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    let identity = Identity::self_signed(&own);
    let diagnosis = stage.shows(&identity, &stage.authority).await;
    assert_eq!(
        words(fault(&diagnosis)),
        "the certificate is self-signed: nobody else vouches for it"
    );
    // What the fix says about `ca` is so.
    let backend = Backend::secure(f::good, config(&identity)).await;
    let file = replace(stage.folder.path(), "own.pem", &identity.cert);
    let ask = Ask::new(&backend.secure_url("/events"), LOOK).unwrap();
    let diagnosis = super::diagnosis(&ask.ca(Some(&file)).unwrap(), yardstick()).await;
    assert_eq!(diagnosis.is_usable(), !is_authority);
}

#[tokio::test]
async fn an_authority_that_this_machine_does_not_know() {
    if crate::source::tls::Client::usual().is_err() {
        return; // A machine that trusts nobody.
    }
    let identity = Stage::new().authority.issue("localhost");
    let backend = Backend::secure(f::good, config(&identity)).await;
    let ask = Ask::new(&backend.secure_url("/events"), LOOK).unwrap();
    let diagnosis = diagnosis(&ask, yardstick()).await;
    assert!(fault(&diagnosis).contains("`Example Root`, is neither sent nor trusted here"));
    let fixes = &find(&diagnosis, Code::Reach).fixes;
    assert!(fixes.iter().any(|fix| fix.text.contains("--ca ca.pem")));
}

/// `server_hello` of TLS 1.1, as far as it matters.
const OLD_HELLO: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
    0123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
/// Who speaks plain HTTP to TLS, and who speaks TLS to plain HTTP.
const COMPLAINT: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

#[rstest]
#[case::an_alert_of_old_tls(b"\x15\x03\x02\0\x02\x02\x46", b"", "nothing newer than TLS 1.1")]
#[case::a_hello_of_old_tls(OLD_HELLO, b"", "nothing newer than TLS 1.1")]
#[case::another_alert(b"\x15\x03\x03\0\x02\x02\x28", b"", "it refused the handshake: ")]
#[case::an_unknown_name(b"\x15\x03\x03\0\x02\x02\x70", b"", "does not know the name localhost")]
#[case::plain_http_that_complains(COMPLAINT, COMPLAINT, "plain HTTP is spoken at this port")]
#[case::plain_http_that_hangs_up(b"", b"HTTP/1.1 404 X\r\n\r\n", "plain HTTP is spoken at")]
#[case::tls_that_complains(b"", COMPLAINT, "no TLS: the connection was closed")]
#[case::mail(
    b"220 mail.example ESMTP\r\n",
    b"",
    "what is spoken at this port is not TLS"
)]
#[tokio::test]
async fn a_handshake_that_comes_to_nothing(
    #[case] hello: &'static [u8],
    #[case] plain: &'static [u8],
    #[case] want: &str,
) {
    let stage = Stage::new();
    let backend = Backend::raw(hello, plain).await;
    let ask = stage.ask(
        &backend.secure_url("/events?token=secret"),
        &stage.authority,
    );
    let diagnosis = diagnosis(&ask, yardstick()).await;
    assert!(fault(&diagnosis).contains(want), "{}", fault(&diagnosis));
}

#[tokio::test]
async fn a_server_of_http_2_alone_is_a_fault_and_one_that_only_says_so_a_note() {
    let stage = Stage::new();
    let identity = stage.authority.issue("localhost");
    let config = with_protocols(config(&identity), &["h2"]);
    let diagnosis = stage.speaks(config.clone(), &stage.authority).await;
    assert_eq!(
        words(fault(&diagnosis)),
        "it speaks HTTP/2 alone (ALPN h2), and refuses HTTP/1.1"
    );
    assert!(diagnosis.browser.starts_with("not known"));
    let silent = with_protocols(config.clone(), &[]);
    let backend = Backend::secure_for(f::good, config.clone(), silent.clone()).await;
    let ask = stage.ask(&backend.secure_url("/events"), &stage.authority);
    let diagnosis = super::diagnosis(&ask, yardstick()).await;
    let found = find(&diagnosis, Code::Reach);
    assert_eq!(found.severity, Severity::Note);
    let words = "it offers HTTP/2 alone (ALPN h2), and yet answers HTTP/1.1; DNS ";
    assert!(found.saw.starts_with(words), "{}", found.saw);
    // Frames of HTTP/2, whatever was asked for.
    let backend = Backend::secure_for(f::http2, config, silent).await;
    let ask = stage.ask(&backend.secure_url("/events"), &stage.authority);
    let diagnosis = super::diagnosis(&ask, yardstick()).await;
    assert!(fault(&diagnosis).starts_with("it speaks HTTP/2 alone"));
}

#[tokio::test]
async fn a_server_that_wants_a_certificate() {
    let stage = Stage::new();
    let identity = stage.authority.issue("localhost");
    let mut roots = RootCertStore::empty();
    let root = identity.with(&[&stage.authority]);
    roots.add(root.chain().remove(1)).unwrap();
    let verifier = WebPkiClientVerifier::builder(roots.into()).build().unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(verifier);
    let config = config
        .with_single_cert(root.chain(), root.secret())
        .unwrap();
    let diagnosis = stage.speaks(config, &stage.authority).await;
    assert!(words(fault(&diagnosis)).starts_with("it wants a certificate of its clients"));
}

#[tokio::test]
async fn a_redirect_is_followed_to_https_and_never_back() {
    let stage = Stage::new();
    let identity = stage.authority.issue("localhost");
    let secure = Backend::secure(f::abroad, config(&identity)).await;
    // What was given is for https://localhost and not for where the plain address leads.
    let plain = Backend::start(f::abroad).await;
    let to = format!("/?{}", secure.secure_url("/"));
    let diagnosis = diagnosis(&Ask::new(&plain.url(&to), LOOK).unwrap(), yardstick()).await;
    let saw = fault(&diagnosis);
    assert!(saw.contains("redirected to https://localhost:"), "{saw}");
    let back = secure.secure_url(&format!("/?{}", plain.url("/")));
    let diagnosis = super::diagnosis(&stage.ask(&back, &stage.authority), yardstick()).await;
    let found = find(&diagnosis, Code::Redirect);
    assert!(
        found.saw.contains("it leads from https to http"),
        "{}",
        found.saw
    );
    assert_eq!(found.severity, Severity::Fault);
}

#[test]
fn a_file_that_is_no_authority_is_told_so() {
    let ask = || Ask::new("https://localhost/", LOOK).unwrap();
    let fault = ask()
        .ca(Some(Path::new("/nowhere/ca.pem")))
        .unwrap_err()
        .to_string();
    assert!(
        fault.starts_with("--ca /nowhere/ca.pem: it can not be read"),
        "{fault}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = replace(folder.path(), "ca.pem", "hello");
    let fault = ask().ca(Some(&file)).unwrap_err().to_string();
    assert!(
        fault.contains("it holds no certificate; name the PEM file"),
        "{fault}"
    );
    let plain = Ask::new("http://localhost/", LOOK).unwrap();
    let fault = plain.ca(Some(&file)).unwrap_err().to_string();
    assert!(fault.contains("for https:// addresses only"), "{fault}");
}

#[tokio::test]
async fn a_certificate_can_not_write_to_the_terminal() {
    let stage = Stage::new();
    let other = Authority::new("\u{1b}[2J\u{202e}Root");
    let diagnosis = stage
        .shows(&other.issue("localhost"), &stage.authority)
        .await;
    let saw = fault(&diagnosis);
    assert!(saw.contains("`\\u{1b}[2J\\u{202e}Root`"), "{saw}");
    let text = report::text(&diagnosis, false);
    let is_harmless = |line: &str| columns(line) <= WIDTH && !line.contains(char::is_control);
    assert!(text.lines().all(is_harmless), "{text}");
}
