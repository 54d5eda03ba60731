//! What the fields say about inputs that they do not take, each for what it is.

use super::{base, name_for, parts};
use crate::fault::{Fault, Field};
use crate::input::OddChar;
use crate::record::{RecordForm, RecordType};
use crate::ttl::TtlLimits;
use crate::words::WordFilter;

/// Returns what the field Value says about an input, without the words before it.
fn answer(rtype: &str, input: &str) -> String {
    let (rtype, tag) = rtype.split_once(' ').unwrap_or((rtype, "issue"));
    let form = RecordForm {
        name: name_for(rtype).into(),
        rtype: rtype.into(),
        input: input.into(),
        parts: parts(
            &["priority", "weight", "port", "tag"],
            &["0", "0", "1", tag],
        ),
        ..RecordForm::default()
    };
    match form.check(&base(), &WordFilter::built_in(), &TtlLimits::default()) {
        Ok(record) => format!("saved: {}", record.value.presentation()),
        Err(faults) => {
            assert_eq!(faults.len(), 1, "{rtype} {input}");
            assert_eq!(faults[0].0, Field::Value);
            let text = faults[0].1.to_string();
            text.trim_start_matches("Record value is invalid: ")
                .to_owned()
        }
    }
}

#[test]
fn addresses_are_read_or_refused_for_what_they_are() {
    let example = "an IPv4 address such as 192.0.2.10";
    for (input, text) in [
        // Read.
        (" 192.0.2.1", "saved: 192.0.2.1"),
        ("192.0.2.1\t", "saved: 192.0.2.1"),
        ("\u{a0}192.0.2.1\r\n", "saved: 192.0.2.1"),
        ("192.0.2.1\u{200b}", "saved: 192.0.2.1"),
        ("\u{feff}192.0.2.1", "saved: 192.0.2.1"),
        ("192.\u{200e}0.2.1", "saved: 192.0.2.1"),
        ("\u{202a}192.0.2.1\u{202c}", "saved: 192.0.2.1"),
        // Refused.
        (
            "2001:db8::1",
            "this is an IPv6 address; choose the type AAAA",
        ),
        (
            "[2001:db8::1]",
            "leave out the brackets: choose the type AAAA and enter 2001:db8::1",
        ),
        (
            "192.0.2.1:8080",
            "leave out the port 8080, which an address record cannot hold: enter 192.0.2.1",
        ),
        (
            "192.0.2.1.",
            "leave out the dot at the end: enter 192.0.2.1",
        ),
        (
            "192.0.2.0/24",
            "this is a whole network; enter the address of one host, without / and what follows, \
             for example 192.0.2.0",
        ),
        (
            "http://192.0.2.1/",
            "leave out http://, the port and the path: enter 192.0.2.1",
        ),
        (
            "https://www.example.com:8443/x",
            "this is a web address; choose the type CNAME and enter www.example.com, or enter the \
             server's IP address",
        ),
        (
            "192.168.001.010",
            "leave out the leading zeros, which some programs read as octal numbers: enter \
             192.168.1.10",
        ),
        (
            "3232235777",
            "this is an address as a single number; write four numbers with dots: enter \
             192.168.1.1",
        ),
        (
            "0xc0a80101",
            "this is an address as a single number; write four numbers with dots: enter \
             192.168.1.1",
        ),
        (
            "192.168.1",
            "an IPv4 address has four numbers, this has 3; enter all four, as in 192.0.2.10",
        ),
        ("7", &format!("this is a number; enter {example}")),
        (
            "300.1.1.1",
            "each number of an IPv4 address is at most 255; 300 is not",
        ),
        (
            "192.0.2.*",
            "this is a range of addresses; enter one, and make a record for each of the others",
        ),
        (
            "192.0.2.1, 192.0.2.2",
            "there are several values here; enter one, and make a record for each of the others",
        ),
        (
            "00:1a:2b:3c:4d:5e",
            "this is a hardware address (MAC), which works inside its own network only; enter the \
             server's IP address",
        ),
        (
            "www.example.com",
            "this is a host name; choose the type CNAME, or enter the server's address",
        ),
        (
            "www.example.com:80",
            "this is a host name; choose the type CNAME and enter www.example.com, or enter the \
             server's address",
        ),
        (
            "www",
            "this is a host name; choose the type CNAME, or enter the server's address",
        ),
        (
            "@",
            "@ stands for your domain under Name; enter the address of the server here",
        ),
        (
            "localhost",
            "localhost is each visitor's own machine; enter the address of your server",
        ),
        (
            "me@example.com",
            &format!("this is a mail address; enter {example}"),
        ),
        (
            "\"192.0.2.1\"",
            "leave out the quotation marks: enter 192.0.2.1",
        ),
        (
            "www 300 IN A 192.0.2.1",
            "this is a line of a zone file; enter 192.0.2.1 alone here, www under Name, and choose \
             the type A",
        ),
        (
            "IN MX 10 mail.example.com.",
            "this is a line of a zone file; enter mail.example.com. alone here, 10 under Priority, \
             and choose the type MX",
        ),
        (
            "@ IN NS ns1.example.com.",
            "this is a line of a zone file; enter ns1.example.com. alone here, @ under Name; \
             records of type NS are not offered",
        ),
        (
            "１92.0.2.1",
            "“１” is a full-width character; type 1 instead",
        ),
        (
            "192．0.2.1",
            "“．” is a full-width character; type . instead",
        ),
        ("192.0.2.٣", "“٣” is not one of the digits 0 to 9"),
        (
            "192.0.2\u{a0}.1",
            "there is a no-break space (U+00A0) in the middle; remove it",
        ),
        ("*.example.com", &format!("enter {example}")),
        ("192.0.2. 1", "there is a blank in the middle; remove it"),
        ("192.0.2 .1", "there is a blank in the middle; remove it"),
        ("192.0.2\t.1", "there is a tab; remove it"),
        (
            "192.0.2.1\n192.0.2.2",
            "there are several values here; enter one, and make a record for each of the others",
        ),
    ] {
        assert_eq!(answer("A", input), text, "{input:?}");
    }
    for (input, text) in [
        ("\u{200e}2001:DB8::1 ", "saved: 2001:db8::1"),
        ("192.0.2.1", "this is an IPv4 address; choose the type A"),
        (
            "2001:db8::/64",
            "this is a whole network; enter the address of one host, without / and what follows, \
             for example 2001:db8::",
        ),
        ("2001:db8:: 1", "there is a blank in the middle; remove it"),
        ("[2001:db8::1]", "leave out the brackets: enter 2001:db8::1"),
        (
            "[2001:db8::1]:443",
            "leave out the port 443, which an address record cannot hold: enter 2001:db8::1",
        ),
        (
            "http://[2001:db8::1]/",
            "leave out http://, the port and the path: enter 2001:db8::1",
        ),
        (
            "192.0.2.1:80",
            "leave out the port 80, which an address record cannot hold: choose the type A and \
             enter 192.0.2.1",
        ),
        (
            "2001:db8::1%eth0",
            "leave out the % and what follows, it means something on one machine only: enter \
             2001:db8::1",
        ),
        (
            "2001:db8:1",
            "this is no whole IPv6 address, which has eight groups between colons, with :: at most \
             once for groups of zeros; enter an IPv6 address such as 2001:db8::10",
        ),
        (
            "2001:db8::1::2",
            "this is no whole IPv6 address, which has eight groups between colons, with :: at most \
             once for groups of zeros; enter an IPv6 address such as 2001:db8::10",
        ),
        (
            "k IN AAAA 2001:db8::1",
            "this is a line of a zone file; enter 2001:db8::1 alone here, k under Name, and choose \
             the type AAAA",
        ),
    ] {
        assert_eq!(answer("AAAA", input), text, "{input:?}");
    }
}

