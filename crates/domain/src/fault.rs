//! What can be wrong with a user's input, with messages that say what to do.

use std::fmt;

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
            Self::Ports => 4,
            Self::Course => 5,
            Self::Description => 6,
            Self::Form => 7,
        }
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
    /// A note is too long.
    TooLong {
        /// The longest note, in characters.
        max: usize,
    },
    /// A note contains control characters.
    ControlCharacter,
    /// The user has reached the limit of records.
    QuotaReached {
        /// How many records a user may have (`USER_DNS_RECORD_LIMIT`).
        limit: u32,
    },
    /// A record with the same name, type and value exists.
    Duplicate,
    /// Another user has records at this name: before the import two users could share a domain.
    NameTaken,
    /// A CNAME record must be alone at its name (RFC 1034 section 3.6.2), and the name already has
    /// records of the other kind.
    CnameConflict {
        /// Whether the new record is the CNAME.
        wanted_cname: bool,
    },
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
    /// Contains white space between other characters.
    Blank,
    /// Contains letters beyond ASCII.
    NotAscii,
    /// A URL instead of a name.
    Url,
    /// An fqdn in another user's domain.
    OtherDomain {
        /// The user's own base domain.
        base: String,
    },
    /// Contains a character that is not allowed, or a misplaced `-` or `_`.
    Characters,
    /// White space at the beginning or the end.
    OuterWhitespace,
    /// Two dots in a row, or a dot at the beginning or the end.
    EmptyLabel,
    /// A label is longer than 63 characters (RFC 1035 section 2.3.4).
    LabelTooLong,
    /// Longer than 253 characters with the base domain (RFC 1035 section 2.3.4).
    TooLong,
    /// Contains an offensive word.
    Inappropriate,
    /// A label begins with `_`, which the type does not allow.
    Underscore {
        /// The types that allow it.
        types: String,
    },
    /// A rule of the record type; says what to do.
    Rule(&'static str),
    /// Reserved for certificate challenges and mail policy.
    Reserved,
    /// The name includes the base domain.
    BaseTyped {
        /// The user's base domain.
        base: String,
    },
    /// A CNAME record at the base domain, which has other records.
    CnameAtBase,
    /// An internationalised name in its ASCII form (`xn--`).
    Idn,
    /// A wildcard name, which Starchart does not offer.
    Wildcard,
}

