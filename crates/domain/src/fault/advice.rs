//! What to do about an input that is not what its field takes.

use std::fmt;
use std::net::IpAddr;

use crate::input::OddChar;
use crate::input::typed::{Typed, ZoneLine};
use crate::names::HostFault;

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// An IPv4 address, for A records.
    Ipv4,
    /// An IPv6 address, for AAAA records.
    Ipv6,
    /// The name of a host.
    Host(&'static HostTexts),
    /// The domain of a certificate authority.
    Authority,
    /// Where to report violations: a `mailto:` or web URL.
    Report,
    /// A hash or other octets.
    Digits,
}

/// What a type says about host names.
#[derive(Debug, PartialEq, Eq)]
pub struct HostTexts {
    /// What to do about an address in the place of the name.
    pub address: &'static str,
    /// Where numbers before the name belong.
    pub numbers: &'static str,
    /// Where a port after the name belongs.
    pub port: &'static str,
}

/// An input that a field does not take. Displays as what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistyped {
    /// What the input is.
    pub typed: Typed,
    /// What the field takes.
    pub wanted: Wanted,
    /// The user's base domain, when it is known, to complete a relative name.
    pub base: Option<String>,
    /// What belongs into which field, when the input is a line of a zone file.
    pub columns: Columns,
}

/// The value of a zone file's line, by the fields of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// What belongs into the field Value.
    pub value: String,
    /// The labels of other fields, each with what belongs there.
    pub parts: Vec<(&'static str, String)>,
    /// Whether users may create records of the type.
    pub is_offered: bool,
}

impl Wanted {
    /// Returns an example of what the field takes, with its article.
    fn example(self) -> &'static str {
        match self {
            Self::Ipv4 => "an IPv4 address such as 192.0.2.10",
            Self::Ipv6 => "an IPv6 address such as 2001:db8::10",
            Self::Host(_) => "a host name such as www.example.com",
            Self::Authority => "the domain of a certificate authority such as letsencrypt.org",
            Self::Report => "mailto: with a mail address, or a URL that begins with https://",
            Self::Digits => "the hexadecimal digits",
        }
    }

    fn is_address(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv6)
    }

    /// Returns whether the field takes such a text, or almost.
    fn takes(self, typed: &Typed) -> bool {
        match self {
            Self::Ipv4 => matches!(typed, Typed::Address(IpAddr::V4(_))),
            Self::Ipv6 => matches!(typed, Typed::Address(IpAddr::V6(_))),
            Self::Host(_) | Self::Authority => matches!(typed, Typed::Host(_)),
            Self::Report => matches!(typed, Typed::Url(Some(_)) | Typed::Email(_)),
            Self::Digits => false,
        }
    }
}

impl fmt::Display for Mistyped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.typed {
            Typed::Quoted(inner) => write!(f, "leave out the quotation marks: enter {inner}"),
            Typed::Odd(odd, without) => self.fmt_odd(*odd, without, f),
            Typed::ZoneLine(line) => fmt_zone_line(line, &self.columns, f),
            Typed::Several => write!(
                f,
                "there are several values here; enter one, and make a record for each of the others"
            ),
            Typed::Address(_)
            | Typed::Bracketed(_)
            | Typed::AddressPort(..)
            | Typed::AddressDot(_)
            | Typed::Network(_)
            | Typed::Zoned(_)
            | Typed::LeadingZeros(_)
            | Typed::Integer(_)
            | Typed::NumberCount(_)
            | Typed::NumberTooLarge(_)
            | Typed::Range
            | Typed::BadIpv6
            | Typed::Mac => self.fmt_address(f),
            _ if self.wanted.is_address() => self.fmt_host_in_address(f),
            _ => self.fmt_host(f),
        }
    }
}

