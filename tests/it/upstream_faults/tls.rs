//! An upstream whose TLS is not what it should be.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::reason_of;
use crate::support::{Gateway, Get, Upstream};

/// Says in plain HTTP that it does not understand.
fn plain() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let answered = socket.read(&mut [0; 4096]).is_ok()
                && socket.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").is_ok();
            assert!(answered);
            drop(socket.read_to_end(&mut Vec::new()));
        }
    });
    format!("https://{address}")
}

#[test]
fn an_upstream_without_tls_is_held_and_a_route_that_verifies_nothing_is_seen() {
    let (origin, sound) = (plain(), Upstream::live());
    let routes = format!(
        "[[route]]\npath = \"/lax\"\nupstream = \"{origin}\"\n\
         upstream_tls = {{ insecure = true }}\n\
         [[route]]\npath = \"/events\"\nupstream = \"{{upstream}}\"\n"
    );
    let gateway = Gateway::start(&routes, &sound);
    let insecure = |origin: &str| {
        let series = format!("fantail_upstream_insecure{{upstream=\"{origin}\"}}");
        gateway.metric(&series) > 0.0
    };
    let verified = format!("http://{}", sound.address());
    assert!(insecure(&origin) && !insecure(&verified));
    let mut client = Get::new("/lax").stream(gateway.address());
    assert_eq!(client.status, 200, "{}", client.head);
    assert_eq!(reason_of(&mut client), "tls");
    let series = format!("fantail_upstream_errors_total{{reason=\"tls\",upstream=\"{origin}\"}}");
    assert!(gateway.metric(&series) >= 1.0);
}
