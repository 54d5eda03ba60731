//! What must hold for any message of Route53: the body of a fuzz target (`fuzz/`).
//!
//! A test checks it for the seeds in every test run.

use starchart_domain::record::RecordType;
use starchart_domain::rrset::Rrset;

use super::attribution::attribute;
use super::escapes::{escape_name, to_decimal, to_octal};
use crate::provider::{Change, FaultKind, SetFault};

/// Checks the attribution of a refusal. The lines of `data` are the messages, and also the texts of
/// TXT records in the batch, because messages repeat them.
///
/// # Panics
/// A message is lost, or a fault names an RRset that is not in the batch.
pub fn attribution(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let messages: Vec<String> = text.lines().map(str::to_owned).collect();
    let changes = batch(&messages);
    let faults = attribute(&messages, &changes);
    assert_eq!(faults.is_empty(), messages.is_empty());
    for fault in &faults {
        let is_sent = |message: &String| message.contains(&fault.message);
        assert!(messages.iter().any(is_sent), "{fault:?}");
        let is_named = |change: &Change| fault.name.as_ref() == Some(&change.set.name);
        assert!(
            fault.name.is_none() || changes.iter().any(is_named),
            "{fault:?}"
        );
    }
    for message in &messages {
        let alone = attribute(std::slice::from_ref(message), &changes);
        assert!(!alone.is_empty(), "{message:?}");
        assert!(
            alone.iter().all(|fault| faults.contains(fault)),
            "{message:?}"
        );
        assert_eq!(to_octal(&to_decimal(&to_octal(message))), to_octal(message));
    }
    check_sentences(&changes);
}

/// Returns RRsets with names that are spelled in several ways, and TXT records with these texts.
fn batch(texts: &[String]) -> Vec<Change> {
    let one = |name: &str, rtype, value: &str| {
        Change::create(Rrset::new(name, rtype, [value.to_owned()]))
    };
    let mut changes = vec![
        one("www.user1.starchart.com", RecordType::A, "192.0.2.1"),
        one("www.user1.starchart.com", RecordType::Aaaa, "2001:db8::1"),
        one("*.user1.starchart.com", RecordType::Cname, "example.com."),
        one(
            r"a\046b\092.starchart.com",
            RecordType::Mx,
            "10 mail.example.com.",
        ),
        one("_sip._tcp.user2.starchart.com", RecordType::Srv, "0 0 0 ."),
    ];
    for (at, text) in texts.iter().enumerate().take(3) {
        let name = format!("t{at}.starchart.com");
        changes.push(one(
            &name,
            RecordType::Txt,
            &starchart_domain::txt::encode(text),
        ));
    }
    changes
}

/// Checks that a sentence about an RRset is attributed to it and to no other, alone and in a list.
fn check_sentences(changes: &[Change]) {
    let mut sentences = Vec::new();
    let mut expected: Vec<SetFault> = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        let (name, rtype) = (escape_name(&change.set.name), change.set.rtype);
        let (message, kind) = match at % 4 {
            0 => (
                format!(
                    "Tried to create resource record set [name='{name}', type='{rtype}'] but it \
                     already exists"
                ),
                FaultKind::Exists,
            ),
            1 => (
                format!(
                    "Tried to delete resource record set {name} type {rtype}, but it was not found"
                ),
                FaultKind::Missing,
            ),
            2 => (
                format!(
                    "RRSet of type {rtype} with DNS name {name} is not permitted as it conflicts \
                     with other records with the same DNS name in zone starchart.com."
                ),
                FaultKind::Exists,
            ),
            _ => (
                format!(
                    "The request contains an invalid set of changes for a resource record set \
                     '{rtype} {name}'"
                ),
                FaultKind::Other,
            ),
        };
        let fault = SetFault {
            name: Some(change.set.name.clone()),
            rtype: Some(rtype),
            kind,
            message: message.clone(),
        };
        assert_eq!(
            attribute(std::slice::from_ref(&message), changes),
            std::slice::from_ref(&fault)
        );
        sentences.push(message);
        expected.push(fault);
    }
    assert_eq!(
        attribute(&[format!("[{}]", sentences.join(", "))], changes),
        expected
    );
}

/// Returns seeds for [`attribution`]: messages as Route53 sends them.
pub fn attribution_seeds() -> Vec<Vec<u8>> {
    [
        "[Tried to create resource record set [name='www.user1.starchart.com.', type='A', \
         set-identifier='x'] but it already exists]",
        "Tried to delete resource record set [name='\\052.user1.starchart.com.', type='CNAME'] but \
         the values provided do not match the current values",
        "RRSet of type A with DNS name www.user1.starchart.com. is not permitted because a \
         conflicting RRSet of type  CNAME with the same DNS name already exists in zone \
         starchart.com.",
        "[RRSet with DNS name www.example.org. is not permitted in zone starchart.com.]",
        "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid \
         IPv4 address) encountered with '192.0.2.1'', Duplicate Resource Record: '192.0.2.1']",
        "Invalid Resource Record: FATAL problem: CharacterStringTooLong (Value is too long) \
         encountered with '\"v=DKIM1; k=\\342\"'\nv=DKIM1; k=\u{e9}",
        "The request contains an invalid set of changes for a resource record set 'MX \
         a\\056b\\134.starchart.com.'\nCannot have more than 100 values",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_attributed() {
        for seed in attribution_seeds() {
            attribution(&seed);
        }
    }
}
