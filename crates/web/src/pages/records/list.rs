//! The list of the user's records.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::time::Timestamp;
use starchart_store::records::{self, Record};

use super::poll_for_s;
use crate::accept::prefers_json;
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{Flash, FlashKind, Layout, filters};
use crate::responses;

/// What the list says when a request is about a record that is not in it.
const NO_SUCH_RECORD: &str = "There is no such record. It was deleted, perhaps in another window, \
                              or it has expired.";

/// `GET /dns-records`. Its rows post `intent` (`renew-dns-record`, `delete-dns-record`) and `id` to
/// `/dns-records`.
#[derive(Debug, Clone, Template)]
#[template(path = "records/list.html")]
pub(crate) struct RecordsPage {
    pub(crate) layout: Layout,
    pub(crate) records: Vec<Record>,
    /// USER_DNS_RECORD_LIMIT, when it is set.
    pub(crate) limit: Option<u32>,
    /// For how many seconds the page polls for the state; 0 when nothing changed recently.
    pub(crate) poll_for_s: u32,
    /// The time of the database, by which records expire.
    pub(crate) now: Timestamp,
}

impl RecordsPage {
    fn has_unsettled(&self) -> bool {
        self.records.iter().any(|record| !record.state.is_settled())
    }

    fn last_day(&self, record: &Record) -> Timestamp {
        record.last_day(self.now)
    }

    /// Returns whether the day on which the record expires is over. The record exists because its
    /// owner was not notified long enough ago.
    fn is_overdue(&self, record: &Record) -> bool {
        record.expires_at < self.now.start_of_day()
    }

    fn is_full(&self) -> bool {
        self.limit
            .is_some_and(|limit| self.records.len() as u64 >= u64::from(limit))
    }
}

/// Lists the user's records with their states (`GET /dns-records`).
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    responses::ok(&load_page(&context, &user).await?)
}

/// Shows the list with a note, when a request is about a record that the user does not have, such
/// as one that was deleted in another window.
pub(super) async fn missing_record(
    context: &RequestContext,
    user: &User,
) -> Result<HttpResponse, Failure> {
    if prefers_json(&context.req) {
        return Err(Failure::NotFound);
    }
    let mut page = load_page(context, user).await?;
    page.layout.flash.push(Flash {
        kind: FlashKind::Note,
        text: NO_SUCH_RECORD.to_owned(),
        undo: None,
    });
    responses::page(StatusCode::NOT_FOUND, &page)
}

async fn load_page(context: &RequestContext, user: &User) -> Result<RecordsPage, Failure> {
    let store = context.app.store()?;
    let all = records::list(store, user.id).await?;
    let now = store.now().await?;
    Ok(RecordsPage {
        layout: context.layout(),
        poll_for_s: poll_for_s(&all, now),
        records: all,
        limit: context.app.config.limits.records_per_user,
        now,
    })
}
