//! `fantail doctor` as a person runs it: what it prints, and how it exits.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn doctor(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
    command.arg("doctor").args(args);
    command
}

/// The URL of a server that answers whoever comes with these bytes.
fn backend(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events.php", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            assert!(serve(&mut stream.unwrap(), answer).is_ok());
        }
    });
    url
}

fn serve(stream: &mut (impl Read + Write), answer: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    stream.write_all(answer.as_bytes())
}

/// Likewise with TLS, and the certificate of its authority in PEM.
fn secure_backend(answer: &'static str) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let own = params.signed_by(&key, &authority).unwrap();
    let secret = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![own.der().clone()], secret);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, stream.unwrap());
            // Who only takes a look asks nothing.
            if serve(&mut stream, answer).is_ok() {
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
        }
    });
    (format!("https://localhost:{port}/events"), authority.pem())
}

#[test]
fn a_usable_stream_exits_with_0_and_prints_no_colour_into_a_pipe() {
    let url = backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    let output = doctor(&[&url, "--for", "500ms"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("\nVerdict       usable\n"), "{text}");
    assert!(!text.contains('\x1b'));
}

#[test]
fn a_broken_stream_exits_with_1_as_text_and_as_json() {
    let url = backend("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(doctor(&[&url, "--for", "500ms"]).status.code(), Some(1));
    let output = doctor(&[&url, "--for", "500ms", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["usable"], false);
}

#[test]
fn over_tls_the_certificate_decides() {
    let good = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
    let (url, authority) = secure_backend(good);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority).unwrap();
    let ca = file.to_str().unwrap();
    let said = |output: Output| {
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    // What the machine trusts.
    let mut trusting = program(&[&url, "--for", "500ms"]);
    let (exit, text) = said(trusting.env("SSL_CERT_FILE", ca).output().unwrap());
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("\n  C01  ok       DNS "), "{text}");
    assert!(text.contains(&format!("upstream = \"{url}\"\n")), "{text}");
    // What is given.
    let (exit, text) = said(doctor(&[&url, "--for", "500ms", "--ca", ca]));
    assert_eq!(exit, Some(0), "{text}");
    assert!(
        text.contains(&format!("upstream_tls = {{ ca = {ca:?} }}\n")),
        "{text}"
    );
    // Neither.
    let other = secure_backend(good).1;
    std::fs::write(&file, other).unwrap();
    let (exit, text) = said(doctor(&[&url, "--for", "500ms", "--ca", ca, "--json"]));
    assert_eq!(exit, Some(1), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["findings"][0]["code"], "C01");
    assert_eq!(json["findings"][0]["severity"], "fault");
    assert_eq!(json["stages"]["answer_ms"], serde_json::Value::Null);
}

#[test]
fn a_wrong_question_exits_with_2_and_says_what_would_be_right() {
    let output = doctor(&["localhost:8000/a.php"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("write it as http://"), "{text}");
}
