//! What can be wrong with a user's input, with messages that say what to do.

pub mod advice;
mod challenge;

use std::fmt;

use crate::input::OddChar;
use crate::input::typed::Typed;
use crate::names::idn::IdnFault;
use crate::ttl::TtlFault;

use advice::{Columns, Mistyped, Wanted};

pub use challenge::ChallengeFault;

/// The form field that a fault belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The name relative to the base domain.
    Name,
    /// The record type list.
    Type,
    /// A field before the value that some types have, by the name of its form field.
    Part(&'static str),
    /// The value as typed.
    Value,
    /// The TTL of the RRset.
    Ttl,
    /// The user's note of ports.
    Ports,
    /// The user's note of a course.
    Course,
    /// The user's own description.
    Description,
    /// No single field: the form as a whole.
    Form,
}

impl Field {
    /// Returns the field's position in the form; fields of the same position are in the order in
    /// which they were checked.
    pub fn position(self) -> u8 {
        match self {
            Self::Name => 0,
            Self::Type => 1,
            Self::Part(_) => 2,
            Self::Value => 3,
            Self::Ttl => 4,
            Self::Ports => 5,
            Self::Course => 6,
            Self::Description => 7,
            Self::Form => 8,
        }
    }
}

/// Ends the text of a fault as a sentence, unless it is a question or ends already.
pub fn sentence(text: String) -> String {
    match text.ends_with(['.', '?']) {
        true => text,
        false => format!("{text}."),
    }
}

/// One fault of a record form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The name is not allowed.
    Name(NameFault),
    /// The type is not in the list.
    UnknownType,
    /// The value does not fit the type.
    Value(ValueFault),
    /// A field before the value is refused; says what it takes.
    Part(&'static str),
    /// A field before the value has a character that is not what it looks like.
    Odd(OddChar),
    /// The TTL is not allowed.
    Ttl(TtlFault),
    /// A note is too long.
    TooLong {
        /// The longest note, in characters.
        max: usize,
    },
    /// A note contains a control character.
    ControlCharacter(OddChar),
    /// The user has reached the limit of records.
    QuotaReached {
        /// How many records a user may have (`USER_DNS_RECORD_LIMIT`).
        limit: u32,
    },
    /// The user may have some of several new records, but not all.
    TooManyAtOnce {
        /// How many records a user may have (`USER_DNS_RECORD_LIMIT`).
        limit: u32,
        /// How many more the user may have.
        free: u32,
        /// How many more there would be.
        wanted: u32,
    },
    /// The name ends in a part of the user's domain, which is added to it.
    NameHalfTyped {
        /// The name as typed.
        typed: String,
        /// The base domain of the user.
        base: String,
        /// The name without that part, `@` for the domain itself.
        front: String,
    },
    /// The target is perhaps not the whole name of a host.
    TargetNotWhole {
        /// The target as typed.
        typed: String,
        /// What may have been meant, likeliest first.
        options: Vec<String>,
    },
    /// A record with the same name, type and value exists.
    Duplicate,
    /// Another user has records at this name: before the import two users could share a domain.
    NameTaken,
    /// A CNAME record must be alone at its name (RFC 1034 section 3.6.2), and the name already has
    /// another record.
    CnameConflict {
        /// Whether the new record is the CNAME.
        wanted_cname: bool,
        /// The type of a record that exists.
        with: &'static str,
    },
    /// A CNAME record must be alone at its name, and an ACME client has written the answers to
    /// challenges there.
    AnswersChallenges,
    /// The answer to a challenge is refused.
    Challenge(ChallengeFault),
    /// A null MX must be the only MX record of its name (RFC 7505 section 3), and the name already
    /// has one.
    NullMxConflict {
        /// Whether the new record is the null MX.
        wanted_null: bool,
    },
    /// A record that was to be replaced was changed after the form was shown.
    ReplacedChanged,
    /// The record was edited after this form was opened.
    ChangedMeanwhile {
        /// The current fields that differ from the input.
        now: String,
    },
    /// The record was deleted or has expired since this form was opened.
    Gone,
}

