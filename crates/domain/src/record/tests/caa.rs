use super::{base, parts};
use crate::fault::{Fault, Field};
use crate::record::RecordForm;
use crate::ttl::TtlLimits;
use crate::words::WordFilter;

fn form(name: &str, flag: &str, tag: &str, value: &str) -> RecordForm {
    RecordForm {
        name: name.into(),
        rtype: "CAA".into(),
        input: value.into(),
        parts: parts(&["flag", "tag"], &[flag, tag]),
        ..RecordForm::default()
    }
}

#[test]
fn values_have_one_canonical_form() {
    for (flag, tag, value, expected) in [
        ("", "", "letsencrypt.org", r#"0 issue "letsencrypt.org""#),
        (
            "128",
            "ISSUEWILD",
            "LetsEncrypt.org.",
            r#"128 issuewild "letsencrypt.org""#,
        ),
        ("0", "issue", ";", r#"0 issue ";""#),
        ("0", "issue", "ca.example;", r#"0 issue "ca.example""#),
        (
            "0",
            "issue",
            "letsencrypt.org;validationmethods=dns-01 ;  accounturi=https://a.example",
            r#"0 issue "letsencrypt.org; validationmethods=dns-01; accounturi=https://a.example""#,
        ),
        ("0", "issue", "; policy=ev", r#"0 issue "; policy=ev""#),
        (
            "0",
            "iodef",
            "mailto:a@example.com",
            r#"0 iodef "mailto:a@example.com""#,
        ),
        (
            "0",
            "iodef",
            "https://iodef.example.com/x",
            r#"0 iodef "https://iodef.example.com/x""#,
        ),
    ] {
        let record = form("@", flag, tag, value)
            .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
            .unwrap();
        assert_eq!(record.value.presentation(), expected, "{value}");
    }
}

#[test]
fn faults_say_what_to_do() {
    let issuer = "Record value is invalid: enter the domain of a certificate authority such as \
                  letsencrypt.org, with its parameters after a semicolon, or a single semicolon \
                  (;) to allow none";
    let report = "Record value is invalid: enter mailto: with a mail address, or a URL that begins \
                  with https://";
    for (flag, tag, value, field, text) in [
        (
            "1",
            "issue",
            ";",
            Field::Part("flag"),
            "Flag is 0, or 128 (critical)",
        ),
        (
            "256",
            "issue",
            ";",
            Field::Part("flag"),
            "Flag is 0, or 128 (critical)",
        ),
        (
            "0",
            "contactemail",
            "a@b.de",
            Field::Part("tag"),
            "Tag is issue, issuewild or iodef",
        ),
        (
            "0",
            "issue",
            "",
            Field::Value,
            "Record value is invalid: enter a value",
        ),
        (
            "0",
            "issue",
            "https://letsencrypt.org",
            Field::Value,
            "Record value is invalid: enter the host name alone, without http://, a port or a \
             path: letsencrypt.org",
        ),
        ("0", "issue", "Let's Encrypt", Field::Value, issuer),
        (
            "0",
            "issue",
            "192.0.2.1",
            Field::Value,
            "Record value is invalid: this is an address; enter the domain of a certificate \
             authority such as letsencrypt.org",
        ),
        ("0", "issue", "lets_encrypt.org", Field::Value, issuer),
        (
            "0",
            "issue",
            "\"letsencrypt.org\"",
            Field::Value,
            "Record value is invalid: leave out the quotation marks, they are added for you",
        ),
        (
            "0",
            "issue",
            "0 issue letsencrypt.org",
            Field::Value,
            "Record value is invalid: enter the authority's domain alone and choose the flag and \
             the tag in their fields",
        ),
        (
            "0",
            "issue",
            "letsencrypt.org; dns-01",
            Field::Value,
            "Record value is invalid: write parameters as tag=value with a semicolon before each, \
             for example letsencrypt.org; validationmethods=dns-01",
        ),
        (
            "0",
            "iodef",
            "a@example.com",
            Field::Value,
            "Record value is invalid: write mailto: before the mail address",
        ),
        ("0", "iodef", "mailto:example.com", Field::Value, report),
        ("0", "iodef", "https://", Field::Value, report),
        ("0", "iodef", "mailto:a@example.com b", Field::Value, report),
    ] {
        let faults = form("@", flag, tag, value)
            .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
            .unwrap_err();
        let texts: Vec<(Field, String)> = faults
            .into_iter()
            .map(|(field, fault): (Field, Fault)| (field, fault.to_string()))
            .collect();
        assert_eq!(texts, [(field, text.to_owned())], "{flag} {tag} {value}");
    }
    let long = form(
        "@",
        "0",
        "issue",
        &format!("a.example; x={}", "1".repeat(250)),
    );
    assert_eq!(
        long.check(&base(), &WordFilter::built_in(), &TtlLimits::default())
            .unwrap_err()[0]
            .1
            .to_string(),
        "Record value is invalid: use at most 255 characters"
    );
}

#[test]
fn names_are_those_of_hosts() {
    for (name, is_allowed) in [
        ("@", true),
        ("www", true),
        ("a.b", true),
        ("_sip._tcp", false),
        ("_acme-challenge", false),
    ] {
        let record = form(name, "0", "issue", "letsencrypt.org").check(
            &base(),
            &WordFilter::built_in(),
            &TtlLimits::default(),
        );
        assert_eq!(record.is_ok(), is_allowed, "{name}");
    }
}
