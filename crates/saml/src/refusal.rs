//! Reasons why a response is refused.

use std::fmt;

use crate::xml::XmlFault;

/// The class of a refusal: what the user's error page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalClass {
    /// The response is not one that the gate accepts.
    Malformed,
    /// The response is not signed by a key of the identity provider.
    Signature,
    /// The response is too old or not valid yet, or a clock is wrong.
    Clock,
    /// Audience, recipient, destination or issuer is another one.
    NotForUs,
    /// The response does not name a request.
    Unsolicited,
    /// The identity provider refused the sign-in: the status is not Success.
    IdpRefused,
    /// The assertion is encrypted, and cannot be decrypted.
    Encrypted,
    /// The attributes do not identify one user.
    Attributes,
    /// Too many responses are being checked, or the check took too long.
    Busy,
}

/// Why a response was refused. Contains no part of the response, so it can be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Larger than [`crate::MAX_RESPONSE_BYTES`] when decoded.
    TooLarge,
    /// The form field is not base64 (RFC 2045 section 6.8).
    NotBase64,
    /// The decoded response is not UTF-8.
    NotUtf8,
    /// The response is not XML that the gate accepts.
    Xml(XmlFault),
    /// The structure is not that of a sign-in response; the code names the part.
    Structure(&'static str),
    /// Neither the response nor the assertion is signed.
    Unsigned,
    /// The structure of a signature is not allowed (reference, transform, algorithm); the code
    /// names the part.
    SignatureStructure(&'static str),
    /// No key of the identity provider fits the signature, or the signed content was changed.
    BadSignature,
    /// A time is out of bounds; the code names it.
    Clock(&'static str),
    /// The response is for another service or from another identity provider; the code names the
    /// part.
    NotForUs(&'static str),
    /// The response has no `InResponseTo`.
    Unsolicited,
    /// The status is not Success; the code names it.
    Status(&'static str),
    /// The response has an EncryptedAssertion and there is no key, or it has an EncryptedID or
    /// EncryptedAttribute.
    Encrypted,
    /// The encrypted assertion cannot be decrypted; the code names the unsupported part, and is the
    /// same for every failure with supported ones.
    NotDecrypted(&'static str),
    /// The attributes do not identify one user; the code says why.
    Attributes(&'static str),
    /// What was signed is not what the gate read.
    ParserMismatch(&'static str),
    /// The check panicked, which is a bug.
    CheckPanicked,
    /// Too many checks are running, or this one exceeded its time limit.
    Busy,
}

impl Refusal {
    /// Returns the class of the reason, which decides the text for the user.
    #[must_use]
    pub fn class(self) -> RefusalClass {
        match self {
            Self::TooLarge
            | Self::NotBase64
            | Self::NotUtf8
            | Self::Xml(_)
            | Self::Structure(_)
            | Self::ParserMismatch(_)
            | Self::CheckPanicked => RefusalClass::Malformed,
            Self::Unsigned | Self::SignatureStructure(_) | Self::BadSignature => {
                RefusalClass::Signature
            }
            Self::Clock(_) => RefusalClass::Clock,
            Self::NotForUs(_) => RefusalClass::NotForUs,
            Self::Unsolicited => RefusalClass::Unsolicited,
            Self::Status(_) => RefusalClass::IdpRefused,
            Self::Encrypted | Self::NotDecrypted(_) => RefusalClass::Encrypted,
            Self::Attributes(_) => RefusalClass::Attributes,
            Self::Busy => RefusalClass::Busy,
        }
    }

    /// Returns a short code for the log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotBase64 => "not_base64",
            Self::NotUtf8 => "not_utf8",
            Self::Xml(fault) => fault.code(),
            Self::Structure(code)
            | Self::SignatureStructure(code)
            | Self::Clock(code)
            | Self::NotForUs(code)
            | Self::Status(code)
            | Self::Attributes(code)
            | Self::NotDecrypted(code)
            | Self::ParserMismatch(code) => code,
            Self::Unsigned => "unsigned",
            Self::BadSignature => "signature_invalid",
            Self::Unsolicited => "unsolicited",
            Self::Encrypted => "encrypted",
            Self::CheckPanicked => "checker_panicked",
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
