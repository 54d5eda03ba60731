//! Recognizes what a text is, so that a refusal can say what to do for exactly this input.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{OddChar, mend, mend_char};
use crate::names::{HostFault, HostName};

/// What a user typed into a field that takes an address or the name of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// An address and nothing else.
    Address(IpAddr),
    /// An address in brackets, as URLs have it.
    Bracketed(IpAddr),
    /// An address and a port.
    AddressPort(IpAddr, u16),
    /// An address with a final dot.
    AddressDot(IpAddr),
    /// A network: an address, `/` and a length.
    Network(IpAddr),
    /// An IPv6 address with a zone index (`%eth0`, RFC 4007).
    Zoned(Ipv6Addr),
    /// An IPv4 address with leading zeros, read as decimal numbers.
    LeadingZeros(Ipv4Addr),
    /// An IPv4 address as one number, decimal or hexadecimal.
    Integer(Ipv4Addr),
    /// Numbers with dots, of which there are not four.
    NumberCount(usize),
    /// Four numbers with dots, of which this one is above 255.
    NumberTooLarge(String),
    /// Several IPv4 addresses written as a range or with `*`.
    Range,
    /// Colons and hexadecimal digits that are no IPv6 address.
    BadIpv6,
    /// A hardware address (EUI-48).
    Mac,
    /// A URL, or a host with a path; with its host.
    Url(Option<String>),
    /// A host and a port.
    HostPort(String, u16),
    /// A mail address; with its domain.
    Email(String),
    /// A text in quotation marks.
    Quoted(String),
    /// A line of a zone file, or several of its columns.
    ZoneLine(ZoneLine),
    /// Numbers before a value, as in a zone file.
    Numbers(String),
    /// Several values, separated by blanks, commas or semicolons.
    Several,
    /// A name of one label, or `@`: relative to the domain in a zone file.
    Relative(String),
    /// The name by which each machine calls itself.
    Localhost,
    /// A name that contains `*`.
    Wildcard,
    /// The name of a host.
    Host(String),
    /// Almost a name; says why not.
    BadHost(HostFault),
    /// A character that is not what it looks like, or does not belong into names and addresses;
    /// with what the text is once such characters are mended ([`mend`]).
    Odd(OddChar, Box<Typed>),
    /// None of the others.
    Unknown,
}

impl Typed {
    /// Returns the address that is left once the input is spelled as an address record has it.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address)
            | Self::Bracketed(address)
            | Self::AddressPort(address, _)
            | Self::AddressDot(address)
            | Self::Network(address) => Some(*address),
            Self::Zoned(address) => Some((*address).into()),
            Self::LeadingZeros(address) | Self::Integer(address) => Some((*address).into()),
            Self::Url(Some(host)) => host.parse().ok(),
            Self::Quoted(inner) => inner.parse().ok(),
            Self::Odd(_, mended) => mended.address(),
            _ => None,
        }
    }
}

/// A line of a zone file, in its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneLine {
    /// The owner name, if the line has one.
    pub owner: Option<String>,
    /// The mnemonic of the type, in upper case.
    pub rtype: String,
    /// Everything after the type, without the comment.
    pub value: String,
    /// Whether the class is given, which hardly any other text has.
    pub has_class: bool,
}

/// The types by which a line of a zone file is recognized.
const ZONE_TYPES: [&str; 22] = [
    "A", "AAAA", "ALIAS", "ANAME", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HTTPS", "LOC", "MX",
    "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT",
];

/// Returns whether a word in upper case is the mnemonic of a type, offered or not.
pub(crate) fn is_zone_type(word: &str) -> bool {
    ZONE_TYPES.contains(&word)
}

impl ZoneLine {
    /// Reads `[owner] [TTL] [class] type value`, in any order of TTL and class (RFC 1035 section
    /// 5.1). Returns `None` unless there is a type with something like a value after it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut owner = None;
        let mut has_class = false;
        let mut rest = text.trim();
        for column in 0..4 {
            let (word, after) = rest.split_once(char::is_whitespace)?;
            let upper = word.to_ascii_uppercase();
            let after = after.trim_start();
            if ZONE_TYPES.contains(&upper.as_str()) && !after.is_empty() {
                let value = without_comment(after).trim();
                let is_line = has_class || value.contains(['.', ':', '"', '(']);
                return is_line.then(|| Self {
                    owner,
                    rtype: upper,
                    value: value.to_owned(),
                    has_class,
                });
            }
            let is_class = ["IN", "CH", "HS"].contains(&upper.as_str());
            has_class |= is_class;
            if !is_class && !is_ttl(word) {
                if column > 0 {
                    return None;
                }
                owner = Some(word.to_owned());
            }
            rest = after;
        }
        None
    }
}

