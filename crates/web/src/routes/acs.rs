//! The way back from the identity provider: its answer is checked here, and taken in by the browser
//! that asked.

use std::rc::Rc;

use actix_web::HttpResponse;
use starchart_domain::names::Label;
use starchart_domain::user::{Identity, Subject};
use starchart_saml::{MAX_RESPONSE_BYTES, RefusalClass, VerifiedAssertion};
use starchart_store::login::{self, Accept, Finished};
use starchart_store::users::{self, ClaimError, SignInError, User};
use starchart_store::{Store, import, sessions};

use crate::actor::{Actor, Person};
use crate::config::App;
use crate::cookies::Kind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::keys;
use crate::limits::Counted;
use crate::redirects::{label_for, see_other};
use crate::routes::records;
use crate::views::{FlashKind, SignInRefusal};
use crate::visit::Visit;

/// Octets of a post: the response in base64 with line breaks, some characters of it
/// percent-encoded.
pub(crate) const BODY_MAX: usize = MAX_RESPONSE_BYTES * 2;
/// When so many answers come at once that this one was not looked at, seconds.
const BUSY_RETRY: u64 = 5;
/// What a form comes to whose sender has to choose a domain first.
const NOT_KEPT: &str = "The form that you sent was not saved, because you have no domain yet. Choose one: the empty form comes \
                        next, to be filled in again.";

/// `POST /login/callback`: the assertion consumer service. Nobody is signed in here: cookies of
/// ours do not come with a post from another site. What was checked waits under a handle for the
/// next request, which brings them.
pub(crate) async fn consume(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    let app = &visit.app;
    let Some(response) = visit.form.get("SAMLResponse") else {
        return Err(refuse(&visit, SignInRefusal::Malformed, "no_response").await);
    };
    let store = app.store()?;
    let checked = match app.saml.verify_response(response, store.now().await?).await {
        Ok(checked) => checked,
        Err(refusal) => return refused(&visit, refusal.class(), refusal.code()).await,
    };
    let identity = match identity_of(app, &checked) {
        Ok(identity) => identity,
        Err(code) => return Err(refuse(&visit, SignInRefusal::Attributes, code).await),
    };
    let Some(pending) = login::pending(store, &checked.in_response_to).await? else {
        return Err(refuse(&visit, SignInRefusal::Expired, "unknown_request").await);
    };
    let handle = keys::new_token();
    let VerifiedAssertion {
        in_response_to,
        assertion_id,
        valid_until,
        ..
    } = &checked;
    match login::accept(
        store,
        in_response_to,
        assertion_id,
        *valid_until,
        &identity,
        keys::hash(&handle),
    )
    .await?
    {
        Accept::Ok => {}
        Accept::UnknownRequest => {
            return Err(refuse(&visit, SignInRefusal::Expired, "unknown_request").await);
        }
        Accept::Replayed => return Err(refuse(&visit, SignInRefusal::Replayed, "replayed").await),
    }
    // The relay state decides nothing but this: with another than ours the person arrives at the
    // start page.
    let ours = visit
        .form
        .get("RelayState")
        .is_some_and(|relay| keys::hash(relay) == pending.relay_hash);
    let home = if ours { "" } else { "&to=home" };
    Ok(see_other(&format!("/login/complete?h={handle}{home}")))
}

/// `GET /login/complete`: only the browser that began can use the handle, once.
pub(crate) async fn complete(visit: Rc<Visit>, actor: Actor) -> Result<HttpResponse, Failure> {
    let query = Form::parse(visit.req.query_string().as_bytes())?;
    let store = visit.app.store()?;
    let handle = query.get("h").filter(|handle| keys::is_token(handle));
    // Before the handle is used up.
    all_here(&visit).await?;
    let finished = match (handle, visit.cookie_token(Kind::Browser)) {
        (Some(handle), Some(browser)) => {
            login::finish(store, keys::hash(handle), keys::hash(&browser)).await?
        }
        _ => None,
    };
    let Some(finished) = finished else {
        // A reload of a sign-in that went well.
        if !matches!(actor, Actor::Guest) {
            return Ok(see_other("/"));
        }
        // Each refusal is written down, and anybody can make up a handle.
        visit
            .app
            .limits
            .take(Counted::Answer(visit.address()))
            .await?;
        return Err(refuse(&visit, SignInRefusal::Expired, "unknown_handle").await);
    };
    let user = match users::sign_in(store, &finished.identity).await {
        Ok(user) => user,
        Err(SignInError::Suspended) => {
            return Err(refuse(&visit, SignInRefusal::Suspended, "suspended").await);
        }
        Err(SignInError::Db(fault)) => return Err(fault.into()),
    };
    let user = with_label(&visit, store, user).await?;
    let token = start_session(&visit, store, &user, &finished.identity).await?;
    arrive(
        &visit,
        store,
        &user,
        finished,
        token,
        query.get("to").is_some(),
    )
    .await
}

