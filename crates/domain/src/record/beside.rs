//! Warnings about a record beside the user's other records.

use crate::names::BaseDomain;
use crate::record::note::ValueNote;
use crate::record::{NameClass, NewRecord, RecordType, list};
use crate::txt;

/// One of the user's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour<'a> {
    /// The fqdn: lower case, no trailing dot.
    pub name: &'a str,
    /// The type of the record.
    pub rtype: RecordType,
    /// The value in canonical presentation format.
    pub presentation: &'a str,
}

/// A second SPF text at a name (RFC 7208 section 3.2).
const SECOND_SPF: ValueNote = ValueNote::new(
    "This name has two SPF texts (v=spf1) now, so mail servers treat both as an error. Join them \
     into one and delete the other.",
);
/// A second DMARC text at a name (RFC 7489 section 6.6.3).
const SECOND_DMARC: ValueNote = ValueNote::new(
    "This name has two DMARC texts (v=DMARC1) now, so mail servers ignore both. Delete one.",
);
/// A second MTA-STS text at a name (RFC 8461 section 3.1).
const SECOND_STS: ValueNote = ValueNote::new(
    "This name has two MTA-STS texts (v=STSv1) now, so mail servers ignore both. Delete one.",
);
/// A second text about TLS reports at a name (RFC 8460 section 3).
const SECOND_REPORT: ValueNote = ValueNote::new(
    "This name has two TLS reporting texts (v=TLSRPTv1) now, so mail servers ignore both. Delete \
     one.",
);
/// An alias beside service parameters (RFC 9460 section 2.4.1).
const MIXED_MODES: ValueNote = ValueNote::new(
    "This name has an alias (service priority 0) and a record with parameters now, so programs \
     ignore the parameters. Delete one.",
);

/// Texts of which a name can have one only, by how they begin.
const SINGLE_TEXTS: [(&str, ValueNote); 4] = [
    ("v=spf1", SECOND_SPF),
    ("v=DMARC1", SECOND_DMARC),
    ("v=STSv1", SECOND_STS),
    ("v=TLSRPTv1", SECOND_REPORT),
];

/// How many names of a ring a note lists, besides the one that closes it.
const MAX_SHOWN_NAMES: usize = 5;

/// The types that programs look up at the target of an MX or SRV record.
const ADDRESS_TYPES: [RecordType; 2] = [RecordType::A, RecordType::Aaaa];

/// Returns warnings about what a record does together with the user's other records, of which
/// `all` may contain the record itself.
pub fn notes_beside(new: &NewRecord, base: &BaseDomain, all: &[Neighbour<'_>]) -> Vec<ValueNote> {
    let own = Neighbour {
        name: new.name.fqdn(),
        rtype: new.value.rtype(),
        presentation: new.value.presentation(),
    };
    let others: Vec<Neighbour<'_>> = all.iter().copied().filter(|other| *other != own).collect();
    let note = match own.rtype {
        RecordType::Txt => second_text(own, &others),
        RecordType::Cname => ring(own, &others)
            .or_else(|| absent_target(own, base, &others))
            .or_else(|| pointed_to(own, &others)),
        RecordType::Mx | RecordType::Srv => target_without_address(own, base, &others),
        RecordType::Https | RecordType::Svcb => {
            mixed_modes(own, &others).or_else(|| binding_without_address(own, base, &others))
        }
        _ => None,
    };
    let notes = [
        note,
        new.name.challenge_of().map(|name| permission(own, name)),
        new.name
            .wildcard_of()
            .and_then(|_| wildcard_permission(own)),
        taken_from_wildcard(own, base, &others),
    ];
    notes.into_iter().flatten().collect()
}

/// Returns whether a name exists: it or one below it has a record (RFC 4592 section 2.2.2).
fn exists(name: &str, all: &[Neighbour<'_>]) -> bool {
    let mut names = all.iter().map(|record| record.name);
    names.any(|other| match other.strip_suffix(name) {
        Some(rest) => rest.is_empty() || rest.ends_with('.'),
        None => false,
    })
}

/// Returns the records that answer for a name: its own, or those of the wildcard below its closest
/// encloser (RFC 4592 section 3.3.1).
fn answering<'a>(name: &str, all: &[Neighbour<'a>]) -> Vec<Neighbour<'a>> {
    let mut encloser = name;
    while !exists(encloser, all) {
        match encloser.split_once('.') {
            Some((_, parent)) => encloser = parent,
            None => return Vec::new(),
        }
    }
    let answers = |record: &&Neighbour<'_>| match encloser == name {
        true => record.name == name,
        false => record.name.strip_prefix("*.") == Some(encloser),
    };
    all.iter().filter(answers).copied().collect()
}

