//! What must hold for any text and any octets: the bodies of fuzz targets (`fuzz/`).
//!
//! A test checks it for the seeds in every test run.

use std::collections::BTreeMap;

use crate::names::{BaseDomain, Label, RootDomain};
use crate::presentation::unescape_name;
use crate::record::spec::TypeSpec;
use crate::record::{RecordForm, RecordType, RecordValue, form_parts};
use crate::ttl::TtlLimits;
use crate::txt;
use crate::words::WordFilter;

/// Checks the spellings of values: presentation format, messages, and what users type. `data` is
/// read as octets of a message and as a text.
///
/// # Panics
/// A value changes on its way through two spellings.
pub fn record_codecs(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let octets = txt::encode_octets(data);
    assert_eq!(txt::decode(&octets).as_deref(), Some(data), "{octets}");
    let name = unescape_name(&text);
    assert_eq!(unescape_name(&format!("{name}.")), name, "{text:?}");
    for rtype in RecordType::ALL {
        let spec = rtype.spec();
        if let Some(value) = spec.canonicalize(&text) {
            check_canonical(spec, &value);
        }
        if let Some(value) = spec.from_wire(data) {
            check_canonical(spec, &value);
            assert!(spec.to_wire(&value).is_some(), "{rtype} {value:?}");
        }
        check_form(*rtype, &text);
    }
}

/// Checks that a canonical value keeps its spelling, also through a message.
fn check_canonical(spec: &TypeSpec, value: &str) {
    let rtype = spec.mnemonic;
    assert_eq!(spec.canonicalize(value).as_deref(), Some(value), "{rtype}");
    if let Some(message) = spec.to_wire(value) {
        assert_eq!(spec.from_wire(&message).as_deref(), Some(value), "{rtype}");
    }
}

/// Checks a form whose lines are the name, the fields before the value, and the value: an accepted
/// record is canonical, and stays the same when its edit form is sent as it is shown.
fn check_form(rtype: RecordType, text: &str) {
    let Some(base) = base_domain() else { return };
    let mut lines = text.splitn(form_parts().len() + 2, '\n');
    let name = lines.next().unwrap_or_default().to_owned();
    let mut parts = BTreeMap::new();
    for field in form_parts() {
        parts.insert(field.part.name, lines.next().unwrap_or_default().to_owned());
    }
    let form = RecordForm {
        name,
        rtype: rtype.as_str().to_owned(),
        input: lines.next().unwrap_or_default().to_owned(),
        parts,
        ..RecordForm::default()
    };
    let record = match form.check(&base, &WordFilter::default(), &TtlLimits::default()) {
        Ok(record) => record,
        Err(faults) => {
            assert!(
                faults
                    .iter()
                    .all(|(_, fault)| !fault.to_string().is_empty())
            );
            return;
        }
    };
    let value = record.value.presentation();
    check_canonical(rtype.spec(), value);
    assert!(rtype.spec().to_wire(value).is_some(), "{rtype} {value:?}");
    let parts = rtype.parts_of(value);
    let shown = |name: &str| {
        let part = parts.iter().find(|(part, _)| part.name == name);
        part.map_or("", |(_, text)| text.as_str())
    };
    let again = RecordValue::parse(rtype, record.value.input(), shown);
    assert_eq!(
        again.as_ref().map(RecordValue::presentation),
        Ok(value),
        "{rtype}"
    );
    let relative = match record.name.relative() {
        "" => "@",
        relative => relative,
    };
    let name = rtype.parse_name(relative, &base);
    assert_eq!(
        name.as_ref().map(|name| name.fqdn()),
        Ok(record.name.fqdn())
    );
}

fn base_domain() -> Option<BaseDomain> {
    Some(RootDomain::parse("starchart.com")?.base(&Label::parse("user1").ok()?))
}

/// Returns seeds for [`record_codecs`]: values, forms and messages.
pub fn record_codec_seeds() -> Vec<Vec<u8>> {
    let values = [
        r#""v=DKIM1; k=rsa; " "p=MIGf\"MA\\0G\009""#,
        r#"( "v=DKIM1; h=sha256; " "p=AAAA" )  ; ----- DKIM key"#,
        r"a\046b.\042.caf\195\169.Starchart.COM.",
        "10  Mail.Example.com",
        "00 005 25565\tMC.Example.com",
        "0  ISSUE letsencrypt.org; validationmethods=dns-01",
        "2001:0db8:0000::0001",
        "www 300 IN A 192.0.2.1",
    ];
    let forms = [
        "@\n\n\n\n\n\n",
        "_sip._tcp\n10\n5\n5060\n0\nissue\n",
        "www\n0\n0\n0\n128\niodef\n",
    ];
    let typed = [
        "192.0.2.1",
        "2001:db8::1",
        "mail.example.com.",
        ".",
        ";",
        "mailto:a@b.example",
        "a \u{201c}b\u{201d}",
    ];
    let messages: [&[u8]; 5] = [
        b"\x04mail\x07example\x03com\x00",
        b"\x00\x0a\x00\x05\x63\xdd\x04_a.b\x02\x5c\xe9\x00",
        b"\x00\x05issueletsencrypt.org",
        b"\x03a\"\\\x00\x02\xc3\xa9",
        // The target of an HTTPS record with the characters of zone files.
        b"\x00\x00\x07a\"b;(c)\x00",
    ];
    let forms = forms
        .iter()
        .flat_map(|form| typed.map(|value| format!("{form}{value}")));
    let texts = values.map(str::to_owned).into_iter().chain(forms);
    let messages = messages.into_iter().map(<[u8]>::to_vec);
    texts.map(String::into_bytes).chain(messages).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_keeps_its_meaning() {
        for seed in record_codec_seeds() {
            record_codecs(&seed);
        }
    }
}
