//! The page that asks before one or several records are deleted.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::certificate::caa::IssuanceForbidden;
use starchart_domain::plural::pluralize;
use starchart_domain::record::RecordId;
use starchart_store::records::{self, Record};

use super::list::missing_record;
use super::path_id;
use crate::actions;
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::Layout;
use crate::responses;

/// `GET /dns-records/{id}/delete` and `GET /dns-records/selected`: asks before it posts to
/// `/dns-records` or `/dns-records/selected`.
#[derive(Debug, Clone, Template)]
#[template(path = "records/delete.html")]
pub(crate) struct DeletePage {
    pub(crate) layout: Layout,
    /// The record, or those that are ticked in the list.
    pub(crate) records: Vec<Record>,
    /// Whether they are ticked in the list.
    pub(crate) is_selection: bool,
    /// What the deletion would stop.
    pub(crate) to_confirm: Option<IssuanceForbidden>,
}

impl DeletePage {
    fn title(&self) -> String {
        match self.is_selection {
            true => {
                let count = pluralize(self.records.len() as u64, "DNS record", "DNS records");
                format!("Delete {count}")
            }
            false => "Delete DNS Record".to_owned(),
        }
    }

    fn path(&self) -> &'static str {
        match self.is_selection {
            true => "/dns-records/selected",
            false => "/dns-records",
        }
    }

    /// Returns the fields that it posts.
    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::with_capacity(self.records.len() + 2);
        let mut add = |name: String, value: String| fields.push((name, value));
        let intent = match self.is_selection {
            true => "delete",
            false => "delete-dns-record",
        };
        add("intent".to_owned(), intent.to_owned());
        for (at, record) in self.records.iter().enumerate() {
            match self.is_selection {
                true => add(
                    format!("take-{}", at + 1),
                    format!("{}:{}", record.id, record.fingerprint()),
                ),
                false => add("id".to_owned(), record.id.to_string()),
            }
        }
        if let Some(forbidden) = &self.to_confirm {
            add("confirm".to_owned(), forbidden.confirmation());
        }
        fields
    }
}

/// Asks for confirmation before a record is deleted (`GET /dns-records/{id}/delete`).
pub(crate) async fn confirm_delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    delete_page(&context, &user, path_id(&context)?, StatusCode::OK).await
}

/// Shows a record and what its deletion would stop.
pub(crate) async fn delete_page(
    context: &RequestContext,
    user: &User,
    id: RecordId,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    let Some(record) = records::get(context.app.store()?, user.id, id).await? else {
        return missing_record(context, user).await;
    };
    show(context, user, vec![record], false, status).await
}

/// Shows the records that are ticked and what their deletion would stop.
pub(super) async fn delete_selected_page(
    context: &RequestContext,
    user: &User,
    records: Vec<Record>,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    show(context, user, records, true, status).await
}

async fn show(
    context: &RequestContext,
    user: &User,
    records: Vec<Record>,
    is_selection: bool,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    let (store, config) = (context.app.store()?, &context.app.config);
    let ended: Vec<&Record> = records.iter().collect();
    let to_confirm = actions::forbidden_by_change(store, user, &ended, &[], config).await?;
    let page = DeletePage {
        layout: context.layout(),
        records,
        is_selection,
        to_confirm,
    };
    responses::page(status, &page)
}