#[test]
fn host_names_are_read_or_refused_for_what_they_are() {
    for (input, text) in [
        ("\tWWW.Example.com. ", "saved: www.example.com."),
        ("www.exam\u{ad}ple.com\u{200b}", "saved: www.example.com."),
        (
            "_x2.mhbtsbpdnt.acm-validations.aws.",
            "saved: _x2.mhbtsbpdnt.acm-validations.aws.",
        ),
        (
            "www",
            "enter the whole name: www.user1.starchart.com if the host is in your own domain, or \
             one such as www.example.com",
        ),
        (
            "WWW.",
            "enter the whole name: www.user1.starchart.com if the host is in your own domain, or \
             one such as www.example.com",
        ),
        (
            "@",
            "enter the whole name instead of @: user1.starchart.com is your own domain",
        ),
        (
            "localhost",
            "localhost is each visitor's own machine; enter the name of your server",
        ),
        (
            "https://www.example.com/x",
            "enter the host name alone, without http://, a port or a path: www.example.com",
        ),
        (
            "www.example.com/",
            "enter the host name alone, without http://, a port or a path: www.example.com",
        ),
        (
            "https://",
            "enter the host name alone, without http://, a port or a path",
        ),
        (
            "www.example.com:443",
            "enter www.example.com alone; a CNAME record cannot hold the port 443",
        ),
        (
            "192.0.2.1",
            "this is an address; choose the type A (IPv4) or AAAA (IPv6), or enter a host name",
        ),
        (
            "[2001:db8::1]:443",
            "this is an address; choose the type A (IPv4) or AAAA (IPv6), or enter a host name",
        ),
        (
            "192.168.001.010",
            "this is an address; choose the type A (IPv4) or AAAA (IPv6), or enter a host name",
        ),
        (
            "me@example.com",
            "this is a mail address; enter a host name such as www.example.com (the domain of the \
             address is example.com)",
        ),
        (
            "\"www.example.com\"",
            "leave out the quotation marks: enter www.example.com",
        ),
        (
            "10 www.example.com",
            "enter www.example.com alone, without the numbers",
        ),
        (
            "blog IN CNAME www.example.com.",
            "this is a line of a zone file; enter www.example.com. alone here, blog under Name, \
             and choose the type CNAME",
        ),
        (
            "a.example.com, b.example.com",
            "there are several values here; enter one, and make a record for each of the others",
        ),
        (
            "*.example.com",
            "a record cannot point to a name with *; enter a host name such as www.example.com",
        ),
        (
            "a..example.com",
            "there is nothing before, after or between dots; remove the extra dot",
        ),
        (
            "-a.example.com",
            "no part between dots begins or ends with -; remove it",
        ),
        (
            &format!("{}.example.com", "a".repeat(64)),
            "each part between dots has at most 63 characters, and one has 64",
        ),
        (
            &format!("{}example.com", "a123456789.".repeat(23)),
            "a name has at most 253 characters, and this has 264",
        ),
        (
            "www.exаmple.com",
            "“а” is not one of the letters a to z; enter the host name in its ASCII form, which \
             begins with xn--",
        ),
        (
            "www–1.example.com",
            "“–” is a dash and not a hyphen; type - instead",
        ),
        (
            "www。example.com",
            "“。” is not the dot of a name; type . instead",
        ),
        ("www.example.com!", "“!” is not allowed here"),
        (
            "www example.com",
            "there is a blank in the middle; remove it",
        ),
        (
            "www.example.\u{3000}com",
            "there is a full-width space (U+3000) in the middle; remove it",
        ),
        (
            ".",
            "there is nothing before, after or between dots; remove the extra dot",
        ),
    ] {
        assert_eq!(answer("CNAME", input), text, "{input:?}");
    }
    let mx_address = "an MX record points to a host name, not to an address; make an A or AAAA \
                      record for the mail server and enter its name";
    for (rtype, input, text) in [
        ("MX", " mail.example.com", "saved: 0 mail.example.com."),
        ("MX", "192.0.2.1", mx_address),
        ("MX", "192.0.2.1:25", mx_address),
        ("MX", ".", "saved: 0 ."),
        (
            "MX",
            "10 mail.example.com",
            "enter mail.example.com alone and put the number (0 to 65535) into Priority",
        ),
        (
            "MX",
            "0 .",
            "enter . alone and put the number (0 to 65535) into Priority",
        ),
        (
            "MX",
            "mail.example.com:25",
            "enter mail.example.com alone; mail servers are always reached on port 25, so 25 \
             cannot be published",
        ),
        (
            "MX",
            "me@example.com",
            "this is a mail address; enter a host name such as www.example.com (the domain of the \
             address is example.com)",
        ),
        (
            "MX",
            "mail",
            "enter the whole name: mail.user1.starchart.com if the host is in your own domain, or \
             one such as mail.example.com",
        ),
        (
            "SRV",
            "sip.example.com:5060",
            "enter sip.example.com alone; put 5060 into Port",
        ),
        (
            "SRV",
            "0 5 5060 sip.example.com",
            "enter sip.example.com alone and put the numbers into Priority, Weight and Port",
        ),
        (
            "SRV",
            "_sip._tcp IN SRV 0 5 5060 sip.example.com.",
            "this is a line of a zone file; enter sip.example.com. alone here, _sip._tcp under \
             Name, 0 under Priority, 5 under Weight, 5060 under Port, and choose the type SRV",
        ),
        (
            "CAA",
            "letsencrypt.org:443",
            "enter letsencrypt.org alone, without the port",
        ),
        (
            "CAA",
            "me@letsencrypt.org",
            "this is a mail address; enter the domain of a certificate authority such as \
             letsencrypt.org (the domain of the address is letsencrypt.org)",
        ),
        (
            "CAA",
            "@ IN CAA 0 issue \"letsencrypt.org\"",
            "this is a line of a zone file; enter letsencrypt.org alone here, @ under Name, 0 \
             under Flag, issue under Tag, and choose the type CAA",
        ),
        (
            "CAA",
            "0 issue \"letsencrypt.org\"",
            "enter the authority's domain alone and choose the flag and the tag in their fields",
        ),
        (
            "CAA",
            "letsencrypt–org.org",
            "“–” is a dash and not a hyphen; type - instead",
        ),
    ] {
        assert_eq!(answer(rtype, input), text, "{rtype} {input:?}");
    }
}

