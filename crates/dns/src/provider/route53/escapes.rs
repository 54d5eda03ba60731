//! Converts between Route53's octal escapes and the decimal ones of RFC 1035.
//!
//! Route53 returns `\052.user.example.com.` for a wildcard (`DomainNameFormat`: every octet but
//! `a-z 0-9 - _` is escaped as `\ooo`) and takes `\ooo` in TXT values. The rest of the program uses
//! the presentation format of RFC 1035 section 5.1 with `\DDD`. Only the escapes are converted: a
//! deletion has to repeat the value as Route53 has it.

use starchart_domain::presentation;

/// Converts Route53's name to ours: lower case, unescaped, no trailing dot.
pub(super) fn unescape_name(name: &str) -> String {
    presentation::unescape_name(&to_decimal(name))
}

/// Converts our name to Route53's, with a trailing dot. Without the dot on CNAME targets, Route53
/// applies only one of several changes.
pub(super) fn escape_name(name: &str) -> String {
    to_octal(&presentation::absolute_name(name))
}

/// Converts every `\ooo` in Route53's text to `\DDD`.
pub(super) fn to_decimal(text: &str) -> String {
    convert(text, |digits| {
        let octet = octet(digits, 8)?;
        Some(format!("\\{octet:03}"))
    })
}

/// Converts every `\DDD` in our text to `\ooo`.
pub(super) fn to_octal(text: &str) -> String {
    convert(text, |digits| {
        let octet = octet(digits, 10)?;
        Some(format!("\\{octet:03o}"))
    })
}

/// Replaces each backslash with three digits that `escape` converts. Other escapes, such as `\"`
/// and `\\`, are kept.
fn convert(text: &str, escape: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        if let Some(converted) = tail.get(1..4).and_then(&escape) {
            out.push_str(&converted);
            rest = &tail[4..];
        } else {
            let length = if tail.starts_with("\\\\") { 2 } else { 1 };
            out.push_str(&tail[..length]);
            rest = &tail[length..];
        }
    }
    out.push_str(rest);
    out
}

fn octet(digits: &str, radix: u32) -> Option<u8> {
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    let octet = u8::from_str_radix(digits, radix).ok();
    octet.filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use starchart_domain::txt;

    use super::*;

    #[test]
    fn names_are_converted() {
        for (theirs, ours) in [
            (r"\052.user1.starchart.com.", "*.user1.starchart.com"),
            (r"a\137b.Starchart.COM.", "a_b.starchart.com"),
            (r"www.user1.starchart.com", "www.user1.starchart.com"),
            (r"a\056b.starchart.com.", r"a\046b.starchart.com"),
            (r"a\134b.starchart.com.", r"a\092b.starchart.com"),
            (r"caf\303\251.starchart.com.", r"caf\195\169.starchart.com"),
            (r"broken\05", r"broken\09205"),
            (r"broken\", r"broken\092"),
            (r"\é99.starchart.com", r"\195\16999.starchart.com"),
        ] {
            assert_eq!(unescape_name(theirs), ours, "{theirs}");
        }
        for (ours, theirs) in [
            ("*.User1.starchart.com", "*.user1.starchart.com."),
            ("user1.starchart.com.", "user1.starchart.com."),
            (r"a\046b.starchart.com", r"a\056b.starchart.com."),
        ] {
            assert_eq!(escape_name(ours), theirs, "{ours}");
        }
    }

    #[test]
    fn only_escaped_octets_are_converted() {
        for (theirs, ours) in [
            (r#""\342\202\254""#, r#""\226\130\172""#),
            (r#""\"\\ \\342""#, r#""\"\\ \\342""#),
            (r#""a\040b" "c""#, r#""a\032b" "c""#),
            (r"10 \052.example.com.", r"10 \042.example.com."),
        ] {
            assert_eq!(to_decimal(theirs), ours);
            assert_eq!(to_octal(ours), theirs);
        }
    }

    proptest! {
        #[test]
        fn every_txt_value_survives_the_conversion(
            text in r#"\PC{0,1000}|[\x00-\xff]{0,300}|[\\"0-9 ]{0,300}"#,
        ) {
            let ours = txt::encode(&text);
            prop_assert_eq!(to_decimal(&to_octal(&ours)), ours);
        }

        #[test]
        fn every_octal_escape_survives_the_conversion(
            octets in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let theirs: String = octets.iter().map(|octet| format!("\\{octet:03o}")).collect();
            prop_assert_eq!(to_octal(&to_decimal(&theirs)), theirs);
        }
    }
}
