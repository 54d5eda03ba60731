//! Finds the RRsets that a refusal is about, from Route53's messages.
//!
//! Route53 refuses a batch with English sentences, several in one message as `[first, second]` or
//! one in each message, and rarely lists all faults of the batch. The sentences are no stable
//! interface and repeat user input, so they are only a hint: when no RRset is recognised, the
//! engine bisects the batch; when one is recognised, the engine reads it before it decides.

use starchart_domain::presentation::canonical_value;
use starchart_domain::record::RecordType;

use super::escapes::{to_decimal, unescape_name};
use crate::provider::{Action, Change, FaultKind, SetFault};

/// One sentence of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sentence {
    /// The kind of fault that it describes.
    kind: FaultKind,
    /// The name in the sentence: lower case, unescaped, no trailing dot.
    name: Option<String>,
    /// The type in the sentence, if it is one that users can create.
    rtype: Option<RecordType>,
    /// The value in the sentence, with the escapes of RFC 1035.
    value: Option<String>,
    /// The complete sentence as Route53 sent it.
    text: String,
}

/// The beginning of a sentence about a value that an RRset has twice.
const DUPLICATE: &str = "Duplicate Resource Record: ";

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

/// Returns the faults that the messages describe, for each RRset of the batch that they mention. A
/// sentence with a value but no name applies to every RRset that is created with the value. A
/// sentence that mentions no RRset of the batch becomes a fault without a name.
pub(super) fn attribute(messages: &[String], changes: &[Change]) -> Vec<SetFault> {
    let mut faults: Vec<SetFault> = Vec::new();
    for sentence in messages.iter().flat_map(|message| parse(message)) {
        let mut sets = sets_in_batch(&sentence, changes);
        if sets.is_empty() {
            sets.push((None, None));
        }
        for (name, rtype) in sets {
            let fault = SetFault {
                name,
                rtype,
                kind: sentence.kind,
                message: sentence.text.clone(),
            };
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

fn sets_in_batch(
    sentence: &Sentence,
    changes: &[Change],
) -> Vec<(Option<String>, Option<RecordType>)> {
    match (&sentence.name, &sentence.value) {
        (Some(name), _) => sets_with_name(name, sentence.rtype, changes),
        (None, Some(value)) => sets_with_value(value, sentence, changes),
        (None, None) => Vec::new(),
    }
}

/// Finds the RRset of this name. Without a type in the sentence it is the name's only RRset.
fn sets_with_name(
    name: &str,
    rtype: Option<RecordType>,
    changes: &[Change],
) -> Vec<(Option<String>, Option<RecordType>)> {
    let mut types: Vec<RecordType> = changes
        .iter()
        .filter(|change| change.set.name == name)
        .map(|change| change.set.rtype)
        .collect();
    types.dedup();
    match (rtype, types.as_slice()) {
        (_, []) => Vec::new(),
        (None, [only]) => vec![(Some(name.to_owned()), Some(*only))],
        _ => vec![(Some(name.to_owned()), rtype)],
    }
}

/// Finds the RRsets that are created with this value; with the value twice, if that is the fault.
fn sets_with_value(
    value: &str,
    sentence: &Sentence,
    changes: &[Change],
) -> Vec<(Option<String>, Option<RecordType>)> {
    let is_duplicate = sentence.text.contains(DUPLICATE);
    let holds = |change: &&Change| {
        let rtype = change.set.rtype;
        let meant = canonical_value(rtype.as_str(), value);
        let is_meant =
            |ours: &&String| *ours == value || canonical_value(rtype.as_str(), ours) == meant;
        let count = change.set.body.values.iter().filter(is_meant).count();
        change.action == Action::Create
            && sentence.rtype.is_none_or(|named| named == rtype)
            && count > usize::from(is_duplicate)
    };
    changes
        .iter()
        .filter(holds)
        .map(|change| (Some(change.set.name.clone()), Some(change.set.rtype)))
        .collect()
}

/// Parses a message into its sentences.
fn parse(message: &str) -> Vec<Sentence> {
    sentences(message).into_iter().map(parse_sentence).collect()
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

fn parse_sentence(text: &str) -> Sentence {
    let (name, rtype) = name_and_type(text);
    Sentence {
        kind: kind(text),
        name: name.map(unescape_name),
        rtype: rtype.or(problem_type(text)).and_then(RecordType::parse),
        value: repeated_value(text).map(to_decimal),
        text: text.to_owned(),
    }
}

fn kind(sentence: &str) -> FaultKind {
    let contains = |text: &str| sentence.contains(text);
    if contains("but it already exists")
        || contains("conflicting RRSet")
        || contains("conflicts with other records")
    {
        FaultKind::Exists
    } else if contains("but it was not found") {
        FaultKind::Missing
    } else if contains("do not match the current values") {
        FaultKind::Differs
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
fn name_and_type(sentence: &str) -> (Option<&str>, Option<&str>) {
    // [name='www.example.com.', type='A', set-identifier='x']
    if let Some(name) = between(sentence, "[name='", "'") {
        return (Some(name), between(sentence, "type='", "'"));
    }
    // RRSet of type A with DNS name www.example.com. is not permitted …
    if let Some(name) = between(sentence, "with DNS name ", " ") {
        return (Some(name), between(sentence, "RRSet of type ", " "));
    }
    // … a resource record set 'CNAME www.example.com.'
    if let Some((rtype, name)) =
        between(sentence, "resource record set '", "'").and_then(|set| set.split_once(' '))
    {
        return (Some(name.trim()), Some(rtype));
    }
    // Tried to create resource record set www.example.com. type A, but it …
    if let Some(set) = between(sentence, "resource record set ", ",")
        && let Some((name, rtype)) = set.split_once(" type ")
    {
        return (Some(name.trim()), Some(rtype.trim()));
    }
    (None, None)
}

/// Extracts the type from a sentence such as `FATAL problem: ARRDATAIllegalIPv4Address …`.
fn problem_type(sentence: &str) -> Option<&str> {
    let (_, problem) = sentence.split_once("FATAL problem: ")?;
    let (code, _) = problem.split_once(' ')?;
    code.split_once("RRDATA").map(|(rtype, _)| rtype)
}

/// Extracts the value from a sentence such as `… encountered with '10.0.0.256'` or
/// `Duplicate Resource Record: '10.0.0.1'`.
fn repeated_value(sentence: &str) -> Option<&str> {
    let start = sentence
        .find("encountered with ")
        .map(|at| at + "encountered with ".len());
    let start = start.or_else(|| sentence.find(DUPLICATE).map(|at| at + DUPLICATE.len()));
    let quoted = sentence
        .get(start?..)?
        .trim_end_matches(['.', ']', ',', ' ']);
    let mut value = quoted.strip_prefix('\'').unwrap_or(quoted);
    value = value.strip_suffix('\'').unwrap_or(value);
    // The newer format quotes the sentence too: Invalid Resource Record: 'FATAL problem: … 'x''.
    if sentence.contains(": 'FATAL problem") {
        value = value.strip_suffix('\'').unwrap_or(value);
    }
    (!value.is_empty()).then_some(value)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

#[cfg(test)]
mod tests;
