//! Values of records: which ones Route53 accepts, and which ones are equal.

use std::cmp::Ordering;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr as _;

use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable as _;

use super::name::{DnsName, octal};

/// The most characters of a value in a request.
const LONGEST_VALUE: usize = 4000;

/// A parsed value. Values that are written differently but mean the same are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    /// CNAME, NS and PTR.
    Name(DnsName),
    Mx(u16, DnsName),
    /// TXT and SPF: the character strings.
    Txt(Vec<Vec<u8>>),
    Srv(u16, u16, u16, DnsName),
    Caa(u8, String, Vec<u8>),
    Soa(DnsName, DnsName, [u32; 5]),
    /// HTTPS, SVCB, TLSA and SSHFP.
    Parsed(Rdata),
    /// A type that is kept and listed, but neither checked nor served.
    Other(String),
}

/// RDATA that hickory has parsed. Equal octets are equal.
#[derive(Clone, Debug)]
pub(crate) struct Rdata {
    pub(crate) octets: Vec<u8>,
    text: String,
}

impl PartialEq for Rdata {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets
    }
}

impl Eq for Rdata {}

impl PartialOrd for Rdata {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rdata {
    fn cmp(&self, other: &Self) -> Ordering {
        self.octets.cmp(&other.octets)
    }
}

impl Rdata {
    /// Parses the fields of a value; the text that is listed has upper-case digits, as `dig` has.
    fn parse(rtype: &str, fields: &[&str]) -> Result<Self, String> {
        let text = fields.join(" ");
        let is_binding = matches!(rtype, "HTTPS" | "SVCB");
        if is_binding && fields.first() == Some(&"0") && fields.len() > 2 {
            return Err(format!(
                "{rtype}RRDATAIllegalParameters (AliasMode takes no parameters)"
            ));
        }
        let octets = RecordType::from_str(rtype).ok().and_then(|rtype| {
            let data = RData::try_from_str(rtype, &text).ok()?;
            data.to_bytes().ok()
        });
        Ok(Self {
            octets: octets.ok_or_else(|| format!("{rtype}RRDATAIllegal (Value is malformed)"))?,
            text: if is_binding {
                text
            } else {
                text.to_ascii_uppercase()
            },
        })
    }
}

/// The record types of Route53.
pub(crate) const TYPES: [&str; 17] = [
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV",
    "SSHFP", "SVCB", "TLSA", "TXT",
];

impl Data {
    /// Parses a value of `rtype`.
    ///
    /// # Errors
    /// Returns the message of InvalidChangeBatch.
    pub(crate) fn parse(rtype: &str, text: &str) -> Result<Self, String> {
        Self::read(rtype, text).map_err(|fault| {
            format!("Invalid Resource Record: 'FATAL problem: {fault} encountered with '{text}''")
        })
    }

