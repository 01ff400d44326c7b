//! `trusted_proxies`, and where they begin with a PROXY header.

use super::*;
use crate::edge::ProxyProtocol;

const TRUST: &str = "trusted_proxies = [\"10.0.0.0/8\"]\n";

fn told(text: &str) -> Result<ProxyProtocol, Faults> {
    Ok(parse(&format!("{text}{ROUTE}"))?.edge.proxy_protocol)
}

#[test]
fn each_kind_of_listener_is_told_by_itself() {
    assert_eq!(told("").unwrap(), ProxyProtocol::default());
    let plain = told(&format!("[server]\nproxy_protocol = true\n{TRUST}")).unwrap();
    assert!(plain.plain && !plain.tls);
    let env = [
        ("FANTAIL_SERVER__PROXY_PROTOCOL", "true"),
        ("FANTAIL_SERVER__TRUSTED_PROXIES", "10.0.0.0/8"),
    ];
    let config = with_env(ROUTE, &env, &Flags::default()).unwrap();
    assert!(config.edge.proxy_protocol.plain);
}

#[test]
fn a_header_that_nobody_is_trusted_to_send_is_a_fault() {
    let faults = told("[server]\nproxy_protocol = true\n").unwrap_err();
    insta::assert_snapshot!(faults, @r#"
    error: fantail.toml:2:18: `proxy_protocol` is true, which has no effect: `trusted_proxies` of [server] is empty, so that nobody is believed
        2 | proxy_protocol = true
          |                  ^^^^
       name the proxies there, such as `trusted_proxies = ["10.0.0.0/8"]`

    1 fault; nothing was started.
    "#);
    // Off, it needs nobody, whoever says so.
    let env = [("FANTAIL_SERVER__PROXY_PROTOCOL", "false")];
    let text = format!("[server]\nproxy_protocol = false\n{ROUTE}");
    assert!(with_env(&text, &env, &Flags::default()).is_ok());
}

#[test]
fn a_program_on_this_machine_needs_no_address_to_be_trusted() {
    let unix = "[server]\nlisten = [\"unix:/run/fantail.sock\"]\nproxy_protocol = true\n";
    assert!(told(unix).unwrap().plain);
    let both =
        "[server]\nlisten = [\"unix:/run/fantail.sock\", \"0.0.0.0:80\"]\nproxy_protocol = true\n";
    assert_eq!(told(both).unwrap_err().iter().count(), 1);
}
