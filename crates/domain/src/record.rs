//! Records: parses a user's input into values that the zone accepts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};

use crate::fault::{Fault, Field, NameFault, ValueFault};
use crate::names::{BaseDomain, HostFault, HostName, OwnedName};
use crate::txt;

pub use crate::rtype::{NameClass, RecordType};

/// The key of a row in `dns_records`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub i64);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The preference of an MX record when the user enters none.
pub const MX_PREFERENCE: u16 = 10;

/// A record's value, valid for its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordValue {
    /// A public or private IPv4 address.
    A(Ipv4Addr),
    /// A public or private IPv6 address.
    Aaaa(Ipv6Addr),
    /// The target, which is the canonical name.
    Cname(HostName),
    /// A mail server and its preference.
    Mx {
        /// Mail servers with a lower preference are tried first.
        preference: u16,
        /// The host name of the mail server.
        exchange: HostName,
    },
    /// Any text that fits into one value once it is encoded as UTF-8.
    Txt(String),
}

impl RecordValue {
    /// Parses a user's input for a type. `preference` is used for MX only.
    pub fn parse(rtype: RecordType, input: &str, preference: u16) -> Result<Self, ValueFault> {
        if input.is_empty() {
            return Err(ValueFault::Empty);
        }
        if rtype == RecordType::Txt {
            return parse_txt(input);
        }
        if input.trim() != input {
            return Err(ValueFault::OuterWhitespace);
        }
        match rtype {
            RecordType::A => {
                let address = input
                    .parse()
                    .map_err(|_| no_address(input, ValueFault::Ipv4))?;
                check_address(IpAddr::V4(address)).map(|()| Self::A(address))
            }
            RecordType::Aaaa => {
                if input.contains('%') {
                    return Err(ValueFault::Ipv6Zone);
                }
                let address = input
                    .parse()
                    .map_err(|_| no_address(input, ValueFault::Ipv6))?;
                check_address(IpAddr::V6(address)).map(|()| Self::Aaaa(address))
            }
            RecordType::Mx => parse_host(rtype, input).map(|exchange| Self::Mx {
                preference,
                exchange,
            }),
            RecordType::Cname | RecordType::Txt => parse_host(rtype, input).map(Self::Cname),
        }
    }

    /// Returns the record type.
    pub const fn rtype(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::Aaaa,
            Self::Cname(_) => RecordType::Cname,
            Self::Mx { .. } => RecordType::Mx,
            Self::Txt(_) => RecordType::Txt,
        }
    }

    /// Formats the value in canonical presentation format: equal values have equal texts.
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

    /// Returns a warning about an allowed value that may not be what the user meant.
    pub fn note(&self) -> Option<ValueNote> {
        match self {
            Self::A(address) => note_v4(*address),
            Self::Aaaa(address) => note_v6(*address),
            Self::Txt(text) => note_txt(text),
            Self::Cname(_) | Self::Mx { .. } => None,
        }
    }
}

/// Returns the hash by which the database finds equal values of one name and type.
pub fn value_hash(presentation: &str) -> [u8; 32] {
    Sha256::digest(presentation.as_bytes()).into()
}

/// Returns why a text is not an address of its type; names the type that it fits, if any.
fn no_address(input: &str, otherwise: ValueFault) -> ValueFault {
    match (input.parse::<IpAddr>(), HostName::parse(input)) {
        (Ok(IpAddr::V4(_)), _) => ValueFault::Ipv4InAaaa,
        (Ok(IpAddr::V6(_)), _) => ValueFault::Ipv6InA,
        (Err(_), Ok(_)) => ValueFault::HostInAddress,
        (Err(_), Err(_)) => otherwise,
    }
}

fn parse_txt(input: &str) -> Result<RecordValue, ValueFault> {
    if input.chars().any(char::is_control) {
        return Err(ValueFault::ControlCharacter);
    }
    let length = txt::encode(input).len();
    match length.checked_sub(txt::VALUE_MAX) {
        None | Some(0) => Ok(RecordValue::Txt(input.to_owned())),
        Some(over) => Err(ValueFault::TxtTooLong { over }),
    }
}