fn with<'a>(others: &[Neighbour<'a>], own: Neighbour<'a>) -> Vec<Neighbour<'a>> {
    others.iter().copied().chain([own]).collect()
}

/// Says what a record at a challenge's name permits.
fn permission(own: Neighbour<'_>, name: &str) -> ValueNote {
    let holder = match own.rtype.class() {
        NameClass::Cname => format!("Whoever controls {}", target_of(&own)),
        NameClass::Other => "Whoever asked you for this record".to_owned(),
    };
    ValueNote::about(format!(
        "{holder} gets certificates for {name} and every name directly below it while this record \
         is there. Delete it when you leave that service."
    ))
}

/// Says what a wildcard permits that answers for the names of challenges too.
fn wildcard_permission(own: Neighbour<'_>) -> Option<ValueNote> {
    (own.rtype.class() == NameClass::Cname).then(|| {
        ValueNote::about(format!(
            "This wildcard answers for every name without records of its own, also for those by \
             which authorities check certificates: whoever controls {} can get certificates for \
             such names.",
            target_of(&own)
        ))
    })
}

/// Returns a warning when a wildcard answered for a name that exists from now on (RFC 4592 section
/// 2.2.1), and the name has no record of a type that the wildcard has.
fn taken_from_wildcard(
    own: Neighbour<'_>,
    base: &BaseDomain,
    others: &[Neighbour<'_>],
) -> Option<ValueNote> {
    let mut taken = None;
    let mut name = own.name;
    while name != base.as_str() {
        let is_new = !name.starts_with(['_', '*']) && !exists(name, others);
        let is_lost = |record: &Neighbour<'_>| name != own.name || record.rtype != own.rtype;
        let mut lost = if is_new {
            answering(name, others)
        } else {
            Vec::new()
        };
        lost.retain(is_lost);
        lost.dedup_by_key(|record| record.rtype);
        if let Some(wildcard) = lost.first().map(|record| record.name) {
            let types = list(lost.iter().map(|record| &record.rtype));
            taken = Some((name, wildcard, types));
        }
        name = name.split_once('.')?.1;
    }
    taken.map(|(name, wildcard, types)| {
        ValueNote::about(format!(
            "{name} exists from now on, so {wildcard} no longer answers for it with its {types} \
             record (RFC 4592). Create one for {name} too, if it needs that."
        ))
    })
}

/// Returns a warning when a name has aliases and service parameters of one type.
fn mixed_modes(own: Neighbour<'_>, others: &[Neighbour<'_>]) -> Option<ValueNote> {
    let is_alias = |record: &Neighbour<'_>| record.presentation.starts_with("0 ");
    let mut same = others
        .iter()
        .filter(|other| other.name == own.name && other.rtype == own.rtype);
    same.any(|other| is_alias(other) != is_alias(&own))
        .then_some(MIXED_MODES)
}

/// Returns a warning when the target of a service binding, in the user's domain, has no address.
fn binding_without_address(
    own: Neighbour<'_>,
    base: &BaseDomain,
    others: &[Neighbour<'_>],
) -> Option<ValueNote> {
    let target = match target_of(&own) {
        // An alias with a dot says that there is no service.
        "" if own.presentation.starts_with("0 ") => return None,
        "" => own.name,
        target => target,
    };
    base.relative(target)?;
    let is_address = |record: &Neighbour<'_>| {
        ADDRESS_TYPES.contains(&record.rtype) || record.rtype == RecordType::Cname
    };
    let has_address = answering(target, &with(others, own)).iter().any(is_address);
    (!has_address).then(|| no_address(target))
}

