//! DNS records: the list, the form, renewal, deletion and lookup.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use starchart_domain::certificate::caa::ShutOut;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{RecordForm, RecordId, form_parts};
use starchart_store::records::{self, Record};

use crate::actions::{self, ActionError, CaaCheck, Conflict, RecordEdit, SavedRecord};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::responses::{self, see_other};
use crate::views::{
    DeletePage, FieldFault, FlashKind, FormMode, FormPage, FormValues, LookupPage, RecordRow,
    RecordStateItem, RecordsPage,
};

/// For this long after the newest change a page polls for the state, in milliseconds.
const POLL_AFTER_CHANGE_MS: i64 = 2 * 60 * 1_000;

/// Lists the user's records with their states (`GET /dns-records`).
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let all = records::list(context.app.store()?, user.id).await?;
    let poll_for_s = poll_for_s(&context, &all).await?;
    let rows = all
        .into_iter()
        .map(|record| row(record, context.app.config.dns_provider))
        .collect();
    responses::ok(&RecordsPage {
        layout: context.layout(),
        rows,
        limit: context.app.config.record_limit,
        poll_for_s,
    })
}

/// Returns the states of the user's records as JSON, for the page's script
/// (`GET /dns-records/states`).
pub(crate) async fn states(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let all = records::list(context.app.store()?, user.id).await?;
    let provider = context.app.config.dns_provider;
    let items: Vec<RecordStateItem> = all
        .into_iter()
        .map(|record| RecordStateItem::new(record.id.0, &record.state, provider))
        .collect();
    Ok(HttpResponse::Ok().json(items))
}

/// Shows the empty form (`GET /dns-records/new`).
pub(crate) async fn new_form(
    context: Rc<RequestContext>,
    _: User,
) -> Result<HttpResponse, Failure> {
    form_page(
        &context,
        StatusCode::OK,
        FormMode::Create,
        FormValues::default(),
        Vec::new(),
        false,
    )
}

/// Creates a record, or shows the form with its faults (`POST /dns-records/new`).
pub(crate) async fn create(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let form = record_form(&context.form);
    let caller = context.caller(&user);
    let limit = app.config.record_limit;
    let caa = caa_check(&context);
    match actions::create_record(app.store()?, &*app.queue, caller, &form, limit, caa).await {
        Ok(saved) => Ok(saved_response(&context, saved, "created")),
        Err(ActionError::Conflict(Conflict::ShutsOut(shut_out))) => {
            confirm_page(&context, FormMode::Create, &form, &shut_out)
        }
        Err(error) => faults_page(&context, FormMode::Create, &form, error.into_form_faults()?),
    }
}

/// Shows the form with the fields of one of the user's records (`GET /dns-records/{id}`).
pub(crate) async fn edit_form(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let record = find_own(&context, &user).await?;
    let mode = FormMode::Edit {
        id: record.id.0,
        fingerprint: Some(record.fingerprint()),
    };
    form_page(
        &context,
        StatusCode::OK,
        mode,
        record_values(&user, record),
        Vec::new(),
        false,
    )
}

/// Changes a record, or shows the form with its faults (`POST /dns-records/{id}`).
pub(crate) async fn update(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let form = record_form(&context.form);
    match update_own(&context, &user, &form).await {
        // The record was deleted meanwhile, or belongs to another user. The input is not lost: the
        // form shows it again, for a new record.
        Err(Failure::NotFound) if !form.name.is_empty() || !form.input.is_empty() => {
            let faults = vec![FieldFault::new(Field::Form, &Fault::Gone)];
            form_page(
                &context,
                StatusCode::NOT_FOUND,
                FormMode::Create,
                form_values(&form),
                faults,
                false,
            )
        }
        other => other,
    }
}

