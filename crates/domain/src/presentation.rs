//! The presentation format of names and values (RFC 1035 section 5.1), and the canonical form in
//! which they are compared.
//!
//! Inside the program a name is lower case, unescaped and has no trailing dot. Another spelling of
//! the same value comes from operators, other tools and providers.

use crate::record::RecordType;
use crate::rrset::RrsetValues;

pub use crate::name_text::{absolute_name, unescape_name};

/// Returns the canonical spelling of a value of a type that users may create, or of type NS or PTR:
/// addresses in their shortest form, host names in lower case with a trailing dot, strings with the
/// fewest escapes. Returns `None` when the value is malformed or its type is another one.
pub fn canonicalize(rtype: &str, value: &str) -> Option<String> {
    match (RecordType::parse(rtype), rtype) {
        (Some(known), _) => known.canonicalize(value),
        (None, "NS" | "PTR") => Some(absolute_name(&unescape_name(value.trim()))),
        (None, _) => None,
    }
}

/// Returns the canonical spelling of a value, so that equal values compare equal. A value without
/// one is returned unchanged.
pub fn canonical_value(rtype: &str, value: &str) -> String {
    canonicalize(rtype, value).unwrap_or_else(|| value.to_owned())
}

/// Applies [`canonical_value`] to each value.
pub fn canonical_values(rtype: &str, values: &RrsetValues) -> RrsetValues {
    values
        .iter()
        .map(|value| canonical_value(rtype, value))
        .collect()
}

/// Returns whether two sets of values of one type are equal in their canonical spelling.
pub fn same_values(rtype: &str, one: &RrsetValues, other: &RrsetValues) -> bool {
    one == other || canonical_values(rtype, one) == canonical_values(rtype, other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::txt;

    #[test]
    fn escaped_names_are_unescaped() {
        for (escaped, ours) in [
            (r"\042.user1.starchart.com.", "*.user1.starchart.com"),
            (r"a\095b.Starchart.COM.", "a_b.starchart.com"),
            (r"www.user1.starchart.com", "www.user1.starchart.com"),
            (r"a\046b.starchart.com.", r"a\046b.starchart.com"),
            (r"a\092b.starchart.com.", r"a\092b.starchart.com"),
            (r"caf\195\169.starchart.com.", r"caf\195\169.starchart.com"),
            (r"a\\042b", r"a\092042b"),
            (r"a\.b.", r"a\046b"),
            (r"a\.", r"a\046"),
            (r"a\+42.b", "a+42.b"),
            ("a b.", r"a\032b"),
            ("Café.", r"caf\195\169"),
            (r"\é99.starchart.com", r"\195\16999.starchart.com"),
            (r#"a"b.x"#, r"a\034b.x"),
            ("a;b.(c)", r"a\059b.\040c\041"),
            // A backslash that begins no escape stands for itself.
            (r"too\999.high", r"too\092999.high"),
            (r"broken\05", r"broken\09205"),
            (r"broken\05\048", r"broken\092050"),
            (r"broken\", r"broken\092"),
        ] {
            assert_eq!(unescape_name(escaped), ours, "{escaped}");
        }
        assert_eq!(
            absolute_name("*.User1.starchart.com"),
            "*.user1.starchart.com."
        );
        assert_eq!(
            absolute_name("user1.starchart.com."),
            "user1.starchart.com."
        );
    }

    #[test]
    fn values_are_compared_in_canonical_form() {
        for (rtype, one, other) in [
            ("AAAA", "2001:0db8:0000::0001", "2001:db8::1"),
            ("CNAME", "Example.COM", "example.com."),
            ("MX", "10  Mail.Example.com", "10 mail.example.com."),
            ("MX", "010 mail.example.com.", "10 mail.example.com."),
            ("TXT", r#""a\032b""#, r#""a b""#),
            ("TXT", r#""a" "b""#, r#""ab""#),
        ] {
            assert_eq!(canonical_value(rtype, one), other, "{rtype} {one}");
            assert!(same_values(
                rtype,
                &RrsetValues::from([one.to_owned()]),
                &RrsetValues::from([other.to_owned()])
            ));
        }
        for (rtype, value) in [
            ("A", "not an address"),
            ("CAA", r#"0 issue "example.org""#),
            ("TXT", r#""open"#),
            ("MX", "ten x."),
        ] {
            assert_eq!(canonical_value(rtype, value), value, "{rtype}");
        }
        assert_ne!(
            canonical_value("TXT", r#""\\142""#),
            canonical_value("TXT", r#""\142""#)
        );
        assert_ne!(
            canonical_value("TXT", r#""A""#),
            canonical_value("TXT", r#""a""#)
        );
    }

    /// Writes the octets as another provider might: every octet escaped, in strings of `size`.
    fn fully_escaped(octets: &[u8], size: usize) -> String {
        let string = |chunk: &[u8]| {
            format!(
                "\"{}\"",
                chunk
                    .iter()
                    .map(|o| format!("\\{o:03}"))
                    .collect::<String>()
            )
        };
        if octets.is_empty() {
            string(octets)
        } else {
            octets
                .chunks(size)
                .map(string)
                .collect::<Vec<_>>()
                .join(" ")
        }
    }

    proptest! {
        #[test]
        fn txt_values_are_equal_in_every_spelling(
            text in r#"\PC{0,1000}|[\x00-\xff]{0,300}|[\\"0-9 ]{0,300}"#,
            size in 1_usize..256,
        ) {
            let ours = txt::encode(&text);
            let theirs = fully_escaped(text.as_bytes(), size);
            prop_assert_eq!(canonical_value("TXT", &ours), ours.clone());
            prop_assert_eq!(canonical_value("TXT", &theirs), ours.clone());
            prop_assert_eq!(txt::decode(&ours), Some(text.into_bytes()));
        }

        #[test]
        fn unescaping_a_name_twice_changes_nothing(name in r"[a-zA-Z0-9*_\\.-]{0,80}") {
            let once = unescape_name(&name);
            prop_assert_eq!(unescape_name(&format!("{once}.")), once);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn long_txt_values_round_trip(text in "[ -~]{3900,4000}") {
            let ours = txt::encode(&text);
            prop_assert_eq!(canonical_value("TXT", &ours), ours.clone());
            prop_assert_eq!(txt::decode(&ours), Some(text.into_bytes()));
        }
    }
}
