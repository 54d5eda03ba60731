//! How far a change has come on its way to the name servers, as its owner sees it.

use std::fmt;

use crate::plural::pluralize;

/// The state of a record's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishState {
    /// In the database; not sent yet.
    Saved,
    /// In the database; not sent while publishing is paused.
    Paused,
    /// Accepted by Route53, which is telling its name servers.
    Sent,
    /// Route53 says that all its name servers have it; none has been asked yet.
    InSync,
    /// `by` of `of` authoritative name servers answer with it.
    Answered {
        /// Servers that answer rightly.
        by: u32,
        /// Servers asked.
        of: u32,
    },
    /// The zone refused it, or something that is not ours is in the way.
    Refused {
        /// The reason in plain words.
        reason: String,
    },
}

impl PublishState {
    /// The state while publishing is paused, or not: what is saved is not about to be sent then.
    #[must_use]
    pub fn while_paused(self, paused: bool) -> Self {
        if paused && self == Self::Saved {
            Self::Paused
        } else {
            self
        }
    }

    /// Whether it will move no further by itself soon, so that a page need not ask again.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Saved | Self::Paused | Self::Sent | Self::InSync => false,
            Self::Answered { by, of } => by == of,
            Self::Refused { .. } => true,
        }
    }
}

impl fmt::Display for PublishState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved => f.write_str("Saved"),
            Self::Paused => f.write_str("Saved; publishing is paused"),
            Self::Sent => f.write_str("Sent to Route53"),
            Self::InSync => f.write_str("In sync"),
            Self::Answered { by, of } => {
                write!(
                    f,
                    "Answered by {by} of {}",
                    pluralize(*of, "name server", "name servers")
                )
            }
            Self::Refused { reason } => write!(f, "Refused: {reason}"),
        }
    }
}
