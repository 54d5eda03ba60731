//! What is true about names, records and people, whatever runs around it.
//!
//! This crate talks to nothing: no async, no I/O, no clock, no randomness, no environment. `now` is
//! passed in.

pub mod certificate;
pub mod error;
pub mod expiry;
pub mod fault;
pub mod import;
pub mod names;
pub mod notice;
pub mod plan;
pub mod plural;
pub mod publish;
pub mod record;
pub mod rrset;
pub mod secret;
pub mod time;
pub mod txt;
pub mod user;
