//! An HTTPS client for single requests to one service: it trusts the root certificates that it is
//! given, bounds the time and the size of a response, and its errors contain nothing of a request.
//!
//! It speaks HTTP/1.1, follows no redirect and uses no proxy. The two services are the certificate
//! authority and the token endpoint of a mail server.

mod client;
mod roots;

pub use client::{HttpsClient, Limits, RequestError};
pub use roots::{Roots, RootsError};
