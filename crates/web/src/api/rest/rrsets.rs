//! `domains/{domain}/rrsets/`: RRsets, one or many, in deSEC's shape.

mod input;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use starchart_domain::names::BaseDomain;
use starchart_domain::record::RecordType;

use super::answer::{ABSENT, ItemFault, absent, refused_item, refused_list};
use super::operation::{
    Answer, Body, CONFIRM, CURSOR, Content, Group, Operation, Parameter, Place, Values, WAIT,
};
use super::paging::Page;
use super::query::{check_domain, wants_in_sync};
use super::records::CONFLICT;
use crate::actions::{self, ChangedRrsets, Presence, RrsetChange, RrsetError, RrsetView};
use crate::actor::User;
use crate::api::request::{path_part, query, record_rules};
use crate::context::RequestContext;
use crate::errors::Failure;
use input::{ItemInput, Items};

/// All records of one name and type.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rrset {
    /// When the oldest of its records was created.
    created: String,
    /// The domain of the user, without a final dot.
    domain: String,
    /// The name before the domain; empty for the domain itself.
    subname: String,
    /// The whole name, with a final dot.
    name: String,
    /// The type, such as `AAAA`.
    r#type: String,
    /// The values in presentation format: names with a final dot, texts in quotation marks.
    records: Vec<String>,
    /// The TTL in seconds.
    ttl: u32,
    /// When one of its records was last changed or renewed.
    touched: String,
}

impl Rrset {
    fn new(rrset: RrsetView, base: &BaseDomain) -> Self {
        let subname = base.relative(&rrset.name).unwrap_or_default();
        Self {
            created: rrset.created_at.rfc3339(),
            domain: base.to_string(),
            subname: subname.to_owned(),
            name: format!("{}.", rrset.name),
            r#type: rrset.rtype.to_string(),
            records: rrset.values,
            ttl: rrset.ttl.as_seconds(),
            touched: rrset.updated_at.rfc3339(),
        }
    }
}

/// One RRset, or several.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes answers")]
enum OneOrMany {
    One(Rrset),
    Many(Vec<Rrset>),
}

const RRSET: Content = Content::Json(SchemaGenerator::subschema_for::<Rrset>);
const RRSETS: Content = Content::Json(SchemaGenerator::subschema_for::<Vec<Rrset>>);
const ONE_OR_MANY: Content = Content::Json(SchemaGenerator::subschema_for::<OneOrMany>);
const REFUSED: Answer = Answer {
    status: 400,
    description: "The input has faults: an object, or for a list a list with an object for each of \
                  its items, which is empty for a good one. Nothing was changed.",
    content: Content::Json(SchemaGenerator::subschema_for::<Refusal>),
};
const TOO_MANY: Answer = Answer {
    status: 422,
    description: "A limit is reached; `detail` says which.",
    content: Content::Problem,
};
const DELETED: Answer = Answer {
    status: 204,
    description: "The RRset is deleted, or was not there.",
    content: Content::Nothing,
};
const ITEM: Body = Body {
    schema: SchemaGenerator::subschema_for::<ItemInput>,
    example: r#"{"records": ["192.0.2.1"]}"#,
};
const ITEMS: Body = Body {
    schema: SchemaGenerator::subschema_for::<Items>,
    example: r#"{"subname": "www", "type": "A", "ttl": 300, "records": ["192.0.2.1"]}"#,
};

/// What is wrong with a request, by member.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes answers")]
enum Refusal {
    One(serde_json::Map<String, serde_json::Value>),
    Many(Vec<std::collections::BTreeMap<String, Vec<String>>>),
}

pub(crate) static LIST: Operation = Operation {
    group: Group::Rrsets,
    summary: "List the RRsets",
    description: "More than 500 are listed in pages: ask with an empty `cursor` for the first.",
    right: "records: read",
    parameters: &[
        Parameter {
            name: "type",
            place: Place::Query,
            values: Values::Any,
            description: "Only RRsets of this type.",
        },
        Parameter {
            name: "subname",
            place: Place::Query,
            values: Values::Any,
            description: "Only RRsets of this name, which is empty for the domain itself.",
        },
        CURSOR,
    ],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The RRsets that the token may read.",
            content: RRSETS,
        },
        Answer {
            status: 400,
            description: "There are more than 500 and `cursor` is left out (`Link` has the first \
                          page), or the cursor is none of this list.",
            content: REFUSED.content,
        },
        ABSENT,
    ],
};

pub(crate) static CREATE: Operation = Operation {
    group: Group::Rrsets,
    summary: "Create RRsets",
    description: "One, or a list: all of them or none. Each must be new.",
    right: "records: write",
    parameters: &[WAIT, CONFIRM],
    request: Some(ITEMS),
    answers: &[
        Answer {
            status: 201,
            description: "What was created.",
            content: ONE_OR_MANY,
        },
        REFUSED,
        ABSENT,
        CONFLICT,
        TOO_MANY,
    ],
};

