//! Who a person is: what the identity provider says, read strictly.

use std::fmt;

/// A person's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Characters a subject has at most (the width of its column).
pub const SUBJECT_MAX: usize = 191;

/// The immutable key of a person: the one value of the configured SAML attribute, ASCII letters
/// lower-cased, compared by bytes. `José` and `jose` are two people, `Jose` and `jose` one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

/// Why a text is no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectFault {
    /// Nothing in it.
    Empty,
    /// More than [`SUBJECT_MAX`] characters.
    TooLong,
    /// White space at the beginning or the end.
    OuterWhitespace,
    /// A control character or an invisible formatting character in it.
    ControlCharacter,
}

impl Subject {
    /// Reads a subject; nothing is trimmed, because a trimmed name would be another person's.
    pub fn parse(text: &str) -> Result<Self, SubjectFault> {
        if text.is_empty() {
            return Err(SubjectFault::Empty);
        }
        if text.chars().count() > SUBJECT_MAX {
            return Err(SubjectFault::TooLong);
        }
        if text.trim() != text {
            return Err(SubjectFault::OuterWhitespace);
        }
        if text.chars().any(|c| c.is_control() || is_invisible(c)) {
            return Err(SubjectFault::ControlCharacter);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The subject as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Zero-width and direction-changing characters, which make two names look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{00ad}')
}

/// The groups Starchart knows. None set: an ordinary user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Groups {
    /// A student.
    pub student: bool,
    /// Faculty or staff.
    pub faculty: bool,
    /// May use the admin pages.
    pub admin: bool,
}

/// What the identity provider calls these groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNames {
    /// The students' group.
    pub students: String,
    /// The faculty's group.
    pub faculty: String,
    /// The admins' group.
    pub admins: String,
}

impl GroupNames {
    /// `{prefix}-students`, `{prefix}-faculty`, `{prefix}-admins`.
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            students: format!("{prefix}-students"),
            faculty: format!("{prefix}-faculty"),
            admins: format!("{prefix}-admins"),
        }
    }

    /// The groups named in `listed`, by exact name: `x-mycustomdomain-admins` makes nobody an
    /// admin.
    pub fn groups_of(&self, listed: &[String]) -> Groups {
        let has = |name: &String| listed.contains(name);
        Groups {
            student: has(&self.students),
            faculty: has(&self.faculty),
            admin: has(&self.admins),
        }
    }
}

/// What one sign-in says about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The immutable key.
    pub subject: Subject,
    /// The subject as the identity provider wrote it, for people to read.
    pub username: String,
    /// The name to greet by.
    pub display_name: String,
    /// Where mail goes; not unique.
    pub email: String,
    /// The groups at this sign-in.
    pub groups: Groups,
    /// The SAML NameID, needed to ask the identity provider for a logout.
    pub name_id: Option<String>,
    /// The SAML SessionIndex, likewise.
    pub session_index: Option<String>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn ascii_case_folds_and_nothing_else_does() {
        assert_eq!(
            Subject::parse("John.Smith").unwrap(),
            Subject::parse("john.smith").unwrap()
        );
        assert_ne!(
            Subject::parse("josé").unwrap(),
            Subject::parse("jose").unwrap()
        );
        assert_ne!(
            Subject::parse("jose\u{301}").unwrap(),
            Subject::parse("josé").unwrap()
        );
        assert_ne!(
            Subject::parse("JOSÉ").unwrap(),
            Subject::parse("josé").unwrap()
        );
    }

    #[test]
    fn look_alikes_by_blanks_and_controls_are_refused() {
        for (text, fault) in [
            ("", SubjectFault::Empty),
            (" jose", SubjectFault::OuterWhitespace),
            ("jose ", SubjectFault::OuterWhitespace),
            ("jose\u{a0}", SubjectFault::OuterWhitespace),
            ("jo\0se", SubjectFault::ControlCharacter),
            ("jo\u{200b}se", SubjectFault::ControlCharacter),
            ("jo\u{202e}se", SubjectFault::ControlCharacter),
        ] {
            assert_eq!(Subject::parse(text), Err(fault), "{text:?}");
        }
        assert_eq!(Subject::parse(&"a".repeat(192)), Err(SubjectFault::TooLong));
        assert!(Subject::parse(&"a".repeat(191)).is_ok());
    }

    #[test]
    fn groups_count_by_exact_name_only() {
        let names = GroupNames::with_prefix("mycustomdomain");
        let listed =
            |g: &[&str]| names.groups_of(&g.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert!(listed(&["mycustomdomain-admins"]).admin);
        assert_eq!(
            listed(&[
                "mycustomdomain-dev-admins",
                "mycustomdomain-admins2",
                "Mycustomdomain-admins"
            ]),
            Groups::default()
        );
    }
}