    fn read(rtype: &str, text: &str) -> Result<Self, String> {
        if text.chars().count() > LONGEST_VALUE {
            return Err("RRDATATooLong (Value is too long)".into());
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let data =
            match (rtype, fields.as_slice()) {
                ("A", _) => Self::A(text.parse().map_err(
                    |_| "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)",
                )?),
                ("AAAA", _) => Self::Aaaa(text.parse().map_err(
                    |_| "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)",
                )?),
                ("CNAME" | "NS" | "PTR", _) => Self::Name(DnsName::parse(text)?),
                ("MX", [preference, host]) => Self::Mx(number("MX", preference)?, target(host)?),
                ("TXT" | "SPF", _) => Self::Txt(character_strings(text)?),
                ("SRV", [priority, weight, port, host]) => Self::Srv(
                    number("SRV", priority)?,
                    number("SRV", weight)?,
                    number("SRV", port)?,
                    target(host)?,
                ),
                ("CAA", [flags, tag, ..]) => caa(text, flags, tag)?,
                ("SOA", [primary, contact, numbers @ ..]) if numbers.len() == 5 => {
                    let mut five = [0; 5];
                    for (place, digits) in five.iter_mut().zip(numbers) {
                        *place = number("SOA", digits)?;
                    }
                    Self::Soa(DnsName::parse(primary)?, DnsName::parse(contact)?, five)
                }
                ("HTTPS" | "SVCB", [_, _, ..]) | ("TLSA", [_, _, _, _]) | ("SSHFP", [_, _, _]) => {
                    Self::Parsed(Rdata::parse(rtype, &fields)?)
                }
                ("MX" | "SRV" | "CAA" | "SOA" | "HTTPS" | "SVCB" | "TLSA" | "SSHFP", _) => {
                    return Err(format!(
                        "{rtype}RRDATAWrongNumberOfFields (Value has the wrong number of fields)"
                    ));
                }
                (_, []) => return Err("RRDATAEmpty (Value is empty)".into()),
                _ => Self::Other(fields.join(" ")),
            };
        Ok(data)
    }
}

/// Parses the target of MX or SRV, which may be the root: "no mail" (RFC 7505), "no such service"
/// (RFC 2782).
fn target(text: &str) -> Result<DnsName, String> {
    if text == "." {
        return Ok(DnsName::from_wire(std::iter::empty()));
    }
    Ok(DnsName::parse(text)?)
}

fn number<N: std::str::FromStr>(rtype: &str, text: &str) -> Result<N, String> {
    Some(text)
        .filter(|text| text.bytes().all(|octet| octet.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("{rtype}RRDATAIllegalNumber (Value is not a number in range)"))
}

fn caa(text: &str, flags: &str, tag: &str) -> Result<Data, String> {
    let quoted = text
        .find('"')
        .and_then(|start| text.get(start..))
        .unwrap_or_default();
    let mut strings = character_strings(quoted)?;
    let Some(value) = strings.pop().filter(|_| strings.is_empty()) else {
        return Err("CAARRDATAWrongNumberOfFields (Value has the wrong number of fields)".into());
    };
    if !tag.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
        return Err("CAARRDATAIllegalTag (Tag is not alphanumeric)".into());
    }
    Ok(Data::Caa(
        number("CAA", flags)?,
        tag.to_ascii_lowercase(),
        value,
    ))
}

/// Parses character strings in quotation marks, separated by spaces, with the escapes `\"`, `\\`
/// and `\ooo` (octal).
fn character_strings(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut strings = Vec::new();
    let mut octets = text.bytes().peekable();
    loop {
        let spaces = std::iter::from_fn(|| octets.next_if(u8::is_ascii_whitespace)).count();
        match octets.next() {
            None if !strings.is_empty() => return Ok(strings),
            Some(b'"') if strings.is_empty() || spaces > 0 => {
                strings.push(quoted_rest(&mut octets)?)
            }
            _ => {
                return Err(
                    "InvalidCharacterString (Value should be enclosed in quotation marks)".into(),
                );
            }
        }
    }
}

/// Parses the rest of a character string, after its opening quotation mark.
fn quoted_rest(
    octets: &mut std::iter::Peekable<impl Iterator<Item = u8>>,
) -> Result<Vec<u8>, String> {
    let mut string = Vec::new();
    loop {
        let octet = match octets.next() {
            Some(b'"') if string.len() <= 255 => return Ok(string),
            Some(b'"') => return Err("CharacterStringTooLong (Value is too long)".into()),
            Some(b'\\') => match octets.next_if(|next| matches!(next, b'"' | b'\\')) {
                Some(escaped) => escaped,
                None => {
                    octal(octets).ok_or("InvalidEscape (Value has an escape that is not octal)")?
                }
            },
            Some(octet @ 0x20..=0x7e) => octet,
            Some(_) => {
                return Err("UnsupportedCharacter (Value contains unsupported characters)".into());
            }
            None => {
                return Err(
                    "InvalidCharacterString (Value should be enclosed in quotation marks)".into(),
                );
            }
        };
        string.push(octet);
    }
}

/// Writes the value in canonical form.
impl fmt::Display for Data {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => write!(out, "{address}"),
            Self::Aaaa(address) => write!(out, "{address}"),
            Self::Name(name) => write!(out, "{name}"),
            Self::Mx(preference, host) => write!(out, "{preference} {host}"),
            Self::Txt(strings) => {
                let quoted: Vec<String> = strings.iter().map(|string| quote(string)).collect();
                out.write_str(&quoted.join(" "))
            }
            Self::Srv(priority, weight, port, host) => {
                write!(out, "{priority} {weight} {port} {host}")
            }
            Self::Caa(flags, tag, value) => write!(out, "{flags} {tag} {}", quote(value)),
            Self::Soa(primary, contact, [serial, refresh, retry, expire, minimum]) => {
                write!(
                    out,
                    "{primary} {contact} {serial} {refresh} {retry} {expire} {minimum}"
                )
            }
            Self::Parsed(data) => out.write_str(&data.text),
            Self::Other(text) => out.write_str(text),
        }
    }
}

