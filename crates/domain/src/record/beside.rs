//! Warnings about a record beside the user's other records.

use crate::names::BaseDomain;
use crate::record::note::ValueNote;
use crate::record::{NameClass, NewRecord, RecordType};
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

/// Texts of which a name can have one only, by how they begin.
const SINGLE_TEXTS: [(&str, ValueNote); 2] = [("v=spf1", SECOND_SPF), ("v=DMARC1", SECOND_DMARC)];

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
    let notes = match own.rtype {
        RecordType::Txt => second_text(own, &others),
        RecordType::Cname => ring(own, &others)
            .or_else(|| absent_target(own, base, &others))
            .or_else(|| pointed_to(own, &others)),
        RecordType::Mx | RecordType::Srv => target_without_address(own, base, &others),
        _ => None,
    };
    notes.into_iter().collect()
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
    let mut path = vec![own.name];
    let mut target = target_of(&own);
    while target != own.name {
        let next = others
            .iter()
            .find(|other| other.rtype.class() == NameClass::Cname && other.name == target)?;
        // A ring among the others, which this record leads to, is no better.
        if path.contains(&target) {
            break;
        }
        path.push(target);
        target = target_of(next);
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
        base.relative(target).is_some() && !others.iter().any(|other| other.name == target);
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
    let mut at_target = others.iter().filter(|other| other.name == target);
    if let Some(cname) = at_target
        .clone()
        .find(|other| other.rtype.class() == NameClass::Cname)
    {
        return Some(ValueNote::about(format!(
            "{target} is a CNAME record, and {} records may not point to one (RFC 2181). Enter {} \
             instead.",
            own.rtype,
            target_of(cname)
        )));
    }
    let has_address = at_target.any(|other| ADDRESS_TYPES.contains(&other.rtype));
    (!has_address).then(|| {
        ValueNote::about(format!(
            "{target} is a name in your own domain that has no A or AAAA record yet, so it cannot \
             be reached. Create one there, or check the value."
        ))
    })
}

/// Returns the host at the end of a value, without the trailing dot.
fn target_of<'a>(record: &Neighbour<'a>) -> &'a str {
    let host = record.presentation.rsplit(' ').next().unwrap_or_default();
    host.strip_suffix('.').unwrap_or(host)
}
