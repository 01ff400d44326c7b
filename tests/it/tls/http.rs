//! What HTTP has to do with TLS: the scheme that upstreams are told, HSTS, the way from plain.

use rstest::rstest;

use super::{Stage, client_config};
use crate::support::{Client, Gateway, Get, Upstream};

const HSTS: &str = "strict-transport-security";

/// A site whose answers say what was asked.
fn site(keys: &str, server: &str) -> (Upstream, Gateway, tempfile::TempDir) {
    let upstream = Upstream::start(|mut exchange| {
        let head = exchange.head.clone();
        let length = head.len();
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{head}"
        ));
    });
    let folder = tempfile::tempdir().unwrap();
    let table = crate::support::way::tls_table(folder.path());
    let server = format!("[server]\nlisten = [\"127.0.0.1:0\"]\n{server}\n");
    let route = "[[route]]\npath = \"/{rest*}\"\nupstream = \"{upstream}/{rest*}\"\n";
    let gateway = Gateway::start(&format!("{server}{table}{keys}\n{route}"), &upstream);
    (upstream, gateway, folder)
}

fn ask(mut client: Client, get: &Get) -> (Client, String) {
    client.send(get.bytes());
    client.read_head();
    let body = client.body();
    (client, body)
}

fn by_tls(gateway: &Gateway) -> Client {
    Client::secure(gateway.tls_address(), &client_config(), "localhost").unwrap()
}

fn plain(gateway: &Gateway) -> Client {
    Client::raw(gateway.plain_address())
}

/// A poll to which there is an answer already: by who has read the stream's next event, when one
/// more has come.
fn poll_after_next(stage: &Stage, stream: &mut Client) -> Get {
    stage.upstream.emit("data: next\n\n");
    let id = stream.next_event().id.unwrap();
    stage.upstream.emit("data: last\n\n");
    assert_eq!(stream.next_event().data, "last");
    Get::new(&format!("/events?fantail=poll&lastEventId={id}"))
}

#[test]
fn an_upstream_is_told_by_which_scheme_the_client_came() {
    let (_upstream, gateway, _folder) = site("", "");
    let get = Get::new("/a").header("X-Forwarded-Proto", "gopher");
    let (_, seen) = ask(by_tls(&gateway), &get);
    let seen = seen.to_lowercase();
    assert!(seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
    assert!(seen.contains("proto=https"), "{seen}");
    let (_, seen) = ask(plain(&gateway), &get);
    let seen = seen.to_lowercase();
    assert!(seen.contains("x-forwarded-proto: http\r\n"), "{seen}");
}

#[test]
fn hsts_is_on_every_answer_by_tls_and_on_none_without() {
    let (_upstream, gateway, _folder) = site("hsts = \"24h\"", "");
    let value = Some("max-age=86400");
    let (client, _) = ask(by_tls(&gateway), &Get::new("/a"));
    assert_eq!(client.header(HSTS), value);
    let (client, _) = ask(plain(&gateway), &Get::new("/a"));
    assert_eq!(client.header(HSTS), None);
    let stage = Stage::new("hsts = \"24h\"", "");
    let mut stream = stage.subscribe(&client_config());
    assert_eq!(stream.header(HSTS), value);
    assert_eq!(stage.gateway.subscribe().header(HSTS), None);
    stage.upstream.wait_for_streams(1);
    let poll = poll_after_next(&stage, &mut stream);
    let (client, _) = ask(by_tls(&stage.gateway), &poll);
    assert_eq!((client.status, client.header(HSTS)), (200, value));
    let (client, _) = ask(plain(&stage.gateway), &poll);
    assert_eq!((client.status, client.header(HSTS)), (200, None));
    let (client, _) = ask(by_tls(&stage.gateway), &Get::new("/none"));
    assert_eq!((client.status, client.header(HSTS)), (404, value));
}

#[test]
fn without_hsts_nobody_hears_of_it() {
    let stage = Stage::new("", "");
    assert_eq!(stage.subscribe(&client_config()).header(HSTS), None);
}

#[rstest]
#[case("GET", "/a?b=c", 308)]
#[case("HEAD", "/", 308)]
#[case("POST", "/a", 200)]
fn an_ordinary_plain_request_is_sent_to_tls(
    #[case] method: &'static str,
    #[case] target: &str,
    #[case] status: u16,
) {
    let (_upstream, gateway, _folder) = site("redirect = true", "");
    let mut client = plain(&gateway);
    client.send(Get::new(target).method(method).bytes());
    client.read_head();
    assert_eq!(client.status, status);
    let port = gateway.tls_address().port();
    let there = format!("https://127.0.0.1:{port}{target}");
    let expected = (status == 308).then_some(&*there);
    assert_eq!(client.header("location"), expected);
    let (client, _) = ask(by_tls(&gateway), &Get::new(target));
    assert_eq!(client.status, 200, "by TLS it is served");
}

#[rstest]
#[case(443, "")]
#[case(8443, ":8443")]
fn behind_a_port_mapping_the_port_is_the_one_that_clients_come_to(
    #[case] port: u16,
    #[case] written: &str,
) {
    let (_upstream, gateway, _folder) = site(&format!("redirect = {port}"), "");
    let mut client = plain(&gateway);
    client.send(Get::new("/a?b=c").bytes());
    client.read_head();
    assert_eq!(client.status, 308);
    let there = format!("https://127.0.0.1{written}/a?b=c");
    assert_eq!(client.header("location"), Some(&*there));
}

#[test]
fn a_plain_stream_stays_where_it_is() {
    let stage = Stage::new("redirect = true", "");
    let mut client = stage.gateway.subscribe();
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
    // A poll is a stream in parts.
    let poll = poll_after_next(&stage, &mut client);
    let (client, body) = ask(plain(&stage.gateway), &poll);
    assert_eq!((client.status, client.header("location")), (200, None));
    assert!(body.contains("data: last\n"), "{body}");
}

#[test]
fn who_came_by_tls_to_a_trusted_proxy_is_not_sent_in_circles() {
    let (_upstream, gateway, _folder) =
        site("redirect = true", "trusted_proxies = [\"127.0.0.1\"]");
    let get = |proto| Get::new("/a").header("X-Forwarded-Proto", proto);
    let (client, _) = ask(plain(&gateway), &get("https"));
    assert_eq!(client.status, 200);
    let (client, _) = ask(plain(&gateway), &get("http"));
    assert_eq!(client.status, 308);
}
