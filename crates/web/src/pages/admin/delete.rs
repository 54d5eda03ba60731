//! The page that says what the deletion of a user does, before it happens.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::plural::pluralize;
use starchart_store::admin::{self, Admin, DeletionPreview};
use starchart_store::users::User;

use super::{list_href, parse_query, refuse};
use crate::actions::{ActionError, Denial};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::Layout;
use crate::responses;

/// `GET /admin/delete`: says what the deletion does; posts `intent=delete-user` to `/admin`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/delete.html")]
pub(crate) struct DeletePage {
    pub(crate) layout: Layout,
    pub(crate) user: User,
    /// What the deletion does, one sentence each.
    pub(crate) consequences: Vec<String>,
    /// The search to return to.
    pub(crate) search_text: String,
    /// URL of that search.
    pub(crate) back_href: String,
}

/// `GET /admin/delete?username=`: says what the deletion would do, before it happens.
pub(crate) async fn confirm_delete(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    let store = context.app.store()?;
    let search_text = query.text("searchText");
    let user = admin::find_user(store, &admin, &query.text("username"))
        .await?
        .ok_or(Failure::NotFound)?;
    if user.id == admin.id() {
        return refuse(
            &context,
            ActionError::Denied(Denial::OwnAccount),
            &search_text,
        );
    }
    let consequences = admin::preview_deletion(store, &admin, user.id).await?;
    responses::ok(&DeletePage {
        layout: context.layout(),
        consequences: describe_consequences(&context, &user, &consequences),
        user,
        back_href: list_href(&search_text, 1),
        search_text,
    })
}

/// Describes what the deletion of this user does, one sentence each.
fn describe_consequences(
    context: &RequestContext,
    user: &User,
    consequences: &DeletionPreview,
) -> Vec<String> {
    let mut sentences = vec![match consequences.records {
        0 => "This user has no DNS records.".to_owned(),
        n => format!(
            "{} the zone at once and cannot be restored from these pages.",
            pluralize(n, "record leaves", "records leave")
        ),
    }];
    if consequences.certificates > 0 {
        sentences.push(format!(
            "{} revoked soon. Private keys are deleted here.",
            pluralize(
                consequences.certificates,
                "certificate is",
                "certificates are"
            )
        ));
    }
    if consequences.order {
        sentences.push("The pending certificate order is abandoned.".to_owned());
    }
    if consequences.sessions > 0 {
        sentences.push(format!(
            "{} at once.",
            pluralize(consequences.sessions, "session ends", "sessions end")
        ));
    }
    if consequences.mails > 0 {
        sentences.push(format!(
            "{} not sent.",
            pluralize(consequences.mails, "pending mail is", "pending mails are")
        ));
    }
    if consequences.tokens > 0 {
        sentences.push(format!(
            "{} at once.",
            pluralize(consequences.tokens, "API token ends", "API tokens end")
        ));
    }
    sentences.push(
        "Name and e-mail address are deleted here. The audit trail keeps the user name.".to_owned(),
    );
    if let Some(label) = &user.label {
        let domain = context.app.config.root_domain.base(label);
        sentences.push(format!(
            "The domain {domain} stays reserved for this user. Nobody else can get it."
        ));
    }
    // A suspended user stays suspended.
    if !consequences.suspended {
        sentences
            .push("This user may sign in again and start over. Deleting is not a ban.".to_owned());
    }
    sentences
}
