//! The cases of the contract.

mod refused;

use starchart_dns::provider::{Change, FaultKind, ZoneRrset};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData};
use starchart_domain::txt;

use crate::ROOT;

/// A batch of changes and what becomes of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// RRsets that another party has put into the zone.
    pub(crate) foreign: Vec<ZoneRrset>,
    /// RRsets that an accepted batch has created before.
    pub(crate) given: Vec<Rrset>,
    pub(crate) batch: Vec<Change>,
    pub(crate) expected: Expected,
    /// moto accepts what Route53 refuses, so the case does not run on it.
    pub(crate) is_accepted_by_moto: bool,
}

/// What becomes of a batch. A refused one changes nothing.
pub(crate) enum Expected {
    /// It is accepted; the zone then has exactly these RRsets besides the foreign ones.
    Accepted(Vec<Rrset>),
    /// It is refused for exactly these faults.
    Refused(Vec<(String, RecordType, FaultKind)>),
    /// It is refused; the faults need not name an RRset.
    RefusedAsWhole,
}

/// A zone's content, put there by another party, that `list` and `read` have to show.
pub(crate) struct ReadingCase {
    pub(crate) name: &'static str,
    pub(crate) sets: Vec<ZoneRrset>,
}

pub(crate) fn fqdn(label: &str) -> String {
    format!("{label}.user1.{ROOT}")
}

fn set(label: &str, rtype: RecordType, values: &[&str]) -> Rrset {
    Rrset::new(fqdn(label), rtype, values.iter().map(|v| (*v).to_owned()))
}

fn a(label: &str, value: &str) -> Rrset {
    set(label, RecordType::A, &[value])
}

fn cname(label: &str) -> Rrset {
    set(label, RecordType::Cname, &["pages.example.com."])
}

fn text(label: &str, texts: &[&str]) -> Rrset {
    let values: Vec<String> = texts.iter().map(|text| txt::encode(text)).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    set(label, RecordType::Txt, &values)
}

fn with_ttl(set: Rrset, ttl: u32) -> Rrset {
    let values = set.body.values;
    Rrset {
        body: RrsetData { ttl, values },
        ..set
    }
}

fn many(count: usize) -> Vec<Rrset> {
    (0..count)
        .map(|n| a(&format!("n{n}"), "192.0.2.1"))
        .collect()
}

fn creates(sets: &[Rrset]) -> Vec<Change> {
    sets.iter().cloned().map(Change::create).collect()
}

fn deletes(sets: &[Rrset]) -> Vec<Change> {
    sets.iter().cloned().map(Change::delete).collect()
}

fn swap(old: &[Rrset], new: &[Rrset]) -> Vec<Change> {
    [deletes(old), creates(new)].concat()
}

/// A batch that is accepted in a zone with the RRsets `given`.
fn accepted(name: &'static str, given: &[Rrset], batch: Vec<Change>, then: &[Rrset]) -> Case {
    Case {
        name,
        foreign: Vec::new(),
        given: given.to_vec(),
        batch,
        expected: Expected::Accepted(then.to_vec()),
        is_accepted_by_moto: false,
    }
}

/// A batch that is refused in a zone with the RRsets `given`, for these RRsets.
fn refused(
    name: &'static str,
    given: &[Rrset],
    batch: Vec<Change>,
    faults: &[(&Rrset, FaultKind)],
) -> Case {
    let fault = |(set, kind): &(&Rrset, FaultKind)| (set.name.clone(), set.rtype, *kind);
    Case {
        expected: Expected::Refused(faults.iter().map(fault).collect()),
        ..accepted(name, given, batch, &[])
    }
}

/// A batch that is refused because of one RRset that it creates, whatever the zone holds.
fn refused_alone(name: &'static str, set: Rrset, kind: FaultKind) -> Case {
    let batch = creates(&[a("good", "192.0.2.1"), set.clone()]);
    lax(refused(name, &[], batch, &[(&set, kind)]))
}

fn refused_as_whole(name: &'static str, batch: Vec<Change>) -> Case {
    Case {
        expected: Expected::RefusedAsWhole,
        ..accepted(name, &[], batch, &[])
    }
}

/// The same case, which moto does not pass.
fn lax(case: Case) -> Case {
    Case {
        is_accepted_by_moto: true,
        ..case
    }
}

fn beside(case: Case, foreign: ZoneRrset) -> Case {
    Case {
        foreign: vec![foreign],
        ..case
    }
}

/// An RRset of another party.
fn foreign(name: String, rtype: &str, values: &[&str]) -> ZoneRrset {
    ZoneRrset {
        name,
        rtype: rtype.to_owned(),
        ttl: Some(60),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        is_simple: true,
    }
}

fn caa(label: &str) -> ZoneRrset {
    foreign(fqdn(label), "CAA", &["0 issue \"ca.example.net\""])
}

/// Returns the RRsets of another party and of ours, in one zone.
pub(crate) fn beside_foreign(foreign: &[ZoneRrset], ours: &[Rrset]) -> Vec<ZoneRrset> {
    let ours = ours.iter().map(ZoneRrset::from);
    foreign.iter().cloned().chain(ours).collect()
}

/// Returns the whole contract.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = accepted_batches();
    cases.extend(accepted_replacements());
    cases.extend(refused::refused_batches());
    cases
}

