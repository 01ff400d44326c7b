//! Placeholder, written by its own contract.
