//! The website and the API: routes, pages, protocols, sessions and tokens over HTTP.
//!
//! All routes are in one table ([`route_table`]) with their protection and their form fields. The
//! server is built from that table, so that no route can lack its protection. A handler that needs
//! a signed-in user takes one as an argument (invariant I8).
//!
//! `pages` holds each page's handlers beside its template, `api` each protocol of the API. What a
//! user can do is in `actions`, which knows no HTTP and which every channel calls.
//!
//! No handler calls the DNS provider, the certificate authority or SMTP (invariant I7): a write
//! wakes the worker through the queue, and a sign-in is a redirect.

mod accept;
mod actions;
mod actor;
mod address;
mod admission;
mod api;
mod app;
mod config;
mod context;
mod cookies;
mod csrf;
mod error_response;
mod errors;
mod etags;
mod forms;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod list_query;
mod metrics;
mod name_rules;
mod pages;
mod pipeline;
mod problem;
mod rate_limits;
mod readiness;
mod redirects;
mod responses;
mod routes;
mod server;
mod sign_in_refusal;
mod signing;
mod telemetry;
mod token_usage;
mod tokens;
mod typed;
mod unread_body;

pub use api::channel::Channel;
pub use app::App;
pub use config::{VersionInfo, WebConfig};
pub use metrics::RequestMetrics;
pub use pipeline::configure;
pub use readiness::Readiness;
pub use routes::system::alive_response;
pub use routes::{Protection, RouteInfo, route_table};
pub use server::server;

#[cfg(test)]
mod tests;
