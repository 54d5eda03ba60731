//! What a handler says at its end.

use std::time::Duration;

/// Whether to try again, when, or to give up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is owed now.
    Done,
    /// Something is owed: look again after so long.
    Again(Duration),
    /// It cannot be done until somebody mends something; the reason is for operators. The sweep
    /// looks again.
    GiveUp(String),
}
