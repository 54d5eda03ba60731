//! `records/`: each record by its number, with notes, expiry and how far it is published.

mod input;
mod shape;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH, LOCATION};
use schemars::SchemaGenerator;
use starchart_domain::record::RecordId;

use super::operation::{
    Answer, Body, CONFIRM, CURSOR, Content, Group, Operation, Parameter, Place, Values, WAIT,
};
use super::paging::Page;
use super::query::{json, wants_in_sync};
use crate::actions::{self, ActionError, CaaCheck, Conflict, Record, RecordEdit, SavedRecord};
use crate::actor::User;
use crate::api::request::{path_part, query, record_rules};
use crate::context::RequestContext;
use crate::errors::Failure;
use input::{EditBody, NewBody};
pub(super) use shape::{RecordShape, StateShape};

const RECORD: Content = Content::Json(SchemaGenerator::subschema_for::<RecordShape>);
const ABSENT: Answer = Answer {
    status: 404,
    description: "There is no such record, or the token may not read it.",
    content: Content::Problem,
};
const REFUSED: Answer = Answer {
    status: 422,
    description: "The record is refused; `errors` says why, field by field. Nothing was changed.",
    content: Content::Problem,
};
const MALFORMED: Answer = Answer {
    status: 400,
    description: "The request is not what is described here.",
    content: Content::Problem,
};
pub(super) const CONFLICT: Answer = Answer {
    status: 409,
    description: "The record was changed meanwhile; or, with `confirm`, something has to be \
                  confirmed: repeat the request with that.",
    content: Content::Problem,
};
const CHANGED: Answer = Answer {
    status: 412,
    description: "The record is not the one of `If-Match`. Nothing was changed.",
    content: Content::Problem,
};
const SAVED: Answer = Answer {
    status: 202,
    description: "The record is saved and on its way to the zone; its `state` says how far it is. \
                  `Location` has its URL.",
    content: RECORD,
};
const IF_MATCH_TAG: Parameter = Parameter {
    name: "If-Match",
    place: Place::Header,
    values: Values::Any,
    description: "The `ETag` of the record as you know it: another one is left alone.",
};

pub(crate) static LIST: Operation = Operation {
    group: Group::Records,
    summary: "List the records",
    description: "In pages of 500.",
    right: "records: read",
    parameters: &[CURSOR],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The records that the token may read, by their numbers.",
            content: Content::Json(SchemaGenerator::subschema_for::<Vec<RecordShape>>),
        },
        MALFORMED,
    ],
};

pub(crate) static CREATE: Operation = Operation {
    group: Group::Records,
    summary: "Create a record",
    description: "",
    right: "records: write",
    parameters: &[WAIT, CONFIRM],
    request: Some(Body {
        schema: SchemaGenerator::subschema_for::<NewBody>,
        example: r#"{"subname": "www", "type": "A", "value": "192.0.2.1", "description": "web"}"#,
    }),
    answers: &[
        Answer {
            status: 201,
            description: "The record is in the zone (with `wait=in_sync`).",
            content: RECORD,
        },
        SAVED,
        MALFORMED,
        CONFLICT,
        REFUSED,
    ],
};

pub(crate) static SHOW: Operation = Operation {
    group: Group::Records,
    summary: "Show a record",
    description: "`ETag` stands for its name, type, value, TTL and notes, not for its state.",
    right: "records: read",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The record.",
            content: RECORD,
        },
        ABSENT,
    ],
};

pub(crate) static UPDATE: Operation = Operation {
    group: Group::Records,
    summary: "Change a record",
    description: "What is left out stays. The record is renewed.",
    right: "records: write",
    parameters: &[IF_MATCH_TAG, WAIT, CONFIRM],
    request: Some(Body {
        schema: SchemaGenerator::subschema_for::<EditBody>,
        example: r#"{"value": "192.0.2.2"}"#,
    }),
    answers: &[
        Answer {
            status: 200,
            description: "The record is in the zone (with `wait=in_sync`).",
            content: RECORD,
        },
        SAVED,
        MALFORMED,
        ABSENT,
        CONFLICT,
        CHANGED,
        REFUSED,
    ],
};

pub(crate) static DELETE: Operation = Operation {
    group: Group::Records,
    summary: "Delete a record",
    description: "The history keeps it, and can restore it for 30 days.",
    right: "records: write",
    parameters: &[IF_MATCH_TAG, WAIT, CONFIRM],
    request: None,
    answers: &[
        Answer {
            status: 204,
            description: "The record is deleted.",
            content: Content::Nothing,
        },
        ABSENT,
        CONFLICT,
        CHANGED,
    ],
};

pub(crate) static RENEW: Operation = Operation {
    group: Group::Records,
    summary: "Renew a record",
    description: "It then expires six months from now.",
    right: "records: write",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The renewed record.",
            content: RECORD,
        },
        ABSENT,
    ],
};

/// Answers `GET /api/v1/records/` with a token.
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let query = query(&context)?;
    let store = context.app.store()?;
    let records = actions::list_records(store, &user).await?;
    let now = store.now().await?;
    let key = |record: &Record| format!("{:020}", record.id.0);
    let cursor = query.get("cursor").unwrap_or_default();
    let page = Page::cut(&context, records, key, cursor)?;
    Ok(page.respond(|record| RecordShape::new(&context, &user, &record, now)))
}

