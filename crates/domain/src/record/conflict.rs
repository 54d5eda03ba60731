//! Which records exclude each other.

use crate::fault::{Fault, Field};
use crate::record::beside::Neighbour;
use crate::record::mx::NULL_MX;
use crate::record::{NameClass, NewRecord, RecordType};

/// Returns why a new record cannot be beside another one; `None` when it can. The database enforces
/// the same.
pub fn conflict_with(new: &NewRecord, other: &Neighbour<'_>) -> Option<(Field, Fault)> {
    let value = &new.value;
    let rtype = value.rtype();
    if other.name != new.name.fqdn() {
        return None;
    }
    if other.rtype == rtype && other.presentation == value.presentation() {
        return Some((Field::Value, Fault::Duplicate));
    }
    let wanted_cname = rtype.class() == NameClass::Cname;
    if wanted_cname || other.rtype.class() == NameClass::Cname {
        let with = other.rtype.as_str();
        return Some((Field::Name, Fault::CnameConflict { wanted_cname, with }));
    }
    let are_both_mx = rtype == RecordType::Mx && other.rtype == RecordType::Mx;
    let wanted_null = value.is_null_mx();
    (are_both_mx && (wanted_null || other.presentation == NULL_MX))
        .then_some((Field::Name, Fault::NullMxConflict { wanted_null }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::collections::BTreeMap;

    use super::*;
    use crate::names::{Label, RootDomain};
    use crate::record::RecordForm;
    use crate::ttl::TtlLimits;
    use crate::words::WordFilter;

    /// Makes `type value`, the number before an MX record's host included.
    fn record(text: &str) -> NewRecord {
        let (rtype, value) = text.split_once(' ').unwrap();
        let (priority, value) = match rtype {
            "MX" => value.split_once(' ').unwrap(),
            _ => ("", value),
        };
        let form = RecordForm {
            name: "www".to_owned(),
            rtype: rtype.to_owned(),
            input: value.to_owned(),
            parts: BTreeMap::from([("priority", priority.to_owned())]),
            ..RecordForm::default()
        };
        let base = RootDomain::parse("school.example").unwrap();
        let base = base.base(&Label::parse("user1").unwrap());
        let limits = TtlLimits::default();
        form.check(&base, &WordFilter::built_in(), &limits).unwrap()
    }

    #[test]
    fn a_record_conflicts_with_what_excludes_it() {
        let cname = |wanted_cname, with| Some(Fault::CnameConflict { wanted_cname, with });
        let null_mx = |wanted_null| Some(Fault::NullMxConflict { wanted_null });
        for (new, other, expected) in [
            ("A 192.0.2.1", "A 192.0.2.1", Some(Fault::Duplicate)),
            ("A 192.0.2.1", "A 192.0.2.2", None),
            ("A 192.0.2.1", "TXT 192.0.2.1", None),
            ("A 192.0.2.1", "CNAME a.example.com", cname(false, "CNAME")),
            ("CNAME a.example.com", "TXT x", cname(true, "TXT")),
            (
                "CNAME a.example.com",
                "CNAME b.example.com",
                cname(true, "CNAME"),
            ),
            (
                "CNAME a.example.com",
                "CNAME a.example.com",
                Some(Fault::Duplicate),
            ),
            ("MX 10 a.example.com", "MX 20 a.example.com", None),
            ("MX 0 .", "MX 20 a.example.com", null_mx(true)),
            ("MX 20 a.example.com", "MX 0 .", null_mx(false)),
            ("MX 0 .", "MX 0 .", Some(Fault::Duplicate)),
            ("MX 0 .", "A 192.0.2.1", None),
        ] {
            let (new, other_record) = (record(new), record(other));
            let neighbour = |name| Neighbour {
                name,
                rtype: other_record.value.rtype(),
                presentation: other_record.value.presentation(),
            };
            let found = conflict_with(&new, &neighbour("www.user1.school.example"));
            assert_eq!(found.map(|(_, fault)| fault), expected, "{other}");
            let elsewhere = conflict_with(&new, &neighbour("web.user1.school.example"));
            assert_eq!(elsewhere, None, "{other} at another name");
        }
    }
}
