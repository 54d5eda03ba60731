//! The list of the user's records, whose buttons renew and delete one.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use askama::Template;
use starchart_domain::record::RecordId;
use starchart_domain::time::Timestamp;
use starchart_store::records::{self, Record};

use super::delete::delete_page;
use super::{caa_check, poll_for_s};
use crate::actions::{self, ActionError, Conflict};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{FlashKind, Layout, filters};
use crate::responses::{self, see_other};

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

/// `POST`, `PATCH`, `DELETE` on `/dns-records` and `PATCH`, `DELETE` on `/dns-records/{id}`: renews
/// or deletes a record. The intent decides; without an intent the method does.
pub(crate) async fn renew_or_delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let form = &context.form;
    let id = context
        .req
        .match_info()
        .get("id")
        .or_else(|| form.get("id"));
    let id = id
        .ok_or(Failure::Unprocessable("missing id"))?
        .parse()
        .map(RecordId)
        .map_err(|_| Failure::NotFound)?;
    let method_intent = match *context.req.method() {
        Method::PATCH => Some("renew-dns-record"),
        Method::DELETE => Some("delete-dns-record"),
        _ => None,
    };
    let intent = form.get("intent").or(method_intent).unwrap_or_default();
    if method_intent.is_some_and(|wanted| wanted != intent) {
        return Err(Failure::Unprocessable("method and intent differ"));
    }
    let queue = &*context.app.queue;
    let caller = context.caller(&user);
    let (record, done) = match intent {
        "renew-dns-record" => {
            let record = actions::renew_record(store, queue, caller, id).await?;
            (record, "renewed")
        }
        "delete-dns-record" => {
            let caa = caa_check(&context);
            match actions::delete_record(store, queue, caller, id, caa).await {
                Ok(record) => (record, "deleted"),
                Err(ActionError::Conflict(Conflict::IssuanceForbidden(_))) => {
                    let status = StatusCode::UNPROCESSABLE_ENTITY;
                    return delete_page(&context, &user, id, status).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        _ => return Err(Failure::Unprocessable("unknown intent")),
    };
    context.set_flash(&[(
        FlashKind::Done,
        format!(
            "DNS Record \"{}\" has been successfully {done}",
            record.name
        ),
    )]);
    Ok(see_other("/dns-records"))
}
