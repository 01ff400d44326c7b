//! `fantail doctor` as a person runs it: what it prints, and how it exits.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

fn doctor(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
    command.arg("doctor").args(args).output().unwrap()
}

/// The URL of a server that answers whoever comes with these bytes.
fn backend(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events.php", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head) = (stream.unwrap(), Vec::new());
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
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
fn a_wrong_question_exits_with_2_and_says_what_would_be_right() {
    let output = doctor(&["localhost:8000/a.php"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("write it as http://"), "{text}");
}
