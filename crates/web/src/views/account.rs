//! Pages for signing in and out and for choosing a label.

use askama::Template;

use crate::views::layout::Layout;

/// `GET /login`; posts `redirectTo` to `/login`.
#[derive(Debug, Clone, Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    pub(crate) layout: Layout,
    /// The local path to continue with.
    pub(crate) redirect_to: String,
}

/// `GET /logout`, after our session ended; posts `sloUsername` to `/logout` to end the session at
/// the identity provider too.
#[derive(Debug, Clone, Template)]
#[template(path = "logout.html")]
pub(crate) struct LogoutPage {
    pub(crate) layout: Layout,
    /// The user who has just signed out; `None` when the identity provider has no single logout.
    pub(crate) slo_username: Option<String>,
}

/// Why a user has to choose a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabelReason {
    /// Another user has the label.
    Taken,
    /// The label is reserved for the service.
    Reserved,
    /// The user name is no valid label.
    Invalid,
}

impl LabelReason {
    fn text(self) -> &'static str {
        match self {
            Self::Taken => "is already taken by another user",
            Self::Reserved => "is reserved for the service",
            Self::Invalid => "is not a valid name in the DNS",
        }
    }
}

/// `GET /label`; posts `label` and `redirectTo` to `/label`.
#[derive(Debug, Clone, Template)]
#[template(path = "label.html")]
pub(crate) struct LabelPage {
    pub(crate) layout: Layout,
    pub(crate) root_domain: String,
    /// The label that the user name would have, if it were available.
    pub(crate) default_label: String,
    /// Why the default label is not available.
    pub(crate) reason: LabelReason,
    /// The free labels to choose from, best first.
    pub(crate) choices: Vec<String>,
    /// Why the last choice failed.
    pub(crate) fault: Option<String>,
    /// The local path to continue with; posted as `redirectTo`.
    pub(crate) redirect_to: String,
}

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
                "The response of the school's sign-in service is encrypted, which we do not \
                 support."
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

/// The page for a refused sign-in.
#[derive(Debug, Clone, Template)]
#[template(path = "sign-in-refused.html")]
pub(crate) struct SignInRefusedPage {
    pub(crate) layout: Layout,
    pub(crate) refusal: SignInRefusal,
    /// Identifies the request in the log.
    pub(crate) request_id: String,
}
