//! DNS records: the list, the form, deletion, lookup and instructions.

mod delete;
mod form;
mod history;
mod instructions;
mod list;
mod lookup;
mod paste;
mod row_actions;
mod rrset;
mod selected;
pub(super) mod state;
mod zone_file;

use starchart_domain::record::{RecordId, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::words::NameRules;
use starchart_store::records::{self, Record};

use crate::actions::{CaaCheck, RecordRules};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

pub(crate) use delete::confirm_delete;
pub(crate) use form::{check, create, edit_form, new_form, show_kept_form, update};
pub(crate) use history::{history, undo};
pub(crate) use instructions::instructions;
pub(crate) use list::list;
pub(crate) use lookup::{lookup, request_lookup};
pub(crate) use paste::{paste, paste_form};
pub(crate) use row_actions::renew_or_delete;
pub(crate) use selected::{change_selected, confirm_selected};
pub(crate) use state::states;
pub(crate) use zone_file::{compare_zone_file, zone_file, zone_file_form};
#[cfg(test)]
pub(crate) use {
    delete::DeletePage,
    form::{FormMode, FormPage, Preview},
    history::{FieldChange, HistoryLine, HistoryPage},
    instructions::InstructionsPage,
    list::RecordsPage,
    lookup::LookupPage,
    paste::{PastePage, PastedRow},
    rrset::PresentRrset,
    zone_file::{DiffRow, ZoneFilePage},
};

/// For this long after the newest change a page polls for the state, in milliseconds.
const POLL_AFTER_CHANGE_MS: i64 = 2 * 60 * 1_000;
/// How many names a message lists.
const NAMES_IN_MESSAGE: usize = 5;
/// How many deleted records a message quotes, and how many characters of each value.
const MAX_QUOTED_VALUES: usize = 5;
const MAX_QUOTED_CHARS: usize = 60;

/// Returns the record of the path when this user owns it (invariant I8); `None` for a record of
/// another user as for an absent one.
async fn find_own(context: &RequestContext, user: &User) -> Result<Option<Record>, Failure> {
    let id = path_id(context)?;
    Ok(records::get(context.app.store()?, user.id, id).await?)
}

/// Returns the id in the path.
fn path_id(context: &RequestContext) -> Result<RecordId, Failure> {
    let id = context.req.match_info().get("id");
    id.and_then(|text| text.parse().ok())
        .map(RecordId)
        .ok_or(Failure::NotFound)
}

/// Returns for how many seconds a page with these records polls for their state: as long as one is
/// not settled, but at most [`POLL_AFTER_CHANGE_MS`] after the newest change.
fn poll_for_s(all: &[Record], now: Timestamp) -> u32 {
    let newest = all.iter().map(|record| record.updated_at).max();
    let Some(newest) = newest.filter(|_| all.iter().any(|record| !record.state.is_settled()))
    else {
        return 0;
    };
    let left_ms = POLL_AFTER_CHANGE_MS - now.since(newest);
    u32::try_from(left_ms / 1_000).unwrap_or_default()
}

/// Returns what a record has to comply with.
fn record_rules<'a>(context: &'a RequestContext, names: &'a NameRules) -> RecordRules<'a> {
    RecordRules {
        limit: context.app.config.limits.records_per_user,
        words: &names.words,
        ttls: context.app.config.limits.ttl,
        caa: caa_check(context),
        confirmed_name: form::confirmed_name(&context.form),
    }
}

/// Returns the check of CAA records, with what the request confirms.
fn caa_check(context: &RequestContext) -> CaaCheck<'_> {
    CaaCheck::new(&context.app.config, context.form.get("confirm"))
}

/// Lists the names of records for a message, each once, not too many of them.
fn list_names<'a>(records: impl Iterator<Item = &'a Record>) -> String {
    let mut names: Vec<String> = records.map(Record::shown_name).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMES_IN_MESSAGE);
    names.truncate(NAMES_IN_MESSAGE);
    let list = names.join(", ");
    match more {
        0 => list,
        _ => format!("{list} and {more} more"),
    }
}

/// Returns the `dig` command that asks for a record. Of the characters in names, shells read `*`
/// only. `server` is the host and port of the name server, when it is not the public DNS.
fn dig_command(name: &str, rtype: RecordType, server: Option<&(String, u16)>) -> String {
    let name = match name.contains('*') {
        true => format!("'{name}'"),
        false => name.to_owned(),
    };
    match server {
        Some((host, port)) => format!("dig @{host} -p {port} +short {name} {rtype}"),
        None => format!("dig +short {name} {rtype}"),
    }
}

/// Lists records by type and value for a message: a cookie carries it.
fn list_values(records: &[Record]) -> String {
    let shorten = |value: &str| match value.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    };
    let more = records.len().saturating_sub(MAX_QUOTED_VALUES);
    let values = records.iter().take(MAX_QUOTED_VALUES);
    let mut list = values
        .map(|record| format!("{} {}", record.rtype, shorten(&record.presentation)))
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}
