//! Sign-in responses, honest and otherwise, against a real issuer's signatures.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod accepted;
mod algorithms;
mod idp_metadata;
mod requests;
mod said;
mod structure;
mod world;
mod wrapping;
