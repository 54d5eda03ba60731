//! DNS records: the list, the form, deletion, lookup and instructions.

mod delete;
mod form;
mod history;
mod instructions;
mod list;
mod lookup;
mod paste;
mod row_actions;
pub(super) mod state;
mod zone_file;

use starchart_domain::record::RecordId;
use starchart_domain::time::Timestamp;
use starchart_store::records::{self, Record};

use crate::actions::{CaaCheck, RecordRules};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

pub(crate) use delete::confirm_delete;
pub(crate) use form::{create, edit_form, new_form, show_kept_form, update};
pub(crate) use history::{history, undo};
pub(crate) use instructions::instructions;
pub(crate) use list::list;
pub(crate) use lookup::{lookup, request_lookup};
pub(crate) use paste::{paste, paste_form};
pub(crate) use row_actions::renew_or_delete;
pub(crate) use state::states;
pub(crate) use zone_file::{compare_zone_file, zone_file, zone_file_form};
#[cfg(test)]
pub(crate) use {
    delete::DeletePage,
    form::{FormMode, FormPage, PresentRrset},
    history::{HistoryLine, HistoryPage},
    instructions::InstructionsPage,
    list::RecordsPage,
    lookup::LookupPage,
    paste::{PastePage, PastedRow},
    zone_file::{DiffRow, ZoneFilePage},
};

/// For this long after the newest change a page polls for the state, in milliseconds.
const POLL_AFTER_CHANGE_MS: i64 = 2 * 60 * 1_000;

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
fn record_rules(context: &RequestContext) -> RecordRules<'_> {
    RecordRules {
        limit: context.app.config.limits.records_per_user,
        words: &context.app.words,
        ttls: context.app.config.limits.ttl,
        caa: caa_check(context),
    }
}

/// Returns the check of CAA records, with what the request confirms.
fn caa_check(context: &RequestContext) -> CaaCheck<'_> {
    CaaCheck::new(&context.app.config, context.form.get("confirm"))
}
