//! Finds the RRsets that a refusal is about, from Route53's messages.
//!
//! Route53 refuses a batch with English sentences, several in one message as `[first, second]` or
//! one in each message, and rarely lists all faults of the batch. The sentences are no stable
//! interface and repeat user input, so they are only a hint: when no name is recognised, the caller
//! bisects the batch; when a name is recognised, the caller reads its RRsets before it decides.

use std::collections::BTreeMap;

use crate::canonical::{canonical_value, unescape_name};
use crate::zone::{Action, Change};

/// The kind of a fault in a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// A CREATE of an existing RRset, which may be ours or foreign.
    AlreadyExists,
    /// A DELETE of an RRset that does not exist.
    NotFound,
    /// A DELETE with another TTL or other values than the existing RRset.
    ValuesDiffer,
    /// A CNAME at a name with other RRsets, or another RRset at a name with a CNAME.
    CnameConflict,
    /// A value or name that the provider rejects.
    InvalidValue,
    /// A sentence that is not recognised.
    Other,
}

/// One sentence of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of the fault.
    pub kind: FaultKind,
    /// The name in the sentence: lower case, unescaped, no trailing dot.
    pub name: Option<String>,
    /// The type in the sentence, in the provider's spelling.
    pub rtype: Option<String>,
    /// The value in the sentence, in the provider's spelling.
    pub value: Option<String>,
    /// The complete sentence as the provider sent it.
    pub message: String,
}

/// The beginnings of sentences. A message is split before each of them, because the values in it
/// may contain commas and brackets.
const BEGINNINGS: [&str; 8] = [
    "Tried to create resource record set",
    "Tried to delete resource record set",
    "RRSet of type ",
    "RRSet with DNS name ",
    "Invalid Resource Record",
    "Duplicate Resource Record",
    "The request contains an invalid set of changes",
    "Cannot have more than",
];

/// Parses the messages of a refusal into one fault for each sentence.
pub fn parse(messages: &[String]) -> Vec<Fault> {
    messages
        .iter()
        .flat_map(|message| sentences(message))
        .map(fault)
        .collect()
}

/// Returns the faults of each name of the batch that the messages mention. A sentence with a value
/// but no name applies to every name that creates the value. Sentences about no name of the batch
/// are dropped; when the result is empty, the caller bisects the batch.
pub fn attribute(messages: &[String], changes: &[Change]) -> BTreeMap<String, Vec<Fault>> {
    let mut faults_by_name: BTreeMap<String, Vec<Fault>> = BTreeMap::new();
    for fault in parse(messages) {
        for name in names_in_batch(&fault, changes) {
            let faults = faults_by_name.entry(name).or_default();
            if !faults.contains(&fault) {
                faults.push(fault.clone());
            }
        }
    }
    faults_by_name
}

fn names_in_batch(fault: &Fault, changes: &[Change]) -> Vec<String> {
    if let Some(name) = &fault.name {
        return changes
            .iter()
            .find(|c| c.set.name == *name)
            .map(|c| c.set.name.clone())
            .into_iter()
            .collect();
    }
    let Some(value) = &fault.value else {
        return Vec::new();
    };
    let holds = |change: &&Change| {
        let rtype = change.set.rtype.as_str();
        let meant = canonical_value(rtype, value);
        change.action == Action::Create
            && change
                .set
                .body
                .values
                .iter()
                .any(|ours| ours == value || canonical_value(rtype, ours) == meant)
    };
    changes
        .iter()
        .filter(holds)
        .map(|change| change.set.name.clone())
        .collect()
}

fn sentences(message: &str) -> Vec<&str> {
    // "because a conflicting RRSet of type  CNAME" is not the beginning of a sentence.
    let begins = |at: &usize| {
        let before = message[..*at].trim_end();
        before.is_empty() || before.ends_with(['[', ','])
    };
    let mut starts: Vec<usize> = BEGINNINGS
        .iter()
        .flat_map(|beginning| message.match_indices(beginning).map(|(at, _)| at))
        .filter(begins)
        .collect();
    starts.sort_unstable();
    let Some(first) = starts.first() else {
        return vec![message.trim()];
    };
    let whole_list = message[..*first].trim_end().ends_with('[');
    let ends = starts.iter().skip(1).copied().chain([message.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let sentence = message[*start..end].trim().trim_end_matches(',').trim_end();
            if whole_list && end == message.len() {
                sentence.strip_suffix(']').unwrap_or(sentence)
            } else {
                sentence
            }
        })
        .collect()
}

fn fault(sentence: &str) -> Fault {
    let (name, rtype) = name_and_type(sentence);
    Fault {
        kind: kind(sentence),
        name: name.map(unescape_name),
        rtype,
        value: repeated_value(sentence),
        message: sentence.to_owned(),
    }
}

