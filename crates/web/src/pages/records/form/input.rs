//! What the form was filled with: read from a request or from a stored record, and compared.

use starchart_domain::input::{clean_line, clean_note};
use starchart_domain::record::{RecordForm, RecordId, form_parts};
use starchart_domain::ttl::{Ttl, TtlLimits};
use starchart_store::records::Record;

use crate::actions::SeenRecord;
use crate::actor::User;
use crate::errors::Failure;
use crate::forms::Form;

/// Characters of a value that a message quotes at most.
const MAX_QUOTED_CHARS: usize = 80;

/// Reads the fields; a button that answers a question about one has its text.
pub(super) fn record_form(form: &Form) -> RecordForm {
    let mut typed = typed_form(form);
    match answer(form) {
        Some(("subdomain", text)) => typed.name = text.to_owned(),
        Some(("value", text)) => typed.input = text.to_owned(),
        _ => {}
    }
    typed
}

/// Returns the field and the text of a button that answers a question.
fn answer(form: &Form) -> Option<(&str, &str)> {
    form.get("answer")?.split_once(':')
}

/// Returns the name that the user means although it ends in a part of the domain: from the button
/// that says so, and from then on from the form.
pub(crate) fn confirmed_name(form: &Form) -> Option<&str> {
    match answer(form) {
        Some(("subdomain", name)) => Some(name),
        _ => form.get("answered").filter(|name| !name.is_empty()),
    }
}

/// Reads the fields as they were typed. A typed TTL counts before one of the list; scripts that
/// send only the original's fields have neither, and keep the TTL of the RRset.
fn typed_form(form: &Form) -> RecordForm {
    let own_ttl = form.text("ttlOwn");
    RecordForm {
        name: form.text("subdomain"),
        rtype: form.text("type"),
        input: form.text("value"),
        parts: form_parts()
            .into_iter()
            .map(|field| (field.part.name, form.text(field.part.name)))
            .collect(),
        ttl: match clean_line(&own_ttl).is_empty() {
            true => form.text("ttl"),
            false => own_ttl,
        },
        ports: form.text("ports"),
        course: form.text("course"),
        description: form.text("description"),
    }
}

/// Returns the fingerprint of the record that the form was filled with. Scripts that send only the
/// original's fields have none.
pub(super) fn form_fingerprint(form: &Form) -> Option<String> {
    form.get("fingerprint")
        .filter(|fingerprint| !fingerprint.is_empty())
        .map(str::to_owned)
}

/// Reads the records that a button of the form replaces: `12:fingerprint,13:fingerprint`.
pub(super) fn replaced_records(form: &Form) -> Result<Vec<SeenRecord>, Failure> {
    let text = form.text("replace");
    let seen = text.split(',').filter(|part| !part.is_empty()).map(|part| {
        let (id, fingerprint) = part.split_once(':')?;
        Some(SeenRecord {
            id: RecordId(id.parse().ok()?),
            fingerprint: fingerprint.to_owned(),
        })
    });
    seen.collect::<Option<_>>()
        .ok_or(Failure::Unprocessable("unreadable field replace"))
}

/// Writes records as [`replaced_records`] reads them.
pub(super) fn encode_replaced(records: &[SeenRecord]) -> String {
    let parts = records
        .iter()
        .map(|seen| format!("{}:{}", seen.id, seen.fingerprint));
    parts.collect::<Vec<_>>().join(",")
}

/// Fills the form with a stored record.
pub(super) fn form_of_record(user: &User, record: &Record) -> RecordForm {
    RecordForm::of_stored(
        &user.base,
        &record.name,
        record.rtype,
        &record.input,
        &record.presentation,
        [&record.ports, &record.course, &record.description],
    )
}

/// Describes in one line the fields in which a record, now in the form `now` and with this TTL,
/// differs from what was typed.
pub(super) fn describe_differences(
    typed: &RecordForm,
    now: &RecordForm,
    ttl: Ttl,
    limits: &TtlLimits,
) -> String {
    let mut fields = vec![
        ("Name", typed.name.as_str(), now.name.as_str()),
        ("Type", typed.rtype.as_str(), now.rtype.as_str()),
        ("Value", typed.input.as_str(), now.input.as_str()),
    ];
    for field in form_parts() {
        let part = field.part;
        // The other types' fields have no meaning.
        if field.types.iter().any(|rtype| rtype.as_str() == now.rtype) {
            fields.push((
                part.label,
                part_of(typed, part.name),
                part_of(now, part.name),
            ));
        }
    }
    fields.extend([
        ("Ports", typed.ports.as_str(), now.ports.as_str()),
        ("Course", typed.course.as_str(), now.course.as_str()),
        (
            "Description",
            typed.description.as_str(),
            now.description.as_str(),
        ),
    ]);
    let ttl_now = ttl.to_string();
    fields.retain(|(_, typed, now)| clean_note(typed) != clean_note(now));
    let choice = limits.check(&typed.ttl);
    if choice.is_ok_and(|choice| choice.beside(Some(ttl)) != ttl) {
        fields.push(("TTL", typed.ttl.as_str(), ttl_now.as_str()));
    }
    let descriptions = fields
        .iter()
        .map(|(label, _, now)| match now.chars().count() {
            0 => format!("{label} empty"),
            1..=MAX_QUOTED_CHARS => format!("{label} {now}"),
            _ => format!(
                "{label} {}…",
                now.chars().take(MAX_QUOTED_CHARS).collect::<String>()
            ),
        });
    descriptions.collect::<Vec<_>>().join("; ")
}

/// Returns the input of a field before the value.
pub(super) fn part_of<'a>(form: &'a RecordForm, name: &str) -> &'a str {
    form.parts.get(name).map_or("", String::as_str)
}
