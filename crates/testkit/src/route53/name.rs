//! Domain names in Route53's spelling.

use std::fmt;

/// A domain name: its labels as octets, ASCII letters folded to lower case, without the root label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DnsName(Vec<Vec<u8>>);

impl DnsName {
    /// Parses a name as in a request: an optional trailing dot, octets as `\ooo` (octal).
    ///
    /// # Errors
    /// Returns Route53's name of the fault with its explanation.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut labels = vec![Vec::new()];
        let body = text.strip_suffix('.').unwrap_or(text);
        let mut octets = body.bytes();
        while let Some(octet) = octets.next() {
            let octet = match octet {
                b'.' => {
                    labels.push(Vec::new());
                    continue;
                }
                b'\\' => octal(&mut octets)
                    .ok_or("UnsupportedCharacter (Value contains unsupported characters)")?,
                0x21..=0x7e => octet,
                _ => return Err("UnsupportedCharacter (Value contains unsupported characters)"),
            };
            if let Some(label) = labels.last_mut() {
                label.push(octet.to_ascii_lowercase());
            }
        }
        Self::from_labels(labels)
    }

    /// Checks the lengths of labels and name (RFC 1035 section 2.3.4).
    fn from_labels(labels: Vec<Vec<u8>>) -> Result<Self, &'static str> {
        if labels.iter().any(Vec::is_empty) {
            return Err("DomainLabelEmpty (Domain label is empty)");
        }
        if labels.iter().any(|label| label.len() > 63) {
            return Err("DomainLabelTooLong (Domain label is too long)");
        }
        if labels.iter().map(|label| label.len() + 1).sum::<usize>() + 1 > 255 {
            return Err("DomainNameTooLong (Domain name is too long)");
        }
        Ok(Self(labels))
    }

    /// Creates the name of a DNS question.
    pub(crate) fn from_wire<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(labels.map(<[u8]>::to_ascii_lowercase).collect())
    }

    /// Returns the labels, leftmost first.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Returns whether this name is `zone` or below it.
    pub(crate) fn is_within(&self, zone: &Self) -> bool {
        self.0.ends_with(&zone.0)
    }

    /// Returns the name without its leftmost label, or `None` for the root.
    pub(crate) fn parent(&self) -> Option<Self> {
        self.0.get(1..).map(|rest| Self(rest.to_vec()))
    }

    /// Returns the wildcard directly below this name.
    pub(crate) fn wildcard_below(&self) -> Self {
        let mut labels = vec![b"*".to_vec()];
        labels.extend(self.0.iter().cloned());
        Self(labels)
    }

    /// Returns whether the leftmost label is `*`.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.0.first().is_some_and(|label| label == b"*")
    }

    /// Returns the key by which ListResourceRecordSets sorts: labels reversed, with the trailing
    /// dot, which counts in the comparison.
    pub(crate) fn sort_key(&self) -> String {
        self.0.iter().rev().fold(String::new(), |mut key, label| {
            push_escaped(&mut key, label, is_kept);
            key.push('.');
            key
        })
    }

    /// Returns the name without a trailing dot and with the necessary escapes only
    /// (`*.example.com`).
    pub(crate) fn plain(&self) -> String {
        let mut text = String::new();
        for (place, label) in self.0.iter().enumerate() {
            if place > 0 {
                text.push('.');
            }
            push_escaped(&mut text, label, |octet| {
                octet.is_ascii_graphic() && octet != b'.' && octet != b'\\'
            });
        }
        text
    }
}

/// Writes the name as Route53 does: all but a-z, 0-9, `-` and `_` as `\ooo`, with a trailing dot.
impl fmt::Display for DnsName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for label in &self.0 {
            push_escaped(&mut text, label, is_kept);
            text.push('.');
        }
        if self.0.is_empty() {
            text.push('.');
        }
        out.write_str(&text)
    }
}

fn is_kept(octet: u8) -> bool {
    octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-' || octet == b'_'
}

fn push_escaped(text: &mut String, label: &[u8], kept: impl Fn(u8) -> bool) {
    for &octet in label {
        if kept(octet) {
            text.push(char::from(octet));
        } else {
            text.push_str(&format!("\\{octet:03o}"));
        }
    }
}

/// Parses the three octal digits after a backslash.
pub(crate) fn octal(octets: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let mut value = 0u32;
    for _ in 0..3 {
        let digit = octets
            .next()
            .filter(|digit| (b'0'..=b'7').contains(digit))?;
        value = value * 8 + u32::from(digit - b'0');
    }
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn escapes_come_back_as_route53_writes_them() {
        for (typed, wire, plain) in [
            ("*.Example.com", "\\052.example.com.", "*.example.com"),
            ("\\052.example.com.", "\\052.example.com.", "*.example.com"),
            (
                "_acme-challenge.x.",
                "_acme-challenge.x.",
                "_acme-challenge.x",
            ),
            ("a\\056b.x", "a\\056b.x.", "a\\056b.x"),
            ("\\137dmarc.x", "_dmarc.x.", "_dmarc.x"),
        ] {
            let name = DnsName::parse(typed).unwrap();
            assert_eq!(
                (name.to_string().as_str(), name.plain().as_str()),
                (wire, plain),
                "{typed}"
            );
        }
    }

    #[test]
    fn bad_names_are_refused() {
        let long_label = format!("{}.x", "a".repeat(64));
        let long_name = ["a".repeat(63).as_str(); 4].join(".");
        for typed in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            "ü.x",
            "\\8.x",
            "\\400.x",
            &long_label,
            &long_name,
        ] {
            assert!(DnsName::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_parent_sorts_before_its_children_and_the_dot_counts() {
        let key = |name: &str| DnsName::parse(name).unwrap().sort_key();
        assert!(key("x.org") < key("a.x.org"));
        assert!(
            key("a-b.x.org") < key("a.x.org"),
            "the hyphen sorts before the dot"
        );
        assert!(key("z.a.x.org") < key("b.x.org"));
    }
}
