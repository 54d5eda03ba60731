//! The batches that a provider refuses.

use starchart_dns::provider::{Change, FaultKind};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::Rrset;

use super::{
    Case, a, beside, caa, cname, creates, deletes, foreign, fqdn, lax, many, refused,
    refused_alone, refused_as_whole, set, swap, text, with_ttl,
};
use crate::ROOT;

/// Returns the cases that are refused.
pub(super) fn refused_batches() -> Vec<Case> {
    let mut cases = conflicts();
    cases.extend(conflicts_with_foreign_types());
    cases.extend(conflicts_with_cname());
    cases.extend(invalid_values());
    cases.extend(invalid_batches());
    cases
}

fn conflicts() -> Vec<Case> {
    use FaultKind::{Differs, Exists, Missing};
    let www = a("www", "192.0.2.1");
    let changed = a("www", "192.0.2.2");
    let slow = with_ttl(www.clone(), 60);
    let txt = text("www", &["text"]);
    let good = a("good", "192.0.2.3");
    let late = a("late", "192.0.2.4");
    let given = std::slice::from_ref(&www);
    let several = [
        Change::create(good.clone()),
        Change::delete(changed.clone()),
        Change::delete(txt.clone()),
        Change::create(late),
    ];
    vec![
        refused(
            "the same RRset again",
            given,
            creates(given),
            &[(&www, Exists)],
        ),
        lax(refused(
            "an RRset with other values",
            given,
            creates(&[good.clone(), changed.clone()]),
            &[(&www, Exists)],
        )),
        refused("delete nothing", &[], deletes(given), &[(&www, Missing)]),
        refused(
            "delete another type",
            given,
            deletes(std::slice::from_ref(&txt)),
            &[(&txt, Missing)],
        ),
        refused(
            "delete other values",
            given,
            deletes(std::slice::from_ref(&changed)),
            &[(&www, Differs)],
        ),
        refused(
            "delete a part of the values",
            &[set("www", RecordType::A, &["192.0.2.1", "192.0.2.2"])],
            deletes(given),
            &[(&www, Differs)],
        ),
        refused(
            "delete another TTL",
            given,
            deletes(&[slow]),
            &[(&www, Differs)],
        ),
        refused(
            "replace nothing",
            &[],
            swap(given, std::slice::from_ref(&changed)),
            &[(&www, Missing)],
        ),
        refused(
            "two of four changes",
            given,
            several.to_vec(),
            &[(&www, Differs), (&txt, Missing)],
        ),
        beside(
            lax(refused(
                "an RRset of another party",
                &[],
                creates(&[good, www.clone()]),
                &[(&www, Exists)],
            )),
            foreign(fqdn("www"), "A", &["203.0.113.5"]),
        ),
    ]
}

