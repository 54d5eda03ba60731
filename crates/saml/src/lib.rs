//! The service provider of the SAML 2.0 Web Browser SSO Profile (SAML profiles 4.1).
//!
//! Two parsers read every response. The gate, an allow-list in safe Rust, reads the bytes first and
//! refuses everything that a sign-in response does not need where something is read. Only a
//! document that it accepts reaches samael (libxml2 and xmlsec, in C), which verifies the
//! signatures and returns the text that was signed. A user signs in only when the gate reads the
//! same from that text. samael's types stay in this crate (invariant I2).
//!
//! The crate keeps no state. The caller decides, atomically, whether the request is known and
//! whether the assertion is used for the first time, from [`VerifiedAssertion::in_response_to`] and
//! [`VerifiedAssertion::assertion_id`].
//!
//! An encrypted assertion is decrypted here before the gate reads it. Not supported: encrypted
//! parts of an assertion (refused with a reason of their own), signatures on metadata, and signed
//! single logout. A logout message from the identity provider must therefore
//! change nothing.

mod checks;
mod decrypt;
#[cfg(all(feature = "issuer", any(test, fuzzing)))]
pub mod fuzzing;
mod gate;
mod identity;
mod idp_metadata;
#[cfg(feature = "issuer")]
pub mod issuer;
mod login;
mod logout;
mod provider;
mod redirect;
mod refusal;
mod sp_metadata;
mod verify;
mod xml;

pub use gate::MAX_RESPONSE_BYTES;
pub use idp_metadata::{MetadataError, Warning};
pub use login::LoginRedirect;
pub use provider::{ServiceProvider, ServiceProviderConfig, VerifiedAssertion};
pub use redirect::RequestError;
pub use refusal::{Refusal, RefusalClass};
pub use xml::XmlFault;