fn parse_host(rtype: RecordType, input: &str) -> Result<HostName, ValueFault> {
    HostName::parse(input).map_err(|fault| match fault {
        HostFault::Address => ValueFault::HostIsAddress { rtype },
        HostFault::Idn => ValueFault::HostIdn,
        HostFault::Invalid if input.contains(['/', ':']) => ValueFault::HostIsUrl,
        HostFault::Invalid => match input.split_once(' ') {
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

/// A warning about a value that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueNote {
    /// A private IPv4 address (RFC 1918).
    Private,
    /// A private IPv6 address (RFC 4193).
    UniqueLocal,
    /// An address reserved for documentation (RFC 5737, RFC 3849).
    Documentation,
    /// An address of a carrier-grade NAT (RFC 6598).
    SharedNat,
    /// A text in quotation marks, as zone files write it.
    Quoted,
    /// A text that begins or ends with a blank.
    OuterBlanks,
    /// A text with invisible characters.
    Invisible,
}

impl fmt::Display for ValueNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private | Self::UniqueLocal => {
                "This is a private address: it works only inside its own network, such as a school \
                 lab."
            }
            Self::Documentation => {
                "This address is kept for examples: no server can be reached there."
            }
            Self::SharedNat => {
                "This address belongs to a provider's shared network: others cannot reach it from \
                 outside."
            }
            Self::Quoted => {
                "The quotation marks are part of the text that is published. Where instructions \
                 show them around a value, leave them out: edit the record, unless you want them."
            }
            Self::OuterBlanks => {
                "The text begins or ends with a blank, which is published too. Edit the record, \
                 unless you want it."
            }
            Self::Invisible => {
                "The text holds a character that cannot be seen, which is published too. Type the \
                 value by hand, unless you want it."
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
    // Soft hyphen, zero-width and directional characters: those of Unicode's General_Category Cf
    // that are pasted by accident.
    let is_invisible = |c: char| {
        matches!(c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    match text {
        _ if text.len() > 1 && text.starts_with('"') && text.ends_with('"') => {
            Some(ValueNote::Quoted)
        }
        _ if text.trim() != text => Some(ValueNote::OuterBlanks),
        _ if text.chars().any(is_invisible) => Some(ValueNote::Invisible),
        _ => None,
    }
}

/// The longest ports or course note, in characters.
pub const NOTE_MAX: usize = 191;
/// The longest description, in characters.
pub const DESCRIPTION_MAX: usize = 2_000;

/// A user's input for a record, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordForm {
    /// The name relative to the base domain, or `@`.
    pub name: String,
    /// The mnemonic of the record type.
    pub rtype: String,
    /// The value as input.
    pub input: String,
    /// The MX preference; when empty, [`MX_PREFERENCE`].
    pub preference: String,
    /// The user's note of ports.
    pub ports: String,
    /// The user's note of a course.
    pub course: String,
    /// The user's own description.
    pub description: String,
}

/// A valid record that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The name, under the owner's base domain.
    pub name: OwnedName,
    /// The value, which also has the type.
    pub value: RecordValue,
    /// The value as input, which the edit form shows again.
    pub input: String,
    /// The user's note of ports.
    pub ports: Option<String>,
    /// The user's note of a course.
    pub course: Option<String>,
    /// The user's own description.
    pub description: Option<String>,
}

/// Returns a short hash over all fields of a record. The edit form carries it to detect changes
/// made in between.
pub fn fingerprint(
    name: &str,
    rtype: RecordType,
    presentation: &str,
    notes: [Option<&str>; 3],
) -> String {
    let mut hash = Sha256::new();
    for text in [name, rtype.as_str(), presentation]
        .into_iter()
        .map(Some)
        .chain(notes)
    {
        // The length keeps the texts apart.
        hash.update(
            text.map_or(u64::MAX, |text| text.len() as u64)
                .to_be_bytes(),
        );
        hash.update(text.unwrap_or_default());
    }
    hex::encode(&hash.finalize()[..8])
}

impl NewRecord {
    /// Returns the record's [`fingerprint`].
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
    /// Checks all fields for the user with this base domain.
    ///
    /// # Errors
    /// Every fault with its field, in the order of the form.
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
            // Empty fields are faults for every type, so report them now.
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
mod tests;