fn kind(sentence: &str) -> FaultKind {
    let contains = |text: &str| sentence.contains(text);
    if contains("but it already exists") {
        FaultKind::AlreadyExists
    } else if contains("but it was not found") {
        FaultKind::NotFound
    } else if contains("do not match the current values") {
        FaultKind::ValuesDiffer
    } else if contains("conflicting RRSet") || contains("conflicts with other records") {
        FaultKind::CnameConflict
    } else if contains("Invalid Resource Record")
        || contains("Duplicate Resource Record")
        || contains("FATAL problem")
    {
        FaultKind::InvalidValue
    } else {
        FaultKind::Other
    }
}

/// Extracts name and type from a sentence, in each of the provider's formats.
fn name_and_type(sentence: &str) -> (Option<&str>, Option<String>) {
    // [name='www.example.com.', type='A', set-identifier='x']
    if let Some(name) = between(sentence, "[name='", "'") {
        return (
            Some(name),
            between(sentence, "type='", "'").map(str::to_owned),
        );
    }
    // RRSet of type A with DNS name www.example.com. is not permitted …
    if let Some(name) = between(sentence, "with DNS name ", " ") {
        return (
            Some(name),
            between(sentence, "RRSet of type ", " ").map(str::to_owned),
        );
    }
    // … a resource record set 'CNAME www.example.com.'
    if let Some((rtype, name)) =
        between(sentence, "resource record set '", "'").and_then(|set| set.split_once(' '))
    {
        return (Some(name.trim()), Some(rtype.to_owned()));
    }
    // Tried to create resource record set www.example.com. type A, but it …
    if let Some(set) = between(sentence, "resource record set ", ",")
        && let Some((name, rtype)) = set.split_once(" type ")
    {
        return (Some(name.trim()), Some(rtype.trim().to_owned()));
    }
    (None, None)
}

