//! Signing out, here and at the identity provider.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use serde::{Deserialize, Serialize};
use starchart_domain::user::NameId;
use url::Url;

use crate::actions;
use crate::actor::Actor;
use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::errors::Failure;
use crate::pages::Layout;
use crate::responses::{self, see_other};
use crate::tokens;

/// `GET /logout`, after our session ended; posts `sloUsername` to `/logout` to end the session at
/// the identity provider too.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in/logout.html")]
pub(crate) struct LogoutPage {
    pub(crate) layout: Layout,
    /// The user who has just signed out; `None` when the identity provider has no single logout.
    pub(crate) slo_username: Option<String>,
}

/// The user who has just signed out, in a signed cookie for a few minutes. A logout request to the
/// identity provider needs it.
#[derive(Serialize, Deserialize)]
struct SignedOut {
    username: String,
    name_id: Option<NameId>,
    session_index: Option<String>,
}

/// `POST /logout`: ends our session. A second post with `sloUsername` continues to the single
/// logout of the identity provider.
pub(crate) async fn sign_out(
    context: Rc<RequestContext>,
    _: Actor,
) -> Result<HttpResponse, Failure> {
    if let Some(username) = context.form.get("sloUsername") {
        return sign_out_of_school(&context, username).await;
    }
    let (Some(session), Some(token)) = (&context.session, &context.session_token) else {
        context.remove_cookie(CookieKind::Session);
        return Ok(see_other("/login"));
    };
    actions::end_session(context.app.store()?, session, token, &context.request_id).await?;
    context.remove_cookie(CookieKind::Session);
    let signed_out = SignedOut {
        username: session.signed_in().username.clone(),
        name_id: session.name_id.clone(),
        session_index: session.session_index.clone(),
    };
    if let Some(signed) = context
        .app
        .keys
        .sign(CookieKind::SignedOut.base_name(), &signed_out)
    {
        context.set_cookie(CookieKind::SignedOut, signed);
    }
    Ok(see_other("/logout"))
}

/// `GET /logout`: offers to sign out of the school too. Redirects to the start page unless the user
/// has just signed out.
pub(crate) async fn show(
    context: Rc<RequestContext>,
    actor: Actor,
) -> Result<HttpResponse, Failure> {
    let (Actor::Guest, Some(signed_out)) = (actor, just_signed_out(&context)) else {
        return Ok(see_other("/"));
    };
    let slo_username = school_logout_url(&context, &signed_out)
        .await?
        .map(|_| signed_out.username);
    responses::ok(&LogoutPage {
        layout: context.layout(),
        slo_username,
    })
}

/// `GET /logout/callback`: return from the logout at the identity provider. Changes nothing,
/// because any site can send a browser here.
pub(crate) async fn callback(_: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    Ok(see_other("/login"))
}

async fn sign_out_of_school(
    context: &RequestContext,
    username: &str,
) -> Result<HttpResponse, Failure> {
    let Some(signed_out) = just_signed_out(context).filter(|user| user.username == username) else {
        return Ok(see_other("/"));
    };
    let url = school_logout_url(context, &signed_out).await?;
    context.remove_cookie(CookieKind::SignedOut);
    Ok(see_other(url.as_ref().map_or("/login", Url::as_str)))
}

fn just_signed_out(context: &RequestContext) -> Option<SignedOut> {
    let signed = context
        .app
        .cookies
        .read(&context.req, CookieKind::SignedOut)?;
    context
        .app
        .keys
        .verify(CookieKind::SignedOut.base_name(), &signed)
}

/// Returns the URL of the identity provider's single logout. `None` when it offers none, or when
/// it sent no NameID for the user.
async fn school_logout_url(
    context: &RequestContext,
    signed_out: &SignedOut,
) -> Result<Option<Url>, Failure> {
    let Some(name_id) = &signed_out.name_id else {
        return Ok(None);
    };
    let now = context.app.store()?.now().await?;
    let request = context.app.saml.create_logout_request(
        name_id,
        signed_out.session_index.as_deref(),
        &tokens::generate(),
        now,
    );
    request.map_err(|_| Failure::Internal("logout request not created"))
}
