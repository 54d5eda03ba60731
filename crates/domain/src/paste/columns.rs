//! The words by which hosts name the fields of a record.

use crate::record::RecordType;

/// What a column of a table, or a line of a card, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The type of the record.
    Type,
    /// The owner name of the record.
    Name,
    /// A domain: the owner name, unless there is a column for that.
    Domain,
    /// The value of the record.
    Value,
    /// The record's time to live.
    Ttl,
    /// The service of an SRV record, a part of its name.
    Service,
    /// The protocol of an SRV record, a part of its name.
    Protocol,
    /// A field before the value, by its name in the form.
    Part(&'static str),
    /// Something that no record has, such as a status.
    Other,
}

/// A column with the type that its heading names: `CNAME value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heading {
    pub column: Column,
    pub rtype: Option<RecordType>,
}

const TYPES: &[&str] = &[
    "type",
    "record type",
    "dns type",
    "rr type",
    "dns record type",
];

const NAMES: &[&str] = &[
    "name",
    "host",
    "hostname",
    "host name",
    "record name",
    "dns name",
    "dns record name",
    "subdomain",
    "sub domain",
    "sub-domain",
    "host record",
    "record host",
    "label",
    "owner",
    "owner name",
    "source",
    "prefix",
    "key",
    "query name",
];

const VALUES: &[&str] = &[
    "value",
    "values",
    "content",
    "contents",
    "data",
    "rdata",
    "record data",
    "record value",
    "record content",
    "target",
    "target name",
    "target host",
    "targets",
    "points to",
    "point to",
    "pointing to",
    "destination",
    "answer",
    "address",
    "ip",
    "ip address",
    "ipv4 address",
    "ipv6 address",
    "ipv4",
    "ipv6",
    "alias to",
    "canonical name",
    "mail server",
    "mail exchanger",
    "mail server address",
    "text",
    "server",
    "result",
    "expected value",
    "required value",
];

const TTLS: &[&str] = &[
    "ttl",
    "time to live",
    "ttl in seconds",
    "ttl seconds",
    "ttl sec",
    "ttl s",
];

const PRIORITIES: &[&str] = &[
    "prio",
    "pri",
    "preference",
    "pref",
    "mx priority",
    "mx pref",
    "mx preference",
    "mx level",
    "distance",
];

/// Headings of what is no part of a record.
const OTHERS: &[&str] = &[
    "status",
    "class",
    "proxy",
    "proxy status",
    "proxied",
    "actions",
    "action",
    "comment",
    "comments",
    "note",
    "notes",
    "description",
    "purpose",
    "verified",
    "verification",
    "verification status",
    "state",
    "id",
    "record id",
    "created",
    "updated",
    "last checked",
    "last updated",
    "modified",
    "required",
    "routing policy",
    "differentiator",
    "alias",
    "alias?",
    "evaluate target health",
    "health check id",
    "current value",
    "current",
    "found",
    "line",
    "view",
    "copy",
    "edit",
    "delete",
    "renewal status",
    "provider",
    "tags",
    "#",
    "",
];

/// Returns the column that a heading names.
pub(super) fn heading(text: &str) -> Option<Heading> {
    let text = normalize(text);
    if let Some(column) = column(&text) {
        return Some(Heading {
            column,
            rtype: None,
        });
    }
    if text.contains('/') {
        return any_of(&text);
    }
    let (first, rest) = text.split_once(' ')?;
    let rtype = RecordType::parse(&first.to_ascii_uppercase())?;
    let rest = rest.trim_start_matches("record ");
    let column = column(rest).filter(|column| matches!(column, Column::Name | Column::Value))?;
    Some(Heading {
        column,
        rtype: Some(rtype),
    })
}

/// Returns the column of a heading such as `Name/Host/Alias`: of its first word, which the known
/// ones among the others do not contradict.
fn any_of(text: &str) -> Option<Heading> {
    let mut words = text.split('/').map(str::trim);
    let first = column(words.next()?).filter(|first| *first != Column::Other)?;
    let mut known = words.filter_map(column);
    known
        .all(|column| column == first || column == Column::Other)
        .then_some(Heading {
            column: first,
            rtype: None,
        })
}

/// Returns whether the heading stands for something that a record has.
pub(super) fn is_of_record(heading: &Heading) -> bool {
    heading.column != Column::Other
}

fn column(text: &str) -> Option<Column> {
    let is_in = |list: &[&str]| list.contains(&text);
    let column = match text {
        _ if is_in(TYPES) => Column::Type,
        _ if is_in(NAMES) => Column::Name,
        "domain" | "domain name" => Column::Domain,
        _ if is_in(VALUES) => Column::Value,
        _ if is_in(TTLS) => Column::Ttl,
        "service" => Column::Service,
        "protocol" | "proto" => Column::Protocol,
        _ if is_in(PRIORITIES) => Column::Part(part("priority")?),
        _ if is_in(OTHERS) => Column::Other,
        _ => Column::Part(part(text).or_else(|| part(text.strip_suffix('s')?))?),
    };
    Some(column)
}

/// Returns the field before the value with this name or label.
fn part(text: &str) -> Option<&'static str> {
    let mut fields = RecordType::ALL.iter().flat_map(|rtype| rtype.spec().parts);
    let field = fields.find(|part| part.name == text || part.label.eq_ignore_ascii_case(text));
    field.map(|part| part.name)
}

/// Returns a heading in lower case, without what hosts add to it: colons, stars, notes in
/// parentheses.
fn normalize(text: &str) -> String {
    let lower = text.to_lowercase();
    let before = match lower.split_once(['(', '[']) {
        Some((before, _)) if !before.trim().is_empty() => before,
        _ => &lower,
    };
    let trimmed = before.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '*' | '='));
    trimmed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether a column makes a row of headings beside that of the value.
fn is_key(column: Column) -> bool {
    matches!(
        column,
        Column::Type | Column::Name | Column::Domain | Column::Part(_)
    )
}

/// Returns the headings of a row of headings, of which at least the value and another field of a
/// record are known.
pub(super) fn headings(cells: &[String]) -> Option<Vec<Heading>> {
    let known: Vec<Option<Heading>> = cells.iter().map(|cell| heading(cell)).collect();
    let has = |wanted: fn(Column) -> bool| known.iter().flatten().any(|h| wanted(h.column));
    let unknown = known.iter().filter(|h| h.is_none()).count();
    let is_row = has(|c| c == Column::Value) && has(is_key) && unknown <= known.len() / 4;
    let other = Heading {
        column: Column::Other,
        rtype: None,
    };
    is_row.then(|| known.into_iter().map(|h| h.unwrap_or(other)).collect())
}

/// Splits a line of headings with single blanks between them: `Type Name Points to TTL`.
pub(super) fn headings_of_words(line: &str) -> Option<Vec<Heading>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let longest = (1..=3.min(words.len() - at)).rev().find_map(|length| {
            let phrase = words[at..at + length].join(" ");
            heading(&phrase).map(|heading| (length, heading))
        });
        let (length, heading) = longest?;
        found.push(heading);
        at += length;
    }
    let has = |wanted: fn(Column) -> bool| found.iter().any(|h| wanted(h.column));
    let is_row = found.len() > 1 && has(|c| c == Column::Value) && has(is_key);
    is_row.then_some(found)
}
