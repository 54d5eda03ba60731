//! Why certificates are revoked.

use strum::VariantArray;

/// Why a certificate is revoked: the reasons of RFC 5280 section 5.3.1 that its owner can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum RevocationReason {
    /// Others may have the private key.
    KeyCompromise,
    /// Another certificate took its place.
    Superseded,
    /// Nobody needs it any more.
    CessationOfOperation,
}

impl RevocationReason {
    /// Every reason, the most urgent first.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the word of RFC 5280, as the database stores it and forms send it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyCompromise => "keyCompromise",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
        }
    }

    /// Parses the word that the database stores.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == text)
    }

    /// Returns the reason in the words of the certificate's owner.
    pub const fn label(self) -> &'static str {
        match self {
            Self::KeyCompromise => "Somebody else may have its private key",
            Self::Superseded => "I use a newer certificate in its place",
            Self::CessationOfOperation => "I do not need it any more",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_as_it_is_written() {
        for &reason in RevocationReason::ALL {
            assert_eq!(RevocationReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(RevocationReason::parse("unspecified"), None);
    }
}