impl Mistyped {
    /// Says what to do about a character, if that makes the text right; `without` is what it is
    /// then. Otherwise the character is the least that is wrong, as in a sentence where an address
    /// belongs.
    fn fmt_odd(&self, odd: OddChar, without: &Typed, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (odd, self.wanted) {
            (OddChar::Digit(_), _) => write!(f, "{odd}"),
            (OddChar::Letter(c), Wanted::Host(_)) => write!(
                f,
                "“{c}” is not one of the letters a to z; enter the host name in its ASCII form, \
                 which begins with xn--"
            ),
            (OddChar::Letter(_) | OddChar::Other(_), wanted) if !wanted.is_address() => {
                write!(f, "{odd}")
            }
            _ if self.wanted.takes(without) => write!(f, "{odd}"),
            _ => write!(f, "enter {}", self.wanted.example()),
        }
    }

    /// Says what to do about something like an address.
    fn fmt_address(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wanted {
            Wanted::Host(texts) => return f.write_str(texts.address),
            Wanted::Authority | Wanted::Report | Wanted::Digits => {
                return write!(f, "this is an address; enter {}", self.wanted.example());
            }
            Wanted::Ipv4 | Wanted::Ipv6 => {}
        }
        match &self.typed {
            Typed::Address(IpAddr::V4(_)) => {
                f.write_str("this is an IPv4 address; choose the type A")
            }
            Typed::Address(IpAddr::V6(_)) => {
                f.write_str("this is an IPv6 address; choose the type AAAA")
            }
            Typed::Bracketed(address) => {
                write!(f, "leave out the brackets: {}", self.suggest(*address))
            }
            Typed::AddressPort(address, port) => write!(
                f,
                "leave out the port {port}, which an address record cannot hold: {}",
                self.suggest(*address)
            ),
            Typed::AddressDot(address) => {
                write!(
                    f,
                    "leave out the dot at the end: {}",
                    self.suggest(*address)
                )
            }
            Typed::Network(address) => write!(
                f,
                "this is a whole network; enter the address of one host, without / and what \
                 follows, for example {address}"
            ),
            Typed::Zoned(address) => write!(
                f,
                "leave out the % and what follows, it means something on one machine only: {}",
                self.suggest((*address).into())
            ),
            Typed::LeadingZeros(address) => write!(
                f,
                "leave out the leading zeros, which some programs read as octal numbers: {}",
                self.suggest((*address).into())
            ),
            Typed::Integer(address) => write!(
                f,
                "this is an address as a single number; write four numbers with dots: {}",
                self.suggest((*address).into())
            ),
            Typed::NumberCount(1) => write!(f, "this is a number; enter {}", self.wanted.example()),
            Typed::NumberCount(count) => write!(
                f,
                "an IPv4 address has four numbers, this has {count}; enter all four, as in \
                 192.0.2.10"
            ),
            Typed::NumberTooLarge(number) => write!(
                f,
                "each number of an IPv4 address is at most 255; {number} is not"
            ),
            Typed::Range => f.write_str(
                "this is a range of addresses; enter one, and make a record for each of the others",
            ),
            Typed::Mac => f.write_str(
                "this is a hardware address (MAC), which works inside its own network only; enter \
                 the server's IP address",
            ),
            _ => write!(
                f,
                "this is no whole IPv6 address, which has eight groups between colons, with :: at \
                 most once for groups of zeros; enter {}",
                self.wanted.example()
            ),
        }
    }

    /// Says what to enter for this address: itself, or under another type.
    fn suggest(&self, address: IpAddr) -> String {
        match (self.wanted, address) {
            (Wanted::Ipv6, IpAddr::V4(_)) => format!("choose the type A and enter {address}"),
            (Wanted::Ipv4, IpAddr::V6(_)) => format!("choose the type AAAA and enter {address}"),
            _ => format!("enter {address}"),
        }
    }

