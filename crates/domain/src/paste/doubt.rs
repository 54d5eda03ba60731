//! What is doubtful about a record that was read, in sentences for the user.

use std::fmt;

use crate::fault::Field;
use crate::ttl::Ttl;

/// What is doubtful about a record that was read.
///
/// A question is about a field that was left empty, because what belongs there is not certain; the
/// record cannot be saved before it is answered. A remark says how something was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The field that it is about.
    pub field: Field,
    /// What is doubtful about the field.
    pub kind: DoubtKind,
    /// What may have been meant, likeliest first. Empty for a remark.
    pub options: Vec<String>,
}

/// The kinds of doubts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoubtKind {
    /// The text has no name, or an empty one.
    NameAbsent,
    /// The name is a whole name that is not at or below the user's domain.
    NameNotBelow {
        /// The name in the text.
        typed: String,
        /// The base domain of the user.
        base: String,
    },
    /// The name ends in a part of the user's domain.
    NameHalfTyped {
        /// The name in the text.
        typed: String,
        /// The base domain of the user.
        base: String,
    },
    /// The first column is a number: a name, or a TTL without a name.
    NameIsNumber {
        /// The number in the text.
        typed: String,
    },
    /// The name has an escape that programs read differently.
    NameEscaped {
        /// The name in the text.
        typed: String,
    },
    /// The text does not say of which type the value is.
    TypeAbsent {
        /// The value in the text.
        value: String,
    },
    /// The target is not a whole name.
    TargetRelative {
        /// The target in the text.
        typed: String,
    },
    /// The target has no final dot in a zone file with an origin, which makes it relative.
    TargetWithoutDot {
        /// The target in the text.
        typed: String,
    },
    /// A text without quotation marks contains `;`, which begins a comment in a zone file.
    TextOrComment,
    /// The quotation marks around a text do not match.
    QuotesUnbalanced {
        /// The text with its marks.
        typed: String,
    },
    /// A field before the value has two different contents.
    PartTwice {
        /// The label of the field.
        label: &'static str,
    },
    /// `@` was read as the user's domain.
    AtIsBase {
        /// The base domain of the user.
        base: String,
    },
    /// The name had the user's domain at its end.
    NameWithBase {
        /// The name in the text.
        typed: String,
    },
    /// A name of several labels was read as one below the user's domain.
    NameReadBelow {
        /// The name with its domain.
        full: String,
    },
    /// A relative target was read as a name below the origin of the zone file.
    TargetCompleted {
        /// The target in the text.
        typed: String,
        /// The name with its domain.
        full: String,
    },
    /// The quotation marks around a text were left out.
    QuotesLeftOut,
    /// A text of several words has no quotation marks.
    TextUnquoted,
    /// A field before the value is not in the text.
    PartDefault {
        /// The label of the field.
        label: &'static str,
        /// The value that is used instead.
        default: &'static str,
    },
    /// A number beside the value was taken for a field.
    NumberReadAs {
        /// The label of the field.
        label: &'static str,
        /// The number in the text.
        number: String,
    },
    /// Records of one name and type have several TTLs.
    TtlsDiffer {
        /// The TTLs in the text, the lowest first.
        ttls: Vec<Ttl>,
        /// The one that is used for all.
        taken: Ttl,
    },
    /// The TTL is not within the limits.
    TtlLimited {
        /// The TTL in the text.
        typed: Ttl,
        /// The one that is used instead.
        taken: Ttl,
    },
}

impl Doubt {
    pub(super) fn question(field: Field, kind: DoubtKind, options: Vec<String>) -> Self {
        Self {
            field,
            kind,
            options,
        }
    }

    pub(super) fn remark(field: Field, kind: DoubtKind) -> Self {
        Self {
            field,
            kind,
            options: Vec::new(),
        }
    }

    /// Returns whether the record cannot be saved before the field is filled in.
    pub fn is_question(&self) -> bool {
        self.kind.is_question()
    }
}

impl DoubtKind {
    /// Returns whether the field was left empty.
    pub fn is_question(&self) -> bool {
        matches!(
            self,
            Self::NameAbsent
                | Self::NameNotBelow { .. }
                | Self::NameHalfTyped { .. }
                | Self::NameIsNumber { .. }
                | Self::NameEscaped { .. }
                | Self::TypeAbsent { .. }
                | Self::TargetRelative { .. }
                | Self::TargetWithoutDot { .. }
                | Self::TextOrComment
                | Self::QuotesUnbalanced { .. }
                | Self::PartTwice { .. }
        )
    }

