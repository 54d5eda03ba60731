//! DNS records: the list, the forms and what is done with them.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use starchart_domain::fault::{Fault, Field};
use starchart_domain::publish::PublishState;
use starchart_domain::record::{NameClass, NewRecord, RecordForm, RecordId};
use starchart_jobs::Job;
use starchart_store::records::{self, Record, RecordError};

use crate::actor::Person;
use crate::errors::Failure;
use crate::forms::Form;
use crate::redirects::see_other;
use crate::views::{
    DeletePage, FieldFault, FlashKind, FormMode, FormPage, FormValues, LookupPage, RecordRow,
    RecordState, RecordsPage, StateItem,
};
use crate::visit::{self, Visit};

/// A page looks for news by itself for this long after the newest change, in milliseconds.
const FOLLOW_MS: i64 = 2 * 60 * 1_000;

/// `GET /dns-records`.
pub(crate) async fn list(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let all = records::list(visit.app.store()?, person.id).await?;
    let follow_s = follow_s(&visit, &all).await?;
    let rows = all.into_iter().map(row).collect();
    visit::ok(&RecordsPage {
        shell: visit.shell(),
        rows,
        limit: visit.app.config.record_limit,
        follow_s,
    })
}

/// `GET /dns-records/states`.
pub(crate) async fn states(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let all = records::list(visit.app.store()?, person.id).await?;
    let items: Vec<StateItem> = all
        .into_iter()
        .map(|record| StateItem::new(record.id.0, &state(record.state)))
        .collect();
    Ok(HttpResponse::Ok().json(items))
}

/// `GET /dns-records/new`.
pub(crate) async fn new(visit: Rc<Visit>, _: Person) -> Result<HttpResponse, Failure> {
    form_page(
        &visit,
        StatusCode::OK,
        FormMode::Create,
        FormValues::default(),
        Vec::new(),
        false,
    )
}

/// `POST /dns-records/new`.
pub(crate) async fn create(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let form = typed(&visit.form);
    let outcome = match form.check(&person.base) {
        Ok(new) => {
            let limit = visit.app.config.record_limit;
            let result = records::create(
                visit.app.store()?,
                person.id,
                &new,
                limit,
                &person.act(&visit.id),
            )
            .await;
            weigh(new, result)?
        }
        Err(faults) => Err(faults),
    };
    saved(&visit, FormMode::Create, &form, outcome)
}

/// `GET /dns-records/{id}`.
pub(crate) async fn show(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let record = own(&visit, &person).await?;
    let mode = FormMode::Edit {
        id: record.id.0,
        seen: Some(record.fingerprint()),
    };
    form_page(
        &visit,
        StatusCode::OK,
        mode,
        stored(&person, record),
        Vec::new(),
        false,
    )
}

/// `POST /dns-records/{id}`.
pub(crate) async fn edit(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let form = typed(&visit.form);
    match edit_own(&visit, &person, &form).await {
        // A foreign record is absent, whatever the form says. What was typed is the person's own,
        // and is not lost.
        Err(Failure::NotFound) if !form.name.is_empty() || !form.input.is_empty() => {
            let faults = vec![FieldFault::new(Field::Form, &Fault::Gone)];
            form_page(
                &visit,
                StatusCode::NOT_FOUND,
                FormMode::Create,
                values(&form),
                faults,
                false,
            )
        }
        other => other,
    }
}

async fn edit_own(
    visit: &Visit,
    person: &Person,
    form: &RecordForm,
) -> Result<HttpResponse, Failure> {
    let id = own(visit, person).await?.id;
    let mut seen = seen_in(&visit.form);
    let outcome = match form.check(&person.base) {
        Ok(new) => {
            let (store, act) = (visit.app.store()?, person.act(&visit.id));
            let result = match &seen {
                Some(seen) => records::edit_as_seen(store, person.id, id, &new, seen, &act).await,
                None => records::edit(store, person.id, id, &new, &act).await,
            };
            match result {
                Err(RecordError::Changed) => {
                    let now = own(visit, person).await?;
                    // The next time it is not said again.
                    seen = Some(now.fingerprint());
                    let now = values(form).told_apart_from(&stored(person, now));
                    Err(vec![(Field::Form, Fault::ChangedMeanwhile { now })])
                }
                result => weigh(new, result)?,
            }
        }
        Err(faults) => Err(faults),
    };
    saved(visit, FormMode::Edit { id: id.0, seen }, form, outcome)
}