/// What to do about a single character is said only if it makes the input right.
#[test]
fn a_character_is_named_only_if_the_text_is_right_without_it() {
    let v4 = "enter an IPv4 address such as 192.0.2.10";
    let v6 = "enter an IPv6 address such as 2001:db8::10";
    let host = "enter a host name such as www.example.com";
    let authority = "enter the domain of a certificate authority such as letsencrypt.org";
    let report = "enter mailto: with a mail address, or a URL that begins with https://";
    for (rtype, input, text) in [
        ("A", "not an address", v4),
        ("A", "my server", v4),
        ("A", "my\u{a0}server", v4),
        ("A", "the\tserver", v4),
        ("A", "one\ntwo", v4),
        ("A", "my–server", v4),
        ("A", "it’s mine", v4),
        ("A", "ｍｉｎｅ", v4),
        ("A", "…", v4),
        ("A", "bücher", v4),
        ("A", "wow!", v4),
        ("A", "192.0.2 .300", v4),
        ("AAAA", "not an address", v6),
        ("AAAA", "2001:db8:: zz", v6),
        ("AAAA", "192.0.2. 1", v6),
        ("CNAME", "my server", host),
        ("CNAME", "see the instructions!", host),
        ("CNAME", "www –.example.com", host),
        ("MX", "my mail server", host),
        ("SRV", "my game server", host),
        ("CAA", "lets encrypt", authority),
        ("CAA", "let’s encrypt", authority),
        ("CAA iodef", "the admin", report),
    ] {
        assert_eq!(answer(rtype, input), text, "{rtype} {input:?}");
    }
    // Of a number, nothing is named that does not make it one.
    let priority = RecordType::Mx.spec().parts[0];
    for (input, odd) in [
        ("１0", Some(OddChar::FullWidth('１', '1'))),
        ("1\u{a0}0", Some(OddChar::Blank('\u{a0}'))),
        ("first–most", None),
        ("–5", None),
    ] {
        let fault = odd.map_or(Fault::Part(priority.fault), Fault::Odd);
        assert_eq!(priority.check(input), Err(fault), "{input:?}");
    }
}

