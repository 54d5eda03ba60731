//! The start page of a user with a label.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_store::{certificates, records};

use crate::actions::{self, SessionTokens};
use crate::actor::User;
use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::errors::Failure;
use crate::pages::{FlashKind, Layout};
use crate::responses::{self, see_other};
use crate::tokens;

/// The start page of a user with a label (`GET /`).
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    pub(crate) layout: Layout,
    pub(crate) record_count: u64,
    /// Whether the identity provider sent a link in place of the user's groups.
    pub(crate) groups_not_sent: bool,
    /// Whether the user has a certificate or a pending order.
    pub(crate) has_certificate: bool,
}

/// Shows the start page of a user with a label (`GET /`).
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let record_count = u64::from(records::count(store, user.id).await?);
    let has_certificate = certificates::has_any(store, user.id).await?;
    let groups_not_sent = context
        .session
        .as_ref()
        .is_some_and(|session| session.user.groups.not_sent);
    responses::ok(&HomePage {
        layout: context.layout(),
        record_count,
        groups_not_sent,
        has_certificate,
    })
}

/// `POST /`: ends the impersonation. Changes nothing when there is none.
pub(crate) async fn stop_impersonation(
    context: Rc<RequestContext>,
    _: User,
) -> Result<HttpResponse, Failure> {
    if context.form.get("intent") != Some("stop-impersonation") {
        return Err(Failure::Unprocessable("unknown intent"));
    }
    if let Some(token) = &context.session_token {
        let fresh = tokens::generate();
        let hashes = SessionTokens {
            old: tokens::hash(token),
            new: tokens::hash(&fresh),
        };
        let store = context.app.store()?;
        if actions::end_impersonation(store, hashes, &context.request_id).await? {
            context.set_cookie(CookieKind::Session, fresh);
            context.set_flash(&[(FlashKind::Done, "The impersonation has ended.".to_owned())]);
        }
    }
    Ok(see_other("/"))
}
