//! The `fantail` program.
fn main() {}