/// RRsets of another party whose type users may create too.
fn conflicts_with_foreign_types() -> Vec<Case> {
    let ours = set("www", RecordType::Caa, &[r#"0 issue "letsencrypt.org""#]);
    let service = set("www", RecordType::Srv, &["0 5 5060 sip.example.com."]);
    let foreign_service = foreign(fqdn("www"), "SRV", &["0 0 1 other.example.net."]);
    let own = a("good", "192.0.2.3");
    vec![
        beside(
            lax(refused(
                "a CAA of another party",
                &[],
                creates(&[own.clone(), ours.clone()]),
                &[(&ours, FaultKind::Exists)],
            )),
            caa("www"),
        ),
        beside(
            lax(refused(
                "an SRV of another party",
                &[],
                creates(&[own, service.clone()]),
                &[(&service, FaultKind::Exists)],
            )),
            foreign_service,
        ),
    ]
}

fn conflicts_with_cname() -> Vec<Case> {
    use FaultKind::{Exists, Other};
    let www = a("www", "192.0.2.1");
    let alias = cname("www");
    let given = std::slice::from_ref(&www);
    let apex = Rrset {
        name: ROOT.to_owned(),
        ..cname("apex")
    };
    let wrong_order = [Change::create(alias.clone()), Change::delete(www.clone())];
    vec![
        lax(refused(
            "CNAME beside A",
            given,
            creates(std::slice::from_ref(&alias)),
            &[(&alias, Exists)],
        )),
        lax(refused(
            "A beside CNAME",
            std::slice::from_ref(&alias),
            creates(given),
            &[(&www, Exists)],
        )),
        lax(refused(
            "CNAME and A in one batch",
            &[],
            creates(&[www.clone(), alias.clone()]),
            &[(&alias, Exists)],
        )),
        lax(refused(
            "CNAME before the deletion",
            given,
            wrong_order.to_vec(),
            &[(&alias, Exists)],
        )),
        beside(
            lax(refused(
                "CNAME beside a foreign CAA",
                &[],
                creates(std::slice::from_ref(&alias)),
                &[(&alias, Exists)],
            )),
            caa("www"),
        ),
        refused_alone("CNAME at the apex", apex, Other),
    ]
}

fn invalid_values() -> Vec<Case> {
    use FaultKind::InvalidValue;
    let long_string = format!("\"{}\"", "x".repeat(256));
    let cases: [(&'static str, RecordType, Vec<&str>); 18] = [
        ("no IPv4 address", RecordType::A, vec!["192.0.2.256"]),
        ("IPv4 in AAAA", RecordType::Aaaa, vec!["192.0.2.1"]),
        (
            "MX without preference",
            RecordType::Mx,
            vec!["mx.example.com."],
        ),
        (
            "MX with a broken name",
            RecordType::Mx,
            vec!["10 mx..example.com."],
        ),
        (
            "CNAME with a broken name",
            RecordType::Cname,
            vec!["a..example.com."],
        ),
        (
            "SRV without port",
            RecordType::Srv,
            vec!["0 5 sip.example.com."],
        ),
        (
            "SRV with a port out of range",
            RecordType::Srv,
            vec!["0 5 65536 sip.example.com."],
        ),
        (
            "CAA without quotes",
            RecordType::Caa,
            vec!["0 issue letsencrypt.org"],
        ),
        (
            "CAA with a flag out of range",
            RecordType::Caa,
            vec![r#"256 issue "letsencrypt.org""#],
        ),
        ("CAA without value", RecordType::Caa, vec!["0 issue"]),
        ("HTTPS without a target", RecordType::Https, vec!["1"]),
        (
            "HTTPS with an unknown parameter",
            RecordType::Https,
            vec!["1 . alpm=h2"],
        ),
        ("TLSA without digits", RecordType::Tlsa, vec!["3 1 1"]),
        (
            "SSHFP with half an octet",
            RecordType::Sshfp,
            vec!["4 2 abc"],
        ),
        ("TXT without quotes", RecordType::Txt, vec!["unquoted"]),
        ("TXT with an open quote", RecordType::Txt, vec!["\"open"]),
        ("TXT string too long", RecordType::Txt, vec![&long_string]),
        (
            "the same value twice",
            RecordType::Aaaa,
            vec!["2001:db8::1", "2001:DB8::0:1"],
        ),
    ];
    cases
        .into_iter()
        .map(|(name, rtype, values)| refused_alone(name, set("bad", rtype, &values), InvalidValue))
        .collect()
}

fn invalid_batches() -> Vec<Case> {
    use FaultKind::{Exists, Other};
    let www = a("www", "192.0.2.1");
    let outside = Rrset {
        name: "www.example.org".to_owned(),
        ..www.clone()
    };
    let long_label = a(&"l".repeat(64), "192.0.2.1");
    let value = "x".repeat(255);
    let texts: Vec<String> = (0..9).map(|n| format!("{n}{}", value.repeat(15))).collect();
    let heavy: Vec<Rrset> = texts
        .iter()
        .enumerate()
        .map(|(n, value)| text(&format!("t{n}"), &[value]))
        .collect();
    let two_names = set(
        "bad",
        RecordType::Cname,
        &["a.example.com.", "b.example.com."],
    );
    vec![
        refused_alone("outside the zone", outside, Other),
        lax(refused(
            "one RRset twice",
            &[],
            creates(&[www.clone(), www.clone()]),
            &[(&www, Other), (&www, Exists)],
        )),
        lax(refused_as_whole(
            "a CNAME with two values",
            creates(&[two_names]),
        )),
        lax(refused_as_whole(
            "a label of 64 characters",
            creates(&[long_label]),
        )),
        refused_as_whole("too many records", creates(&many(1_001))),
        lax(refused_as_whole("too many characters", creates(&heavy))),
        refused_as_whole("an empty batch", Vec::new()),
    ]
}