/// A new session with a new token; the old one of this browser ends.
async fn start_session(
    visit: &Visit,
    store: &Store,
    user: &User,
    identity: &Identity,
) -> Result<String, Failure> {
    if let Some(old) = &visit.session_token {
        sessions::end(store, keys::hash(old), &visit.id).await?;
    }
    let token = keys::new_token();
    let (name_id, index) = (
        identity.name_id.as_deref(),
        identity.session_index.as_deref(),
    );
    sessions::create(store, user.id, keys::hash(&token), name_id, index).await?;
    visit.set_cookie(Kind::Session, token.clone());
    for kind in [Kind::Browser, Kind::Again, Kind::SignedOut] {
        visit.remove_cookie(kind);
    }
    visit
        .audit(Some(user.id), "session.start", user.subject.as_str(), "")
        .await;
    Ok(token)
}

/// Where the person wanted to go, or the form that was kept.
async fn arrive(
    visit: &Visit,
    store: &Store,
    user: &User,
    finished: Finished,
    token: String,
    home: bool,
) -> Result<HttpResponse, Failure> {
    let return_to = if home {
        "/"
    } else {
        finished.return_to.as_str()
    };
    let Some(label) = &user.label else {
        if finished.held_form.is_some() && !home {
            visit.leave_flash(&[(FlashKind::Note, NOT_KEPT.to_owned())]);
        }
        return Ok(see_other(&label_for(return_to)));
    };
    if home {
        return Ok(see_other("/"));
    }
    let Some(held) = finished.held_form else {
        return Ok(see_other(&finished.return_to));
    };
    let mut later = Visit::new(visit.app.clone(), visit.req.clone(), visit.id.clone());
    later.session = sessions::find(store, keys::hash(&token)).await?;
    later.session_token = Some(token);
    let person = Person {
        id: user.id,
        base: visit.app.config.root_domain.base(label),
        impersonator: None,
    };
    records::show_held(&later, &person, &finished.return_to, &held).await
}

/// The label of the user name at the first sign-in, when it is free. Otherwise the person chooses.
async fn with_label(visit: &Visit, store: &Store, user: User) -> Result<User, Failure> {
    let wanted = match &user.label {
        None => Label::from_username(&user.username).ok(),
        Some(_) => None,
    };
    let Some(label) = wanted else { return Ok(user) };
    match users::claim_label(store, user.id, &label).await {
        Ok(()) => {
            visit
                .audit(Some(user.id), "label.claim", label.as_str(), "")
                .await;
            Ok(User {
                label: Some(label),
                ..user
            })
        }
        Err(ClaimError::Taken) => Ok(user),
        Err(ClaimError::AlreadyHas) => users::get(store, user.id)
            .await?
            .ok_or(Failure::Internal("a person vanished")),
        Err(ClaimError::Db(fault)) => Err(fault.into()),
    }
}

fn identity_of(app: &App, checked: &VerifiedAssertion) -> Result<Identity, &'static str> {
    let subject = Subject::parse(&checked.subject).map_err(|_| "subject_characters")?;
    Ok(Identity {
        subject,
        username: checked.subject.clone(),
        display_name: Some(&checked.display_name)
            .filter(|name| !name.is_empty())
            .unwrap_or(&checked.subject)
            .clone(),
        email: checked.email.clone(),
        groups: app.config.group_names.groups_of(&checked.groups),
        name_id: checked.name_id.clone(),
        session_index: checked.session_index.clone(),
    })
}

/// What follows from the class of a refusal.
async fn refused(
    visit: &Visit,
    class: RefusalClass,
    code: &'static str,
) -> Result<HttpResponse, Failure> {
    let refusal = match class {
        RefusalClass::Busy => {
            return Err(Failure::Unavailable {
                retry_after: BUSY_RETRY,
            });
        }
        RefusalClass::Unsolicited => {
            visit.audit(None, "session.unsolicited", "", code).await;
            return Ok(see_other("/login/again"));
        }
        RefusalClass::Malformed => SignInRefusal::Malformed,
        RefusalClass::Signature => SignInRefusal::Signature,
        RefusalClass::Clock => SignInRefusal::Clock,
        RefusalClass::NotForUs => SignInRefusal::NotForUs,
        RefusalClass::IdpRefused => SignInRefusal::IdpSaidNo,
        RefusalClass::Encrypted => SignInRefusal::Encrypted,
        RefusalClass::Attributes => SignInRefusal::Attributes,
    };
    Err(refuse(visit, refusal, code).await)
}

/// Nobody is given what may belong to somebody whose account is still to come.
pub(crate) async fn all_here(visit: &Visit) -> Result<(), Failure> {
    match import::is_awaited(visit.app.store()?).await? {
        true => Err(refuse(visit, SignInRefusal::Moving, "import_awaited").await),
        false => Ok(()),
    }
}

/// A refused sign-in: one line in the log and one in the audit trail, with the code of the reason.
pub(crate) async fn refuse(visit: &Visit, refusal: SignInRefusal, code: &'static str) -> Failure {
    tracing::warn!(code, "a sign-in was refused");
    visit.audit(None, "session.refused", "", code).await;
    Failure::SignIn(refusal)
}
