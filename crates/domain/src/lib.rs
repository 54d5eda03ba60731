//! Rules about names, records, certificates and users, without any input or output.
//!
//! This crate has no async, I/O, clock, randomness or environment (I1). Callers pass `now` in.

pub mod api;
pub mod certificate;
pub mod error;
pub mod expiry;
pub mod fault;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod import;
pub mod input;
pub mod limits;
pub mod machine;
pub mod name_text;
pub mod names;
pub mod notice;
pub mod outage;
pub mod paste;
pub mod plan;
pub mod plural;
pub mod presentation;
pub mod publish;
pub mod record;
pub mod rrset;
pub mod secret;
pub mod site;
pub mod time;
pub mod timers;
pub mod token;
pub mod ttl;
pub mod txt;
pub mod user;
pub mod words;
pub mod zone_file;
