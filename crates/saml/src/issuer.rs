//! The identity provider's side, for the demo and for tests that need dishonest responses.
//!
//! Never part of a production build.

mod authn_request;
mod encryption;
mod identity_provider;
mod response;

pub use authn_request::{AuthnRequest, parse_authn_request};
pub use encryption::{AssertionCipher, Encryption, Oaep};
pub use identity_provider::{Issuer, IssuerError, IssuerKey, SamlIdentity};
pub use response::{NamespaceStyle, Response, SignedParts, sign_element};
