//! What a record does beside the user's other records.

use super::{base, parts};
use crate::record::{Neighbour, RecordForm, RecordType, notes_beside};
use crate::ttl::TtlLimits;
use crate::words::WordFilter;

/// Returns what is noted about a record, given as name, type and value, beside others in
/// presentation format.
fn notes(new: (&str, &str, &str), others: &[(&str, RecordType, &str)]) -> Vec<String> {
    let (name, rtype, input) = new;
    // `HTTPS 0` is an alias.
    let (rtype, service_priority) = rtype.split_once(' ').unwrap_or((rtype, "1"));
    let form = RecordForm {
        name: name.into(),
        rtype: rtype.into(),
        input: input.into(),
        parts: parts(
            &["priority", "weight", "port", "service_priority"],
            &["0", "0", "1", service_priority],
        ),
        ..RecordForm::default()
    };
    let new = form
        .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        .unwrap();
    let neighbours: Vec<Neighbour<'_>> = others
        .iter()
        .map(|(name, rtype, presentation)| Neighbour {
            name,
            rtype: *rtype,
            presentation,
        })
        // The list of the user's records has the new one too.
        .chain([Neighbour {
            name: new.name.fqdn(),
            rtype: new.value.rtype(),
            presentation: new.value.presentation(),
        }])
        .collect();
    let notes = notes_beside(&new, &base(), &neighbours);
    notes.iter().map(ToString::to_string).collect()
}

#[test]
fn records_that_break_each_other_get_a_note() {
    use RecordType::{A, Aaaa, Cname, Mx, Txt};
    let own = |name: &str| format!("{name}.user1.starchart.com");
    let (www, blog, mail) = (&own("www"), &own("blog"), &own("mail"));
    let to = |name: &str| format!("{name}.user1.starchart.com.");
    let (to_www, to_blog, to_x) = (&to("www"), &to("blog"), &to("x"));
    let to_mail = &format!("0 {}", to("mail"));
    let spf = "\"v=spf1 -all\"";
    for (new, others, expected) in [
        // One SPF and one DMARC text at a name.
        (
            ("www", "TXT", "v=spf1 mx"),
            vec![(www, Txt, spf)],
            Some("two SPF texts"),
        ),
        (
            ("www", "TXT", "V=SPF1"),
            vec![(www, Txt, spf)],
            Some("two SPF texts"),
        ),
        (("www", "TXT", "v=spf1 mx"), vec![(blog, Txt, spf)], None),
        (("www", "TXT", "v=spf1 mx"), vec![], None),
        (("www", "TXT", "v=spf10"), vec![(www, Txt, spf)], None),
        (("www", "TXT", "other"), vec![(www, Txt, spf)], None),
        (
            ("www", "TXT", "v=DMARC1; p=none"),
            vec![(www, Txt, "\"v=DMARC1;p=reject\"")],
            Some("two DMARC texts"),
        ),
        // Rings of CNAME records.
        (
            ("www", "CNAME", to_blog),
            vec![(blog, Cname, to_www)],
            Some(
                "form a ring, so no program finds an address: www.user1.starchart.com → \
                 blog.user1.starchart.com → www.user1.starchart.com",
            ),
        ),
        (
            ("www", "CNAME", to_blog),
            vec![(blog, Cname, to_x), (&own("x"), Cname, to_www)],
            Some("→ x.user1.starchart.com → www.user1.starchart.com"),
        ),
        (
            ("www", "CNAME", to_blog),
            vec![(blog, Cname, to_x), (&own("x"), Cname, to_blog)],
            Some("form a ring"),
        ),
        (
            ("www", "CNAME", to_blog),
            vec![(blog, Cname, "a.example.com.")],
            None,
        ),
        // Targets in the user's own domain.
        (("www", "CNAME", to_blog), vec![], Some("has no record yet")),
        (
            ("www", "CNAME", to_blog),
            vec![(blog, A, "192.0.2.1")],
            None,
        ),
        (("www", "CNAME", "a.example.com"), vec![], None),
        (
            ("www", "CNAME", "user1.starchart.com"),
            vec![],
            Some("has no record yet"),
        ),
        (
            ("@", "MX", &to("mail")),
            vec![],
            Some("no A or AAAA record yet"),
        ),
        (("@", "MX", &to("mail")), vec![(mail, A, "192.0.2.1")], None),
        (
            ("@", "MX", &to("mail")),
            vec![(mail, Aaaa, "2001:db8::1")],
            None,
        ),
        (
            ("@", "MX", &to("mail")),
            vec![(mail, Txt, spf)],
            Some("no A or AAAA record yet"),
        ),
        (("@", "MX", "mail.example.com"), vec![], None),
        (("@", "MX", "."), vec![], None),
        (
            ("@", "MX", &to("mail")),
            vec![(mail, Cname, "a.example.com.")],
            Some("MX records may not point to one (RFC 2181). Enter a.example.com instead"),
        ),
        (
            ("_sip._tcp", "SRV", &to("mail")),
            vec![(mail, Cname, "a.example.com.")],
            Some("SRV records may not point to one"),
        ),
        (
            ("_sip._tcp", "SRV", &to("mail")),
            vec![],
            Some("no A or AAAA record yet"),
        ),
        (("_sip._tcp", "SRV", "."), vec![], None),
        (
            ("mail", "CNAME", "a.example.com"),
            vec![(&"user1.starchart.com".to_owned(), Mx, to_mail)],
            Some("The MX record at user1.starchart.com points to this name"),
        ),
        (
            ("mail", "A", "192.0.2.1"),
            vec![(mail, A, "192.0.2.2")],
            None,
        ),
    ] {
        let others: Vec<_> = others
            .iter()
            .map(|(name, rtype, value)| (name.as_str(), *rtype, AsRef::<str>::as_ref(value)))
            .collect();
        let notes = notes(new, &others);
        match expected {
            None => assert!(notes.is_empty(), "{new:?} {notes:?}"),
            Some(text) => assert!(
                notes.len() == 1 && notes[0].contains(text),
                "{new:?} {notes:?}"
            ),
        }
    }
}

