//! Records: what a person types, checked into what the zone takes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};

use crate::fault::{Fault, Field, NameFault, ValueFault};
use crate::names::{BaseDomain, HostFault, HostName, OwnedName};
use crate::txt;

/// A record's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub i64);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The types a person may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// IPv4 address (RFC 1035).
    A,
    /// IPv6 address (RFC 3596).
    Aaaa,
    /// Another name for a host (RFC 1035).
    Cname,
    /// Mail exchange (RFC 1035).
    Mx,
    /// Text (RFC 1035).
    Txt,
}

impl RecordType {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 5] = [Self::A, Self::Aaaa, Self::Cname, Self::Mx, Self::Txt];

    /// The mnemonic: `AAAA`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Txt => "TXT",
        }
    }

    /// The type with this mnemonic.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rtype| rtype.as_str() == text)
    }

    /// Whether it tolerates other records at its name.
    pub const fn class(self) -> NameClass {
        match self {
            Self::Cname => NameClass::Cname,
            _ => NameClass::Other,
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a name is used for: one CNAME, or anything else (RFC 1034 section 3.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameClass {
    /// One CNAME record and nothing beside it.
    Cname,
    /// Any number of other records.
    Other,
}

impl NameClass {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cname => "cname",
            Self::Other => "other",
        }
    }
}

/// The preference of an MX record when none is typed.
pub const MX_PREFERENCE: u16 = 10;

/// A value that fits its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordValue {
    /// An address others may reach, or a school's lab.
    A(Ipv4Addr),
    /// Likewise.
    Aaaa(Ipv6Addr),
    /// The canonical name.
    Cname(HostName),
    /// A mail server.
    Mx {
        /// The lowest is tried first.
        preference: u16,
        /// Its name.
        exchange: HostName,
    },
    /// Any text, as UTF-8, that Route53 takes in one value.
    Txt(String),
}

impl RecordValue {
    /// Reads what a person typed for a type. `preference` matters to MX only.
    pub fn parse(rtype: RecordType, typed: &str, preference: u16) -> Result<Self, ValueFault> {
        if typed.is_empty() {
            return Err(ValueFault::Empty);
        }
        if rtype == RecordType::Txt {
            return parse_txt(typed);
        }
        if typed.trim() != typed {
            return Err(ValueFault::OuterWhitespace);
        }
        match rtype {
            RecordType::A => {
                let address = typed
                    .parse()
                    .map_err(|_| no_address(typed, ValueFault::Ipv4))?;
                check_address(IpAddr::V4(address)).map(|()| Self::A(address))
            }
            RecordType::Aaaa => {
                if typed.contains('%') {
                    return Err(ValueFault::Ipv6Zone);
                }
                let address = typed
                    .parse()
                    .map_err(|_| no_address(typed, ValueFault::Ipv6))?;
                check_address(IpAddr::V6(address)).map(|()| Self::Aaaa(address))
            }
            RecordType::Mx => parse_host(rtype, typed).map(|exchange| Self::Mx {
                preference,
                exchange,
            }),
            RecordType::Cname | RecordType::Txt => parse_host(rtype, typed).map(Self::Cname),
        }
    }

    /// The type.
    pub const fn rtype(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::Aaaa,
            Self::Cname(_) => RecordType::Cname,
            Self::Mx { .. } => RecordType::Mx,
            Self::Txt(_) => RecordType::Txt,
        }
    }

    /// The value in Route53's presentation format, written in one way only: equal values have equal
    /// contents.
    pub fn presentation(&self) -> String {
        match self {
            Self::A(address) => address.to_string(),
            Self::Aaaa(address) => address.to_string(),
            Self::Cname(host) => format!("{}.", host.as_str()),
            Self::Mx {
                preference,
                exchange,
            } => format!("{preference} {}.", exchange.as_str()),
            Self::Txt(text) => txt::encode(text),
        }
    }

    /// What a person should know about a value that is allowed: an address that is not reachable
    /// from everywhere, a text that may not be what was meant.
    pub fn note(&self) -> Option<ValueNote> {
        match self {
            Self::A(address) => note_v4(*address),
            Self::Aaaa(address) => note_v6(*address),
            Self::Txt(text) => note_txt(text),
            Self::Cname(_) | Self::Mx { .. } => None,
        }
    }
}

/// The key under which equal values of one name and type collide.
pub fn presentation_hash(content: &str) -> [u8; 32] {
    Sha256::digest(content.as_bytes()).into()
}

/// Why a text is no address of its type, with the type it fits when there is one.
fn no_address(typed: &str, otherwise: ValueFault) -> ValueFault {
    match (typed.parse::<IpAddr>(), HostName::parse(typed)) {
        (Ok(IpAddr::V4(_)), _) => ValueFault::Ipv4InAaaa,
        (Ok(IpAddr::V6(_)), _) => ValueFault::Ipv6InA,
        (Err(_), Ok(_)) => ValueFault::HostInAddress,
        (Err(_), Err(_)) => otherwise,
    }
}