    /// Returns a short name, for tests and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameAbsent => "name-absent",
            Self::NameNotBelow { .. } => "name-not-below",
            Self::NameHalfTyped { .. } => "name-half-typed",
            Self::NameIsNumber { .. } => "name-is-number",
            Self::NameEscaped { .. } => "name-escaped",
            Self::TypeAbsent { .. } => "type-absent",
            Self::TargetRelative { .. } => "target-relative",
            Self::TargetWithoutDot { .. } => "target-without-dot",
            Self::TextOrComment => "text-or-comment",
            Self::QuotesUnbalanced { .. } => "quotes-unbalanced",
            Self::PartTwice { .. } => "part-twice",
            Self::AtIsBase { .. } => "at-is-base",
            Self::NameWithBase { .. } => "name-with-base",
            Self::NameReadBelow { .. } => "name-read-below",
            Self::TargetCompleted { .. } => "target-completed",
            Self::QuotesLeftOut => "quotes-left-out",
            Self::TextUnquoted => "text-unquoted",
            Self::PartDefault { .. } => "part-default",
            Self::NumberReadAs { .. } => "number-read-as",
            Self::TtlsDiffer { .. } => "ttls-differ",
            Self::TtlLimited { .. } => "ttl-limited",
        }
    }
}

impl fmt::Display for DoubtKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameAbsent => f.write_str(
                "The text has no name for this record: enter one, or @ for your domain.",
            ),
            Self::NameNotBelow { typed, base } => write!(
                f,
                "{typed} is not below your domain {base}: which of your names do you mean?"
            ),
            Self::NameHalfTyped { typed, base } => write!(
                f,
                "{typed} ends in a part of your domain {base}: which of your names do you mean?"
            ),
            Self::NameIsNumber { typed } => write!(
                f,
                "{typed} in the place of the name may be a TTL: enter the name."
            ),
            Self::NameEscaped { typed } => write!(
                f,
                "{typed} has an escape that Amazon writes for * and other programs for 4: which \
                 name is it?"
            ),
            Self::TypeAbsent { value } => {
                write!(
                    f,
                    "The text does not say of which type {value} is: choose one."
                )
            }
            Self::TargetRelative { typed } => write!(
                f,
                "{typed} may not be the whole name of a host: which one do you mean?"
            ),
            Self::TargetWithoutDot { typed } => write!(
                f,
                "{typed} has no dot at its end, so a zone file adds its own domain: which host do \
                 you mean?"
            ),
            Self::TextOrComment => f.write_str(
                "The text has no quotation marks and a semicolon, after which a zone file has a \
                 comment: how far does the text go?",
            ),
            Self::QuotesUnbalanced { typed } => write!(
                f,
                "The quotation marks do not match in {typed}: enter the text without them."
            ),
            Self::PartTwice { label } => write!(
                f,
                "{label} is given twice and differs: enter the one that holds."
            ),
            Self::AtIsBase { base } => write!(f, "@ is read as your domain, {base}."),
            Self::NameWithBase { typed } => {
                write!(f, "{typed} ends in your domain, which is added for you.")
            }
            Self::NameReadBelow { full } => {
                write!(f, "The name is read as one below your domain: {full}.")
            }
            Self::TargetCompleted { typed, full } => {
                write!(f, "{typed} is read as {full}, as the zone file says.")
            }
            Self::QuotesLeftOut => f.write_str("The quotation marks around the text are left out."),
            Self::TextUnquoted => f.write_str(
                "The text has no quotation marks and is read up to the end of the line.",
            ),
            Self::PartDefault { label, default } => {
                write!(f, "The text has no {label}: {default} is used.")
            }
            Self::NumberReadAs { label, number } => write!(f, "{number} is read as {label}."),
            Self::TtlsDiffer { ttls, taken } => f.write_str(&describe_several(ttls, *taken)),
            Self::TtlLimited { typed, taken } => f.write_str(&describe_limit(*typed, *taken)),
        }
    }
}

fn describe_several(ttls: &[Ttl], taken: Ttl) -> String {
    let ttls: Vec<String> = ttls.iter().map(Ttl::to_string).collect();
    format!(
        "The text has several TTLs for this name and type, which have one: {}. The lowest, \
         {taken}, is used for all.",
        ttls.join(", ")
    )
}

fn describe_limit(typed: Ttl, taken: Ttl) -> String {
    let limit = if taken < typed { "longest" } else { "shortest" };
    format!("The TTL {typed} is not allowed here: {taken}, the {limit}, is used.")
}
