//! Signing in and out, and choosing a label.

use askama::Template;

use super::Shell;

/// `GET /login`; posts `redirectTo` to `/login`.
#[derive(Debug, Clone, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// Around it.
    pub shell: Shell,
    /// A local path, checked.
    pub redirect_to: String,
}

/// `GET /logout`, after our session ended; posts `sloUsername` to `/logout` to leave the school's
/// session too.
#[derive(Debug, Clone, Template)]
#[template(path = "logout.html")]
pub struct LogoutPage {
    /// Around it.
    pub shell: Shell,
    /// Who has just signed out; None when the IdP offers no single logout.
    pub slo_username: Option<String>,
}

/// Why a person has to choose a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelReason {
    /// Somebody else has the label of this user name.
    Taken,
    /// The label is kept for the service.
    Reserved,
    /// The user name makes no valid label.
    Invalid,
}

impl LabelReason {
    fn words(self) -> &'static str {
        match self {
            Self::Taken => "is already the name of another person here",
            Self::Reserved => "is kept for the service itself",
            Self::Invalid => "cannot be written as a name in the DNS",
        }
    }
}

/// `GET /label`; posts `label` and `redirectTo` to `/label`.
#[derive(Debug, Clone, Template)]
#[template(path = "label.html")]
pub struct LabelPage {
    /// Around it.
    pub shell: Shell,
    /// ROOT_DOMAIN.
    pub root_domain: String,
    /// What the user name would have given.
    pub wanted: String,
    /// Why that does not do.
    pub reason: LabelReason,
    /// Free labels offered, best first.
    pub choices: Vec<String>,
    /// When the last choice failed (somebody was faster).
    pub fault: Option<String>,
    /// Where to go afterwards: a local path, checked; posted as `redirectTo`.
    pub redirect_to: String,
}

/// Why a sign-in was refused, as far as a person needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInRefusal {
    /// Not readable, or too large.
    Malformed,
    /// Not signed by a key we know, or changed on the way.
    Signature,
    /// Too old or from the future.
    Clock,
    /// Meant for another application.
    NotForUs,
    /// Answers no request of ours, twice in a row.
    Unsolicited,
    /// The IdP refused.
    IdpSaidNo,
    /// Encrypted, which is not supported.
    Encrypted,
    /// Who the person is does not follow from it.
    Attributes,
    /// Used before.
    Replayed,
    /// Started too long ago, or in another browser.
    Expired,
    /// An admin of ours has suspended this person.
    Suspended,
    /// The school moves here, and its people's domains have not all arrived.
    Moving,
}

impl SignInRefusal {
    /// What happened.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "The answer of the school's sign-in service could not be read.",
            Self::Signature => {
                "The answer of the school's sign-in service is not signed with a key that we know."
            }
            Self::Clock => "The answer of the school's sign-in service is not valid at this time.",
            Self::NotForUs => {
                "The answer of the school's sign-in service is meant for another application."
            }
            Self::Unsolicited => "We received a sign-in that was not started here.",
            Self::IdpSaidNo => "The school's sign-in service did not let you in.",
            Self::Encrypted => {
                "The answer of the school's sign-in service is encrypted, which we do not read."
            }
            Self::Attributes => "The school's sign-in service did not tell us clearly who you are.",
            Self::Replayed => "This sign-in was used before.",
            Self::Expired => "This sign-in took too long, or was started in another browser.",
            Self::Suspended => "Your account at this service is suspended.",
            Self::Moving => {
                "This service is being moved, and what people have here has not all arrived."
            }
        }
    }

    /// What to do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Replayed | Self::Expired | Self::Unsolicited => {
                "Sign in again from here, in one go and in one browser window. Do not reload the page of the school's \
                 sign-in service."
            }
            Self::Clock => {
                "Sign in again. If that does not help, the clocks of the two services differ: tell us, so that it can be \
                 set right."
            }
            Self::IdpSaidNo => {
                "Your account may not be allowed to use this service. Ask the service desk of your school, and tell them \
                 the name of this service."
            }
            Self::Suspended => {
                "The school knows you, and your password is right. The people who run this service have closed your account \
                 here, and only they can open it again: ask them."
            }
            Self::Moving => "Your names in the DNS go on working meanwhile. Try again later.",
            Self::Malformed
            | Self::Signature
            | Self::NotForUs
            | Self::Encrypted
            | Self::Attributes => {
                "You did nothing wrong: this has to be mended in the settings of the two services. Please tell us, with \
                 the number below."
            }
        }
    }
}

/// The answer to a refused sign-in.
#[derive(Debug, Clone, Template)]
#[template(path = "refusal.html")]
pub struct RefusalPage {
    /// Around it; without a user.
    pub shell: Shell,
    /// The class of reason.
    pub refusal: SignInRefusal,
    /// To find the line in the log.
    pub request_id: String,
}
