//! What can be wrong with the answer to a DNS challenge.

use std::fmt;

use super::NameFault;

/// Why a challenge cannot be answered as requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeFault {
    /// The name does not begin with `_acme-challenge`.
    NoChallenge,
    /// The name is not at or below the user's base domain.
    Foreign {
        /// The base domain of the user.
        base: String,
    },
    /// The challenge for a wildcard is answered at the name without `*`.
    Wildcard,
    /// The host is no name that the user can have.
    Name(NameFault),
    /// The value is no SHA-256 in base64url.
    Value,
    /// A CNAME record at the name leads to where the challenge is answered.
    Cname {
        /// The name of the record.
        fqdn: String,
    },
}

impl fmt::Display for ChallengeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChallenge => f.write_str(
                "The name of a challenge begins with _acme-challenge, as in \
                 _acme-challenge.www.example.com",
            ),
            Self::Foreign { base } => write!(
                f,
                "This is a name of another domain: you can answer challenges for {base} and names \
                 below it"
            ),
            Self::Wildcard => f.write_str(
                "The challenge for *.example.com is answered at _acme-challenge.example.com: leave \
                 the * out",
            ),
            Self::Name(fault) => write!(f, "The name of the challenge is not allowed: {fault}"),
            Self::Value => f.write_str(
                "The value of a challenge has 43 characters of A to Z, a to z, 0 to 9, - and _: it \
                 is what your ACME client computes",
            ),
            Self::Cname { fqdn } => write!(
                f,
                "{fqdn} has a CNAME record, so the challenge is answered where that points: delete \
                 the record, or let your client write there"
            ),
        }
    }
}
