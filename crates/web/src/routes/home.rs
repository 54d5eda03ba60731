//! The start page and the help.

use std::rc::Rc;

use actix_web::HttpResponse;
use starchart_store::{certificates, records};

use crate::actor::{Admin, Person};
use crate::errors::Failure;
use crate::redirects::see_other;
use crate::views::{HomePage, InstructionsPage};
use crate::visit::{self, Visit};

/// `GET /`.
pub(crate) async fn show(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let store = visit.app.store()?;
    let record_count = u64::from(records::count(store, person.id).await?);
    let has_certificate = certificates::any(store, person.id).await?;
    visit::ok(&HomePage { shell: visit.shell(), record_count, has_certificate })
}

/// `POST /`: the original's way to stop being somebody else. Nobody can be, so there is nothing to stop.
pub(crate) async fn act(visit: Rc<Visit>, _: Person) -> Result<HttpResponse, Failure> {
    match visit.form.get("intent") {
        Some("stop-impersonation") => Ok(see_other("/")),
        _ => Err(Failure::Unprocessable("an unknown intent")),
    }
}

/// `GET /dns-records/instructions`.
pub(crate) async fn instructions(visit: Rc<Visit>, _: Person) -> Result<HttpResponse, Failure> {
    visit::ok(&InstructionsPage { shell: visit.shell(), limit: visit.app.config.record_limit })
}

/// `GET /admin`: the address is kept, the page comes with a later release.
pub(crate) async fn admin(_: Rc<Visit>, _: Admin) -> Result<HttpResponse, Failure> {
    Err(Failure::NotFound)
}
