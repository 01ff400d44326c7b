//! The files in `deploy/` are good, and the complete one is complete and true.

use std::collections::BTreeSet;

use super::*;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

#[test]
fn every_example_loads() {
    let files = std::fs::read_dir(deploy())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        if let Err(faults) = Config::load(&file, &[], &Flags::default()) {
            panic!("{faults}");
        }
    }
}

#[test]
fn the_complete_example_states_the_defaults() {
    let file = deploy().join("fantail.toml");
    let config = Config::load(&file, &[], &Flags::default()).unwrap();
    let right = Config::default();
    assert_eq!(config.server, right.server);
    assert!(config.tls.is_none());
    assert_eq!(config.admin, right.admin);
    assert_eq!(config.memory, right.memory);
    assert_eq!(config.hub, right.hub);
    assert_eq!(config.edge, right.edge);
    assert_eq!(config.ingest, right.ingest);
    assert_eq!(config.delivery, right.delivery);
    let route = &config.routes[0];
    assert_eq!(route.name, route.path.as_str());
    assert_eq!(route.mode, Mode::default());
    assert_eq!(route.query, edge::QueryRule::default());
    assert!(route.headers.is_empty() && route.cookies.is_empty());
    assert_eq!(route.share, edge::Share::default());
    assert_eq!(route.cors, None);
    assert_eq!(route.topic, hub::TopicOptions::default());
    assert_eq!(route.delivery, delivery::Options::default());
    assert_eq!(route.ingest, ingest::Options::default());
    assert_eq!(route.source, source::Options::default());
    assert_eq!(route.pass, edge::PassOptions::default());
}

#[test]
fn the_complete_example_has_every_key() {
    let text = "[server]\nzzzzzzzz = 1\n[tls]\nlisten = []\nzzzzzzzz = 1\n[[tls.certificate]]\n\
                zzzzzzzz = 1\n[admin]\nzzzzzzzz = 1\n[limits]\nzzzzzzzz = 1\n"
        .to_owned()
        + ROUTE
        + "zzzzzzzz = 1\nreplay = { zzzzzzzz = 1 }\ntimeouts = { zzzzzzzz = 1 }\nupstream_tls = { zzzzzzzz = 1 }\ncors = { zzzzzzzz = 1 }\n";
    let faults = parse(&text).unwrap_err();
    let lists = faults
        .iter()
        .filter_map(|fault| fault.right.strip_prefix("its keys are: "));
    let known: BTreeSet<_> = lists.flat_map(|list| list.split(", ")).collect();
    assert_eq!(known.len(), 117, "{known:?}");
    let example = std::fs::read_to_string(deploy().join("fantail.toml")).unwrap();
    let written: BTreeSet<_> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(['{', ',', ' ']))
        .collect();
    let missing: Vec<_> = known.difference(&written).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