#[test]
fn every_type_trims_alike() {
    for rtype in RecordType::ALL {
        let value = rtype.spec().guide.value.replace("{base}", base().as_str());
        let plain = answer(rtype.as_str(), &value);
        assert!(plain.starts_with("saved: "), "{rtype} {plain}");
        if rtype.spec().is_text {
            continue;
        }
        for padded in [
            format!(" {value}"),
            format!("{value}\t"),
            format!("\u{a0}{value}\n"),
            format!("\u{feff}{value}\u{200b}"),
        ] {
            assert_eq!(answer(rtype.as_str(), &padded), plain, "{rtype} {padded:?}");
        }
    }
}

/// What would be refused after a correction is refused before it.
#[test]
fn an_address_that_nobody_reaches_is_refused_however_it_is_spelled() {
    for (input, kind) in [
        ("fe80::1%eth0", "a link-local address"),
        ("[fe80::1]", "a link-local address"),
        ("[fe80::1%25]:443", ""),
        ("fe80::/10", "a link-local address"),
        ("http://[fe80::1]/", "a link-local address"),
        ("[::1]:8080", "the loopback address"),
        ("\"::1\"", "the loopback address"),
        ("ff02::1%2", "a multicast address"),
        ("127.0.0.1", "a loopback address"),
        ("127.0.0.1:80", "a loopback address"),
        ("http://127.0.0.1:3000/", "a loopback address"),
        ("127.0.0.1.", "a loopback address"),
        ("127.000.000.001", "a loopback address"),
        ("2130706433", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("２２４.0.0.1", "a multicast address"),
        ("192.0.2.1:80", ""),
        ("2001:db8::1%eth0", ""),
    ] {
        for rtype in ["A", "AAAA"] {
            let said = answer(rtype, input);
            let is_refused_at_once = said.contains("which nobody else can reach");
            assert_eq!(
                is_refused_at_once,
                !kind.is_empty(),
                "{rtype} {input}: {said}"
            );
            assert!(said.contains(kind), "{rtype} {input}: {said}");
        }
    }
}
