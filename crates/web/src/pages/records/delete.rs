//! The page that asks before a record is deleted.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::certificate::caa::IssuanceForbidden;
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

/// `GET /dns-records/{id}/delete`: asks before it posts `intent=delete-dns-record` and `id` to
/// `/dns-records`.
#[derive(Debug, Clone, Template)]
#[template(path = "records/delete.html")]
pub(crate) struct DeletePage {
    pub(crate) layout: Layout,
    pub(crate) record: Record,
    /// What the deletion would stop.
    pub(crate) to_confirm: Option<IssuanceForbidden>,
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
    let store = context.app.store()?;
    let Some(record) = records::get(store, user.id, id).await? else {
        return missing_record(context, user).await;
    };
    let config = &context.app.config;
    let to_confirm = actions::forbidden_by_deletion(store, user, &[&record], config).await?;
    responses::page(
        status,
        &DeletePage {
            layout: context.layout(),
            record,
            to_confirm,
        },
    )
}
