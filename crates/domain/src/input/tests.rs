#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::IpAddr;

use super::typed::{Typed, recognize};
use super::*;
use crate::names::HostFault;

/// Every kind of white space and every invisible character that is dropped somewhere.
const WHITE: &str = " \t\n\r\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2000}\u{2003}\u{2009}\u{200a}\u{2028}\
                     \u{2029}\u{202f}\u{205f}\u{3000}";
const INVISIBLE: &str = "\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\
                         \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2061}\u{2062}\u{2063}\
                         \u{2064}\u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\u{206f}\u{feff}";

#[test]
fn what_a_field_does_not_show_is_dropped() {
    for c in WHITE.chars() {
        for text in [
            format!("{c}www"),
            format!("www{c}"),
            format!("{c}{c}www{c}{c}"),
        ] {
            assert_eq!(clean_line(&text), "www", "U+{:04X}", u32::from(c));
            assert_eq!(clean_note(&text), "www", "U+{:04X}", u32::from(c));
        }
    }
    for c in INVISIBLE.chars() {
        for text in [format!("{c}www"), format!("w{c}ww"), format!("www{c} {c}")] {
            assert_eq!(clean_line(&text), "www", "U+{:04X}", u32::from(c));
        }
        let is_kept = clean_note(&format!("w{c}w")) != "ww";
        assert_eq!(is_kept, is_joiner(c), "U+{:04X}", u32::from(c));
    }
    assert_eq!(clean_line("two words"), "two words");
    assert_eq!(clean_note(" a\r\nb\rc\n"), "a\nb\nc");
    assert_eq!(clean_note("👩\u{200d}🔬"), "👩\u{200d}🔬");
}

