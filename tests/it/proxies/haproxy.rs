//! HAProxy as a TCP balancer, which has no other way to say who its client is.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use rstest::rstest;
use tempfile::TempDir;

use super::SITE;
use crate::support::way::client_config;
use crate::support::{
    Client, Exchange, Gateway, Get, Group, Upstream, Way, eventually, with_length,
};

/// A HAProxy that runs; it comes to its server from 127.0.0.3.
struct Balancer {
    address: SocketAddr,
    _process: Group,
    _folder: TempDir,
}

impl Balancer {
    /// In front of this server, which it tells by this keyword.
    fn start(server: SocketAddr, keyword: &str) -> Self {
        // Free a moment ago; whoever takes it in between makes HAProxy say so.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
             listen balancer\n  bind {address}\n  source 127.0.0.3\n\
             \x20 server fantail {server} {keyword} check inter 100ms\n"
        );
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        let mut haproxy = Command::new("/usr/sbin/haproxy");
        // In the foreground.
        haproxy.arg("-db").arg("-f").arg(&file);
        let process = Group::start(&mut haproxy, &folder.path().join("haproxy.log"));
        eventually("HAProxy listens", || TcpStream::connect(address).is_ok());
        Self {
            address,
            _process: process,
            _folder: folder,
        }
    }
}

/// A gateway that believes HAProxy, and an upstream with a stream and a page.
fn stage(way: Way) -> (Gateway, Upstream) {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        if exchange.head.starts_with("GET /events ") {
            return exchange.stream_after(crate::support::STREAM_HEAD);
        }
        let body = exchange.header("x-forwarded-for").unwrap_or("-").to_owned();
        exchange.send(with_length(&body));
    });
    let on = "proxy_protocol = true\n";
    let (tls, server) = match way {
        Way::Plain => ("", on),
        Way::Tls | Way::H2 => (on, ""),
    };
    let listen = "[server]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.3/32\"]\n";
    let limits = "[limits]\nconnections_per_address = 1\n";
    let toml = format!("{tls}{listen}{server}{limits}{SITE}");
    (way.start(&toml, &upstream), upstream)
}

fn refused(gateway: &Gateway, reason: &str) -> f64 {
    let labels = format!("{{listener=\"127.0.0.1:0\",reason=\"{reason}\"}}");
    gateway.metric(&format!("fantail_rejects_total{labels}"))
}

#[rstest]
#[ignore = "needs HAProxy: tests/run runs it"]
fn haproxys_clients_are_known_by_their_own_addresses(
    #[values("send-proxy", "send-proxy-v2")] keyword: &str,
) {
    let (gateway, upstream) = stage(Way::Plain);
    let balancer = Balancer::start(gateway.address(), keyword);
    let from = |address: &str, path: &str| Get::new(path).from(address);
    // Not 127.0.0.1: from there it was looked at whether HAProxy listens, which holds a place for a while.
    for address in ["127.0.0.4", "127.0.0.2"] {
        let mut page = from(address, "/page").connect(balancer.address);
        assert_eq!(page.body(), address);
    }
    let free = || gateway.app().connections() == 0;
    eventually("nobody holds a place but its own checks", free);
    let mut stream = from("127.0.0.4", "/events").stream(balancer.address);
    assert_eq!(stream.header("content-length"), None, "{}", stream.head);
    let other = from("127.0.0.2", "/events").stream(balancer.address);
    assert_eq!(other.header("content-length"), None, "{}", other.head);
    let second = from("127.0.0.4", "/page").connect(balancer.address);
    assert_eq!((second.status, refused(&gateway, "address")), (429, 1.0));
    upstream.wait_for_streams(1);
    upstream.emit("data: x\n\n");
    assert_eq!(stream.data(1), ["x"]);
    // Its checks, of which there have been many, are good too.
    assert_eq!(refused(&gateway, "proxy_protocol"), 0.0);
}

#[rstest]
#[ignore = "needs HAProxy: tests/run runs it"]
fn tls_through_haproxy_ends_here_and_its_clients_are_known(
    #[values("send-proxy", "send-proxy-v2")] keyword: &str,
) {
    let (gateway, _upstream) = stage(Way::Tls);
    let balancer = Balancer::start(gateway.address(), keyword);
    let mut client = Client::secure(balancer.address, &client_config(), "localhost").unwrap();
    client.send(Get::new("/page").bytes());
    client.read_head();
    assert_eq!((client.status, client.body().as_str()), (200, "127.0.0.1"));
    assert_eq!(refused(&gateway, "proxy_protocol"), 0.0);
}

#[rstest]
#[ignore = "needs HAProxy: tests/run runs it"]
fn a_haproxy_that_is_not_told_to_send_it_is_hung_up_on() {
    let (gateway, _upstream) = stage(Way::Plain);
    let balancer = Balancer::start(gateway.address(), "");
    let mut client = Client::raw(balancer.address);
    client.send(Get::new("/page").bytes());
    assert!(client.is_ended());
    eventually("it is counted", || {
        refused(&gateway, "proxy_protocol") == 1.0
    });
}