/// Returns whether a word is a time to live: a number of seconds, or one with a unit (`1h`).
fn is_ttl(word: &str) -> bool {
    let number = word.trim_end_matches(['s', 'm', 'h', 'd', 'w', 'S', 'M', 'H', 'D', 'W']);
    word.len() - number.len() <= 1
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Cuts a comment off, which begins with `;` outside quotation marks.
pub(crate) fn without_comment(text: &str) -> &str {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => return &text[..at],
            _ => {}
        }
    }
    text
}

/// Recognizes a text that [`super::clean_line`] returned.
pub fn recognize(text: &str) -> Typed {
    let steps: [fn(&str) -> Option<Typed>; 9] = [
        quoted, odd, zone_line, address, url, with_colon, several, ipv4_like, name,
    ];
    steps
        .iter()
        .find_map(|step| step(text))
        .unwrap_or(Typed::Unknown)
}

fn quoted(text: &str) -> Option<Typed> {
    let inner = [
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
        ('“', '”'),
        ('„', '“'),
        ('‘', '’'),
    ]
    .into_iter()
    .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close))?;
    Some(Typed::Quoted(inner.trim().to_owned()))
}

/// Finds characters that stand for others, before anything else is made of the text. White space
/// may separate the columns of a line or several values, so that it is left to the later steps.
fn odd(text: &str) -> Option<Typed> {
    let is_clear = |odd: &OddChar| match odd {
        OddChar::Control(c) => !c.is_whitespace(),
        OddChar::Blank(_) => false,
        _ => odd.is_lookalike(),
    };
    let mut odd = text.chars().filter_map(OddChar::of);
    Some(with_odd(odd.find(is_clear)?, text))
}

fn is_mended(c: &char) -> bool {
    mend_char(*c) != Some(*c)
}

/// Recognizes what a text with an odd character is without such characters.
fn with_odd(odd: OddChar, text: &str) -> Typed {
    let mended = mend(text);
    let without = if mended == text {
        Typed::Unknown
    } else {
        recognize(&mended)
    };
    let odd = match without {
        // The colons of an IPv6 address are odd in a name only.
        Typed::Address(_) => text.chars().find(is_mended).map_or(odd, OddChar::in_name),
        _ => odd,
    };
    Typed::Odd(odd, Box::new(without))
}

fn zone_line(text: &str) -> Option<Typed> {
    ZoneLine::parse(text).map(Typed::ZoneLine)
}

fn address(text: &str) -> Option<Typed> {
    if let Ok(address) = text.parse() {
        return Some(Typed::Address(address));
    }
    if let Some((address, _)) = text.split_once('%') {
        return address.parse().ok().map(Typed::Zoned);
    }
    if let Some(address) = text.strip_suffix('.') {
        return address.parse().ok().map(Typed::AddressDot);
    }
    if let Some((address, length)) = text.split_once('/')
        && length.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && let Ok(address) = address.parse()
    {
        return Some(Typed::Network(address));
    }
    None
}

