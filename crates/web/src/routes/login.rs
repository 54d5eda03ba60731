//! The way out to the identity provider.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use starchart_store::login::{self, NewLogin};

use crate::actor::Actor;
use crate::cookies::Kind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::keys;
use crate::limits::Counted;
use crate::redirects::{return_path, see_other};
use crate::routes::acs;
use crate::views::{FlashKind, LoginPage, SignInRefusal};
use crate::visit::{self, Visit};

/// Octets of a form that is kept while a person signs in.
const HELD_MAX: usize = 16 * 1024;

/// `GET /login`.
pub(crate) async fn show(visit: Rc<Visit>, actor: Actor) -> Result<HttpResponse, Failure> {
    let query = Form::parse(visit.req.query_string().as_bytes())?;
    let redirect_to = return_path(query.get("redirectTo").unwrap_or("/"));
    match actor {
        Actor::Guest => visit::ok(&LoginPage {
            shell: visit.shell(),
            redirect_to,
        }),
        _ => Ok(see_other(&redirect_to)),
    }
}

/// `POST /login`.
pub(crate) async fn begin(visit: Rc<Visit>, actor: Actor) -> Result<HttpResponse, Failure> {
    let return_to = return_path(visit.form.get("redirectTo").unwrap_or("/"));
    match actor {
        Actor::Guest => start(&visit, return_to, None).await,
        _ => Ok(see_other(&return_to)),
    }
}

/// `GET /login/again`: an answer came that nobody asked for, such as from a tile on the school's
/// portal. It signs nobody in; we ask ourselves, once.
pub(crate) async fn again(visit: Rc<Visit>, actor: Actor) -> Result<HttpResponse, Failure> {
    if !matches!(actor, Actor::Guest) {
        return Ok(see_other("/"));
    }
    if visit.app.cookies.read(&visit.req, Kind::Again).is_some() {
        visit.remove_cookie(Kind::Again);
        return Err(acs::refuse(&visit, SignInRefusal::Unsolicited, "unsolicited_twice").await);
    }
    visit.set_cookie(Kind::Again, "1".to_owned());
    start(&visit, "/".to_owned(), None).await
}

/// Sends a guest who posted something to sign in. A record's form is kept and shown again
/// afterwards; other wishes have to be expressed again. It begins a sign-in, so that its address is
/// counted as at the button.
pub(crate) async fn hold(visit: &Visit) -> Result<HttpResponse, Failure> {
    visit
        .app
        .limits
        .take(Counted::Begin(visit.address()))
        .await?;
    let path = visit.req.path();
    let id = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let deletes = *visit.req.method() == Method::DELETE
        || matches!(
            visit.form.get("intent"),
            Some("delete-dns-record" | "delete-certificate")
        );
    if let Some(rest) = path.strip_prefix("/dns-records/")
        && *visit.req.method() == Method::POST
        && (rest == "new" || id(Some(rest)).is_some())
    {
        let body = visit.form.without_token();
        return start(
            visit,
            path.to_owned(),
            Some(body).filter(|body| body.len() <= HELD_MAX),
        )
        .await;
    }
    let back = match id(visit.req.match_info().get("id")).or_else(|| id(visit.form.get("id"))) {
        Some(id) if deletes => format!("/dns-records/{id}/delete"),
        _ if path.starts_with("/dns-records") => "/dns-records".to_owned(),
        _ if path.starts_with("/certificate") && deletes => "/certificate/delete".to_owned(),
        _ if path.starts_with("/certificate") => "/certificate".to_owned(),
        _ if path == "/admin" => "/admin".to_owned(),
        _ => "/".to_owned(),
    };
    visit.leave_flash(&[(
        FlashKind::Note,
        "Your session had ended, so nothing was changed. Please do it again.".to_owned(),
    )]);
    start(visit, back, None).await
}

/// Notes a request bound to this browser and sends the person to the identity provider. The relay
/// state is a random key.
async fn start(
    visit: &Visit,
    return_to: String,
    held_form: Option<String>,
) -> Result<HttpResponse, Failure> {
    let app = &visit.app;
    // A mark that is made here is used for the first time, and would only fill the limiter's
    // memory.
    if let Some(sent) = visit.cookie_token(Kind::Browser) {
        app.limits.take(Counted::Browser(keys::hash(&sent))).await?;
    }
    acs::all_here(visit).await?;
    let browser = visit.browser_token();
    let browser_hash = keys::hash(&browser);
    let store = app.store()?;
    let relay_state = keys::new_token();
    let request = app
        .saml
        .create_login_request(&relay_state, store.now().await?);
    let request =
        request.map_err(|_| Failure::Internal("the sign-in request could not be made"))?;
    let login = NewLogin {
        request_id: request.request_id,
        browser_hash,
        relay_hash: keys::hash(&relay_state),
        return_to,
        held_form,
    };
    login::begin(store, &login).await?;
    // Its life begins anew, so that it lasts until the answer.
    visit.set_cookie(Kind::Browser, browser);
    Ok(see_other(request.url.as_str()))
}