/// Answers `POST /api/v1/records/` with a token.
pub(crate) async fn create(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let body: NewBody = match json(&context)? {
        Ok(body) => body,
        Err(response) => return Ok(response),
    };
    let form = body.form().map_err(ActionError::Invalid)?;
    let query = query(&context)?;
    let waits = wants_in_sync(&query)?;
    let names = context.app.name_rules().await?;
    let mut rules = record_rules(&context, &names, query.get("confirm"));
    rules.confirmed_name = Some(&form.name);
    let (store, queue) = (context.app.store()?, &*context.app.queue);
    let caller = context.caller(&user);
    let saved = actions::create_record(store, queue, caller, &form, &[], rules).await?;
    answer(&context, &user, saved, waits, StatusCode::CREATED).await
}

/// Answers `GET /api/v1/records/{id}/` with a token.
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let record = actions::read_record(context.app.store()?, &user, path_id(&context)?).await?;
    respond(&context, &user, &record, StatusCode::OK).await
}

/// Answers `PATCH /api/v1/records/{id}/` with a token.
pub(crate) async fn update(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let body: EditBody = match json(&context)? {
        Ok(body) => body,
        Err(response) => return Ok(response),
    };
    let query = query(&context)?;
    let waits = wants_in_sync(&query)?;
    let (store, queue) = (context.app.store()?, &*context.app.queue);
    let old = actions::read_record(store, &user, path_id(&context)?).await?;
    check_if_match(&context, &old)?;
    let seen = old.fingerprint();
    let form = body.form(&user.base, &old).map_err(ActionError::Invalid)?;
    let names = context.app.name_rules().await?;
    let mut rules = record_rules(&context, &names, query.get("confirm"));
    rules.confirmed_name = Some(&form.name);
    let edit = RecordEdit {
        id: old.id,
        form: &form,
        seen: Some(&seen),
        replaced: &[],
    };
    let edited = actions::edit_record(store, queue, context.caller(&user), edit, rules).await;
    let saved = edited.map_err(|error| changed_meanwhile(&context, error))?;
    answer(&context, &user, saved, waits, StatusCode::OK).await
}

/// Answers `DELETE /api/v1/records/{id}/` with a token.
pub(crate) async fn delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let query = query(&context)?;
    let waits = wants_in_sync(&query)?;
    let (store, queue) = (context.app.store()?, &*context.app.queue);
    let old = actions::read_record(store, &user, path_id(&context)?).await?;
    check_if_match(&context, &old)?;
    let (id, seen) = (old.id, old.fingerprint());
    let caa = CaaCheck::new(&context.app.config, query.get("confirm"));
    let deleted =
        actions::delete_record(store, queue, context.caller(&user), (id, Some(&seen)), caa);
    let old = deleted
        .await
        .map_err(|error| changed_meanwhile(&context, error))?;
    if waits {
        let names = [old.name.clone()];
        actions::wait_until_in_sync(store, &user, &names).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Answers `POST /api/v1/records/{id}/renew/` with a token.
pub(crate) async fn renew(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let (store, queue) = (context.app.store()?, &*context.app.queue);
    let id = path_id(&context)?;
    let record = actions::renew_record(store, queue, context.caller(&user), id).await?;
    respond(&context, &user, &record, StatusCode::OK).await
}

fn path_id(context: &RequestContext) -> Result<RecordId, Failure> {
    let id = path_part(context, "id").parse().ok().map(RecordId);
    id.ok_or(Failure::NotFound)
}

/// Fails if the client asks for another version of the record (RFC 9110 section 13.1.1).
fn check_if_match(context: &RequestContext, old: &Record) -> Result<(), Failure> {
    let Some(wanted) = context.req.headers().get(IF_MATCH) else {
        return Ok(());
    };
    let wanted = wanted.to_str().unwrap_or_default();
    let tag = etag(old);
    let is_matched = wanted.trim() == "*" || wanted.split(',').any(|it| it.trim() == tag);
    match is_matched {
        true => Ok(()),
        false => Err(Failure::PreconditionFailed),
    }
}

/// Returns the failure of a change. A record that was changed after it was read fails the
/// precondition, if the client had one.
fn changed_meanwhile(context: &RequestContext, error: ActionError) -> Failure {
    match error {
        ActionError::Conflict(Conflict::RecordChanged { .. })
            if context.req.headers().contains_key(IF_MATCH) =>
        {
            Failure::PreconditionFailed
        }
        error => error.into(),
    }
}

fn etag(record: &Record) -> String {
    format!("\"{}\"", record.fingerprint())
}

/// Answers with a record that was written: 202, or the status when it is in the zone and the client
/// has waited for that.
async fn answer(
    context: &RequestContext,
    user: &User,
    saved: SavedRecord,
    waits: bool,
    in_zone: StatusCode,
) -> Result<HttpResponse, Failure> {
    let SavedRecord {
        mut record, notes, ..
    } = saved;
    let mut status = StatusCode::ACCEPTED;
    let store = context.app.store()?;
    if waits {
        let names = [record.name.clone()];
        if actions::wait_until_in_sync(store, user, &names).await? {
            status = in_zone;
        }
        // It may be gone already, by another request.
        match actions::read_record(store, user, record.id).await {
            Ok(now) => record = now,
            Err(ActionError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut shape = RecordShape::new(context, user, &record, store.now().await?);
    shape.warnings = notes.iter().map(ToString::to_string).collect();
    Ok(HttpResponse::build(status)
        .insert_header((ETAG, etag(&record)))
        .insert_header((LOCATION, shape.url.clone()))
        .json(shape))
}

async fn respond(
    context: &RequestContext,
    user: &User,
    record: &Record,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    let now = context.app.store()?.now().await?;
    Ok(HttpResponse::build(status)
        .insert_header((ETAG, etag(record)))
        .json(RecordShape::new(context, user, record, now)))
}