async fn update_own(
    context: &RequestContext,
    user: &User,
    form: &RecordForm,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let id = path_id(context)?;
    let mut fingerprint = form_fingerprint(&context.form);
    let edit = RecordEdit {
        id,
        form,
        seen: fingerprint.as_deref(),
    };
    let (store, caller) = (app.store()?, context.caller(user));
    let faults =
        match actions::edit_record(store, &*app.queue, caller, edit, caa_check(context)).await {
            Ok(saved) => return Ok(saved_response(context, saved, "updated")),
            Err(ActionError::Conflict(Conflict::ShutsOut(shut_out))) => {
                let mode = FormMode::Edit {
                    id: id.0,
                    fingerprint,
                };
                return confirm_page(context, mode, form, &shut_out);
            }
            Err(ActionError::Conflict(Conflict::RecordChanged { current })) => {
                // The user sees the change now; the next save overwrites it.
                fingerprint = Some(current.fingerprint());
                let now = form_values(form).describe_differences(&record_values(user, *current));
                vec![(Field::Form, Fault::ChangedMeanwhile { now })]
            }
            Err(error) => error.into_form_faults()?,
        };
    let mode = FormMode::Edit {
        id: id.0,
        fingerprint,
    };
    faults_page(context, mode, form, faults)
}

