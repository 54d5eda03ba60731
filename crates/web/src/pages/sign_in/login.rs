//! Starting a sign-in: the sign-in page and the redirect to the identity provider.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use askama::Template;
use starchart_domain::input::clean_line;
use starchart_store::login::{self, NewLogin};

use super::acs;
use crate::actor::Actor;
use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::{FlashKind, Layout, admin};
use crate::rate_limits::RateLimitKey;
use crate::redirects::safe_return_path;
use crate::responses::{self, see_other};
use crate::sign_in_refusal::SignInRefusal;
use crate::tokens;

/// `GET /login`; posts `redirectTo` to `/login`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in/login.html")]
pub(crate) struct LoginPage {
    pub(crate) layout: Layout,
    /// The local path to continue with.
    pub(crate) redirect_to: String,
}

/// Limit of a form that is kept during a sign-in, in bytes. Guests can send such forms.
const MAX_KEPT_FORM_BYTES: usize = 16 * 1024;

/// Shows the button that starts a sign-in, or redirects a signed-in user (`GET /login`).
pub(crate) async fn show(
    context: Rc<RequestContext>,
    actor: Actor,
) -> Result<HttpResponse, Failure> {
    let query = Form::parse(context.req.query_string().as_bytes())?;
    let redirect_to = safe_return_path(query.get("redirectTo").unwrap_or("/"));
    match actor {
        Actor::Guest => responses::ok(&LoginPage {
            layout: context.layout(),
            redirect_to,
        }),
        _ => Ok(see_other(&redirect_to)),
    }
}

/// Redirects the browser to the identity provider (`POST /login`).
pub(crate) async fn begin(
    context: Rc<RequestContext>,
    actor: Actor,
) -> Result<HttpResponse, Failure> {
    let return_to = safe_return_path(context.form.get("redirectTo").unwrap_or("/"));
    match actor {
        Actor::Guest => start(&context, return_to, None).await,
        _ => Ok(see_other(&return_to)),
    }
}

/// `GET /login/again`: starts a sign-in of our own after an unsolicited SAML response, such as from
/// a tile on the school's portal. Does so once: a second unsolicited response is refused.
pub(crate) async fn again(
    context: Rc<RequestContext>,
    actor: Actor,
) -> Result<HttpResponse, Failure> {
    if !matches!(actor, Actor::Guest) {
        return Ok(see_other("/"));
    }
    if context
        .app
        .cookies
        .read(&context.req, CookieKind::UnsolicitedRetry)
        .is_some()
    {
        context.remove_cookie(CookieKind::UnsolicitedRetry);
        return Err(
            acs::refuse_sign_in(&context, SignInRefusal::Unsolicited, "unsolicited_twice").await,
        );
    }
    context.set_cookie(CookieKind::UnsolicitedRetry, "1".to_owned());
    start(&context, "/".to_owned(), None).await
}

/// Starts a sign-in for a guest who posted a form. The form of a record is kept and shown again
/// afterwards; any other action has to be repeated. Counts as a sign-in of the client address.
pub(crate) async fn sign_in_and_keep_form(
    context: &RequestContext,
) -> Result<HttpResponse, Failure> {
    context
        .app
        .limits
        .count(RateLimitKey::SignInStart(context.client_address()))
        .await?;
    let path = context.req.path();
    // A form that was only checked is kept as one that was sent.
    let path = path.strip_suffix("/check").unwrap_or(path);
    let parse_id = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let is_deletion = *context.req.method() == Method::DELETE
        || matches!(
            context.form.get("intent"),
            Some("delete-dns-record" | "delete-certificate")
        );
    if let Some(rest) = path.strip_prefix("/dns-records/")
        && *context.req.method() == Method::POST
        && (rest == "new" || parse_id(Some(rest)).is_some())
    {
        let body = context.form.encode_without_token();
        if body.len() > MAX_KEPT_FORM_BYTES {
            return Err(Failure::SessionEnded);
        }
        return start(context, context.list_query().href_of(path), Some(body)).await;
    }
    // The page that says so shows the text, which is too long to keep.
    let is_text_of_records = matches!(
        path,
        "/dns-records/paste" | "/dns-records/zone-file/compare"
    );
    if is_text_of_records && !context.form.text("text").trim().is_empty() {
        acs::refuse_during_import(context).await?;
        return Err(Failure::SessionEnded);
    }
    let id =
        parse_id(context.req.match_info().get("id")).or_else(|| parse_id(context.form.get("id")));
    let return_to = match id {
        Some(id) if is_deletion => context
            .list_query()
            .href_of(format!("/dns-records/{id}/delete")),
        _ if path.starts_with("/dns-records") => context.list_query().href(),
        _ if path.starts_with("/certificate") && is_deletion => "/certificate/delete".to_owned(),
        _ if path.starts_with("/certificate") => "/certificate".to_owned(),
        _ if path.starts_with("/tokens") => "/tokens".to_owned(),
        _ if path == "/admin" => admin::list_href(&clean_line(&context.form.text("searchText")), 1),
        _ => "/".to_owned(),
    };
    context.set_flash(&[(
        FlashKind::Note,
        "Your session has ended, so nothing was changed. Please try again.".to_owned(),
    )]);
    start(context, return_to, None).await
}

/// Stores a sign-in request bound to this browser and redirects to the identity provider. The relay
/// state is a random token.
async fn start(
    context: &RequestContext,
    return_to: String,
    saved_form: Option<String>,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    // A new browser token is unused, and counting it would only fill the counters.
    if let Some(sent) = context.cookie_token(CookieKind::Browser) {
        app.limits
            .count(RateLimitKey::Browser(tokens::hash(&sent)))
            .await?;
    }
    acs::refuse_during_import(context).await?;
    let browser = context.browser_token();
    let browser_hash = tokens::hash(&browser);
    let store = app.store()?;
    let relay_state = tokens::generate();
    let request = app
        .saml
        .create_login_request(&relay_state, store.now().await?);
    let request = request.map_err(|_| Failure::Internal("sign-in request not created"))?;
    let login = NewLogin {
        request_id: request.request_id,
        browser_hash,
        relay_hash: tokens::hash(&relay_state),
        return_to,
        saved_form,
    };
    login::begin(store, &login).await?;
    // Extends its lifetime, so that it lasts until the response.
    context.set_cookie(CookieKind::Browser, browser);
    Ok(see_other(request.url.as_str()))
}
