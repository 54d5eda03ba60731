//! Users: their identity from the identity provider, and their groups.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::input::{is_invisible, is_joiner};

/// The key of a row in `users`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The longest subject, in characters (the width of its column).
pub const SUBJECT_MAX: usize = 191;

/// The immutable identifier of a user: the one value of the configured SAML attribute, with ASCII
/// letters lower-cased and compared by bytes. `José` and `jose` are two users, `Jose` and `jose`
/// are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

/// Why a text cannot be a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectFault {
    /// The text is empty.
    Empty,
    /// Longer than [`SUBJECT_MAX`] characters.
    TooLong,
    /// White space at the beginning or the end.
    OuterWhitespace,
    /// Contains a control character or an invisible formatting character.
    ControlCharacter,
}

impl Subject {
    /// Parses a subject. Nothing is trimmed, because the trimmed text could be another user's
    /// subject.
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
        // Two subjects that look the same must not be different users.
        let is_hidden = |c: char| c.is_control() || is_invisible(c) || is_joiner(c);
        if text.chars().any(is_hidden) {
            return Err(SubjectFault::ControlCharacter);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// Returns the subject as the database stores it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The groups of a user. An ordinary user has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Groups {
    /// Member of the students' group.
    pub student: bool,
    /// Member of the faculty's group.
    pub faculty: bool,
    /// May use the admin pages.
    pub admin: bool,
    /// The identity provider sent a link in place of the groups, so that all above are unknown.
    pub not_sent: bool,
}

/// The names of the groups at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNames {
    /// Name of the students' group.
    pub students: String,
    /// Name of the faculty's group.
    pub faculty: String,
    /// Name of the admins' group.
    pub admins: String,
}

impl GroupNames {
    /// Creates the names `{prefix}-students`, `{prefix}-faculty` and `{prefix}-admins`.
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            students: format!("{prefix}-students"),
            faculty: format!("{prefix}-faculty"),
            admins: format!("{prefix}-admins"),
        }
    }

    /// Returns the groups whose exact names are in `listed`: `x-mycustomdomain-admins` grants
    /// nothing.
    pub fn groups_of(&self, listed: &[String]) -> Groups {
        let has = |name: &String| listed.contains(name);
        Groups {
            student: has(&self.students),
            faculty: has(&self.faculty),
            admin: has(&self.admins),
            not_sent: false,
        }
    }
}

/// The names of the attributes that are read at a sign-in, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeNames {
    /// `SAML_SUBJECT_ATTRIBUTE`: the attribute with the user's permanent identifier; it has one
    /// value.
    pub subject: String,
    /// `SAML_ATTRIBUTE_DISPLAY_NAME`: the attribute with the display name.
    pub display_name: String,
    /// `SAML_ATTRIBUTE_EMAIL`: the attribute with the mail address.
    pub email: String,
    /// `SAML_ATTRIBUTE_GROUP`: the attribute with the groups, with one value or several.
    pub group: String,
}

impl AttributeNames {
    /// Returns the four names, the subject first.
    pub fn all(&self) -> [&str; 4] {
        [&self.subject, &self.display_name, &self.email, &self.group]
    }
}

/// How the identity provider names a user (SAML core 2.2.3). A logout request repeats it with every
/// attribute; nothing else reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameId {
    /// The identifier, without white space around it.
    pub value: String,
    /// The kind of identifier, as a URI.
    pub format: Option<String>,
    /// The domain that qualifies the identifier: of the identity provider.
    pub name_qualifier: Option<String>,
    /// The domain that qualifies the identifier: of the service provider.
    pub sp_name_qualifier: Option<String>,
    /// The identifier that the service provider has set for this user.
    pub sp_provided_id: Option<String>,
}

/// What the identity provider states about a user at one sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The immutable identifier, by which the next sign-in finds the user's row.
    pub subject: Subject,
    /// The subject as the identity provider spells it, for display.
    pub username: String,
    /// The name for greetings and the page header.
    pub display_name: String,
    /// The mail address, which is not unique.
    pub email: String,
    /// The groups at this sign-in.
    pub groups: Groups,
    /// The SAML NameID, which a logout request must repeat.
    pub name_id: Option<NameId>,
    /// The SAML SessionIndex, which a logout request should contain.
    pub session_index: Option<String>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn only_ascii_letters_are_lower_cased() {
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
    fn blanks_and_invisible_characters_are_refused() {
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
    fn groups_match_by_exact_name_only() {
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