/// `POST`, `PATCH`, `DELETE` on `/dns-records` and `PATCH`, `DELETE` on `/dns-records/{id}`: renews
/// or deletes a record. The intent decides; without an intent the method does.
pub(crate) async fn renew_or_delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let form = &context.form;
    let id = context
        .req
        .match_info()
        .get("id")
        .or_else(|| form.get("id"));
    let id = id
        .ok_or(Failure::Unprocessable("missing id"))?
        .parse()
        .map(RecordId)
        .map_err(|_| Failure::NotFound)?;
    let method_intent = match *context.req.method() {
        Method::PATCH => Some("renew-dns-record"),
        Method::DELETE => Some("delete-dns-record"),
        _ => None,
    };
    let intent = form.get("intent").or(method_intent).unwrap_or_default();
    if method_intent.is_some_and(|wanted| wanted != intent) {
        return Err(Failure::Unprocessable("method and intent differ"));
    }
    let queue = &*context.app.queue;
    let caller = context.caller(&user);
    let (record, done) = match intent {
        "renew-dns-record" => {
            let record = actions::renew_record(store, queue, caller, id).await?;
            (record, "renewed")
        }
        "delete-dns-record" => {
            let caa = caa_check(&context);
            match actions::delete_record(store, queue, caller, id, caa).await {
                Ok(record) => (record, "deleted"),
                Err(ActionError::Conflict(Conflict::ShutsOut(_))) => {
                    let status = StatusCode::UNPROCESSABLE_ENTITY;
                    return delete_page(&context, &user, id, status).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        _ => return Err(Failure::Unprocessable("unknown intent")),
    };
    context.set_flash(&[(
        FlashKind::Done,
        format!(
            "DNS Record \"{}\" has been successfully {done}",
            record.name
        ),
    )]);
    Ok(see_other("/dns-records"))
}

/// Asks for confirmation before a record is deleted (`GET /dns-records/{id}/delete`).
pub(crate) async fn confirm_delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    delete_page(&context, &user, path_id(&context)?, StatusCode::OK).await
}

/// Shows a record and what its deletion would stop.
async fn delete_page(
    context: &RequestContext,
    user: &User,
    id: RecordId,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let record = records::get(store, user.id, id)
        .await?
        .ok_or(Failure::NotFound)?;
    let authority = caa_check(context).authority;
    let shut_out = actions::shut_out_by_deletion(store, user, &record, authority).await?;
    responses::page(
        status,
        &DeletePage {
            layout: context.layout(),
            row: row(record, context.app.config.dns_provider),
            to_confirm: shut_out.map(|shut_out| to_confirm(&shut_out)),
        },
    )
}

/// Shows what the name servers answered for a record, and the command to ask them
/// (`GET /dns-records/{id}/lookup`).
pub(crate) async fn lookup(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let record = find_own(&context, &user).await?;
    let poll_for_s = poll_for_s(&context, std::slice::from_ref(&record)).await?;
    let server = context.app.config.lookup_server.clone();
    responses::ok(&LookupPage {
        layout: context.layout(),
        row: row(record, context.app.config.dns_provider),
        server,
        poll_for_s,
    })
}

/// Returns for how many seconds a page with these records polls for their state: as long as one is
/// not settled, but at most [`POLL_AFTER_CHANGE_MS`] after the newest change.
async fn poll_for_s(context: &RequestContext, all: &[Record]) -> Result<u32, Failure> {
    let newest = all.iter().map(|record| record.updated_at.as_millis()).max();
    let Some(newest) = newest.filter(|_| all.iter().any(|record| !record.state.is_settled()))
    else {
        return Ok(0);
    };
    let age = context.app.store()?.now().await?.as_millis() - newest;
    Ok(u32::try_from((POLL_AFTER_CHANGE_MS - age) / 1_000).unwrap_or_default())
}

/// Shows a form again that was posted after the session had ended. Does not save it.
pub(crate) async fn show_kept_form(
    context: &RequestContext,
    user: &User,
    path: &str,
    kept_form: &str,
) -> Result<HttpResponse, Failure> {
    let form = Form::parse(kept_form.as_bytes())?;
    if context
        .app
        .keys
        .verify::<i64>(OWNER_PURPOSE, &form.text("owner"))
        != Some(user.id.0)
    {
        // Another user has signed in, perhaps on a shared computer.
        return Ok(see_other("/dns-records"));
    }
    let mode = match path
        .strip_prefix("/dns-records/")
        .and_then(|rest| rest.parse().ok())
    {
        // The record may have been deleted meanwhile.
        Some(id) => match records::get(context.app.store()?, user.id, RecordId(id)).await? {
            Some(_) => FormMode::Edit {
                id,
                fingerprint: form_fingerprint(&form),
            },
            None => return Err(Failure::NotFound),
        },
        None => FormMode::Create,
    };
    form_page(
        context,
        StatusCode::OK,
        mode,
        form_values(&record_form(&form)),
        Vec::new(),
        true,
    )
}

/// Returns the record of the path when this user owns it (invariant I8). A record of another user
/// fails like an absent one.
async fn find_own(context: &RequestContext, user: &User) -> Result<Record, Failure> {
    records::get(context.app.store()?, user.id, path_id(context)?)
        .await?
        .ok_or(Failure::NotFound)
}

/// Returns the id in the path.
fn path_id(context: &RequestContext) -> Result<RecordId, Failure> {
    let id = context.req.match_info().get("id");
    id.and_then(|text| text.parse().ok())
        .map(RecordId)
        .ok_or(Failure::NotFound)
}

/// Purpose of the signature in the field `owner`.
const OWNER_PURPOSE: &str = "form";

/// Redirects to the list, which says what was saved and what is doubtful about it.
fn saved_response(context: &RequestContext, saved: SavedRecord, done: &str) -> HttpResponse {
    let SavedRecord { record, note } = saved;
    let message = (
        FlashKind::Done,
        format!(
            "DNS Record \"{}\" has been successfully {done}",
            record.name
        ),
    );
    let note = note.map(|note| (FlashKind::Note, note.to_string()));
    context.set_flash(&std::iter::once(message).chain(note).collect::<Vec<_>>());
    see_other("/dns-records")
}

/// Returns what CAA records must allow, and what the request confirms.
fn caa_check(context: &RequestContext) -> CaaCheck<'_> {
    let config = &context.app.config;
    let authority = match config.certificates_off {
        None => config.caa_identities.as_slice(),
        Some(_) => &[],
    };
    CaaCheck {
        authority,
        confirmed: context.form.get("confirm"),
    }
}

