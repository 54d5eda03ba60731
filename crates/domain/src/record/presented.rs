//! Values in presentation format (RFC 1035 section 5.1), as programs send them.
//!
//! A program means what it writes: numbers before the value are not filled in, a text is what is in
//! its quotation marks, and nothing is guessed.

use std::collections::BTreeMap;

use super::without_quotes;
use crate::fault::{Fault, Field, ValueFault};
use crate::record::{RecordForm, RecordType, RecordValue};
use crate::txt;

const NOT_QUOTED: ValueFault = ValueFault::Rule(
    "put the text into quotation marks, as in \"v=spf1 -all\"; write \\\" and \\\\ for those \
     characters in it",
);
const MALFORMED: ValueFault = ValueFault::Rule(
    "close each quotation mark, and write other octets as \\DDD with a number from 000 to 255",
);
const NOT_UTF_8: ValueFault = ValueFault::Rule("the octets of the text have to be UTF-8");

impl RecordForm {
    /// Fills the form with a value in presentation format. The name is relative to the base domain,
    /// `@` for itself.
    ///
    /// # Errors
    /// The value is a text that is not in presentation format; other values are checked with the
    /// form.
    pub fn of_presentation(
        name: &str,
        rtype: RecordType,
        value: &str,
    ) -> Result<Self, (Field, Fault)> {
        let mut rest = value.trim();
        let mut parts = BTreeMap::new();
        for part in rtype.spec().parts {
            let (text, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            rest = after.trim_start();
            // What is missing is no default: the first of the numbers then is none.
            parts.insert(part.name, text.to_owned());
        }
        let input = if rtype.spec().is_text {
            let text = read_text(rest).map_err(|fault| (Field::Value, Fault::Value(fault)))?;
            typed_text(rtype, text)
        } else {
            without_quotes(rest).to_owned()
        };
        Ok(Self {
            name: name.to_owned(),
            rtype: rtype.to_string(),
            input,
            parts,
            ..Self::default()
        })
    }
}

/// Decodes quoted strings, or one word without quotation marks.
fn read_text(value: &str) -> Result<String, ValueFault> {
    if value.is_empty() {
        return Err(ValueFault::Empty);
    }
    if !value.starts_with('"') && value.contains([' ', '\t', '"']) {
        return Err(NOT_QUOTED);
    }
    let octets = txt::decode(value).ok_or(MALFORMED)?;
    String::from_utf8(octets).map_err(|_| NOT_UTF_8)
}

/// Returns the input of a text's form that is published as this text: one that the form would read
/// as a zone file's value is written in that notation.
pub(crate) fn typed_text(rtype: RecordType, text: String) -> String {
    let encoded = txt::encode(&text);
    let parsed = RecordValue::parse(rtype, &text, |_| "");
    match parsed.is_ok_and(|value| value.presentation() != encoded) {
        true => format!("( {encoded} )"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::names::{Label, RootDomain};
    use crate::ttl::TtlLimits;
    use crate::words::WordFilter;

    /// Reads a value as a program sends it. Returns its canonical form, or the fields at fault.
    fn read(rtype: &str, value: &str) -> Result<String, Vec<Field>> {
        let base = RootDomain::parse("school.example").unwrap();
        let base = base.base(&Label::parse("user1").unwrap());
        let name = if rtype == "SRV" { "_sip._tcp" } else { "www" };
        let name = if rtype == "TLSA" { "_443._tcp" } else { name };
        let form = RecordForm::of_presentation(name, RecordType::parse(rtype).unwrap(), value);
        let form = form.map_err(|(field, _)| vec![field])?;
        let checked = form.check(&base, &WordFilter::default(), &TtlLimits::default());
        let new = checked.map_err(|faults| faults.into_iter().map(|(field, _)| field).collect());
        new.map(|new| new.value.presentation().to_owned())
    }

    #[test]
    fn a_value_means_what_a_program_writes() {
        for (rtype, value, expected) in [
            ("A", "192.0.2.1", "192.0.2.1"),
            ("A", " 192.0.2.1 ", "192.0.2.1"),
            ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
            ("CNAME", "Pages.Example.COM.", "pages.example.com."),
            ("MX", "10 mail.example.com.", "10 mail.example.com."),
            ("MX", "010\tmail.example.com.", "10 mail.example.com."),
            ("MX", "0 .", "0 ."),
            (
                "SRV",
                "0 5 5060 sip.example.com.",
                "0 5 5060 sip.example.com.",
            ),
            (
                "CAA",
                "0 issue \"letsencrypt.org\"",
                "0 issue \"letsencrypt.org\"",
            ),
            (
                "CAA",
                "0 issue letsencrypt.org",
                "0 issue \"letsencrypt.org\"",
            ),
            ("CAA", "0 issue \";\"", "0 issue \";\""),
            ("HTTPS", "1 . alpn=\"h2,h3\"", "1 . alpn=\"h2,h3\""),
            ("HTTPS", "0 host.example.com.", "0 host.example.com."),
            ("TXT", "\"a b\"", "\"a b\""),
            ("TXT", "plain", "\"plain\""),
            ("TXT", "v=DKIM1;p=AAAA", "\"v=DKIM1;p=AAAA\""),
            ("TXT", "\"a \" \"b\"", "\"a b\""),
            (
                "TXT",
                "\"say \\\"yes\\\" \\\\ \\226\\130\\172\"",
                "\"say \\\"yes\\\" \\\\ \\226\\130\\172\"",
            ),
            // What the form reads as a zone file's value is published as it is.
            ("TXT", "\"( \\\"x\\\" )\"", "\"( \\\"x\\\" )\""),
            ("TXT", "\" blanks around \"", "\" blanks around \""),
        ] {
            assert_eq!(
                read(rtype, value).as_deref(),
                Ok(expected),
                "{rtype} {value}"
            );
        }
        let (mark, half) = ("\"", "x".repeat(200));
        let long = format!("{mark}{half}{half}{mark}");
        let strings = format!(
            "{mark}{half}{}{mark} {mark}{}{mark}",
            &half[..55],
            &half[55..]
        );
        assert_eq!(read("TXT", &long), Ok(strings));
    }

    #[test]
    fn what_is_not_in_presentation_format_is_refused() {
        let (value, number) = (Field::Value, Field::Part("priority"));
        for (rtype, text, fields) in [
            ("A", "", vec![value]),
            ("A", "192.0.2", vec![value]),
            ("CNAME", "www", vec![value]),
            ("MX", "mail.example.com.", vec![number, value]),
            ("MX", "10", vec![value]),
            ("MX", "", vec![value]),
            ("TXT", "", vec![value]),
            ("TXT", "v=spf1 -all", vec![value]),
            ("TXT", "\"open", vec![value]),
            ("TXT", "\"\\256\"", vec![value]),
            ("TXT", "\"\\255\"", vec![value]),
            ("TXT", "\"\\009x\"", vec![value]),
            ("CAA", "0 issue \"a\" \"b\"", vec![value]),
        ] {
            assert_eq!(read(rtype, text), Err(fields), "{rtype} {text}");
        }
    }
}
