//! The list of the user's records.

use std::collections::BTreeSet;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::plural::pluralize;
use starchart_domain::record::{RecordId, RecordType};
use starchart_domain::time::Timestamp;
use starchart_store::records::{self, Record};

use super::poll_for_s;
use crate::accept::prefers_json;
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::list_query::{ListQuery, Sort, SortColumn};
use crate::pages::{Flash, FlashKind, Layout, filters};
use crate::responses;

/// What the list says when a request is about a record that is not in it.
const NO_SUCH_RECORD: &str = "There is no such record. It was deleted, perhaps in another window, \
                              or it has expired.";

/// `GET /dns-records`. Its rows post `intent` (`renew-dns-record`, `delete-dns-record`) and `id` to
/// `/dns-records`; its checkboxes `take-{number}` belong to the form that posts to
/// `/dns-records/selected`.
#[derive(Debug, Clone, Template)]
#[template(path = "records/list.html")]
pub(crate) struct RecordsPage {
    pub(crate) layout: Layout,
    /// The records that are shown, in their order.
    pub(crate) records: Vec<Record>,
    /// Which ones these are.
    pub(crate) query: ListQuery,
    /// How many records the user has.
    pub(crate) total: usize,
    /// The types that the user's records have.
    pub(crate) types: Vec<RecordType>,
    /// The records that are ticked.
    pub(crate) selected: BTreeSet<RecordId>,
    /// Why nothing was done to the records that are ticked.
    pub(crate) problem: Option<String>,
    /// USER_DNS_RECORD_LIMIT, when it is set.
    pub(crate) limit: Option<u32>,
    /// For how many seconds the page polls for the state; 0 when nothing changed recently.
    pub(crate) poll_for_s: u32,
    /// The time of the database, by which records expire.
    pub(crate) now: Timestamp,
}

/// What the list says about a record beside its fields.
struct Row {
    /// Its number in the page's fields, from 1.
    number: usize,
    /// Whether the record above it has the same name.
    repeats_name: bool,
    is_selected: bool,
}

/// A heading that sorts the list.
struct Heading {
    text: &'static str,
    href: String,
    /// The value of `aria-sort`, if the list is sorted by this column.
    order: Option<&'static str>,
}

impl RecordsPage {
    fn has_unsettled(&self) -> bool {
        self.records.iter().any(|record| !record.state.is_settled())
    }

    /// Returns the records that are shown, each with what is said about it.
    fn rows(&self) -> Vec<(&Record, Row)> {
        let is_by_name = self.query.sort.column == SortColumn::Name;
        let names = self.records.iter().map(|record| Some(record.name.as_str()));
        let above = std::iter::once(None).chain(names);
        let rows = self.records.iter().zip(above).enumerate();
        rows.map(|(at, (record, above))| {
            let row = Row {
                number: at + 1,
                repeats_name: is_by_name && above == Some(record.name.as_str()),
                is_selected: self.selected.contains(&record.id),
            };
            (record, row)
        })
        .collect()
    }

    /// Returns whether only records of this type are shown.
    fn is_chosen(&self, rtype: &RecordType) -> bool {
        self.query.rtype == Some(*rtype)
    }

    fn headings(&self) -> Vec<Heading> {
        let Sort {
            column: sorted,
            is_descending,
        } = self.query.sort;
        let order = if is_descending {
            "descending"
        } else {
            "ascending"
        };
        let columns = SortColumn::ALL.iter().copied();
        columns
            .map(|column| Heading {
                text: column.heading(),
                href: self.query.sorted_href(column),
                order: (column == sorted).then_some(order),
            })
            .collect()
    }

    /// Returns what the list says about a filter: `2 of 7 records`.
    fn count(&self) -> String {
        let total = pluralize(self.total as u64, "record", "records");
        format!("{} of {total}", self.records.len())
    }

    fn here(&self) -> String {
        self.query.href()
    }

    /// Returns the URL of a record's page that leads back here.
    fn row_href(&self, record: &Record, page: &str) -> String {
        let path = format!("/dns-records/{}{page}", record.id);
        self.query.href_of(&path)
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
            .is_some_and(|limit| self.total as u64 >= u64::from(limit))
    }
}

/// Lists the user's records with their states (`GET /dns-records`).
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let query = ListQuery::parse(context.req.query_string())?;
    let (all, now) = records::list_with_time(context.app.store()?, user.id).await?;
    responses::ok(&list_page(&context, query, all, now))
}

/// Shows the list again, with those ticked that were, and says why nothing was done to them.
pub(super) async fn refuse_selected(
    context: &RequestContext,
    status: StatusCode,
    all: Vec<Record>,
    selected: BTreeSet<RecordId>,
    problem: String,
) -> Result<HttpResponse, Failure> {
    let now = context.app.store()?.now().await?;
    let page = RecordsPage {
        selected,
        problem: Some(problem),
        ..list_page(context, context.list_query(), all, now)
    };
    responses::page(status, &page)
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
    let (all, now) = records::list_with_time(context.app.store()?, user.id).await?;
    let mut page = list_page(context, context.list_query(), all, now);
    page.layout.flash.push(Flash {
        kind: FlashKind::Note,
        text: NO_SUCH_RECORD.to_owned(),
        undo: None,
    });
    responses::page(StatusCode::NOT_FOUND, &page)
}

fn list_page(
    context: &RequestContext,
    query: ListQuery,
    mut all: Vec<Record>,
    now: Timestamp,
) -> RecordsPage {
    let total = all.len();
    let mut types: Vec<RecordType> = all.iter().map(|record| record.rtype).collect();
    types.sort_unstable();
    types.dedup();
    query.apply(&mut all);
    RecordsPage {
        layout: context.layout(),
        poll_for_s: poll_for_s(&all, now),
        records: all,
        query,
        total,
        types,
        selected: BTreeSet::new(),
        problem: None,
        limit: context.app.config.limits.records_per_user,
        now,
    }
}
