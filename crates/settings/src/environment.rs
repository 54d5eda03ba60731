//! The environment, which selects the strictness of the rules.

use crate::parse::quote;

/// The environment, which selects the strictness of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// For real users: https only, no SQLite, a real identity provider.
    Production,
    /// On a developer's machine.
    Development,
    /// In tests: the rules of development, without `./.env`.
    Test,
}

impl Environment {
    /// Returns whether the strict rules apply.
    pub fn is_production(self) -> bool {
        self == Self::Production
    }

    /// Returns the word for `STARCHART_ENV`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Test => "test",
        }
    }
}

pub(crate) fn parse(text: &str) -> Result<Environment, String> {
    match text.to_ascii_lowercase().as_str() {
        "production" => Ok(Environment::Production),
        "development" => Ok(Environment::Development),
        "test" => Ok(Environment::Test),
        _ => Err(format!(
            "{} is none of production, development, test",
            quote(text)
        )),
    }
}
