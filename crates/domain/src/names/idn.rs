//! Labels with letters beyond ASCII: their form in the DNS (IDNA by UTS 46), and which of them
//! people take for others (UTS 39).

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _, skeleton};

use crate::input::OddChar;

/// How the form of a label in ASCII begins (RFC 5890 section 2.3.1).
const PREFIX: &str = "xn--";

/// Why a label beyond ASCII, or its form in ASCII, is refused. Displays as what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdnFault {
    /// No valid label (UTS 46), or no form in ASCII of one.
    Invalid {
        /// The label as typed.
        label: String,
    },
    /// Has characters that are neither letters nor digits of a script in use.
    Characters {
        /// The label in Unicode.
        label: String,
    },
    /// Has letters of several scripts.
    MixedScripts {
        /// The label in Unicode.
        label: String,
    },
    /// Looks like a label in ASCII, or means one.
    LooksLike {
        /// The label in Unicode.
        label: String,
        /// The label that people read.
        ascii: String,
    },
}

impl fmt::Display for IdnFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { label } if label.starts_with(PREFIX) => write!(
                f,
                "“{label}” is not the ASCII form of any name; enter the name with its own letters"
            ),
            Self::Invalid { label } => write!(
                f,
                "“{label}” is no name that the DNS can hold; use the letters of one script, digits \
                 and -"
            ),
            Self::Characters { label } => write!(
                f,
                "“{label}” has a character that names do not have; use letters, digits and -"
            ),
            Self::MixedScripts { label } => write!(
                f,
                "“{label}” has letters of several scripts, which look alike; use those of one"
            ),
            Self::LooksLike { label, ascii } => write!(
                f,
                "“{label}” looks like {ascii}; enter that, or a name that nobody takes for another"
            ),
        }
    }
}

/// Returns whether a label has letters beyond ASCII, or is the ASCII form of such a label.
pub(super) fn is_international(label: &str) -> bool {
    !label.is_ascii() || label.starts_with(PREFIX)
}

/// Returns the form in ASCII of a label in either form.
///
/// # Errors
/// The label is not valid, or people may take it for another one.
pub(super) fn to_ascii(label: &str) -> Result<String, IdnFault> {
    let invalid = |_| IdnFault::Invalid {
        label: label.to_owned(),
    };
    let ascii = Uts46::new()
        .to_ascii(
            label.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::Check,
            // The caller says which limit a name exceeds.
            DnsLength::Ignore,
        )
        .map_err(invalid)?
        .into_owned();
    let looks_like = |unicode: &str, ascii: String| IdnFault::LooksLike {
        label: unicode.to_owned(),
        ascii,
    };
    if !ascii.starts_with(PREFIX) {
        return Err(looks_like(label, ascii));
    }
    let (unicode, result) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
    result.map_err(invalid)?;
    match unicode.detect_restriction_level() {
        RestrictionLevel::ASCIIOnly | RestrictionLevel::SingleScript => {}
        RestrictionLevel::Unrestricted => {
            let label = unicode.into_owned();
            return Err(IdnFault::Characters { label });
        }
        _ => {
            let label = unicode.into_owned();
            return Err(IdnFault::MixedScripts { label });
        }
    }
    let look: String = skeleton(&unicode).collect();
    match look.is_ascii() {
        true => Err(looks_like(&unicode, look.to_ascii_lowercase())),
        false => Ok(ascii),
    }
}

/// Checks that labels can have the letters of a text. A label may look like one in ASCII together
/// with these letters only, so that is no fault.
///
/// # Errors
/// No label has these letters, or not together.
pub(crate) fn check_letters(text: &str) -> Result<(), IdnFault> {
    if text.is_ascii() {
        return Ok(());
    }
    match to_ascii(text) {
        Ok(_) | Err(IdnFault::LooksLike { .. }) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Returns the form in ASCII of a host name; `None` for a text in ASCII, and for one with a label
/// that is refused.
pub(crate) fn host_to_ascii(text: &str) -> Option<String> {
    let is_plain = |c| match OddChar::of(c) {
        None => c != ' ',
        Some(odd) => matches!(
            odd,
            OddChar::Letter(_) | OddChar::Other(_) | OddChar::Digit(_)
        ),
    };
    if text.is_ascii() || !text.chars().all(is_plain) {
        return None;
    }
    let convert = |label: &str| match label.is_ascii() {
        true => Some(label.to_owned()),
        false => to_ascii(label).ok(),
    };
    let labels: Option<Vec<String>> = text.split('.').map(convert).collect();
    labels.map(|labels| labels.join("."))
}

/// Returns a name with the letters of its labels in place of their form in ASCII; `None` when it
/// has no such label. A label that people may take for another one is left as it is.
pub fn to_unicode(name: &str) -> Option<String> {
    let mut is_changed = false;
    let labels = name.split('.').map(|label| {
        let is_safe = label.starts_with(PREFIX) && to_ascii(label).is_ok();
        is_changed |= is_safe;
        match is_safe {
            true => Uts46::new()
                .to_unicode(label.as_bytes(), AsciiDenyList::STD3, Hyphens::Check)
                .0
                .into_owned(),
            false => label.to_owned(),
        }
    });
    let unicode = labels.collect::<Vec<_>>().join(".");
    is_changed.then_some(unicode)
}

/// Returns a name for a message: with the letters of its labels, and its form in ASCII after it; a
/// name in ASCII as it is.
pub fn with_letters(name: &str) -> String {
    match to_unicode(name) {
        Some(letters) => format!("{letters} ({name})"),
        None => name.to_owned(),
    }
}