/// Why a value does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueFault {
    /// The value is empty.
    Empty,
    /// White space at the beginning or the end, in a value other than TXT.
    OuterWhitespace,
    /// Not an IPv4 address.
    Ipv4,
    /// Not an IPv6 address.
    Ipv6,
    /// An IPv6 address in an A record.
    Ipv6InA,
    /// An IPv4 address in an AAAA record.
    Ipv4InAaaa,
    /// A host name in an A or AAAA record.
    HostInAddress,
    /// An IPv6 address with a zone index (`%eth0`), which is local to one machine.
    Ipv6Zone,
    /// An address that cannot be reached from other hosts.
    Address {
        /// What kind of address it is, for the message.
        kind: &'static str,
    },
    /// Not a host name: wrong characters, or a label or the whole name is empty or too long.
    Host,
    /// An address where a host name belongs.
    HostIsAddress,
    /// A URL where a host name belongs.
    HostIsUrl,
    /// A host name with letters beyond ASCII.
    HostIdn,
    /// A CNAME record that points to its own name.
    PointsToItself,
    /// Contains a control character.
    ControlCharacter,
    /// A TXT value that is too long in presentation format.
    TxtTooLong {
        /// The number of characters beyond [`crate::txt::VALUE_MAX`].
        over: usize,
    },
    /// A rule of the record type; says what to do.
    Rule(&'static str),
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
            Self::TooLong { max } => write!(f, "Use at most {max} characters"),
            Self::ControlCharacter => {
                f.write_str("Remove the control characters (tabs, line breaks and the like)")
            }
            Self::QuotaReached { limit } => write!(
                f,
                "User has reached the maximum number of dns records: {limit} are allowed, so \
                 delete one that you no longer need"
            ),
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
            Self::CnameConflict { wanted_cname: true } => f.write_str(
                "A CNAME record has to be alone at its name: edit or delete what is at this name \
                 already, or choose another name",
            ),
            Self::CnameConflict {
                wanted_cname: false,
            } => f.write_str(
                "This name has a CNAME record, which has to be alone: edit or delete that one \
                 first, or choose another name",
            ),
        }
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Characters => f.write_str(
                "each part between dots begins and ends with a letter or a digit, with single - or \
                 _ between them",
            ),
            Self::Empty => f.write_str("enter a name, or @ for your domain itself"),
            Self::Blank => f.write_str("remove the blanks"),
            Self::NotAscii => f.write_str("use the letters a to z without accents"),
            Self::Url => f.write_str("enter the name alone, without http://, slashes and ports"),
            Self::OtherDomain { base } => write!(
                f,
                "this is a name of another domain; yours all end in .{base}"
            ),
            Self::OuterWhitespace => f.write_str("remove the blank at the beginning or the end"),
            Self::EmptyLabel => f.write_str("remove the extra dot"),
            Self::LabelTooLong => f.write_str("each part between dots has at most 63 characters"),
            Self::TooLong => {
                f.write_str("the whole name with your domain has at most 253 characters")
            }
            Self::Inappropriate => f.write_str("choose a name that everyone may see"),
            Self::Underscore { types } => {
                write!(f, "only {types} records may begin with _")
            }
            Self::Rule(rule) => f.write_str(rule),
            Self::Reserved => f.write_str("this name is kept for certificates and mail policy"),
            Self::BaseTyped { base } => write!(f, "leave out .{base}, it is added for you"),
            Self::CnameAtBase => {
                f.write_str("a CNAME record needs a name in front of your domain, for example www")
            }
            Self::Idn => f.write_str("names that begin with xn-- are not offered"),
            Self::Wildcard => f.write_str("wildcard names are not offered"),
        }
    }
}

impl fmt::Display for ValueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("enter a value"),
            Self::OuterWhitespace => f.write_str("remove the blank at the beginning or the end"),
            Self::Ipv4 => f.write_str("enter an IPv4 address such as 192.0.2.10"),
            Self::Ipv6 => f.write_str("enter an IPv6 address such as 2001:db8::10"),
            Self::Ipv6InA => f.write_str("this is an IPv6 address; choose the type AAAA"),
            Self::Ipv4InAaaa => f.write_str("this is an IPv4 address; choose the type A"),
            Self::HostInAddress => f.write_str(
                "this is a host name; choose the type CNAME, or enter the server's address",
            ),
            Self::Ipv6Zone => f.write_str(
                "leave out the % and what follows, it means something on one machine only",
            ),
            Self::Address { kind } => {
                write!(
                    f,
                    "this is {kind}, which nobody else can reach; enter the address of your server"
                )
            }
            Self::Host => f.write_str("enter a host name such as www.example.com"),
            Self::HostIsAddress => f.write_str(
                "this is an address; choose the type A (IPv4) or AAAA (IPv6), or enter a host name",
            ),
            Self::HostIsUrl => {
                f.write_str("enter the host name alone, without http://, a port or a path")
            }
            Self::HostIdn => {
                f.write_str("enter the host name in its ASCII form, which begins with xn--")
            }
            Self::PointsToItself => f.write_str("a CNAME record cannot point to its own name"),
            Self::ControlCharacter => {
                f.write_str("remove the control characters (tabs, line breaks and the like)")
            }
            Self::TxtTooLong { over } => write!(
                f,
                "the text is {over} characters too long once written for DNS (letters beyond \
                 ASCII, \" and \\ take more room)"
            ),
            Self::Rule(rule) => f.write_str(rule),
        }
    }
}
