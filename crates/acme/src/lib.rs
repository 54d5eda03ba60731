//! Certificates: the port to an authority, and Let's Encrypt behind it.
//!
//! [`authority`] is what the rest of the program may ask of a certificate authority;
//! [`LetsEncrypt`] speaks RFC 8555, and instant-acme's types stay here. [`keys`] makes private keys
//! and requests, [`chain`] reads what comes back.

mod account;
pub mod authority;
pub mod chain;
mod client;
pub mod keys;
mod lets_encrypt;
mod problem;

pub use lets_encrypt::{AcmeConfig, AcmeConfigError, LetsEncrypt};
