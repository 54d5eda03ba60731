//! SAML 2.0 Web Browser SSO, the service provider's side.
//!
//! A response from the outside passes two parsers. The gate is an allow-list in safe Rust: it sees
//! the bytes first and refuses everything that a sign-in response does not need. Only what it
//! passes is shown to samael (libxml2 and xmlsec, in C), which checks the signatures. Both must
//! accept, and both must read the same assertion, or nobody signs in.
//!
//! The crate keeps no state: whether a request is known, and whether an assertion was used before,
//! is for the caller to decide, atomically, from [`VerifiedAssertion::in_response_to`] and
//! [`VerifiedAssertion::assertion_id`].
//!
//! Out of this crate for now: encrypted assertions (refused with a reason of their own), signatures
//! on metadata, and signed single logout. A logout message that arrives from the identity provider
//! must change nothing.

mod checks;
mod gate;
mod identity;
mod idp;
#[cfg(feature = "issuer")]
pub mod issuer;
mod login;
mod logout;
mod metadata;
mod provider;
mod redirect;
mod refusal;
mod verify;
mod xml;

pub use gate::MAX_RESPONSE_BYTES;
pub use idp::{MetadataError, Warning};
pub use login::LoginRedirect;
pub use provider::{AttributeNames, ServiceProvider, ServiceProviderConfig, VerifiedAssertion};
pub use redirect::RequestError;
pub use refusal::{Refusal, RefusalClass};
pub use xml::XmlFault;
