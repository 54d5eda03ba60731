//! Warnings about values that are allowed.

use std::fmt;

/// A warning about a value that is allowed, as a sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueNote(pub &'static str);

impl fmt::Display for ValueNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