/// Returns the text that asks for a confirmation and the one that confirms.
fn to_confirm(shut_out: &ShutOut) -> (String, String) {
    let question =
        format!("{shut_out}; without it your certificate here can neither be issued nor renewed.");
    (question, shut_out.confirmation())
}

/// Shows the form again and asks for a confirmation.
fn confirm_page(
    context: &RequestContext,
    mode: FormMode,
    form: &RecordForm,
    shut_out: &ShutOut,
) -> Result<HttpResponse, Failure> {
    let page = FormPage {
        to_confirm: Some(to_confirm(shut_out)),
        ..form_content(context, mode, form_values(form), Vec::new(), false)
    };
    responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Shows the form again with its faults.
fn faults_page(
    context: &RequestContext,
    mode: FormMode,
    form: &RecordForm,
    faults: Vec<(Field, Fault)>,
) -> Result<HttpResponse, Failure> {
    let faults = faults
        .iter()
        .map(|(field, fault)| FieldFault::new(*field, fault))
        .collect();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    form_page(context, status, mode, form_values(form), faults, false)
}

fn form_page(
    context: &RequestContext,
    status: StatusCode,
    mode: FormMode,
    values: FormValues,
    faults: Vec<FieldFault>,
    kept: bool,
) -> Result<HttpResponse, Failure> {
    responses::page(status, &form_content(context, mode, values, faults, kept))
}

fn form_content(
    context: &RequestContext,
    mode: FormMode,
    values: FormValues,
    faults: Vec<FieldFault>,
    kept: bool,
) -> FormPage {
    let user = context.session.as_ref().map(|session| session.user.id.0);
    let owner = user
        .and_then(|id| context.app.keys.sign(OWNER_PURPOSE, &id))
        .unwrap_or_default();
    FormPage {
        layout: context.layout(),
        mode,
        values,
        faults,
        owner,
        to_confirm: None,
        kept,
    }
}

fn record_form(form: &Form) -> RecordForm {
    RecordForm {
        name: form.text("subdomain"),
        rtype: form.text("type"),
        input: form.text("value"),
        parts: form_parts()
            .into_iter()
            .map(|field| (field.part.name, form.text(field.part.name)))
            .collect(),
        ports: form.text("ports"),
        course: form.text("course"),
        description: form.text("description"),
    }
}

/// Returns the fingerprint of the record that the form was filled with. Scripts that send only the
/// original's fields have none.
fn form_fingerprint(form: &Form) -> Option<String> {
    form.get("fingerprint")
        .filter(|fingerprint| !fingerprint.is_empty())
        .map(str::to_owned)
}

/// Fills the form with a stored record.
fn record_values(user: &User, record: Record) -> FormValues {
    FormValues {
        subdomain: match user.base.relative(&record.name) {
            Some("") => "@".to_owned(),
            Some(relative) => relative.to_owned(),
            None => record.name.clone(),
        },
        rtype: record.rtype.to_string(),
        value: record.input,
        parts: record
            .rtype
            .parts_of(&record.presentation)
            .into_iter()
            .map(|(part, text)| (part.name, text))
            .collect(),
        ports: record.ports.unwrap_or_default(),
        course: record.course.unwrap_or_default(),
        description: record.description.unwrap_or_default(),
    }
}

fn form_values(form: &RecordForm) -> FormValues {
    let form = form.clone();
    FormValues {
        subdomain: form.name,
        rtype: form.rtype,
        value: form.input,
        parts: form.parts,
        ports: form.ports,
        course: form.course,
        description: form.description,
    }
}

fn row(record: Record, provider: &'static str) -> RecordRow {
    RecordRow {
        id: record.id.0,
        fqdn: record.name,
        rtype: record.rtype.to_string(),
        value: record.input,
        parts: record
            .rtype
            .parts_of(&record.presentation)
            .into_iter()
            .map(|(part, text)| (part.label, text))
            .collect(),
        ports: record.ports,
        course: record.course,
        description: record.description,
        expires_on: record.expires_at.date(),
        state: record.state,
        provider,
    }
}
