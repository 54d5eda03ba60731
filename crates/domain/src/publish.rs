//! The state of a change on its way to the name servers, as the owner of a record sees it.

use crate::plural::pluralize;

/// How far the latest change to a name has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishState {
    /// Saved in the database, not yet sent to the zone.
    Saved,
    /// Saved in the database; publishing is paused.
    Paused,
    /// Accepted by the DNS provider, which distributes it to its name servers.
    Sent,
    /// On all name servers according to the DNS provider; none has been queried yet.
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

    /// Returns the state as a word, for programs and stylesheets.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Paused => "paused",
            Self::Sent => "sent",
            Self::InSync => "in_sync",
            Self::Answered { by, of } if by < of => "answering",
            Self::Answered { .. } => "answered",
            Self::Refused { .. } => "refused",
        }
    }

    /// Returns whether all servers of the zone have the change, according to the provider.
    pub fn is_in_sync(&self) -> bool {
        matches!(self, Self::InSync | Self::Answered { .. })
    }

    /// Describes the state in a few words. `provider` is the name of the DNS provider.
    pub fn describe(&self, provider: &str) -> String {
        match self {
            Self::Saved => "Saved".to_owned(),
            Self::Paused => "Saved; publishing is paused".to_owned(),
            Self::Sent => format!("Sent to {provider}"),
            Self::InSync => "In sync".to_owned(),
            Self::Answered { by, of } => {
                let servers = pluralize(*of, "name server", "name servers");
                format!("Answered by {by} of {servers}")
            }
            Self::Refused { reason } => format!("Refused: {reason}"),
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
