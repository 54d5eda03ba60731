//! The assertion consumer service: checks the SAML response of the identity provider and completes
//! the sign-in in the browser that started it.

use std::rc::Rc;

use actix_web::HttpResponse;
use starchart_domain::user::{Groups, Identity, Subject};
use starchart_saml::{MAX_RESPONSE_BYTES, RefusalClass, VerifiedAssertion};
use starchart_store::login::{self, Accept, Finished};
use starchart_store::users::{self, SignInError, User};
use starchart_store::{Store, import, sessions};

use crate::actions;
use crate::actor::{self, Actor};
use crate::app::App;
use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::{FlashKind, records};
use crate::rate_limits::RateLimitKey;
use crate::redirects::label_url;
use crate::responses::see_other;
use crate::sign_in_refusal::SignInRefusal;
use crate::tokens;

/// Limit of a posted response: base64 with line breaks, partly percent-encoded.
pub(crate) const MAX_BODY_BYTES: usize = MAX_RESPONSE_BYTES * 2;
/// Seconds after which a client may retry when too many responses are checked at once.
const BUSY_RETRY_AFTER_S: u64 = 5;
const FORM_NOT_KEPT: &str = "The form that you sent was not saved, because you have no domain \
                             yet. Choose one, then fill in the form again.";

/// `POST /login/callback`: the assertion consumer service. It creates no session, because
/// browsers send no SameSite=Lax cookies with a post from another site. It stores the checked
/// identity under a one-time handle and redirects to `/login/complete`, where the cookies are
/// available.
pub(crate) async fn consume(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let Some(response) = context.form.get("SAMLResponse") else {
        return Err(refuse_sign_in(&context, SignInRefusal::Malformed, "no_response").await);
    };
    let store = app.store()?;
    let checked = match app.saml.verify_response(response, store.now().await?).await {
        Ok(checked) => checked,
        Err(refusal) => return handle_refusal(&context, refusal.class(), refusal.code()).await,
    };
    let identity = match identity_from(app, &checked) {
        Ok(identity) => identity,
        Err(code) => return Err(refuse_sign_in(&context, SignInRefusal::Attributes, code).await),
    };
    let Some(pending) = login::find_pending(store, &checked.in_response_to).await? else {
        return Err(refuse_sign_in(&context, SignInRefusal::Expired, "unknown_request").await);
    };
    let handle = tokens::generate();
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
        tokens::hash(&handle),
    )
    .await?
    {
        Accept::Ok => {}
        Accept::UnknownRequest => {
            return Err(refuse_sign_in(&context, SignInRefusal::Expired, "unknown_request").await);
        }
        Accept::Replayed => {
            return Err(refuse_sign_in(&context, SignInRefusal::Replayed, "replayed").await);
        }
    }
    // With a foreign relay state the sign-in ends at the start page. It has no other effect.
    let is_own_relay_state = context
        .form
        .get("RelayState")
        .is_some_and(|relay| tokens::hash(relay) == pending.relay_hash);
    let to_home = if is_own_relay_state { "" } else { "&to=home" };
    Ok(see_other(&format!("/login/complete?h={handle}{to_home}")))
}

/// `GET /login/complete`: completes the sign-in. Only the browser that started it can use the
/// handle, and only once.
pub(crate) async fn complete(
    context: Rc<RequestContext>,
    actor: Actor,
) -> Result<HttpResponse, Failure> {
    let query = Form::parse(context.req.query_string().as_bytes())?;
    let store = context.app.store()?;
    let handle = query
        .get("h")
        .filter(|handle| tokens::is_well_formed(handle));
    // Checked before the handle is used up.
    refuse_during_import(&context).await?;
    let finished = match (handle, context.cookie_token(CookieKind::Browser)) {
        (Some(handle), Some(browser)) => {
            login::finish(store, tokens::hash(handle), tokens::hash(&browser)).await?
        }
        _ => None,
    };
    let Some(finished) = finished else {
        // The user reloaded the page after a successful sign-in.
        if !matches!(actor, Actor::Guest) {
            return Ok(see_other("/"));
        }
        // Anybody can invent handles, and each refusal appends to the audit trail.
        context
            .app
            .limits
            .count(RateLimitKey::SamlResponse(context.client_address()))
            .await?;
        return Err(refuse_sign_in(&context, SignInRefusal::Expired, "unknown_handle").await);
    };
    let user = match users::sign_in(store, &finished.identity).await {
        Ok(user) => user,
        Err(SignInError::Suspended) => {
            return Err(refuse_sign_in(&context, SignInRefusal::Suspended, "suspended").await);
        }
        Err(SignInError::Db(fault)) => return Err(fault.into()),
    };
    if user.groups.not_sent {
        tracing::warn!(
            user_id = user.id.0,
            "groups not sent by the identity provider, which has too many for this user: let it \
             send only the groups that are assigned to the application"
        );
    }
    let user = match &user.label {
        Some(_) => user,
        None => {
            let names = context.app.name_rules().await?;
            actions::claim_default_label(store, user, &names.reserved, &context.request_id).await?
        }
    };
    let token = start_session(&context, store, &user, &finished.identity).await?;
    redirect_after_sign_in(
        &context,
        store,
        &user,
        finished,
        token,
        query.get("to").is_some(),
    )
    .await
}