/// `POST`, `PATCH`, `DELETE` on `/dns-records` and `PATCH`, `DELETE` on `/dns-records/{id}`: renews
/// or deletes. The intent decides; without one the method does.
pub(crate) async fn act(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let (store, form) = (visit.app.store()?, &visit.form);
    let id = visit.req.match_info().get("id").or_else(|| form.get("id"));
    let id = id
        .ok_or(Failure::Unprocessable("no id"))?
        .parse()
        .map(RecordId)
        .map_err(|_| Failure::NotFound)?;
    let by_method = match *visit.req.method() {
        Method::PATCH => Some("renew-dns-record"),
        Method::DELETE => Some("delete-dns-record"),
        _ => None,
    };
    let intent = form.get("intent").or(by_method).unwrap_or_default();
    if by_method.is_some_and(|wanted| wanted != intent) {
        return Err(Failure::Unprocessable("the method and the intent differ"));
    }
    let by = person.act(&visit.id);
    let (record, words) = match intent {
        "renew-dns-record" => (records::renew(store, person.id, id, &by).await?, "renewed"),
        "delete-dns-record" => (records::delete(store, person.id, id, &by).await?, "deleted"),
        _ => return Err(Failure::Unprocessable("an unknown intent")),
    };
    visit.app.queue.wake(Job::Publish);
    visit.leave_flash(&[(
        FlashKind::Done,
        format!(
            "DNS Record \"{}\" has been successfully {words}",
            record.name
        ),
    )]);
    Ok(see_other("/dns-records"))
}

/// `GET /dns-records/{id}/delete`.
pub(crate) async fn ask_delete(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let record = own(&visit, &person).await?;
    visit::ok(&DeletePage {
        shell: visit.shell(),
        row: row(record),
    })
}

/// `GET /dns-records/{id}/lookup`.
pub(crate) async fn lookup(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let record = own(&visit, &person).await?;
    let follow_s = follow_s(&visit, std::slice::from_ref(&record)).await?;
    let server = visit.app.config.lookup_server.clone();
    visit::ok(&LookupPage {
        shell: visit.shell(),
        row: row(record),
        server,
        follow_s,
    })
}

/// Seconds for which a page with these records looks for news by itself: while one is on its way,
/// for a while after the newest change.
async fn follow_s(visit: &Visit, all: &[Record]) -> Result<u32, Failure> {
    let newest = all.iter().map(|record| record.updated_at.as_millis()).max();
    let Some(newest) = newest.filter(|_| all.iter().any(|record| !record.state.is_settled()))
    else {
        return Ok(0);
    };
    let age = visit.app.store()?.now().await?.as_millis() - newest;
    Ok(u32::try_from((FOLLOW_MS - age) / 1_000).unwrap_or_default())
}

/// The form that was posted after the session had ended, filled in again; nothing of it is done.
pub(crate) async fn show_held(
    visit: &Visit,
    person: &Person,
    path: &str,
    held: &str,
) -> Result<HttpResponse, Failure> {
    let form = Form::parse(held.as_bytes())?;
    if visit.app.keys.open::<i64>(OWNER, &form.text("owner")) != Some(person.id.0) {
        // What one person typed is not for the next one at the same computer.
        return Ok(see_other("/dns-records"));
    }
    let mode = match path
        .strip_prefix("/dns-records/")
        .and_then(|rest| rest.parse().ok())
    {
        // The record may be gone.
        Some(id) => match records::get(visit.app.store()?, person.id, RecordId(id)).await? {
            Some(_) => FormMode::Edit {
                id,
                seen: seen_in(&form),
            },
            None => return Err(Failure::NotFound),
        },
        None => FormMode::Create,
    };
    form_page(
        visit,
        StatusCode::OK,
        mode,
        values(&typed(&form)),
        Vec::new(),
        true,
    )
}

/// The record of the path, when it is this person's. Absent and foreign ones look the same.
async fn own(visit: &Visit, person: &Person) -> Result<Record, Failure> {
    let id = visit
        .req
        .match_info()
        .get("id")
        .and_then(|text| text.parse().ok())
        .ok_or(Failure::NotFound)?;
    records::get(visit.app.store()?, person.id, RecordId(id))
        .await?
        .ok_or(Failure::NotFound)
}

/// What the seal of a form's owner is for.
const OWNER: &str = "form";

type Faults = Vec<(Field, Fault)>;
type Saved = Result<(NewRecord, Record), Faults>;

