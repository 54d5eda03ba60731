//! Why a sign-in is refused, and what the user can do about it.

/// Why a sign-in was refused, as the user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInRefusal {
    /// The SAML response is not readable or too large.
    Malformed,
    /// The signature is missing, invalid or by an unknown key.
    Signature,
    /// The response is expired or not valid yet.
    Clock,
    /// The audience or the recipient is another application.
    NotForUs,
    /// The second response in a row without a request of ours.
    Unsolicited,
    /// The status of the response is not success.
    IdpSaidNo,
    /// The assertion is encrypted, which is not supported.
    Encrypted,
    /// Attributes that identify the user are missing or ambiguous.
    Attributes,
    /// The assertion was used before.
    Replayed,
    /// The sign-in was started too long ago or in another browser.
    Expired,
    /// An operator has suspended the user.
    Suspended,
    /// The import from the original has not finished.
    ImportPending,
}

impl SignInRefusal {
    /// Returns what happened, as a sentence.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "The response of the school's sign-in service could not be read.",
            Self::Signature => {
                "The response of the school's sign-in service is not signed with a key that we \
                 know."
            }
            Self::Clock => {
                "The response of the school's sign-in service is not valid at this time."
            }
            Self::NotForUs => {
                "The response of the school's sign-in service is for another application."
            }
            Self::Unsolicited => "We received a sign-in that was not started here.",
            Self::IdpSaidNo => "The school's sign-in service did not let you in.",
            Self::Encrypted => {
                "The response of the school's sign-in service is encrypted, and we could not \
                 decrypt it."
            }
            Self::Attributes => "The school's sign-in service did not say clearly who you are.",
            Self::Replayed => "This sign-in was already used.",
            Self::Expired => "This sign-in took too long, or was started in another browser.",
            Self::Suspended => "Your account at this service is suspended.",
            Self::ImportPending => {
                "This service is being moved, and not all accounts are available yet."
            }
        }
    }

    /// Returns what the user can do.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Replayed | Self::Expired | Self::Unsolicited => {
                "Sign in again from here, in one go and in one browser window. Do not reload the \
                 page of the school's sign-in service."
            }
            Self::Clock => {
                "Sign in again. If that does not help, the clocks of the two services differ. \
                 Please tell us so that we can correct them."
            }
            Self::IdpSaidNo => {
                "Your account may not be allowed to use this service. Ask the service desk of your \
                 school and mention the name of this service."
            }
            Self::Suspended => {
                "Your school account and your password are fine. The operators of this service \
                 have suspended your account here, and only they can reactivate it. Please contact \
                 them."
            }
            Self::ImportPending => "Your DNS records keep working meanwhile. Try again later.",
            Self::Malformed
            | Self::Signature
            | Self::NotForUs
            | Self::Encrypted
            | Self::Attributes => {
                "You did nothing wrong: the settings of the two services have to be corrected. \
                 Please send us the request ID below."
            }
        }
    }
}