/// Creates a session with a new token and ends the previous session of this browser.
async fn start_session(
    context: &RequestContext,
    store: &Store,
    user: &User,
    identity: &Identity,
) -> Result<String, Failure> {
    let previous = context.session_token.as_deref();
    let request_id = &context.request_id;
    let token = actions::start_session(store, user, identity, previous, request_id).await?;
    context.set_cookie(CookieKind::Session, token.clone());
    for kind in [
        CookieKind::Browser,
        CookieKind::UnsolicitedRetry,
        CookieKind::SignedOut,
    ] {
        context.remove_cookie(kind);
    }
    Ok(token)
}

/// Redirects to the page that the user wanted, or shows the kept form.
async fn redirect_after_sign_in(
    context: &RequestContext,
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
        if finished.saved_form.is_some() && !home {
            context.set_flash(&[(FlashKind::Note, FORM_NOT_KEPT.to_owned())]);
        }
        return Ok(see_other(&label_url(return_to)));
    };
    if home {
        return Ok(see_other("/"));
    }
    let Some(kept_form) = finished.saved_form else {
        return Ok(see_other(&finished.return_to));
    };
    let mut signed_in = RequestContext::new(
        context.app.clone(),
        context.req.clone(),
        context.request_id.clone(),
    );
    signed_in.session = sessions::find(store, tokens::hash(&token)).await?;
    signed_in.session_token = Some(token);
    let form_user = actor::User {
        id: user.id,
        base: context.app.config.root_domain.base(label),
        impersonator: None,
        token: None,
    };
    records::show_kept_form(&signed_in, &form_user, &finished.return_to, &kept_form).await
}

fn identity_from(app: &App, checked: &VerifiedAssertion) -> Result<Identity, &'static str> {
    let subject = Subject::parse(&checked.subject).map_err(|_| "subject_characters")?;
    Ok(Identity {
        subject,
        username: checked.subject.clone(),
        display_name: Some(&checked.display_name)
            .filter(|name| !name.is_empty())
            .unwrap_or(&checked.subject)
            .clone(),
        email: checked.email.clone(),
        groups: Groups {
            not_sent: checked.groups_not_sent,
            ..app.config.group_names.groups_of(&checked.groups)
        },
        name_id: checked.name_id.clone(),
        session_index: checked.session_index.clone(),
    })
}

/// Answers a SAML response that was not accepted.
async fn handle_refusal(
    context: &RequestContext,
    class: RefusalClass,
    code: &'static str,
) -> Result<HttpResponse, Failure> {
    let refusal = match class {
        RefusalClass::Busy => {
            return Err(Failure::Unavailable {
                retry_after: BUSY_RETRY_AFTER_S,
            });
        }
        RefusalClass::Unsolicited => {
            let store = context.app.store()?;
            actions::record_refused_sign_in(store, true, code, &context.request_id).await;
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
    Err(refuse_sign_in(context, refusal, code).await)
}

/// Refuses to sign in or to claim a label while the import from the original is pending: a label
/// claimed now may belong to a user who is imported later.
pub(crate) async fn refuse_during_import(context: &RequestContext) -> Result<(), Failure> {
    if import::is_awaited(context.app.store()?).await? {
        Err(refuse_sign_in(context, SignInRefusal::ImportPending, "import_awaited").await)
    } else {
        Ok(())
    }
}

/// Logs a refused sign-in, appends it to the audit trail with the code of the reason, and returns
/// the failure.
pub(crate) async fn refuse_sign_in(
    context: &RequestContext,
    refusal: SignInRefusal,
    code: &'static str,
) -> Failure {
    tracing::warn!(code, "sign-in refused");
    let store = match context.app.store() {
        Ok(store) => store,
        Err(failure) => return failure,
    };
    actions::record_refused_sign_in(store, false, code, &context.request_id).await;
    Failure::SignIn(refusal)
}