/// Returns the reading half: what every accepted batch leaves in the zone, and what only other
/// parties have there.
pub(crate) fn reading_cases() -> Vec<ReadingCase> {
    let left_by_a_batch = cases().into_iter().filter_map(|case| match case.expected {
        Expected::Accepted(then) => Some(ReadingCase {
            name: case.name,
            sets: beside_foreign(&case.foreign, &then),
        }),
        _ => None,
    });
    let apex = [
        foreign(ROOT.to_owned(), "MX", &["10 mx.example.net."]),
        foreign(ROOT.to_owned(), "CAA", &["0 issue \"ca.example.net\""]),
    ];
    let types = [
        foreign(fqdn("ptr"), "PTR", &["host.example.net."]),
        foreign(fqdn("sub"), "NS", &["ns1.example.net.", "ns2.example.net."]),
    ];
    let of_others = [
        ("others at the apex", apex),
        ("types that users may not create", types),
    ];
    let of_others = of_others.map(|(name, sets)| ReadingCase {
        name,
        sets: sets.into(),
    });
    left_by_a_batch.chain(of_others).collect()
}

fn accepted_batches() -> Vec<Case> {
    let www = set("www", RecordType::A, &["192.0.2.1", "192.0.2.2"]);
    let mail = set(
        "www",
        RecordType::Mx,
        &["10 mx.example.com.", "20 mx2.example.com."],
    );
    let aaaa = set("www", RecordType::Aaaa, &["2001:db8::1"]);
    let name = [www, mail, aaaa, text("www", &["one", "two"])];
    let other = [
        cname("blog"),
        a("*", "192.0.2.3"),
        text("_proof", &["proof"]),
        a("deep.er.name", "192.0.2.4"),
    ];
    let texts = [
        text("escaped", &[r#"a "b" \342 \142 € ;"#, "\t"]),
        text("long", &[&"x".repeat(600)]),
        text("empty", &[""]),
    ];
    let services = [
        set(
            "_sip._tcp",
            RecordType::Srv,
            &["0 5 5060 sip.example.com.", "10 0 5061 sip.example.com."],
        ),
        set("_none._tcp", RecordType::Srv, &["0 0 0 ."]),
        set("nomail", RecordType::Mx, &["0 ."]),
    ];
    let authorities = [set(
        "caa",
        RecordType::Caa,
        &[
            r#"0 issue "letsencrypt.org; validationmethods=dns-01""#,
            r#"128 issuewild ";""#,
            r#"0 iodef "mailto:a@example.com""#,
        ],
    )];
    let digits = "ab".repeat(32);
    let bindings = [
        set(
            "www",
            RecordType::Https,
            &[
                r#"1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"#,
                "2 other.example.com.",
            ],
        ),
        set("alias", RecordType::Https, &["0 pages.example.com."]),
        set(
            "_dns.r",
            RecordType::Svcb,
            &[r#"1 r.example.com. alpn="dot""#],
        ),
        set(
            "_25._tcp.mail",
            RecordType::Tlsa,
            &[&format!("3 1 1 {digits}")],
        ),
        set("*._tcp", RecordType::Tlsa, &[&format!("2 0 1 {digits}")]),
        set("ssh", RecordType::Sshfp, &[&format!("4 2 {digits}")]),
    ];
    let wildcards = [
        a("*", "192.0.2.3"),
        set("*.dev", RecordType::Mx, &["10 mx.example.com."]),
        a("www", "192.0.2.4"),
    ];
    let slow = with_ttl(a("slow", "192.0.2.5"), 86_400);
    let full = many(1_000);
    vec![
        accepted("all types at one name", &[], creates(&name), &name),
        accepted("CNAME, wildcard, underscore", &[], creates(&other), &other),
        accepted("TXT values", &[], creates(&texts), &texts),
        accepted("SRV and null MX values", &[], creates(&services), &services),
        accepted("CAA values", &[], creates(&authorities), &authorities),
        accepted(
            "HTTPS, SVCB, TLSA, SSHFP",
            &[],
            creates(&bindings),
            &bindings,
        ),
        accepted(
            "wildcards beside names",
            &[],
            creates(&wildcards),
            &wildcards,
        ),
        accepted(
            "a TTL",
            &[],
            creates(std::slice::from_ref(&slow)),
            std::slice::from_ref(&slow),
        ),
        accepted("a full batch", &[], creates(&full), &full),
    ]
}

fn accepted_replacements() -> Vec<Case> {
    let old = a("www", "192.0.2.1");
    let new = set("www", RecordType::A, &["192.0.2.1", "192.0.2.9"]);
    let txt = text("www", &["kept"]);
    let alias = cname("www");
    let other = a("other", "192.0.2.7");
    let [old_set, new_set, alias_set] = [&old, &new, &alias].map(std::slice::from_ref);
    let both = [old.clone(), txt.clone()];
    let with_other = [old.clone(), other.clone()];
    vec![
        accepted("other values", old_set, swap(old_set, new_set), new_set),
        accepted(
            "another TTL",
            old_set,
            swap(old_set, &[with_ttl(old.clone(), 60)]),
            &[with_ttl(old.clone(), 60)],
        ),
        accepted(
            "one of two types",
            &both,
            swap(old_set, new_set),
            &[new.clone(), txt],
        ),
        accepted("CNAME for others", &both, swap(&both, alias_set), alias_set),
        accepted("others for CNAME", alias_set, swap(alias_set, &both), &both),
        accepted(
            "a deletion",
            &with_other,
            deletes(old_set),
            std::slice::from_ref(&other),
        ),
        accepted("the last deletion", &with_other, deletes(&with_other), &[]),
        beside(
            accepted("beside a foreign CAA", &[], creates(old_set), old_set),
            caa("www"),
        ),
    ]
}