/// Extracts the value from a sentence such as `… encountered with '10.0.0.256'` or
/// `Duplicate Resource Record: '10.0.0.1'`.
fn repeated_value(sentence: &str) -> Option<String> {
    let start = sentence
        .find("encountered with ")
        .map(|at| at + "encountered with ".len());
    let start = start.or_else(|| {
        sentence
            .find("Duplicate Resource Record: ")
            .map(|at| at + "Duplicate Resource Record: ".len())
    });
    let quoted = sentence
        .get(start?..)?
        .trim_end_matches(['.', ']', ',', ' ']);
    let mut value = quoted.strip_prefix('\'').unwrap_or(quoted);
    value = value.strip_suffix('\'').unwrap_or(value);
    // The newer format quotes the sentence too: Invalid Resource Record: 'FATAL problem: … 'x''.
    if sentence.contains(": 'FATAL problem") {
        value = value.strip_suffix('\'').unwrap_or(value);
    }
    (!value.is_empty()).then(|| value.to_owned())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

#[cfg(test)]
mod tests {
    use starchart_domain::record::RecordType;
    use starchart_domain::rrset::Rrset;

    use super::*;

    fn one(message: &str) -> Fault {
        let faults = parse(&[message.to_owned()]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults[0].clone()
    }

    const CONFLICTING_CNAME: &str = "RRSet of type A with DNS name test_record.starchart.com. is \
        not permitted because a conflicting RRSet of type  CNAME with the same DNS name already \
        exists in zone starchart.com.";
    const CNAME_BESIDE_OTHERS: &str = "[RRSet of type CNAME with DNS name x.starchart.com. is not \
        permitted as it conflicts with other records with the same DNS name in zone \
        starchart.com.]";
    const TWO_FAULTS: &str = "[Tried to delete resource record set [name='a.starchart.com.', \
        type='CNAME'] but the values provided do not match the current values, Tried to create \
        resource record set [name='b.starchart.com.', type='CNAME'] but it already exists]";

    /// Current and older messages of Route53, with other names.
    #[test]
    fn known_messages_are_parsed() {
        use FaultKind::*;
        for (message, kind, name, rtype) in [
            (
                "[Tried to create resource record set [name='www.user1.starchart.com.', \
                 type='TXT'] but it already exists]",
                AlreadyExists,
                "www.user1.starchart.com",
                "TXT",
            ),
            (
                "[Tried to create resource record set [name='geo.starchart.com.', type='A', \
                 set-identifier='Default'] but it already exists]",
                AlreadyExists,
                "geo.starchart.com",
                "A",
            ),
            (
                "Tried to create resource record set duplicate.starchart.com. type A, but it \
                 already exists",
                AlreadyExists,
                "duplicate.starchart.com",
                "A",
            ),
            (
                "Tried to delete resource record set [name='\\052.user1.starchart.com.', \
                 type='CNAME'] but it was not found",
                NotFound,
                "*.user1.starchart.com",
                "CNAME",
            ),
            (
                "Tried to delete resource record set noexist.starchart.com. type A,but it was not \
                 found",
                NotFound,
                "noexist.starchart.com",
                "A",
            ),
            (
                "Tried to delete resource record set [name='x.starchart.com.', type='A'] but the \
                 values provided do not match the current values",
                ValuesDiffer,
                "x.starchart.com",
                "A",
            ),
            (
                CONFLICTING_CNAME,
                CnameConflict,
                "test_record.starchart.com",
                "A",
            ),
            (
                CNAME_BESIDE_OTHERS,
                CnameConflict,
                "x.starchart.com",
                "CNAME",
            ),
            (
                "[RRSet of type CNAME with DNS name starchart.com. is not permitted at apex in \
                 zone starchart.com.]",
                Other,
                "starchart.com",
                "CNAME",
            ),
            (
                "The request contains an invalid set of changes for a resource record set \
                 'CNAME ds01.starchart.com.'",
                Other,
                "ds01.starchart.com",
                "CNAME",
            ),
        ] {
            let fault = one(message);
            assert_eq!(fault.kind, kind, "{message}");
            assert_eq!(fault.name.as_deref(), Some(name), "{message}");
            assert_eq!(fault.rtype.as_deref(), Some(rtype), "{message}");
            assert!(!fault.message.starts_with('['), "{}", fault.message);
        }
        let outside =
            one("RRSet with DNS name www.example.org. is not permitted in zone starchart.com.");
        assert_eq!(
            (outside.kind, outside.name.as_deref()),
            (Other, Some("www.example.org"))
        );
    }

    #[test]
    fn values_in_messages_are_extracted() {
        for (message, value) in [
            (
                "[Invalid Resource Record: FATAL problem: ARRDATANotSingleField (Value contains \
                 spaces) encountered with '192.0.2.1, 192.0.2.2']",
                "192.0.2.1, 192.0.2.2",
            ),
            (
                "Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not \
                 a valid IPv4 address) encountered with 'ns-1.example.net.'",
                "ns-1.example.net.",
            ),
            (
                "[Invalid Resource Record: 'FATAL problem: CharacterStringTooLong (Value is too \
                 long) encountered with '\"v=DKIM1; k=rsa\"'']",
                "\"v=DKIM1; k=rsa\"",
            ),
            ("[Duplicate Resource Record: '192.0.2.1']", "192.0.2.1"),
        ] {
            let fault = one(message);
            assert_eq!(fault.kind, FaultKind::InvalidValue, "{message}");
            assert_eq!(fault.value.as_deref(), Some(value), "{message}");
        }
    }

    #[test]
    fn a_message_with_several_sentences_is_split() {
        let faults = parse(&[TWO_FAULTS.to_owned()]);
        let seen: Vec<_> = faults.iter().map(|f| (f.kind, f.name.as_deref())).collect();
        assert_eq!(
            seen,
            [
                (FaultKind::ValuesDiffer, Some("a.starchart.com")),
                (FaultKind::AlreadyExists, Some("b.starchart.com"))
            ]
        );
        assert!(
            faults[1].message.ends_with("already exists"),
            "{}",
            faults[1].message
        );
    }

    fn create(name: &str, rtype: RecordType, value: &str) -> Change {
        Change::create(Rrset::new(name, rtype, [value.to_owned()]))
    }

    #[test]
    fn faults_are_attributed_to_names_of_the_batch() {
        let changes = [
            create("a.starchart.com", RecordType::A, "192.0.2.1"),
            create("b.starchart.com", RecordType::Mx, "10 mail..example.com."),
            create("c.starchart.com", RecordType::Mx, "10 mail..example.com."),
            create("d.starchart.com", RecordType::A, "192.0.2.4"),
        ];
        let messages = [
            "[Tried to create resource record set [name='a.starchart.com.', type='A'] but it \
             already exists, Invalid Resource Record: FATAL problem: MXRRDATAInvalid encountered \
             with '10 mail..example.com.']",
            "Tried to create resource record set [name='z.starchart.com.', type='A'] but it \
             already exists",
            "An unknown sentence",
        ]
        .map(str::to_owned);
        let faults = attribute(&messages, &changes);
        let names: Vec<_> = faults.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["a.starchart.com", "b.starchart.com", "c.starchart.com"]
        );
        let unknown = attribute(&["An unknown sentence".to_owned()], &changes);
        assert_eq!(unknown, BTreeMap::new());
    }
}