pub(crate) static UPDATE: Operation = Operation {
    group: Group::Rrsets,
    summary: "Create, change and delete RRsets",
    description: "One, or a list: all of them or none. What is left out stays. An empty list of \
                  `records` deletes the RRset.",
    right: "records: write",
    parameters: &[WAIT, CONFIRM],
    request: Some(ITEMS),
    answers: &[
        Answer {
            status: 200,
            description: "The RRsets as they are now, without deleted ones.",
            content: ONE_OR_MANY,
        },
        DELETED,
        REFUSED,
        ABSENT,
        CONFLICT,
        TOO_MANY,
    ],
};

pub(crate) static REPLACE: Operation = Operation {
    group: Group::Rrsets,
    summary: "Create, replace and delete RRsets",
    description: "One, or a list: all of them or none. `records` is needed; an empty list deletes.",
    right: "records: write",
    parameters: &[WAIT, CONFIRM],
    request: Some(ITEMS),
    answers: UPDATE.answers,
};

pub(crate) static SHOW: Operation = Operation {
    group: Group::Rrsets,
    summary: "Show an RRset",
    description: "The name is `@` or `...` for the domain itself; `www...` and `www` are the same.",
    right: "records: read",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The RRset.",
            content: RRSET,
        },
        ABSENT,
    ],
};

pub(crate) static UPDATE_ONE: Operation = Operation {
    group: Group::Rrsets,
    summary: "Change an RRset",
    description: "What is left out stays. An empty list of `records` deletes it.",
    right: "records: write",
    parameters: &[WAIT, CONFIRM],
    request: Some(ITEM),
    answers: &[
        Answer {
            status: 200,
            description: "The RRset as it is now.",
            content: RRSET,
        },
        DELETED,
        REFUSED,
        ABSENT,
        CONFLICT,
        TOO_MANY,
    ],
};

pub(crate) static REPLACE_ONE: Operation = Operation {
    group: Group::Rrsets,
    summary: "Replace an RRset",
    description: "`records` is needed. An empty list deletes it.",
    right: "records: write",
    parameters: &[WAIT, CONFIRM],
    request: Some(ITEM),
    answers: UPDATE_ONE.answers,
};

pub(crate) static DELETE: Operation = Operation {
    group: Group::Rrsets,
    summary: "Delete an RRset",
    description: "",
    right: "records: write",
    parameters: &[WAIT, CONFIRM],
    request: None,
    answers: &[DELETED, REFUSED, ABSENT, CONFLICT],
};

/// Answers `GET /api/v1/domains/{domain}/rrsets/` with a token.
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    absent(list_page(&context, &user).await)
}

async fn list_page(context: &RequestContext, user: &User) -> Result<HttpResponse, Failure> {
    check_domain(context, user)?;
    let query = query(context)?;
    let mut rrsets = actions::list_rrsets(context.app.store()?, user).await?;
    if let Some(rtype) = query.get("type") {
        rrsets.retain(|rrset| rrset.rtype.as_str() == rtype);
    }
    if let Some(subname) = query.get("subname") {
        let subname = if subname == "@" { "" } else { subname };
        rrsets.retain(|rrset| user.base.relative(&rrset.name) == Some(subname));
    }
    let key = |rrset: &RrsetView| format!("{} {}", rrset.name, rrset.rtype);
    let page = match query.get("cursor") {
        Some(cursor) => Page::cut(context, rrsets, key, cursor)?,
        None => match Page::whole(context, rrsets) {
            Ok(page) => page,
            Err(response) => return Ok(*response),
        },
    };
    Ok(page.respond(|rrset| Rrset::new(rrset, &user.base)))
}

/// Answers `POST /api/v1/domains/{domain}/rrsets/` with a token.
pub(crate) async fn create(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let status = StatusCode::CREATED;
    absent(change_listed(&context, &user, Presence::Absent, true, status).await)
}

/// Answers `PATCH /api/v1/domains/{domain}/rrsets/` with a token.
pub(crate) async fn update(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    absent(change_listed(&context, &user, Presence::Either, false, StatusCode::OK).await)
}

/// Answers `PUT /api/v1/domains/{domain}/rrsets/` with a token.
pub(crate) async fn replace(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    absent(change_listed(&context, &user, Presence::Either, true, StatusCode::OK).await)
}

