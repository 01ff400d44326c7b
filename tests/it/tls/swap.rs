//! New certificates while the program runs.

use rustix::process::{Pid, Signal, kill_process};

use super::{Stage, authority, client_config, is_of, served};
use crate::support::pki::{Authority, replace};
use crate::support::way::tls_table;
use crate::support::{Client, Process, Upstream, eventually};

const GOOD: &str = "fantail_tls_certificate_reloads_total{result=\"ok\"}";
const BAD: &str = "fantail_tls_certificate_reloads_total{result=\"error\"}";

#[test]
fn twenty_swaps_under_a_thousand_streams_drop_none_and_newcomers_see_each() {
    const STREAMS: usize = 1000;
    let stage = Stage::new("", "");
    let config = client_config();
    let mut clients: Vec<Client> = (0..STREAMS).map(|_| stage.subscribe(&config)).collect();
    stage.upstream.wait_for_streams(1);
    for round in 0..20_u32 {
        let identity = authority().issue("localhost");
        identity.write(stage.folder.path(), "localhost");
        stage.gateway.reload_certificates();
        // The watch may have been faster, and counts too.
        assert!(stage.gateway.metric(GOOD) > f64::from(round));
        // Who resumes sees no certificate: each newcomer is somebody new.
        let seen = served(stage.address(), &client_config(), "localhost");
        assert!(is_of(&seen, &identity), "round {round}");
        stage.upstream.emit(&format!("data: {round}\n\n"));
    }
    let expected: Vec<String> = (0..20).map(|round| round.to_string()).collect();
    for client in &mut clients {
        assert_eq!(client.data(20), expected);
    }
    let subscribers = "fantail_subscribers{protocol=\"h1\",route=\"events\"}";
    assert_eq!(stage.gateway.metric(subscribers), STREAMS as f64);
}

#[test]
fn a_bad_new_pair_leaves_the_old_one_and_is_counted() {
    let stage = Stage::new("", "");
    let folder = stage.folder.path();
    let seen = || served(stage.address(), &client_config(), "localhost");
    let first = seen();
    let other = authority().issue("localhost");
    // The key is still that of the old one.
    replace(folder, "localhost.pem", &other.cert);
    stage.gateway.reload_certificates();
    assert!(seen() == first && stage.gateway.metric(BAD) >= 1.0);
    authority()
        .issue_in("localhost", (2020, 2021))
        .write(folder, "localhost");
    stage.gateway.reload_certificates();
    assert!(seen() == first && stage.gateway.metric(BAD) >= 2.0);
    std::fs::remove_file(folder.join("localhost.pem")).unwrap();
    stage.gateway.reload_certificates();
    assert!(seen() == first && stage.gateway.metric(BAD) >= 3.0);
    assert_eq!(stage.gateway.metric(GOOD), 0.0);
    other.write(folder, "localhost");
    stage.gateway.reload_certificates();
    assert!(is_of(&seen(), &other));
    assert!(stage.gateway.metric(GOOD) >= 1.0);
}

#[test]
fn changed_files_are_found_without_a_word_and_through_links_too() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| {
        let inner = folder.path().join(name);
        std::fs::create_dir(&inner).unwrap();
        let identity = authority().issue("localhost");
        identity.write(&inner, "localhost");
        identity
    });
    let link = folder.path().join("live");
    std::os::unix::fs::symlink("old", &link).unwrap();
    let upstream = Upstream::live();
    let live = link.display();
    let table = format!(
        "[tls]\nlisten = [\"127.0.0.1:0\"]\ncert = \"{live}/localhost.pem\"\n\
         key = \"{live}/localhost.key\"\n{}",
        super::EVENTS
    );
    let gateway = crate::support::Gateway::start(&table, &upstream);
    let seen = || served(gateway.tls_address(), &client_config(), "localhost");
    assert!(is_of(&seen(), &old));
    let next = folder.path().join("next");
    std::os::unix::fs::symlink("new", &next).unwrap();
    std::fs::rename(&next, &link).unwrap();
    eventually("the new one is used", || is_of(&seen(), &new));
}

#[test]
fn sighup_reads_the_certificates_again_and_says_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::live();
    let table = tls_table(folder.path());
    let program = Process::serve(&format!("{table}{}", super::EVENTS), &upstream, 1000);
    let hang_up = || {
        let id = i32::try_from(program.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::HUP).unwrap();
    };
    let identity = authority().issue("localhost");
    identity.write(folder.path(), "localhost");
    hang_up();
    program.logs("certificates were read again");
    let seen = served(program.tls_address(), &client_config(), "localhost");
    assert!(is_of(&seen, &identity));
    let foreign = Authority::new("x").issue("localhost");
    replace(folder.path(), "localhost.key", &foreign.key);
    hang_up();
    let line = program.logs("the one in use stays");
    assert!(
        line.contains("it is not the key of the certificate"),
        "{line}"
    );
}