/// A refusal of the store as a fault of the form; everything else is a failure.
fn weigh(new: NewRecord, result: Result<Record, RecordError>) -> Result<Saved, Failure> {
    let wanted_cname = new.value.rtype().class() == NameClass::Cname;
    let fault = match result {
        Ok(record) => return Ok(Ok((new, record))),
        Err(RecordError::QuotaReached { limit }) => (Field::Form, Fault::QuotaReached { limit }),
        Err(RecordError::Duplicate) => (Field::Value, Fault::Duplicate),
        Err(RecordError::NameTaken) => (Field::Name, Fault::NameTaken),
        Err(RecordError::CnameConflict { .. }) => {
            (Field::Name, Fault::CnameConflict { wanted_cname })
        }
        Err(other) => return Err(other.into()),
    };
    Ok(Err(vec![fault]))
}

/// Back to the list, or to the form with its faults.
fn saved(
    visit: &Visit,
    mode: FormMode,
    form: &RecordForm,
    outcome: Saved,
) -> Result<HttpResponse, Failure> {
    let (new, record) = match outcome {
        Ok(both) => both,
        Err(faults) => {
            let faults = faults
                .iter()
                .map(|(at, fault)| FieldFault::new(*at, fault))
                .collect();
            return form_page(
                visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                mode,
                values(form),
                faults,
                false,
            );
        }
    };
    let words = match &mode {
        FormMode::Create => "created",
        FormMode::Edit { .. } => "updated",
    };
    visit.app.queue.wake(Job::Publish);
    let done = (
        FlashKind::Done,
        format!(
            "DNS Record \"{}\" has been successfully {words}",
            record.name
        ),
    );
    let note = new
        .value
        .note()
        .map(|note| (FlashKind::Note, note.to_string()));
    visit.leave_flash(&std::iter::once(done).chain(note).collect::<Vec<_>>());
    Ok(see_other("/dns-records"))
}

fn form_page(
    visit: &Visit,
    status: StatusCode,
    mode: FormMode,
    values: FormValues,
    faults: Vec<FieldFault>,
    kept: bool,
) -> Result<HttpResponse, Failure> {
    let user = visit.session.as_ref().map(|session| session.user.id.0);
    let owner = user
        .and_then(|id| visit.app.keys.seal(OWNER, &id))
        .unwrap_or_default();
    visit::page(
        status,
        &FormPage {
            shell: visit.shell(),
            mode,
            values,
            faults,
            owner,
            kept,
        },
    )
}

fn typed(form: &Form) -> RecordForm {
    RecordForm {
        name: form.text("subdomain"),
        rtype: form.text("type"),
        input: form.text("value"),
        preference: form.text("priority"),
        ports: form.text("ports"),
        course: form.text("course"),
        description: form.text("description"),
    }
}

/// The fingerprint of what the person looked at. A script that sends no more than the original's
/// fields has not looked before.
fn seen_in(form: &Form) -> Option<String> {
    form.get("seen")
        .filter(|seen| !seen.is_empty())
        .map(str::to_owned)
}

/// What the form of the record shows at first.
fn stored(person: &Person, record: Record) -> FormValues {
    FormValues {
        subdomain: match person.base.relative(&record.name) {
            Some("") => "@".to_owned(),
            Some(relative) => relative.to_owned(),
            None => record.name.clone(),
        },
        rtype: record.rtype.to_string(),
        value: record.input,
        priority: record
            .preference
            .map(|priority| priority.to_string())
            .unwrap_or_default(),
        ports: record.ports.unwrap_or_default(),
        course: record.course.unwrap_or_default(),
        description: record.description.unwrap_or_default(),
    }
}

fn values(form: &RecordForm) -> FormValues {
    let form = form.clone();
    FormValues {
        subdomain: form.name,
        rtype: form.rtype,
        value: form.input,
        priority: form.preference,
        ports: form.ports,
        course: form.course,
        description: form.description,
    }
}

fn row(record: Record) -> RecordRow {
    RecordRow {
        id: record.id.0,
        fqdn: record.name,
        rtype: record.rtype.to_string(),
        value: record.input,
        priority: record.preference,
        ports: record.ports,
        course: record.course,
        description: record.description,
        expires_on: record.expires_at.date(),
        state: state(record.state),
    }
}

fn state(state: PublishState) -> RecordState {
    match state {
        PublishState::Saved => RecordState::Saved,
        PublishState::Paused => RecordState::Paused,
        PublishState::Sent => RecordState::Sent,
        PublishState::InSync => RecordState::InSync,
        PublishState::Answered { by, of } => RecordState::Answered { by, of },
        PublishState::Refused { reason } => RecordState::Refused { reason },
    }
}
