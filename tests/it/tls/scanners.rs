//! What testssl and sslscan find.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Stage, authority};
use crate::support::pki::replace;

/// What testssl finds here, and why it is not about us. Nothing else may be less than good.
const EXCUSED: [(&str, &str); 5] = [
    // It would like to test ciphers of GOST too, and this machine's openssl has none.
    ("engine_problem", "No engine or GOST support"),
    // The tests' authority has no web server to tell of revoked certificates.
    ("cert_revocation", "Neither CRL nor OCSP URI provided"),
    // Nor does it care for how long: in which year the tests run is not known.
    ("cert_validityPeriod", ""),
    // Its client hangs up once it has shaken hands, which is before a ticket of TLS 1.3 comes.
    ("sessionresumption_ticket", "check failed"),
    ("sessionresumption_ID", "check failed"),
];
/// What it must have looked at, and found good: that it ran at all.
const SEEN: &str = "SSLv2 SSLv3 TLS1_3 cipherlist_NULL cipherlist_aNULL cipherlist_EXPORT \
                    cipherlist_LOW cipherlist_STRONG PFS cert_chain_of_trust \
                    heartbleed CCS ticketbleed ROBOT secure_renego secure_client_renego CRIME_TLS \
                    BREACH POODLE_SSL fallback_SCSV FREAK DROWN LOGJAM BEAST LUCKY13 RC4";
/// What there is nothing to say about where TLS 1.3 is all that is spoken.
const SEEN_OF_1_2: &str = "cipher_order SWEET32";

/// With an ECDSA key.
const ECDSA: fn(&Path) = |_| {};
const RSA: fn(&Path) = |folder| {
    authority()
        .issue_rsa("localhost")
        .write(folder, "localhost");
};

#[test]
#[ignore = "needs testssl and sslscan: tests/run runs it"]
fn scanners_find_nothing() {
    // They mostly wait.
    std::thread::scope(|scope| {
        for (key, oldest) in [(ECDSA, "1.2"), (RSA, "1.2"), (RSA, "1.3")] {
            scope.spawn(move || scan(key, oldest));
        }
    });
}

fn scan(key: fn(&Path), oldest: &str) {
    let stage = Stage::with(&format!("min_version = \"{oldest}\""), "", key);
    let found = std::thread::scope(|scope| {
        let found = scope.spawn(|| testssl(&stage));
        let seen = sslscan(&stage);
        judge(&seen, oldest);
        found.join().unwrap()
    });
    let (mut seen, mut bad) = (Vec::new(), Vec::new());
    for finding in &found {
        let word = |key: &str| finding[key].as_str().unwrap();
        let (id, severity, words) = (word("id"), word("severity"), word("finding"));
        let is_excused = EXCUSED
            .iter()
            .any(|(excused, begin)| *excused == id && words.starts_with(begin));
        match severity {
            "OK" => seen.push(id),
            "INFO" => {}
            _ if is_excused => {}
            _ => bad.push(finding),
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
    let older = if oldest == "1.2" { SEEN_OF_1_2 } else { "" };
    let expected = SEEN.split_whitespace().chain(older.split_whitespace());
    let missing: Vec<_> = expected.filter(|id| !seen.contains(id)).collect();
    assert!(missing.is_empty(), "not said to be good: {missing:?}");
}

/// Each finding of testssl.
fn testssl(stage: &Stage) -> Vec<serde_json::Value> {
    let ca: PathBuf = replace(stage.folder.path(), "ca.pem", &authority().pem());
    let file = stage.folder.path().join("found.json");
    let target = format!("localhost:{}", stage.address().port());
    let said = Command::new("testssl")
        .args(["--quiet", "--color", "0", "--warnings", "batch"])
        .args(["--nodns", "none", "--ip", "127.0.0.1", "--add-ca"])
        .arg(ca)
        .args(["-p", "-P", "-S", "-s", "-f", "-U", "--jsonfile"])
        .arg(&file)
        .arg(target)
        .stdin(Stdio::null())
        .output()
        .expect("testssl is not installed");
    let text = std::fs::read_to_string(file);
    let text = text.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stdout)));
    serde_json::from_str(&text).unwrap()
}

/// The lines of sslscan's XML, an element each.
fn sslscan(stage: &Stage) -> Vec<String> {
    let said = Command::new("sslscan")
        .args(["--xml=-", &format!("127.0.0.1:{}", stage.address().port())])
        .stdin(Stdio::null())
        .output()
        .expect("sslscan is not installed");
    let text = String::from_utf8(said.stdout).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

fn judge(seen: &[String], oldest: &str) {
    let of = |begin: &str| -> Vec<&String> {
        let lines = seen.iter().filter(|line| line.starts_with(begin));
        lines.collect()
    };
    let has = |line: &str, key: &str, value: &str| line.contains(&format!(" {key}=\"{value}\""));
    let spoken: Vec<_> = of("<protocol ")
        .into_iter()
        .filter(|line| !has(line, "enabled", "0"))
        .collect();
    let versions: &[&str] = if oldest == "1.2" {
        &["1.2", "1.3"]
    } else {
        &["1.3"]
    };
    assert_eq!(spoken.len(), versions.len(), "{spoken:?}");
    for (line, version) in spoken.iter().zip(versions) {
        assert!(
            has(line, "type", "tls") && has(line, "version", version),
            "{line}"
        );
    }
    let ciphers = of("<cipher ");
    assert_eq!(ciphers.len(), 3 * versions.len(), "{ciphers:?}");
    for line in ciphers {
        // All that TLS 1.3 has are "acceptable": it is what sslscan calls those without a better
        // word.
        let is_strong = has(line, "strength", "strong");
        assert!(is_strong || has(line, "sslversion", "TLSv1.3"), "{line}");
    }
    let renegotiation = of("<renegotiation ");
    assert!(!renegotiation.is_empty());
    assert!(renegotiation.iter().all(|line| has(line, "supported", "0")));
    let heartbleed = of("<heartbleed ");
    assert_eq!(heartbleed.len(), versions.len());
    assert!(heartbleed.iter().all(|line| has(line, "vulnerable", "0")));
    let compression = of("<compression ");
    assert!(compression.iter().all(|line| has(line, "supported", "0")));
}