#[test]
fn odd_characters_are_named_for_what_they_are() {
    for (c, text) in [
        ('１', "“１” is a full-width character; type 1 instead"),
        ('ｗ', "“ｗ” is a full-width character; type w instead"),
        ('．', "“．” is a full-width character; type . instead"),
        ('–', "“–” is a dash and not a hyphen; type - instead"),
        ('—', "“—” is a dash and not a hyphen; type - instead"),
        (
            '\u{2011}',
            "“\u{2011}” is a dash and not a hyphen; type - instead",
        ),
        ('−', "“−” is a dash and not a hyphen; type - instead"),
        ('“', "““” is a typographic mark; leave it out"),
        ('’', "“’” is a typographic mark; leave it out"),
        ('»', "“»” is a typographic mark; leave it out"),
        ('。', "“。” is not the dot of a name; type . instead"),
        ('…', "“…” is not the dot of a name; type . instead"),
        (
            '\u{a0}',
            "there is a no-break space (U+00A0) in the middle; remove it",
        ),
        (
            '\u{3000}',
            "there is a full-width space (U+3000) in the middle; remove it",
        ),
        (
            '\u{2003}',
            "there is a space of another kind (U+2003) in the middle; remove it",
        ),
        (
            '\u{2028}',
            "there is a line break (U+2028) in the middle; remove it",
        ),
        ('٣', "“٣” is not one of the digits 0 to 9"),
        ('é', "“é” is not one of the letters a to z"),
        ('а', "“а” is not one of the letters a to z"),
        ('\t', "there is a tab; remove it"),
        ('\n', "there is a line break; remove it"),
        ('\0', "there is a control character (U+0000); remove it"),
        ('😀', "“😀” is not allowed here"),
    ] {
        assert_eq!(OddChar::of(c).unwrap().to_string(), text);
    }
    for c in ' '..='~' {
        assert_eq!(OddChar::of(c), None, "{c}");
    }
    assert_eq!(
        OddChar::in_name(' ').to_string(),
        "there is a blank in the middle; remove it"
    );
    assert_eq!(OddChar::in_name('+').to_string(), "“+” is not allowed here");
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn inputs_are_recognized() {
    let url = |host: &str| Typed::Url(Some(host.to_owned()));
    let host_port = |host: &str, port| Typed::HostPort(host.to_owned(), port);
    let odd = |odd, without| Typed::Odd(odd, Box::new(without));
    let v4 = |text: &str| text.parse().unwrap();
    for (text, typed) in [
        ("192.0.2.1", Typed::Address(ip("192.0.2.1"))),
        ("2001:DB8::1", Typed::Address(ip("2001:db8::1"))),
        ("2001:db8::1:443", Typed::Address(ip("2001:db8::1:443"))),
        ("[2001:db8::1]", Typed::Bracketed(ip("2001:db8::1"))),
        ("[192.0.2.1]", Typed::Bracketed(ip("192.0.2.1"))),
        ("192.0.2.1:8080", Typed::AddressPort(ip("192.0.2.1"), 8080)),
        (
            "[2001:db8::1]:443",
            Typed::AddressPort(ip("2001:db8::1"), 443),
        ),
        ("192.0.2.1.", Typed::AddressDot(ip("192.0.2.1"))),
        ("192.0.2.0/24", Typed::Network(ip("192.0.2.0"))),
        ("192.0.2.0/255.255.255.0", Typed::Network(ip("192.0.2.0"))),
        ("2001:db8::/64", Typed::Network(ip("2001:db8::"))),
        ("fe80::1%eth0", Typed::Zoned("fe80::1".parse().unwrap())),
        ("192.168.001.010", Typed::LeadingZeros(v4("192.168.1.10"))),
        ("08.8.8.8", Typed::LeadingZeros(v4("8.8.8.8"))),
        ("3232235777", Typed::Integer(v4("192.168.1.1"))),
        ("0xC0A80101", Typed::Integer(v4("192.168.1.1"))),
        ("192.168.1", Typed::NumberCount(3)),
        ("10", Typed::NumberCount(1)),
        ("1.2.3.4.5", Typed::NumberCount(5)),
        ("192.0.2.256", Typed::NumberTooLarge("256".into())),
        ("300.1.1.1", Typed::NumberTooLarge("300".into())),
        ("192.0.2.*", Typed::Range),
        ("192.0.2.1-9", Typed::Range),
        ("192.0.2.1-192.0.2.9", Typed::Range),
        ("2001:db8:1", Typed::BadIpv6),
        ("2001:db8::1::2", Typed::BadIpv6),
        ("2001:db8:::1", Typed::BadIpv6),
        ("00:1a:2b:3c:4d:5e", Typed::Mac),
        ("https://www.example.com/x?y#z", url("www.example.com")),
        ("http://192.0.2.1", url("192.0.2.1")),
        ("http://[2001:db8::1]:80/", url("2001:db8::1")),
        ("http://user@www.example.com:8080/", url("www.example.com")),
        ("//www.example.com", url("www.example.com")),
        ("www.example.com/", url("www.example.com")),
        ("https://", Typed::Url(None)),
        ("www.example.com:443", host_port("www.example.com", 443)),
        ("localhost:8080", Typed::Localhost),
        ("www:80", host_port("www", 80)),
        ("me@example.com", Typed::Email("example.com".into())),
        ("\"192.0.2.1\"", Typed::Quoted("192.0.2.1".into())),
        ("'www.example.com'", Typed::Quoted("www.example.com".into())),
        ("“www.example.com”", Typed::Quoted("www.example.com".into())),
        (
            "10 mail.example.com",
            Typed::Numbers("mail.example.com".into()),
        ),
        ("0 .", Typed::Numbers(".".into())),
        (
            "0 5 443 a.example.com.",
            Typed::Numbers("a.example.com.".into()),
        ),
        ("192.0.2.1, 192.0.2.2", Typed::Several),
        ("192.0.2.1 2001:db8::1", Typed::Several),
        ("a.example.com;b.example.com", Typed::Several),
        ("www", Typed::Relative("www".into())),
        ("WWW.", Typed::Relative("www.".into())),
        ("@", Typed::Relative("@".into())),
        ("localhost", Typed::Localhost),
        ("*.example.com", Typed::Wildcard),
        ("www.Example.com.", Typed::Host("www.example.com".into())),
        ("a..b", Typed::BadHost(HostFault::EmptyLabel)),
        ("-a.example.com", Typed::BadHost(HostFault::Hyphen)),
        ("bücher.example", odd(OddChar::Letter('ü'), Typed::Unknown)),
        (
            "１92.0.2.1",
            odd(
                OddChar::FullWidth('１', '1'),
                Typed::Address(ip("192.0.2.1")),
            ),
        ),
        (
            "a–b.example.com",
            odd(OddChar::Dash('–'), Typed::Host("a-b.example.com".into())),
        ),
        (
            "192.0.2.\t1",
            odd(OddChar::Control('\t'), Typed::Address(ip("192.0.2.1"))),
        ),
        (
            "a\u{a0}b",
            odd(OddChar::Blank('\u{a0}'), Typed::Relative("ab".into())),
        ),
        (
            "a b",
            odd(OddChar::Blank(' '), Typed::Relative("ab".into())),
        ),
        (
            "a–é b",
            odd(
                OddChar::Dash('–'),
                odd(OddChar::Letter('é'), Typed::Unknown),
            ),
        ),
        ("192.0.2.1\n192.0.2.2", Typed::Several),
        ("192.0.2.1\u{a0}192.0.2.2", Typed::Several),
        (
            "10\tmail.example.com",
            Typed::Numbers("mail.example.com".into()),
        ),
    ] {
        assert_eq!(recognize(text), typed, "{text}");
    }
}

#[test]
fn lines_of_zone_files_are_recognized() {
    for (text, expected) in [
        ("www IN A 192.0.2.1", Some((Some("www"), "A", "192.0.2.1"))),
        (
            "www 300 IN A 192.0.2.1",
            Some((Some("www"), "A", "192.0.2.1")),
        ),
        (
            "www\tIN\t1h\ta\t192.0.2.1 ; web",
            Some((Some("www"), "A", "192.0.2.1")),
        ),
        ("www A 192.0.2.1", Some((Some("www"), "A", "192.0.2.1"))),
        ("IN A 192.0.2.1", Some((None, "A", "192.0.2.1"))),
        ("A 192.0.2.1", Some((None, "A", "192.0.2.1"))),
        (
            "3600 IN NS ns1.example.com.",
            Some((None, "NS", "ns1.example.com.")),
        ),
        (
            "@ MX 10 mail.example.com.",
            Some((Some("@"), "MX", "10 mail.example.com.")),
        ),
        (
            r#"k._domainkey IN TXT "v=DKIM1; p=A" ; key"#,
            Some((Some("k._domainkey"), "TXT", r#""v=DKIM1; p=A""#)),
        ),
        ("a record of mine", None),
        ("mx record", None),
        ("192.0.2.1", None),
        ("www IN", None),
        ("www IN A", None),
    ] {
        let line = typed::ZoneLine::parse(text);
        let columns = line.as_ref().map(|line| {
            (
                line.owner.as_deref(),
                line.rtype.as_str(),
                line.value.as_str(),
            )
        });
        assert_eq!(columns, expected, "{text}");
    }
}