/// Changes the RRsets that are in the body.
async fn change_listed(
    context: &RequestContext,
    user: &User,
    expects: Presence,
    needs_records: bool,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    check_domain(context, user)?;
    let (inputs, is_list) = match input::read_items(context)? {
        Ok(inputs) => inputs,
        Err(response) => return Ok(response),
    };
    let refuse = |faults: &[ItemFault]| match is_list {
        true => refused_list(inputs.len(), faults),
        false => refused_item(context, faults),
    };
    let faults = input::faults(&inputs, needs_records);
    if !faults.is_empty() {
        return Ok(refuse(&faults));
    }
    let changes: Vec<RrsetChange> = inputs.iter().map(|it| it.change(expects)).collect();
    let changed = match change(context, user, &changes).await? {
        Ok(changed) => changed,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let rrsets = changed.rrsets.into_iter().flatten();
    let mut rrsets: Vec<Rrset> = rrsets.map(|it| Rrset::new(it, &user.base)).collect();
    let mut response = HttpResponse::build(status);
    Ok(match (is_list, rrsets.pop()) {
        (false, Some(rrset)) => response.json(rrset),
        (false, None) => HttpResponse::NoContent().finish(),
        (true, last) => {
            rrsets.extend(last);
            response.json(rrsets)
        }
    })
}

/// Makes the changes and waits for the zone, if the client asks for that. An inner error has the
/// faults of the input.
async fn change(
    context: &RequestContext,
    user: &User,
    changes: &[RrsetChange],
) -> Result<Result<ChangedRrsets, Vec<ItemFault>>, Failure> {
    let query = query(context)?;
    let waits = wants_in_sync(&query)?;
    let names = context.app.name_rules().await?;
    let rules = record_rules(context, &names, query.get("confirm"));
    let (store, queue) = (context.app.store()?, &*context.app.queue);
    let changed = actions::change_rrsets(store, queue, context.caller(user), changes, rules).await;
    let changed = match changed {
        Ok(changed) => changed,
        Err(RrsetError::Invalid(faults)) => {
            return Ok(Err(faults.into_iter().map(ItemFault::from).collect()));
        }
        Err(RrsetError::Refused(error)) => return Err(error.into()),
    };
    if waits {
        actions::wait_until_in_sync(store, user, &changed.names).await?;
    }
    Ok(Ok(changed))
}

/// Answers `GET /api/v1/domains/{domain}/rrsets/{subname}/{type}/` with a token.
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    absent(
        async {
            check_domain(&context, &user)?;
            let (name, rtype) = path_rrset(&context)?;
            let store = context.app.store()?;
            let found = actions::find_rrset(store, &user, &name, rtype).await?;
            let rrset = found.ok_or(Failure::NotFound)?;
            Ok(HttpResponse::Ok().json(Rrset::new(rrset, &user.base)))
        }
        .await,
    )
}

/// Answers `PATCH /api/v1/domains/{domain}/rrsets/{subname}/{type}/` with a token.
pub(crate) async fn update_one(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    absent(change_one(&context, &user, false).await)
}

/// Answers `PUT /api/v1/domains/{domain}/rrsets/{subname}/{type}/` with a token.
pub(crate) async fn replace_one(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    absent(change_one(&context, &user, true).await)
}

/// Changes the RRset in the path.
async fn change_one(
    context: &RequestContext,
    user: &User,
    needs_records: bool,
) -> Result<HttpResponse, Failure> {
    check_domain(context, user)?;
    let (name, rtype) = path_rrset(context)?;
    let input = match input::read_item(context)? {
        Ok(input) => input,
        Err(response) => return Ok(response),
    };
    let mut faults = input.faults(0, needs_records, false);
    faults.extend(input.moves(&name, rtype));
    if !faults.is_empty() {
        return Ok(refused_item(context, &faults));
    }
    let change_of_path = RrsetChange {
        name,
        rtype: rtype.to_string(),
        ..input.change(Presence::Present)
    };
    let changed = match change(context, user, &[change_of_path]).await? {
        Ok(changed) => changed,
        Err(faults) => return Ok(refused_item(context, &faults)),
    };
    let rrset = changed.rrsets.into_iter().flatten().next();
    Ok(match rrset {
        Some(rrset) => HttpResponse::Ok().json(Rrset::new(rrset, &user.base)),
        None => HttpResponse::NoContent().finish(),
    })
}

/// Answers `DELETE /api/v1/domains/{domain}/rrsets/{subname}/{type}/` with a token.
pub(crate) async fn delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    absent(
        async {
            check_domain(&context, &user)?;
            let (name, rtype) = path_rrset(&context)?;
            let deletion = RrsetChange {
                name,
                rtype: rtype.to_string(),
                values: Some(Vec::new()),
                ..RrsetChange::default()
            };
            Ok(match change(&context, &user, &[deletion]).await? {
                Ok(_) => HttpResponse::NoContent().finish(),
                Err(faults) => refused_item(&context, &faults),
            })
        }
        .await,
    )
}

/// Returns the name, relative to the domain, and the type in the path. A type that is not offered
/// has no RRsets.
fn path_rrset(context: &RequestContext) -> Result<(String, RecordType), Failure> {
    let rtype = RecordType::parse(path_part(context, "type")).ok_or(Failure::NotFound)?;
    let name = path_part(context, "subname");
    let name = name.strip_suffix("...").unwrap_or(name);
    let name = if name.is_empty() { "@" } else { name };
    Ok((name.to_lowercase(), rtype))
}
