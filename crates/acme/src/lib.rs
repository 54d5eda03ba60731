//! Obtains and revokes certificates over ACME (RFC 8555).
//!
//! [`authority`] is the port: the calls that the rest of the program may make to a certificate
//! authority. [`LetsEncrypt`] implements it over ACME; instant-acme's types stay in this crate
//! (invariant I2). [`keys`] creates private keys and certificate signing requests, [`chain`] reads
//! issued certificates.

mod account;
mod ari;
pub mod authority;
mod call_error;
pub mod chain;
mod client;
pub mod keys;
mod lets_encrypt;
mod new_order;
mod problem;
mod retry_after;

pub use lets_encrypt::{AcmeConfig, AcmeConfigError, LetsEncrypt};