fn quote(string: &[u8]) -> String {
    let mut text = String::from("\"");
    for &octet in string {
        match octet {
            b'"' | b'\\' => text.extend(['\\', char::from(octet)]),
            0x20..=0x7e => text.push(char::from(octet)),
            _ => text.push_str(&format!("\\{octet:03o}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn the_same_value_written_differently_is_the_same() {
        for (rtype, one, other) in [
            ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
            ("CNAME", "Example.COM", "example.com."),
            ("MX", "10  mail.x", "10 mail.x."),
            ("TXT", r#""a\"b\\c\101""#, r#""a\042b\134cA""#),
            ("TXT", r#""a"   "b""#, r#""a" "b""#),
            ("CAA", r#"0 ISSUE "x.org""#, r#"0 issue "x.org""#),
            (
                "HTTPS",
                "1 . alpn=h2,h3  port=1",
                r#"1 . alpn="h2,h3" port="1""#,
            ),
            ("TLSA", "3 1 1 abcd", "03 1 1 ABCD"),
            ("SSHFP", "4 2 abcd", "4 2 ABCD"),
        ] {
            assert_eq!(
                Data::parse(rtype, one).unwrap(),
                Data::parse(rtype, other).unwrap(),
                "{rtype}"
            );
        }
        assert_ne!(
            Data::parse("TXT", r#""ab""#),
            Data::parse("TXT", r#""a" "b""#),
            "strings keep their bounds"
        );
    }

    #[test]
    fn canonical_text_reads_back_as_itself() {
        for (rtype, text) in [
            ("TXT", r#""a \"q\" \\ \303\274 \000" """#),
            ("SRV", "1 2 443 host.x."),
            ("CAA", r#"128 issuewild "x.org; a=b""#),
            ("SOA", "ns.x. hostmaster.x. 1 7200 900 1209600 86400"),
            ("MX", "0 \\052.x."),
            ("MX", "0 ."),
            ("HTTPS", r#"1 . alpn="h2,h3" ipv4hint=192.0.2.1"#),
            ("TLSA", "3 1 1 ABCD"),
        ] {
            assert_eq!(Data::parse(rtype, text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_values_are_refused() {
        let long_string = format!("\"{}\"", "a".repeat(256));
        let long_value = vec![format!("\"{}\"", "a".repeat(200)); 20].join(" ");
        assert!(long_value.len() > LONGEST_VALUE);
        for (rtype, text) in [
            ("A", "1.2.3"),
            ("A", "01.2.3.4"),
            ("A", " 1.2.3.4"),
            ("AAAA", "1.2.3.4"),
            ("MX", "mail.x."),
            ("MX", "70000 mail.x."),
            ("MX", "+1 mail.x."),
            ("CNAME", "a..b"),
            ("TXT", "unquoted"),
            ("TXT", "\"open"),
            ("TXT", "\"a\"\"b\""),
            ("TXT", "\"a\" b"),
            ("TXT", "\"ü\""),
            ("TXT", "\"\\400\""),
            ("TXT", "\"\\x\""),
            ("TXT", ""),
            ("TXT", &long_string),
            ("TXT", &long_value),
            ("SRV", "1 2 host.x."),
            ("CAA", "0 issue x.org"),
            ("TLSA", " "),
            ("TLSA", "3 1 1"),
            ("TLSA", "3 1 1 xy"),
            ("TLSA", "3 1 1 ab cd"),
            ("SSHFP", "4 256 ab"),
            ("HTTPS", "1"),
            ("HTTPS", "x ."),
            ("HTTPS", "0 a.x. alpn=h2"),
            ("SVCB", "1 . port=x"),
            ("SVCB", "1 . alpm=h2"),
        ] {
            assert!(Data::parse(rtype, text).is_err(), "{rtype} {text}");
        }
    }
}
