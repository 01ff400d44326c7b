//! Instructions of the hot paths, one by one, counted by valgrind; and the gate that compares them
//! with what the repository remembers. `benches/README.md` says how to run it and what each bench
//! measures.
//!
//! One executable plays every part: gungraun's runner starts it again under valgrind for each
//! bench, and the gate starts it again to have all of them run.
//!
//! A bench gives back what it was given, so that freeing it is not counted.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that is wrong about itself should stop, not go on with wrong figures"
)]
#![expect(
    clippy::exit,
    unused_qualifications,
    reason = "what gungraun's macros write"
)]

mod charset;
mod encode;
mod event_key;
mod gate;
mod inputs;
mod key;
mod log;
mod parse;
mod pass;
mod tls;
mod verdict;

use std::process::ExitCode;

/// As in the program. The system's does much of its work now and then, and so for one append in
/// many: where that falls depends on whatever was allocated before.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What gungraun makes of the groups, which wants to be the whole program.
mod harness {
    use gungraun::{Callgrind, LibraryBenchmarkConfig};

    use super::charset::charsets;
    use super::encode::encoding;
    use super::event_key::event_keys;
    use super::key::keys;
    use super::log::logs;
    use super::parse::parser;
    use super::pass::passes;
    use super::tls::records;

    gungraun::main!(
        // Nothing is asked about caches, and simulating them takes as long again.
        config = LibraryBenchmarkConfig::default()
            .tool(Callgrind::with_args(["--cache-sim=no"]));
        library_benchmark_groups =
            parser, encoding, logs, passes, keys, event_keys, charsets, records
    );

    pub(super) fn run() {
        main();
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    if has("--gungraun-run") {
        harness::run();
        return ExitCode::SUCCESS;
    }
    if !has("--bench") {
        // `cargo test --benches` starts benches too, without `--bench`: it must cost nothing.
        return ExitCode::SUCCESS;
    }
    gate::run(&arguments, harness::run)
}
