//! Tests of the real binary over HTTP with real servers, in one test program.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]
#![expect(clippy::print_stdout, reason = "measurements are printed")]
#![expect(
    unreachable_pub,
    reason = "one test program: nothing is reachable from outside"
)]

mod admin;
mod api;
mod app;
mod audit;
mod authority;
mod boot;
mod browser;
mod cases;
mod certificates;
mod challenges;
mod check_config;
mod clients;
mod csrf;
mod dyndns;
mod expiry;
mod export;
mod fault_table;
mod faults;
mod import;
mod labels;
mod limits;
mod mail;
mod metrics;
mod pages;
mod publish;
mod pysaml2;
mod races;
mod raw;
mod reconcile;
mod record_types;
mod records;
mod redis;
mod refusals;
mod renewal_info;
mod replicas;
mod saml;
mod samlp;
mod schemathesis;
mod secrets;
mod sessions;
mod sign_in;
mod simplesaml;
mod tokens;
mod tracking;
mod truth;
mod ttl;
mod verbs;
mod walls;
mod wipe;
mod words;
