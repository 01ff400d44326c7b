//! `fantail doctor` names the buffer that holds events back, at the servers that have one.

use std::process::Command;

use super::servers::Server;

/// What doctor says of C08, and with which fixes.
#[track_caller]
fn buffering(server: &Server, path: &str) -> (String, Vec<String>) {
    let url = format!("{}{path}", server.url());
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_fantail"));
    let output = doctor
        .args(["doctor", &url, "--for", "4s", "--json"])
        .args(["php", "nginx", "asp"].map(|server| format!("--fix={server}")))
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["code"] == "C08");
    let found = found.unwrap_or_else(|| panic!("{json:#}"));
    let fixes = found["fixes"].as_array().unwrap().iter();
    let servers = fixes.map(|fix| fix["server"].as_str().unwrap().to_owned());
    (found["saw"].as_str().unwrap().to_owned(), servers.collect())
}

#[track_caller]
fn assert_named(found: &(String, Vec<String>), words: &str, fixed_in: &[&str]) {
    assert!(found.0.contains(words), "{}", found.0);
    assert_eq!(found.1, fixed_in, "{}", found.0);
}

#[test]
#[ignore = "needs PHP: tests/run runs it"]
fn phps_own_buffer_is_named_while_the_script_runs_and_when_it_ends() {
    let server = Server::php();
    let found = buffering(&server, "/held_sse.php");
    assert_named(
        &found,
        "a buffer of 4096 bytes of the script itself",
        &["PHP", "ASP"],
    );
    let found = buffering(&server, "/held_sse.php?count=4&interval=300");
    assert_named(
        &found,
        "4 events at once, when the script ended: its own buffer",
        &["PHP", "ASP"],
    );
    let found = buffering(&server, "/held_sse.php?plain");
    assert_named(&found, "events come one by one", &[]);
}

#[test]
#[ignore = "needs php-fpm, PHP and nginx: tests/run runs it"]
fn nginxs_buffers_are_named_with_their_size() {
    let php = Server::php();
    let proxy = |path: &str, keys: &str| {
        let url = php.url();
        format!("location {path} {{ proxy_pass {url}/; {keys} }}\n")
    };
    let keys = proxy("/4k/", "proxy_buffers 8 4k; proxy_buffer_size 4k;")
        + &proxy("/8k/", "proxy_buffers 8 8k; proxy_buffer_size 8k;")
        + &proxy("/none/", "proxy_buffering off;");
    let server = Server::fpm(2, &keys);
    // A piece in each of the four seconds at least.
    let script = "held_sse.php?plain&size=400";
    let found = buffering(&server, &format!("/4k/{script}"));
    assert_named(&found, "a buffer of 4096 bytes of a proxy", &["nginx"]);
    let found = buffering(&server, &format!("/8k/{script}"));
    assert_named(&found, "a buffer of 8192 bytes of a proxy", &["nginx"]);
    let found = buffering(&server, &format!("/none/{script}"));
    assert_named(&found, "events come one by one", &[]);
    let found = buffering(&server, &format!("/{script}"));
    let all = ["PHP", "ASP", "nginx"];
    assert_named(
        &found,
        "a buffer of 4096 bytes between FastCGI and the client",
        &all,
    );
}
