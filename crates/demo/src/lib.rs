//! Replacements for outside systems, so that the demo needs none: an identity provider with fixed
//! users, an inbox for their mails, a zone with its name server, and a certificate authority.
//!
//! They serve on loopback and are not part of a release build. The rest of the program does not
//! depend on them: the identity provider speaks SAML over HTTP, the inbox reads the folder that
//! mails are written to, the zone is the in-memory provider of `starchart-dns`, and the certificate
//! authority implements the port of `starchart-acme`.

mod authority;
mod error;
mod html;
mod identity_provider;
mod inbox;
mod name_server;
mod zone;

pub use authority::DemoAuthority;
pub use error::Error;
pub use identity_provider::{DEMO_USERS, DemoUser, IdentityProvider};
pub use name_server::NameServer;
pub use zone::open_zone;