fn parse_txt(typed: &str) -> Result<RecordValue, ValueFault> {
    if typed.chars().any(char::is_control) {
        return Err(ValueFault::ControlCharacter);
    }
    let length = txt::encode(typed).len();
    match length.checked_sub(txt::VALUE_MAX) {
        None | Some(0) => Ok(RecordValue::Txt(typed.to_owned())),
        Some(over) => Err(ValueFault::TxtTooLong { over }),
    }
}

fn parse_host(rtype: RecordType, typed: &str) -> Result<HostName, ValueFault> {
    HostName::parse(typed).map_err(|fault| match fault {
        HostFault::Address => ValueFault::HostIsAddress { rtype },
        HostFault::Idn => ValueFault::HostIdn,
        HostFault::Invalid if typed.contains(['/', ':']) => ValueFault::HostIsUrl,
        HostFault::Invalid => match typed.split_once(' ') {
            Some((number, _)) if rtype == RecordType::Mx && number.parse::<u32>().is_ok() => {
                ValueFault::HostHasPreference
            }
            _ => ValueFault::Host,
        },
    })
}

fn check_address(address: IpAddr) -> Result<(), ValueFault> {
    let kind = match address {
        IpAddr::V4(v4) => unreachable_v4(v4),
        IpAddr::V6(v6) => unreachable_v6(v6),
    };
    kind.map_or(Ok(()), |kind| Err(ValueFault::Address { kind }))
}

fn unreachable_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("the unspecified network (0.0.0.0/8)"),
        [127, ..] => Some("a loopback address"),
        [169, 254, ..] => Some("a link-local address"),
        [224..=239, ..] => Some("a multicast address"),
        [255, 255, 255, 255] => Some("the broadcast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn unreachable_v6(address: Ipv6Addr) -> Option<&'static str> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("the unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("the loopback address"),
        [0, 0, 0, 0, 0, 0xffff, ..] => Some("an IPv4 address written as IPv6 (use an A record)"),
        [0, 0, 0, 0, 0, 0, ..] => Some("an old IPv4-compatible address"),
        [0x2002, ..] => Some("a 6to4 address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        _ => None,
    }
}

/// An address that is allowed, with what to know about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueNote {
    /// RFC 1918.
    Private,
    /// RFC 4193.
    UniqueLocal,
    /// RFC 5737 and RFC 3849.
    Documentation,
    /// RFC 6598.
    SharedNat,
    /// A text in quotation marks, as zone files have it.
    Quoted,
    /// A text with blanks at an end.
    OuterBlanks,
    /// A text with characters that nobody sees.
    Invisible,
}

impl fmt::Display for ValueNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private | Self::UniqueLocal => {
                "This is a private address: it works only inside its own network, such as a school lab."
            }
            Self::Documentation => "This address is kept for examples: no server can be reached there.",
            Self::SharedNat => "This address belongs to a provider's shared network: others cannot reach it from outside.",
            Self::Quoted => {
                "The quotation marks are part of the text that is published. Where instructions show them around a value, leave \
                 them out: edit the record, unless you want them."
            }
            Self::OuterBlanks => {
                "The text begins or ends with a blank, which is published too. Edit the record, unless you want it."
            }
            Self::Invisible => {
                "The text holds a character that cannot be seen, which is published too. Type the value by hand, unless you want \
                 it."
            }
        })
    }
}

fn note_v4(address: Ipv4Addr) -> Option<ValueNote> {
    match address.octets() {
        [100, 64..=127, ..] => Some(ValueNote::SharedNat),
        _ if address.is_private() => Some(ValueNote::Private),
        _ if address.is_documentation() => Some(ValueNote::Documentation),
        _ => None,
    }
}

fn note_v6(address: Ipv6Addr) -> Option<ValueNote> {
    match address.segments() {
        [0xfc00..=0xfdff, ..] => Some(ValueNote::UniqueLocal),
        [0x2001, 0xdb8, ..] => Some(ValueNote::Documentation),
        _ => None,
    }
}

fn note_txt(text: &str) -> Option<ValueNote> {
    // Soft hyphen, zero-width and directional characters (Unicode's General_Category Cf, as far as
    // they are pasted by accident).
    let unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    match text {
        _ if text.len() > 1 && text.starts_with('"') && text.ends_with('"') => {
            Some(ValueNote::Quoted)
        }
        _ if text.trim() != text => Some(ValueNote::OuterBlanks),
        _ if text.chars().any(unseen) => Some(ValueNote::Invisible),
        _ => None,
    }
}