    /// Says what to do about something like a host name where an address belongs.
    fn fmt_host_in_address(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.typed {
            Typed::Url(Some(host)) => match host.parse() {
                Ok(address) => write!(
                    f,
                    "leave out http://, the port and the path: {}",
                    self.suggest(address)
                ),
                Err(_) => write!(
                    f,
                    "this is a web address; choose the type CNAME and enter {host}, or enter the \
                     server's IP address"
                ),
            },
            Typed::Url(None) => write!(
                f,
                "this looks like a web address; enter {}",
                self.wanted.example()
            ),
            Typed::HostPort(host, _) | Typed::Host(host) | Typed::Relative(host) if host != "@" => {
                write!(f, "this is a host name; choose the type CNAME")?;
                if matches!(self.typed, Typed::HostPort(..)) {
                    write!(f, " and enter {host}")?;
                }
                f.write_str(", or enter the server's address")
            }
            Typed::Relative(_) => write!(
                f,
                "@ stands for your domain under Name; enter the address of the server here"
            ),
            Typed::Localhost => f.write_str(
                "localhost is each visitor's own machine; enter the address of your server",
            ),
            Typed::Email(_) => {
                write!(f, "this is a mail address; enter {}", self.wanted.example())
            }
            Typed::Numbers(value) => write!(
                f,
                "there are numbers before the value; leave them out: enter {value} alone"
            ),
            _ => write!(f, "enter {}", self.wanted.example()),
        }
    }

    /// Says what to do about something like a host name that is none.
    fn fmt_host(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let example = self.wanted.example();
        match &self.typed {
            Typed::Url(host) => {
                f.write_str("enter the host name alone, without http://, a port or a path")?;
                match host {
                    Some(host) => write!(f, ": {host}"),
                    None => Ok(()),
                }
            }
            Typed::HostPort(host, port) => match self.wanted {
                Wanted::Host(texts) => {
                    write!(
                        f,
                        "enter {host} alone; {}",
                        texts.port.replace("{}", &port.to_string())
                    )
                }
                _ => write!(f, "enter {host} alone, without the port"),
            },
            Typed::Email(_) if self.wanted == Wanted::Report => {
                f.write_str("write mailto: before the mail address")
            }
            Typed::Email(domain) => write!(
                f,
                "this is a mail address; enter {example} (the domain of the address is {domain})"
            ),
            Typed::Numbers(value) => match self.wanted {
                Wanted::Host(texts) => write!(f, "enter {value} alone{}", texts.numbers),
                _ => write!(f, "enter {value} alone, without the numbers"),
            },
            Typed::Relative(name) => match (&self.base, name.as_str(), self.wanted) {
                (Some(base), "@", Wanted::Host(_)) => write!(
                    f,
                    "enter the whole name instead of @: {base} is your own domain"
                ),
                (Some(base), name, Wanted::Host(_)) => write!(
                    f,
                    "enter the whole name: {name}.{base} if the host is in your own domain, or one \
                     such as {name}.example.com",
                    name = name.trim_end_matches('.')
                ),
                _ => write!(f, "enter {example}"),
            },
            Typed::Localhost => f.write_str(
                "localhost is each visitor's own machine; enter the name of your server",
            ),
            Typed::Wildcard => write!(f, "a record cannot point to a name with *; enter {example}"),
            Typed::BadHost(fault) => fmt_host_fault(*fault, example, f),
            _ => write!(f, "enter {example}"),
        }
    }
}

fn fmt_zone_line(line: &ZoneLine, columns: &Columns, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "this is a line of a zone file; enter {} alone here",
        columns.value
    )?;
    if let Some(owner) = &line.owner {
        write!(f, ", {owner} under Name")?;
    }
    for (label, text) in &columns.parts {
        write!(f, ", {text} under {label}")?;
    }
    if columns.is_offered {
        write!(f, ", and choose the type {}", line.rtype)
    } else {
        write!(f, "; records of type {} are not offered", line.rtype)
    }
}

fn fmt_host_fault(fault: HostFault, example: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match fault {
        HostFault::EmptyLabel => {
            f.write_str("there is nothing before, after or between dots; remove the extra dot")
        }
        HostFault::LabelTooLong { len } => write!(
            f,
            "each part between dots has at most 63 characters, and one has {len}"
        ),
        HostFault::TooLong { len } => {
            write!(f, "a name has at most 253 characters, and this has {len}")
        }
        HostFault::Hyphen => f.write_str("no part between dots begins or ends with -; remove it"),
        _ => write!(f, "enter {example}"),
    }
}
