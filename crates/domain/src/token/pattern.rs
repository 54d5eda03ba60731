//! Which names a right of a token is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::NameFault;
use crate::names::idn::with_letters;
use crate::names::{BaseDomain, NameRule, OwnedName};

/// The base domain itself, as forms write it.
const BASE: &str = "@";

/// A set of names under a user's base domain. Its names are relative to the base domain, in lower
/// case and as A-labels; `@` is the base domain itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamePattern {
    /// Every name, the base domain among them.
    All,
    /// One name. A wildcard is never covered by it, because it answers for other names.
    Name(String),
    /// A name and every name below it, wildcards among them.
    Subtree(String),
}

/// Why a text cannot be a name of a pattern. Displays as a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternFault {
    /// It is a wildcard.
    Wildcard,
    /// It is no name under the base domain.
    Name(NameFault),
}

impl fmt::Display for PatternFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wildcard => f.write_str(
                "a wildcard answers for every name below its own: choose “and all names below” \
                 for the name after *.",
            ),
            Self::Name(fault) => fault.fmt(f),
        }
    }
}

impl NamePattern {
    /// Parses the pattern of one name, relative to the base domain as in a record's form. The rule
    /// is that of the names that the right is about.
    ///
    /// # Errors
    /// Why no token can have a right for the name.
    pub fn parse_name(
        input: &str,
        base: &BaseDomain,
        rule: &NameRule,
    ) -> Result<Self, PatternFault> {
        parse_relative(input, base, rule).map(Self::Name)
    }

    /// Parses the pattern of a name and every name below it. That of the base domain is
    /// [`NamePattern::All`].
    ///
    /// # Errors
    /// Why no token can have a right for the name.
    pub fn parse_subtree(
        input: &str,
        base: &BaseDomain,
        rule: &NameRule,
    ) -> Result<Self, PatternFault> {
        let relative = parse_relative(input, base, rule)?;
        Ok(if relative == BASE {
            Self::All
        } else {
            Self::Subtree(relative)
        })
    }

    /// Returns whether the pattern covers a name relative to the base domain, which is `@` or
    /// empty for the base domain itself.
    pub fn covers(&self, relative: &str) -> bool {
        let relative = match relative {
            "" => BASE,
            other => other,
        };
        match self {
            Self::All => true,
            Self::Name(name) | Self::Subtree(name) if is_wildcard(name) => false,
            Self::Name(name) => name == relative,
            Self::Subtree(top) => {
                top == BASE
                    || relative == top
                    || relative
                        .strip_suffix(top.as_str())
                        .is_some_and(|below| below.ends_with('.'))
            }
        }
    }

    /// Describes the names in words, such as `dev.user1.example.com and all names below it`.
    pub fn describe(&self, base: &BaseDomain) -> String {
        match self {
            Self::All => format!("{base} and all names below it"),
            Self::Name(name) => shown(name, base),
            Self::Subtree(top) => format!("{} and all names below it", shown(top, base)),
        }
    }
}

fn parse_relative(input: &str, base: &BaseDomain, rule: &NameRule) -> Result<String, PatternFault> {
    let name = OwnedName::parse(input, base, rule).map_err(PatternFault::Name)?;
    match name.relative() {
        "" => Ok(BASE.to_owned()),
        relative if is_wildcard(relative) => Err(PatternFault::Wildcard),
        relative => Ok(relative.to_owned()),
    }
}

fn is_wildcard(relative: &str) -> bool {
    relative == "*" || relative.starts_with("*.")
}

/// Returns the full name with the letters that its labels stand for.
pub(super) fn shown(relative: &str, base: &BaseDomain) -> String {
    match relative {
        BASE => base.to_string(),
        relative => with_letters(&format!("{relative}.{base}")),
    }
}
