//! Warnings about values that are allowed.

use std::borrow::Cow;
use std::fmt;

/// A warning about a value that is allowed, as sentences for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueNote(Cow<'static, str>);

impl ValueNote {
    /// Makes a note from a fixed text.
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Makes a note that quotes the value.
    pub fn about(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl fmt::Display for ValueNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
