//! Certificates: the port to an authority, and what stands behind it.
//!
//! [`authority`] is what the rest of the program may ask of a certificate authority (RFC 8555); instant-acme's types stay here.

pub mod authority;