/// Why a name is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameFault {
    /// The name is empty.
    Empty,
    /// Contains a character that no name has.
    Odd(OddChar),
    /// A URL or a host with a port instead of a name.
    Url {
        /// The name in it, if it is one under the user's domain.
        name: Option<String>,
    },
    /// An address instead of a name.
    Address,
    /// A mail address, or `@` beside other characters.
    Email,
    /// A name in quotation marks.
    Quoted(String),
    /// A line of a zone file.
    ZoneLine {
        /// The name in it.
        owner: String,
    },
    /// Several names at once.
    Several,
    /// An fqdn in another user's domain.
    OtherDomain {
        /// The user's own base domain.
        base: String,
    },
    /// A label does not begin and end with a letter or a digit.
    Edges,
    /// Two dots in a row, or a dot at the beginning or the end.
    EmptyLabel,
    /// A label is longer than 63 characters (RFC 1035 section 2.3.4).
    LabelTooLong {
        /// Its length in characters.
        len: usize,
    },
    /// Longer than 253 characters with the base domain (RFC 1035 section 2.3.4).
    TooLong {
        /// The number of characters beyond.
        over: usize,
    },
    /// Contains a word that is refused.
    Inappropriate {
        /// The word, as it is in the name.
        word: String,
        /// Whom to ask about it.
        contact: Option<String>,
    },
    /// A label begins with `_`, which the type does not allow.
    Underscore {
        /// The types that allow it.
        types: String,
    },
    /// A rule of the record type; says what to do.
    Rule(&'static str),
    /// A label that no record of a user has; says why.
    Reserved(&'static str),
    /// The name includes the base domain.
    BaseTyped {
        /// The user's base domain.
        base: String,
    },
    /// A label with letters beyond ASCII, or their ASCII form (`xn--`), that no name has.
    Idn(IdnFault),
    /// A label with `-` as the third and fourth character (RFC 5890 section 2.3.1).
    ReservedHyphens,
    /// `*` elsewhere than alone at the beginning (RFC 4592 section 2.1.1).
    Wildcard,
}

/// Why a value does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueFault {
    /// The value is empty.
    Empty,
    /// Something else than the field takes.
    Mistyped(Box<Mistyped>),
    /// An address that cannot be reached from other hosts.
    Address {
        /// What kind of address it is, for the message.
        kind: &'static str,
    },
    /// A CNAME record that points to its own name.
    PointsToItself,
    /// Contains a control character.
    ControlCharacter(OddChar),
    /// A TXT value that is too long in presentation format.
    TxtTooLong {
        /// The number of characters beyond [`crate::txt::VALUE_MAX`].
        over: usize,
    },
    /// A rule of the record type; says what to do.
    Rule(&'static str),
    /// A rule of the record type; says what to do about exactly this input.
    Detail(String),
}

impl ValueFault {
    /// Makes the fault of an input that is something else than the field takes.
    pub fn mistyped(typed: Typed, wanted: Wanted) -> Self {
        Self::Mistyped(Box::new(Mistyped {
            typed,
            wanted,
            base: None,
            columns: Columns::default(),
        }))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(fault) => write!(
                f,
                "Record name is invalid or inappropriate (only alphanumerical character, -, and _ \
                 allowed): {fault}"
            ),
            Self::UnknownType => f.write_str("Choose a record type from the list"),
            Self::Value(fault) => write!(f, "Record value is invalid: {fault}"),
            Self::Part(fault) => f.write_str(fault),
            Self::Odd(odd) => write!(f, "In this field {odd}"),
            Self::Ttl(fault) => fault.fmt(f),
            Self::TooLong { max } => write!(f, "Use at most {max} characters"),
            Self::ControlCharacter(odd) => write!(f, "In this text {odd}"),
            Self::QuotaReached { limit } => write!(
                f,
                "User has reached the maximum number of dns records: {limit} are allowed, so \
                 delete one that you no longer need"
            ),
            Self::TooManyAtOnce {
                limit,
                free,
                wanted,
            } => write!(
                f,
                "These are {wanted} new records, and {free} more fit: {limit} are allowed. Leave \
                 {} out, or delete records that you no longer need",
                wanted.saturating_sub(*free)
            ),
            Self::NameHalfTyped { typed, base, front } => {
                f.write_str(&ask_about_name(typed, base, front))
            }
            Self::TargetNotWhole { typed, options } => {
                f.write_str(&ask_about_target(typed, options))
            }
            Self::ChangedMeanwhile { now } => write!(
                f,
                "This record was changed after you had opened this page, in another window or by \
                 an administrator. Now it says: {now}. What you typed is still here: press Update \
                 once more to put it in the place of that, or Cancel to keep that"
            ),
            Self::Gone => f.write_str(
                "This record is not there any more: it was deleted or has expired. What you \
                 typed is still here: press Create to add it again",
            ),
            Self::Duplicate => {
                f.write_str("You already have a record with this name, type and value")
            }
            Self::NameTaken => f.write_str(
                "Another user has records at this name, from before every user had a domain of \
                 their own: choose another name, or ask them to delete theirs",
            ),
            Self::CnameConflict { wanted_cname, with } => {
                f.write_str(&describe_cname_conflict(*wanted_cname, with))
            }
            Self::AnswersChallenges => f.write_str(
                "An ACME client of yours answers challenges at this name, and a CNAME record has \
                 to be alone at its name: try again when the client is done. What it leaves there \
                 goes after 7 days",
            ),
            Self::Challenge(fault) => fault.fmt(f),
            Self::ReplacedChanged => {
                f.write_str("What you wanted to replace was changed meanwhile: look at it again")
            }
            Self::NullMxConflict { wanted_null } => {
                f.write_str(describe_null_mx_conflict(*wanted_null))
            }
        }
    }
}