/// What a wildcard, a challenge's name and a service binding do beside other records.
#[test]
fn wildcards_challenges_and_bindings_get_notes() {
    use RecordType::{A, Aaaa, Cname, Https, Txt};
    let base = "user1.starchart.com";
    let own = |name: &str| format!("{name}.{base}");
    let (www, any, deep) = (&own("www"), &own("*"), &own("a.b"));
    let to_www = &format!("{www}.");
    for (new, others, expected) in [
        // A name exists from now on, so a wildcard no longer answers for it.
        (
            ("www", "TXT", "x"),
            vec![(any, A, "192.0.2.1"), (any, Aaaa, "2001:db8::1")],
            vec![
                "www.user1.starchart.com exists from now on, so *.user1.starchart.com no longer \
                  answers for it with its A and AAAA record",
            ],
        ),
        (
            ("www", "A", "192.0.2.2"),
            vec![(any, A, "192.0.2.1")],
            vec![],
        ),
        (
            ("www", "TXT", "x"),
            vec![(any, A, "192.0.2.1"), (www, A, "192.0.2.2")],
            vec![],
        ),
        (
            ("www", "TXT", "x"),
            vec![(any, A, "192.0.2.1"), (&own("x.www"), A, "192.0.2.2")],
            vec![],
        ),
        (
            ("a.www", "A", "192.0.2.2"),
            vec![(any, A, "192.0.2.1")],
            vec!["www.user1.starchart.com exists from now on"],
        ),
        (
            ("_sip._tcp.www", "SRV", "a.example.com"),
            vec![(any, A, "192.0.2.1")],
            vec!["www.user1.starchart.com exists from now on"],
        ),
        (
            ("_dmarc", "TXT", "v=DMARC1; p=none"),
            vec![(any, A, "192.0.2.1")],
            vec![],
        ),
        (("*", "A", "192.0.2.1"), vec![(www, Txt, "\"x\"")], vec![]),
        (
            ("*.www", "A", "192.0.2.1"),
            vec![(www, Txt, "\"x\"")],
            vec![],
        ),
        // Targets for which a wildcard answers.
        (("@", "MX", to_www), vec![(any, A, "192.0.2.1")], vec![]),
        (("@", "CNAME", to_www), vec![(any, A, "192.0.2.1")], vec![]),
        (
            ("@", "MX", to_www),
            vec![(any, Cname, "a.example.com.")],
            vec!["MX records may not point to one"],
        ),
        (
            ("@", "MX", to_www),
            vec![(any, A, "192.0.2.1"), (&own("x.www"), A, "192.0.2.2")],
            vec!["no A or AAAA record yet"],
        ),
        (
            ("*", "CNAME", to_www),
            vec![],
            vec![
                "form a ring",
                "whoever controls www.user1.starchart.com can get certificates",
            ],
        ),
        (
            ("*", "CNAME", "a.example.com"),
            vec![],
            vec!["whoever controls a.example.com can get certificates"],
        ),
        (
            ("x.b", "CNAME", "y.user1.starchart.com"),
            vec![(any, Cname, "a.example.com."), (deep, A, "192.0.2.1")],
            vec![],
        ),
        // The challenge of a name below the user's domain.
        (
            ("_acme-challenge.www", "CNAME", "www.abc.flydns.net"),
            vec![(www, A, "192.0.2.1")],
            vec![
                "Whoever controls www.abc.flydns.net gets certificates for \
                  www.user1.starchart.com and every name directly below it",
            ],
        ),
        (
            ("_acme-challenge.www", "TXT", "abc"),
            vec![(www, A, "192.0.2.1")],
            vec![
                "Whoever asked you for this record gets certificates for \
                  www.user1.starchart.com",
            ],
        ),
        // Service bindings.
        (
            ("www", "HTTPS", ". alpn=h2"),
            vec![(www, A, "192.0.2.1")],
            vec![],
        ),
        (
            ("www", "HTTPS", ". alpn=h2"),
            vec![],
            vec!["www.user1.starchart.com is a name in your own domain that has no A or AAAA"],
        ),
        (
            ("x", "HTTPS 0", to_www),
            vec![(www, Cname, "a.example.com.")],
            vec![],
        ),
        (
            ("x", "HTTPS 0", to_www),
            vec![],
            vec!["no A or AAAA record yet"],
        ),
        (("x", "HTTPS 0", "."), vec![], vec![]),
        (("x", "SVCB", "a.example.com port=1"), vec![], vec![]),
        (
            ("www", "HTTPS 0", "a.example.com"),
            vec![(www, Https, "1 . alpn=\"h2\"")],
            vec!["has an alias (service priority 0) and a record with parameters"],
        ),
        (
            ("_mta-sts", "TXT", "v=STSv1; id=2"),
            vec![(&own("_mta-sts"), Txt, "\"v=STSv1; id=1\"")],
            vec!["two MTA-STS texts"],
        ),
        (
            ("_smtp._tls", "TXT", "v=TLSRPTv1; rua=mailto:a@example.com"),
            vec![(
                &own("_smtp._tls"),
                Txt,
                "\"v=TLSRPTv1; rua=mailto:b@example.com\"",
            )],
            vec!["two TLS reporting texts"],
        ),
    ] {
        let others: Vec<_> = others
            .iter()
            .map(|(name, rtype, value)| (name.as_str(), *rtype, *value))
            .collect();
        let notes = notes(new, &others);
        let fits = notes.len() == expected.len()
            && notes
                .iter()
                .zip(&expected)
                .all(|(note, text)| note.contains(text));
        assert!(fits, "{new:?} {others:?} {notes:?}");
    }
}
