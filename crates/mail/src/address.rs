//! Mail addresses, with the domain in ASCII.

use lettre::Address;

/// Parses an address. A domain with other letters than ASCII becomes its A-labels (RFC 5890), which
/// every server understands.
pub(crate) fn parse(text: &str) -> Option<Address> {
    let address: Address = text.parse().ok()?;
    if address.domain().is_ascii() {
        return Some(address);
    }
    match url::Host::parse(address.domain()).ok()? {
        url::Host::Domain(domain) => Address::new(address.user(), domain).ok(),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => None,
    }
}

/// Whether the address needs SMTPUTF8 (RFC 6531): its local part, before the @, is not ASCII.
pub(crate) fn needs_smtputf8(address: &Address) -> bool {
    !address.user().is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_an_address_is_ascii() {
        for (text, expected, needs) in [
            ("user@school.example", Some("user@school.example"), false),
            ("User@School.Example", Some("User@School.Example"), false),
            (
                "user@schüle.example",
                Some("user@xn--schle-mva.example"),
                false,
            ),
            (
                "user@SCHÜLE.example",
                Some("user@xn--schle-mva.example"),
                false,
            ),
            (
                "user@xn--schle-mva.example",
                Some("user@xn--schle-mva.example"),
                false,
            ),
            (
                "user@straße.example",
                Some("user@xn--strae-oqa.example"),
                false,
            ),
            ("user@学校.example", Some("user@xn--48s290a.example"), false),
            (
                "user@学校。example",
                Some("user@xn--48s290a.example"),
                false,
            ),
            ("jörg@school.example", Some("jörg@school.example"), true),
            (
                "jörg@schüle.example",
                Some("jörg@xn--schle-mva.example"),
                true,
            ),
            (
                "user+tag@school.example",
                Some("user+tag@school.example"),
                false,
            ),
            (
                r#""jo hn"@school.example"#,
                Some(r#""jo hn"@school.example"#),
                false,
            ),
            (
                r#""a@b"@schüle.example"#,
                Some(r#""a@b"@xn--schle-mva.example"#),
                false,
            ),
            (
                r#""jö rg"@school.example"#,
                Some(r#""jö rg"@school.example"#),
                true,
            ),
            ("user@[192.0.2.1]", Some("user@[192.0.2.1]"), false),
            ("jo hn@school.example", None, false),
            ("user@", None, false),
            ("@schüle.example", None, false),
            ("user@schü le.example", None, false),
            ("user@schüle..example", None, false),
            ("\"a\r\nRCPT TO:<b@c>\"@school.example", None, false),
        ] {
            let parsed = parse(text);
            let written = parsed.as_ref().map(ToString::to_string);
            assert_eq!(written.as_deref(), expected, "{text:?}");
            assert_eq!(
                parsed.is_some_and(|it| needs_smtputf8(&it)),
                needs,
                "{text:?}"
            );
        }
    }
}