/// Characters in the ports and the course at most.
pub const NOTE_MAX: usize = 191;
/// Characters in the description at most.
pub const DESCRIPTION_MAX: usize = 2_000;

/// The form as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordForm {
    /// The name before the base domain.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: String,
    /// The value.
    pub input: String,
    /// The MX preference; empty: 10.
    pub preference: String,
    /// A person's own note.
    pub ports: String,
    /// A person's own note.
    pub course: String,
    /// A person's own note.
    pub description: String,
}

/// A record that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Where.
    pub name: OwnedName,
    /// What.
    pub value: RecordValue,
    /// The value as typed, for the edit form.
    pub input: String,
    /// A person's own note.
    pub ports: Option<String>,
    /// A person's own note.
    pub course: Option<String>,
    /// A person's own note.
    pub description: Option<String>,
}

/// What a record says, notes included, in few digits: two that say the same have the same.
pub fn fingerprint(
    name: &str,
    rtype: RecordType,
    content: &str,
    notes: [Option<&str>; 3],
) -> String {
    let mut hash = Sha256::new();
    for text in [name, rtype.as_str(), content]
        .into_iter()
        .map(Some)
        .chain(notes)
    {
        // With its length before it, no text runs into the next.
        hash.update(
            text.map_or(u64::MAX, |text| text.len() as u64)
                .to_be_bytes(),
        );
        hash.update(text.unwrap_or_default());
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

impl NewRecord {
    /// As [`fingerprint`].
    pub fn fingerprint(&self) -> String {
        let notes = [&self.ports, &self.course, &self.description].map(Option::as_deref);
        fingerprint(
            self.name.fqdn(),
            self.value.rtype(),
            &self.value.presentation(),
            notes,
        )
    }
}

impl RecordForm {
    /// Checks the whole form for the person of this domain; every fault is told, each with its
    /// field.
    pub fn check(&self, base: &BaseDomain) -> Result<NewRecord, Vec<(Field, Fault)>> {
        let mut faults = Vec::new();
        let mut note = |field, text: &str, max| match check_note(field, text, max) {
            Ok(note) => note,
            Err(fault) => {
                faults.push((field, fault));
                None
            }
        };
        let ports = note(Field::Ports, &self.ports, NOTE_MAX);
        let course = note(Field::Course, &self.course, NOTE_MAX);
        let description = note(Field::Description, &self.description, DESCRIPTION_MAX);
        let Some(rtype) = RecordType::parse(&self.rtype) else {
            faults.push((Field::Type, Fault::UnknownType));
            // What every type would refuse is told with it.
            if let Err(fault @ NameFault::Empty) =
                OwnedName::parse(&self.name, base, RecordType::Txt)
            {
                faults.push((Field::Name, Fault::Name(fault)));
            }
            if let Err(fault @ ValueFault::Empty) =
                RecordValue::parse(RecordType::A, &self.input, MX_PREFERENCE)
            {
                faults.push((Field::Value, Fault::Value(fault)));
            }
            faults.sort_by_key(|(field, _)| *field);
            return Err(faults);
        };
        let name = OwnedName::parse(&self.name, base, rtype)
            .map_err(|fault| faults.push((Field::Name, Fault::Name(fault))));
        let preference = match self.preference.as_str() {
            _ if rtype != RecordType::Mx => Ok(MX_PREFERENCE),
            "" => Ok(MX_PREFERENCE),
            text => text
                .parse()
                .map_err(|_| faults.push((Field::Preference, Fault::Preference))),
        };
        let value = RecordValue::parse(rtype, &self.input, preference.unwrap_or(MX_PREFERENCE))
            .map_err(|fault| faults.push((Field::Value, Fault::Value(fault))));
        if let (Ok(name), Ok(RecordValue::Cname(target))) = (&name, &value)
            && target.as_str() == name.fqdn()
        {
            faults.push((Field::Value, Fault::Value(ValueFault::PointsToItself)));
        }
        match (name, value) {
            (Ok(name), Ok(value)) if faults.is_empty() => Ok(NewRecord {
                name,
                value,
                input: self.input.clone(),
                ports,
                course,
                description,
            }),
            _ => {
                faults.sort_by_key(|(field, _)| *field);
                Err(faults)
            }
        }
    }
}

fn check_note(field: Field, text: &str, max: usize) -> Result<Option<String>, Fault> {
    let lines_allowed = field == Field::Description;
    if text
        .chars()
        .any(|c| c.is_control() && !(lines_allowed && matches!(c, '\n' | '\r')))
    {
        return Err(Fault::ControlCharacter);
    }
    if text.chars().count() > max {
        return Err(Fault::TooLong { max });
    }
    Ok(Some(text.trim().to_owned()).filter(|t| !t.is_empty()))
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
