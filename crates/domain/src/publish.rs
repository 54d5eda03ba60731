//! The state of a change on its way to the name servers, as the owner of a record sees it.

use std::fmt;

use crate::plural::pluralize;

/// How far the latest change to a name has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishState {
    /// Saved in the database, not yet sent to the zone.
    Saved,
    /// Saved in the database; publishing is paused.
    Paused,
    /// Accepted by Route53, which distributes it to its name servers (`PENDING`).
    Sent,
    /// On all of Route53's name servers (`INSYNC`); none has been queried yet.
    InSync,
    /// Returned by `by` of `of` authoritative name servers.
    Answered {
        /// Servers whose answer is up to date.
        by: u32,
        /// Servers that were queried.
        of: u32,
    },
    /// Refused by the zone, or blocked by an RRset that Starchart does not own.
    Refused {
        /// Why, in plain words for the owner.
        reason: String,
    },
}

impl PublishState {
    /// Returns [`Self::Paused`] for a saved change while publishing is paused, else the state
    /// itself.
    #[must_use]
    pub fn while_paused(self, paused: bool) -> Self {
        if paused && self == Self::Saved {
            Self::Paused
        } else {
            self
        }
    }

    /// Returns whether the state is final, so that a page need not poll it.
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
