//! The pairs and the choice between them, without a network.