fn no_address(target: &str) -> ValueNote {
    ValueNote::about(format!(
        "{target} is a name in your own domain that has no A or AAAA record yet, so it cannot be \
         reached. Create one there, or check the value."
    ))
}

fn second_text(own: Neighbour<'_>, others: &[Neighbour<'_>]) -> Option<ValueNote> {
    let begins = |record: &Neighbour<'_>, prefix: &str| {
        let text = txt::decode(record.presentation).unwrap_or_default();
        let start = text.get(..prefix.len());
        let ends = matches!(text.get(prefix.len()), None | Some(b' ' | b';'));
        ends && start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let single = SINGLE_TEXTS.into_iter().find(|(prefix, _)| {
        let mut same_name = others
            .iter()
            .filter(|other| other.name == own.name && other.rtype == own.rtype);
        begins(&own, prefix) && same_name.any(|other| begins(other, prefix))
    });
    single.map(|(_, note)| note)
}

/// Follows the CNAME records from a new one; a ring has no end.
fn ring(own: Neighbour<'_>, others: &[Neighbour<'_>]) -> Option<ValueNote> {
    let all = with(others, own);
    let mut path = vec![own.name];
    let mut target = target_of(&own);
    // A ring among the others, which this record leads to, is no better.
    while !path.contains(&target) {
        let mut answers = answering(target, &all).into_iter();
        let next = answers.find(|other| other.rtype.class() == NameClass::Cname)?;
        path.push(target);
        target = target_of(&next);
    }
    path.truncate(MAX_SHOWN_NAMES);
    path.push(target);
    Some(ValueNote::about(format!(
        "These CNAME records form a ring, so no program finds an address: {}. Let one of them \
         point elsewhere.",
        path.join(" → ")
    )))
}

fn absent_target(
    own: Neighbour<'_>,
    base: &BaseDomain,
    others: &[Neighbour<'_>],
) -> Option<ValueNote> {
    let target = target_of(&own);
    let is_absent =
        base.relative(target).is_some() && answering(target, &with(others, own)).is_empty();
    is_absent.then(|| {
        ValueNote::about(format!(
            "{target} is a name in your own domain that has no record yet. Create one there, or \
             check the value."
        ))
    })
}

/// Returns a warning when an MX or SRV record points to the name of a new CNAME.
fn pointed_to(own: Neighbour<'_>, others: &[Neighbour<'_>]) -> Option<ValueNote> {
    let is_service = |rtype| matches!(rtype, RecordType::Mx | RecordType::Srv);
    let from = others
        .iter()
        .find(|other| is_service(other.rtype) && target_of(other) == own.name)?;
    Some(ValueNote::about(format!(
        "The {} record at {} points to this name, which may not be a CNAME (RFC 2181). Let it \
         point to {}.",
        from.rtype,
        from.name,
        target_of(&own)
    )))
}

fn target_without_address(
    own: Neighbour<'_>,
    base: &BaseDomain,
    others: &[Neighbour<'_>],
) -> Option<ValueNote> {
    let target = target_of(&own);
    base.relative(target)?;
    let at_target = answering(target, &with(others, own));
    if let Some(cname) = at_target
        .iter()
        .find(|other| other.rtype.class() == NameClass::Cname)
    {
        return Some(ValueNote::about(format!(
            "{target} is a CNAME record, and {} records may not point to one (RFC 2181). Enter {} \
             instead.",
            own.rtype,
            target_of(cname)
        )));
    }
    let has_address = at_target
        .iter()
        .any(|other| ADDRESS_TYPES.contains(&other.rtype));
    (!has_address).then(|| no_address(target))
}

/// Returns the host in a value, without the trailing dot; empty for a single dot.
fn target_of<'a>(record: &Neighbour<'a>) -> &'a str {
    let mut words = record.presentation.split(' ');
    let host = match record.rtype {
        // Parameters follow the target.
        RecordType::Https | RecordType::Svcb => words.nth(1),
        _ => words.next_back(),
    };
    let host = host.unwrap_or_default();
    host.strip_suffix('.').unwrap_or(host)
}
