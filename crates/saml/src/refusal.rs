//! Why a response does not sign anybody in.

use std::fmt;

use crate::xml::XmlFault;

/// What kind of reason it is: enough for the person's page, and for whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalClass {
    /// Not a response as the gate knows it.
    Malformed,
    /// Not signed, or not by a key of the identity provider.
    Signature,
    /// Too old, not valid yet, or a clock is wrong.
    Clock,
    /// Made for somebody else: audience, recipient, destination or issuer.
    NotForUs,
    /// Not the answer to a request of ours.
    Unsolicited,
    /// The identity provider itself said no.
    IdpRefused,
    /// The assertion is encrypted, which is not supported.
    Encrypted,
    /// Signed in, but the attributes do not name one person.
    Attributes,
    /// Too many responses at once, or this one took too long.
    Busy,
}

/// Why a response was refused. Holds no part of the response: it can be logged as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Larger than [`crate::MAX_RESPONSE_BYTES`] when decoded.
    TooLarge,
    /// `SAMLResponse` is not base64 (RFC 4648 section 4; line breaks are allowed).
    NotBase64,
    /// Not UTF-8.
    NotUtf8,
    /// Not the XML that the gate allows.
    Xml(XmlFault),
    /// Well-formed, but not the structure of a sign-in response; the code says which part.
    Shape(&'static str),
    /// No signature at all.
    Unsigned,
    /// A signature of a shape that is not allowed (reference, transform, algorithm); the code says
    /// which part.
    SignatureShape(&'static str),
    /// No key of the identity provider made this signature, or the signed content was changed.
    BadSignature,
    /// A time is out of bounds; the code says which.
    Clock(&'static str),
    /// Made for another service, or by another identity provider; the code says which part.
    NotForUs(&'static str),
    /// No `InResponseTo`: nothing of ours asked for it.
    Unsolicited,
    /// The status is not Success; the code names the well-known ones.
    Status(&'static str),
    /// An EncryptedAssertion, EncryptedID or EncryptedAttribute.
    Encrypted,
    /// The attributes do not name one person; the code says why.
    Attributes(&'static str),
    /// The signature checker refused for a reason that the gate did not see.
    CheckerRefused(&'static str),
    /// The two parsers read different things; the code says which.
    Disagreement(&'static str),
    /// The checker panicked.
    CheckerPanicked,
    /// No free place, or not done in time.
    Busy,
}

impl Refusal {
    /// The class of the reason.
    #[must_use]
    pub fn class(self) -> RefusalClass {
        match self {
            Self::TooLarge
            | Self::NotBase64
            | Self::NotUtf8
            | Self::Xml(_)
            | Self::Shape(_)
            | Self::CheckerRefused(_)
            | Self::Disagreement(_)
            | Self::CheckerPanicked => RefusalClass::Malformed,
            Self::Unsigned | Self::SignatureShape(_) | Self::BadSignature => {
                RefusalClass::Signature
            }
            Self::Clock(_) => RefusalClass::Clock,
            Self::NotForUs(_) => RefusalClass::NotForUs,
            Self::Unsolicited => RefusalClass::Unsolicited,
            Self::Status(_) => RefusalClass::IdpRefused,
            Self::Encrypted => RefusalClass::Encrypted,
            Self::Attributes(_) => RefusalClass::Attributes,
            Self::Busy => RefusalClass::Busy,
        }
    }

    /// A short machine code for the log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotBase64 => "not_base64",
            Self::NotUtf8 => "not_utf8",
            Self::Xml(fault) => fault.code(),
            Self::Shape(code)
            | Self::SignatureShape(code)
            | Self::Clock(code)
            | Self::NotForUs(code)
            | Self::Status(code)
            | Self::Attributes(code)
            | Self::CheckerRefused(code)
            | Self::Disagreement(code) => code,
            Self::Unsigned => "unsigned",
            Self::BadSignature => "signature_invalid",
            Self::Unsolicited => "unsolicited",
            Self::Encrypted => "encrypted",
            Self::CheckerPanicked => "checker_panicked",
            Self::Busy => "busy",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sign-in response refused: {}", self.code())
    }
}

impl std::error::Error for Refusal {}

impl From<XmlFault> for Refusal {
    fn from(fault: XmlFault) -> Self {
        Self::Xml(fault)
    }
}
