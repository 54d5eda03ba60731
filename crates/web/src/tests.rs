//! Tests of the whole web on a real database (SQLite) and with signed SAML responses. Only
//! `connections` uses sockets.

pub(crate) mod test_app;

mod admin;
mod api_tokens;
mod certificate;
mod connections;
mod errors;
mod fetch_script;
mod history;
mod list;
mod lookup;
mod paste;
mod polling;
mod powerdns;
mod questions;
mod record_input;
mod records;
mod refusals;
mod request_checks;
mod rest;
mod sign_in;
mod token_matrix;
mod token_pages;
mod token_routes;
mod ttl;
mod typed;
mod words;
