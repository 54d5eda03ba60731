//! Routes, views and sessions over HTTP.
//!
//! Every route stands in one table ([`route_table`]) with who may use it and what it takes; the
//! server is built from that table, so that a route cannot forget its protection. A handler that
//! needs a signed-in person takes one as an argument.
//!
//! No handler calls Route53 or the identity provider (invariant I7): a write wakes the queue, and a
//! sign-in is a redirect.

mod actor;
mod address;
mod config;
mod cookies;
mod csrf;
mod errors;
mod forms;
mod headers;
mod keys;
mod limits;
mod metrics;
mod pipeline;
mod redirects;
mod routes;
mod server;
mod telemetry;
mod unread;
mod visit;

pub mod views;

pub use config::{App, RateLimits, Readiness, VersionInfo, WebConfig};
pub use metrics::RequestMetrics;
pub use pipeline::configure;
pub use routes::system::alive_answer;
pub use routes::{Protection, RouteInfo, route_table};
pub use server::server;

#[cfg(test)]
mod tests;
