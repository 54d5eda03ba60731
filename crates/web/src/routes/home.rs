//! The start page and the help.

use std::rc::Rc;

use actix_web::HttpResponse;
use starchart_store::{admin, certificates, records};

use crate::actor::Person;
use crate::cookies::Kind;
use crate::errors::Failure;
use crate::keys;
use crate::redirects::see_other;
use crate::views::{FlashKind, HomePage, InstructionsPage};
use crate::visit::{self, Visit};

/// `GET /`.
pub(crate) async fn show(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let store = visit.app.store()?;
    let record_count = u64::from(records::count(store, person.id).await?);
    let has_certificate = certificates::has_any(store, person.id).await?;
    visit::ok(&HomePage {
        shell: visit.shell(),
        record_count,
        has_certificate,
    })
}

/// `POST /`: an admin stops being somebody else. Whoever is nobody else has stopped already.
pub(crate) async fn act(visit: Rc<Visit>, _: Person) -> Result<HttpResponse, Failure> {
    if visit.form.get("intent") != Some("stop-impersonation") {
        return Err(Failure::Unprocessable("an unknown intent"));
    }
    if let Some(token) = &visit.session_token {
        let fresh = keys::new_token();
        if admin::stop_impersonating(
            visit.app.store()?,
            keys::hash(token),
            keys::hash(&fresh),
            &visit.id,
        )
        .await?
        {
            visit.set_cookie(Kind::Session, fresh);
            visit.leave_flash(&[(FlashKind::Done, "You are yourself again.".to_owned())]);
        }
    }
    Ok(see_other("/"))
}

/// `GET /dns-records/instructions`.
pub(crate) async fn instructions(visit: Rc<Visit>, _: Person) -> Result<HttpResponse, Failure> {
    visit::ok(&InstructionsPage {
        shell: visit.shell(),
        limit: visit.app.config.record_limit,
    })
}