fn ask_about_name(typed: &str, base: &str, front: &str) -> String {
    let short = match front {
        "@" => base.to_owned(),
        front => format!("{front}.{base}"),
    };
    format!(
        "{typed} ends in a part of your domain {base}, which is added for you: do you mean \
         {short}, or {typed}.{base}?"
    )
}

fn ask_about_target(typed: &str, options: &[String]) -> String {
    let options: String = options.iter().map(|it| format!("{it}, or ")).collect();
    format!(
        "{typed} may not be the whole name of a host: do you mean {options}{typed}. with a dot at \
         its end, if that is all of it?"
    )
}

fn describe_cname_conflict(wanted_cname: bool, with: &str) -> String {
    match wanted_cname {
        true => format!(
            "This name has {} record already, and a CNAME record has to be alone at its name: \
             edit or delete what is there, or choose another name",
            with_article(with)
        ),
        false => "This name has a CNAME record, which has to be alone: edit or delete that one \
                  first, or choose another name"
            .to_owned(),
    }
}

fn describe_null_mx_conflict(wanted_null: bool) -> &'static str {
    match wanted_null {
        true => {
            "This name has another MX record already, and one that says that there is no mail \
             (priority 0, value .) has to be the only MX record: edit or delete the other one first"
        }
        false => {
            "This name has an MX record that says that there is no mail (priority 0, value .): \
             edit or delete that one first"
        }
    }
}

/// Puts the article before a type, as it is spoken: an MX, a TXT.
fn with_article(rtype: &str) -> String {
    let is_spoken_with_vowel = rtype.starts_with(['A', 'H', 'M', 'S']);
    let article = if is_spoken_with_vowel { "an" } else { "a" };
    format!("{article} {rtype}")
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("enter a name, or @ for your domain itself"),
            Self::Odd(OddChar::Letter(c)) => write!(
                f,
                "“{c}” is not one of the letters a to z; use those, without accents"
            ),
            Self::Odd(odd) => odd.fmt(f),
            Self::Url { name } => {
                f.write_str("enter the name alone, without http://, slashes and ports")?;
                match name {
                    Some(name) => write!(f, ": {name}"),
                    None => Ok(()),
                }
            }
            Self::Address => f.write_str(
                "this is an address; enter it under Value, and here a name such as www, or @ for \
                 your domain itself",
            ),
            Self::Email => f.write_str(
                "@ stands alone, for your domain itself; for mail addresses under a name enter \
                 the name alone",
            ),
            Self::Quoted(inner) => write!(f, "leave out the quotation marks: enter {inner}"),
            Self::ZoneLine { owner } => write!(
                f,
                "this is a line of a zone file; enter the name alone here ({owner}), and the \
                 value under Value"
            ),
            Self::Several => f.write_str(
                "there are several names here; enter one, and make a record for each of the others",
            ),
            Self::OtherDomain { base } => write!(
                f,
                "this is a name of another domain; yours all end in .{base}"
            ),
            Self::Edges => {
                f.write_str("each part between dots begins and ends with a letter or a digit")
            }
            Self::EmptyLabel => f.write_str("remove the extra dot"),
            Self::LabelTooLong { len } => write!(
                f,
                "each part between dots has at most 63 characters, and one has {len}"
            ),
            Self::TooLong { over } => write!(
                f,
                "the whole name with your domain has at most 253 characters; shorten it by {over}"
            ),
            Self::Inappropriate { word, contact } => write!(
                f,
                "choose a name that everyone may see, without the word “{word}”; if it is \
                 harmless where you use it, ask {}",
                contact.as_deref().unwrap_or("the support of this service")
            ),
            Self::Underscore { types } => {
                write!(f, "only {types} records may begin with _")
            }
            Self::Rule(rule) => f.write_str(rule),
            Self::Reserved(reason) => f.write_str(reason),
            Self::BaseTyped { base } => write!(f, "leave out .{base}, it is added for you"),
            Self::Idn(fault) => fault.fmt(f),
            Self::ReservedHyphens => f.write_str(
                "-- as the third and fourth character is reserved for encoded names (RFC 5890); \
                 use a single - there",
            ),
            Self::Wildcard => f.write_str(
                "* stands alone at the beginning, as in * (all names without records of their own) \
                 or *.dev",
            ),
        }
    }
}

impl fmt::Display for ValueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("enter a value"),
            Self::Mistyped(mistyped) => mistyped.fmt(f),
            Self::Address { kind } => {
                write!(
                    f,
                    "this is {kind}, which nobody else can reach; enter the address of your server"
                )
            }
            Self::PointsToItself => f.write_str("a CNAME record cannot point to its own name"),
            Self::ControlCharacter(odd) => odd.fmt(f),
            Self::TxtTooLong { over } => write!(
                f,
                "the text is {over} characters too long once written for DNS (letters beyond \
                 ASCII, \" and \\ take more room)"
            ),
            Self::Rule(rule) => f.write_str(rule),
            Self::Detail(rule) => f.write_str(rule),
        }
    }
}