fn url(text: &str) -> Option<Typed> {
    let rest = match text.split_once("://") {
        Some((_, rest)) => rest,
        None => match text.strip_prefix("//") {
            Some(rest) => rest,
            None if text.contains('/') => text,
            None => return None,
        },
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match with_colon(host_port) {
        Some(Typed::HostPort(host, _)) => Some(host),
        Some(Typed::AddressPort(address, _) | Typed::Bracketed(address)) => {
            Some(address.to_string())
        }
        _ => match name(host_port) {
            Some(Typed::Host(host)) => Some(host),
            _ => host_port.parse().ok().map(|a: IpAddr| a.to_string()),
        },
    };
    Some(Typed::Url(host))
}

/// Recognizes a text with colons or brackets: ports, IPv6 addresses, hardware addresses.
fn with_colon(text: &str) -> Option<Typed> {
    if let Some(inner) = text.strip_prefix('[') {
        let (address, after) = inner.split_once(']')?;
        let address = address.parse().ok()?;
        return match after.strip_prefix(':').map(str::parse) {
            Some(Ok(port)) => Some(Typed::AddressPort(address, port)),
            None if after.is_empty() => Some(Typed::Bracketed(address)),
            _ => None,
        };
    }
    let (host, port) = text.rsplit_once(':')?;
    if let Ok(port) = port.parse() {
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Some(Typed::AddressPort(address.into(), port));
        }
        match name(host) {
            Some(Typed::Host(host) | Typed::Relative(host)) => {
                return Some(Typed::HostPort(host, port));
            }
            Some(Typed::Localhost) => return Some(Typed::Localhost),
            _ => {}
        }
    }
    let groups: Vec<&str> = text.split(':').collect();
    let is_hex = |group: &str| group.bytes().all(|b| b.is_ascii_hexdigit());
    if groups.len() == 6 && groups.iter().all(|group| group.len() == 2 && is_hex(group)) {
        return Some(Typed::Mac);
    }
    let is_like_ipv6 = groups.len() > 2 && groups.iter().all(|group| is_hex(group));
    is_like_ipv6.then_some(Typed::BadIpv6)
}

fn several(text: &str) -> Option<Typed> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    let words: Vec<&str> = text.split(is_between).filter(|w| !w.is_empty()).collect();
    let is_number = |word: &&&str| word.bytes().all(|b| b.is_ascii_digit());
    let numbers = words.iter().take_while(is_number).count();
    let rest = words.get(numbers..).unwrap_or_default();
    let is_value =
        |word: &str| word.parse::<IpAddr>().is_ok() || word == "." || HostName::parse(word).is_ok();
    match rest {
        [value] if numbers > 0 && is_value(value) => Some(Typed::Numbers((*value).to_owned())),
        [_, _, ..] if numbers == 0 && rest.iter().all(|word| is_value(word)) => {
            Some(Typed::Several)
        }
        _ => None,
    }
}

/// Recognizes what was meant to be an IPv4 address.
fn ipv4_like(text: &str) -> Option<Typed> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let integer = match hex {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.len() > 7 => text.parse().ok(),
        None => None,
    };
    if let Some(integer) = integer {
        return Some(Typed::Integer(Ipv4Addr::from(integer)));
    }
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let groups: Vec<&str> = text.split('.').collect();
    if !text.chars().all(is_digit) {
        let is_range = groups.len() >= 4
            && text.contains(['*', '-'])
            && text
                .chars()
                .all(|c| is_digit(c) || matches!(c, '*' | '-' | ' '));
        return is_range.then_some(Typed::Range);
    }
    if groups.iter().any(|group| group.is_empty()) {
        return None;
    }
    if groups.len() != 4 {
        return Some(Typed::NumberCount(groups.len()));
    }
    let mut octets = [0; 4];
    for (octet, group) in octets.iter_mut().zip(&groups) {
        match group.parse() {
            Ok(number) => *octet = number,
            Err(_) => return Some(Typed::NumberTooLarge((*group).to_owned())),
        }
    }
    Some(Typed::LeadingZeros(Ipv4Addr::from(octets)))
}

fn name(text: &str) -> Option<Typed> {
    if text == "@" {
        return Some(Typed::Relative(text.to_owned()));
    }
    if let Some((user, domain)) = text.split_once('@')
        && !user.is_empty()
        && let Ok(host) = HostName::parse(domain)
    {
        return Some(Typed::Email(host.as_str().to_owned()));
    }
    if text.contains('*') {
        return Some(Typed::Wildcard);
    }
    let typed = match HostName::parse(text) {
        Ok(host) => Typed::Host(host.as_str().to_owned()),
        Err(HostFault::OneLabel)
            if text.trim_end_matches('.').eq_ignore_ascii_case("localhost") =>
        {
            Typed::Localhost
        }
        Err(HostFault::OneLabel) => Typed::Relative(text.to_ascii_lowercase()),
        Err(HostFault::Address) => {
            let odd = text.chars().find(is_mended)?;
            with_odd(OddChar::in_name(odd), text)
        }
        Err(HostFault::Character(odd)) => with_odd(odd, text),
        Err(fault) => Typed::BadHost(fault),
    };
    Some(typed)
}
