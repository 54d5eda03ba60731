//! What a laptop lacks: an identity provider with ready users, an inbox for the mails to them, a
//! name server that answers for the zone, and a certificate authority that asks it.
//!
//! All are for trying things out on loopback and are left out of the release build. The rest of the
//! program does not know them: the identity provider speaks SAML over HTTP, the inbox reads the
//! folder that mails go to, the others stand behind the ports to the zone and to an authority.

mod authority;
mod identity_provider;
mod inbox;
mod name_server;
mod zone;

pub use authority::DemoAuthority;
pub use identity_provider::{DEMO_USERS, DemoUser, IdentityProvider};
pub use name_server::NameServer;
pub use zone::DemoZone;

/// Why a part of the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written, or a port not be opened.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file of an earlier start cannot be read as what it should be.
    #[error("{0}; start with --fresh to begin anew")]
    Unreadable(String),
    /// A key that is made at the first start.
    #[error("a key of the demo: {0}")]
    Key(String),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
