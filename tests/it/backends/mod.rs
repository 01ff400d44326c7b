//! Backends as they are: the tutorial's scripts, unmodified, run by the servers that people have.
//!
//! Whoever the backend is, its clients see the same (`crowd.rs`). Tests that need a server fail
//! without it: `tests/run` installs all of them.

mod buffers;
mod crowd;
mod exhaustion;
mod iis;
mod looping;
mod nginx;
mod one_shot;
mod servers;

use crowd::{CLIENTS, Crowd, FIRST_EVENT, INTERVAL, gateway};
use servers::Server;

#[test]
fn every_test_that_the_readme_names_is_there() {
    let root = env!("CARGO_MANIFEST_DIR");
    let readme = std::fs::read_to_string(format!("{root}/README.md")).unwrap();
    let (_, table) = readme.split_once("| shown by |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().filter(|line| line.contains("::"));
    let mut named = 0;
    for row in rows {
        let (_, name) = row.trim_end_matches("` |").rsplit_once('`').unwrap();
        let (module, test) = name.split_once("::").unwrap();
        let file = format!("{root}/tests/it/backends/{module}.rs");
        let source = std::fs::read_to_string(&file).unwrap();
        assert!(source.contains(&format!("\nfn {test}()")), "{name}");
        named += 1;
    }
    assert_eq!(named, 6);
}
