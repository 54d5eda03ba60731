//! Signing out, here and at the school.

use std::rc::Rc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use starchart_store::sessions;
use url::Url;

use crate::actor::Actor;
use crate::cookies::Kind;
use crate::errors::Failure;
use crate::keys;
use crate::redirects::see_other;
use crate::views::LogoutPage;
use crate::visit::{self, Visit};

/// Who has just signed out, as a signed cookie keeps it for a few minutes: the identity provider
/// wants to know whom to sign out.
#[derive(Serialize, Deserialize)]
struct SignedOut {
    username: String,
    name_id: Option<String>,
    session_index: Option<String>,
}

/// `POST /logout`: ends our session; with `sloUsername`, after that, goes on to the identity
/// provider's.
pub(crate) async fn leave(visit: Rc<Visit>, _: Actor) -> Result<HttpResponse, Failure> {
    if let Some(username) = visit.form.get("sloUsername") {
        return leave_school(&visit, username).await;
    }
    let (Some(session), Some(token)) = (&visit.session, &visit.session_token) else {
        visit.remove_cookie(Kind::Session);
        return Ok(see_other("/login"));
    };
    sessions::end(visit.app.store()?, keys::hash(token), &visit.id).await?;
    // An admin who impersonates signs out as themselves.
    let user = session.signed_in();
    visit
        .audit(Some(user.id), "session.end", user.subject.as_str(), "")
        .await;
    visit.remove_cookie(Kind::Session);
    let gone = SignedOut {
        username: user.username.clone(),
        name_id: session.name_id.clone(),
        session_index: session.session_index.clone(),
    };
    if let Some(sealed) = visit.app.keys.seal(Kind::SignedOut.word(), &gone) {
        visit.set_cookie(Kind::SignedOut, sealed);
    }
    Ok(see_other("/logout"))
}

/// `GET /logout`: offers to sign out of the school too, to those who have just signed out here.
pub(crate) async fn show(visit: Rc<Visit>, actor: Actor) -> Result<HttpResponse, Failure> {
    let (Actor::Guest, Some(gone)) = (actor, just_signed_out(&visit)) else {
        return Ok(see_other("/"));
    };
    let slo_username = school_logout(&visit, &gone).await?.map(|_| gone.username);
    visit::ok(&LogoutPage {
        shell: visit.shell(),
        slo_username,
    })
}

/// `GET /logout/callback`: the identity provider is done. Anybody can send a browser here, so it
/// changes nothing.
pub(crate) async fn returned(_: Rc<Visit>) -> Result<HttpResponse, Failure> {
    Ok(see_other("/login"))
}

async fn leave_school(visit: &Visit, username: &str) -> Result<HttpResponse, Failure> {
    let Some(gone) = just_signed_out(visit).filter(|gone| gone.username == username) else {
        return Ok(see_other("/"));
    };
    let url = school_logout(visit, &gone).await?;
    visit.remove_cookie(Kind::SignedOut);
    Ok(see_other(url.as_ref().map_or("/login", Url::as_str)))
}

fn just_signed_out(visit: &Visit) -> Option<SignedOut> {
    let sealed = visit.app.cookies.read(&visit.req, Kind::SignedOut)?;
    visit.app.keys.open(Kind::SignedOut.word(), &sealed)
}

/// Where the identity provider ends its session; nowhere when it offers that not, or did not say
/// who the person is to it.
async fn school_logout(visit: &Visit, gone: &SignedOut) -> Result<Option<Url>, Failure> {
    let Some(name_id) = &gone.name_id else {
        return Ok(None);
    };
    let now = visit.app.store()?.now().await?;
    let request = visit.app.saml.create_logout_request(
        name_id,
        gone.session_index.as_deref(),
        &keys::new_token(),
        now,
    );
    request.map_err(|_| Failure::Internal("the logout request could not be made"))
}
