//! Verifies valid and forged sign-in responses, signed by a real issuer.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod accepted;
mod algorithms;
mod conditions;
mod corpus;
mod encrypted;
mod faults;
mod fixture;
mod idp_keys;
mod idp_metadata;
mod interoperable;
mod products;
mod requests;
mod structure;
mod wrapping;
